package server

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/sigv4"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// admitted is an invocation that may be carried out.
type admitted struct {
	*identity.Invocation
	head    *api.InvokeAgentRuntimeRequest
	caller  *policy.Caller // who signed; nil for a bearer of a JWT
	body    io.Reader
	length  int64
	release func()
}

// invokeAgentRuntime hands a request to an agent and its answer back, as it comes.
func (s *Server) invokeAgentRuntime(x *exchange, head func() (*api.InvokeAgentRuntimeRequest, error)) int {
	a, err := s.admit(x, head)
	if err != nil {
		return x.fail(err)
	}
	defer a.release()
	h, err := s.host()
	if err != nil {
		return x.fail(err)
	}
	account := a.Runtime.Account
	if err := s.busy.enter(account, s.cfg.MaxInvocations); err != nil {
		return x.fail(err)
	}
	defer s.busy.leave(account)
	session := value(a.head.SessionID)
	if session == "" {
		session = rand.Text() + rand.Text()
	}
	x.w.Header().Set(api.HeaderRuntimeSession, session)
	unhurried(x.w)
	resp, err := h.Invoke(x.r.Context(), s.hostInvocation(x, a, session))
	if err != nil {
		return x.fail(s.agentProblem(x, a, err))
	}
	defer resp.Body.Close()
	if resp.Status >= http.StatusMultipleChoices {
		return x.fail(refusedByAgent(resp))
	}
	return s.passOn(x, resp)
}

// admit finds out who invokes, reads what has to be read for it, and asks the domain.
func (s *Server) admit(x *exchange, head func() (*api.InvokeAgentRuntimeRequest, error)) (*admitted, error) {
	t, res, takesJWT, err := s.jwtTarget(x)
	if err != nil {
		return nil, err
	}
	if takesJWT && !sigv4.IsSigned(x.r) {
		return s.admitBearer(x, head, t, res)
	}
	return s.admitSigned(x, head)
}

// jwtTarget tells whether the request is for a runtime that takes JWTs. It is asked of strangers: what is wrong with the
// target is told to those who have signed.
func (s *Server) jwtTarget(x *exchange) (identity.RuntimeTarget, identity.ProtectedResource, bool, error) {
	q := x.r.URL.Query()
	t, err := s.Identity.Target(x.m.labels["agentRuntimeArn"], q.Get("accountId"), q.Get("qualifier"))
	if err != nil {
		return t, identity.ProtectedResource{}, false, nil //nolint:nilerr // told to whoever signs, see admitSigned
	}
	res, ok, err := s.Identity.ProtectedResource(x.r.Context(), t)
	return t, res, ok, err
}

func (s *Server) admitSigned(x *exchange, head func() (*api.InvokeAgentRuntimeRequest, error)) (*admitted, error) {
	claim, err := s.Authn.Claim(x.r, x.rt.services...)
	if err != nil {
		return nil, s.refuseStranger(x.r, x.rt.op, err)
	}
	body, release, err := s.payloads.read(x.w, x.r)
	if err != nil {
		release()
		return nil, s.refuseStranger(x.r, x.rt.op, err)
	}
	caller, err := claim.Prove(sha256.Sum256(body), s.peer(x.r))
	if err != nil {
		release()
		return nil, s.refuseStranger(x.r, x.rt.op, err)
	}
	a := &admitted{caller: caller, body: bytes.NewReader(body), length: int64(len(body)), release: release}
	if a.head, err = head(); err == nil && a.head.UserID != nil && !claim.Signed(api.HeaderRuntimeUser) {
		// Whoever stands between could make the caller act for another user (A46).
		err = &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: "the signature does not cover the header " + api.HeaderRuntimeUser + "; sign it, as AWS clients do"}
	}
	var in identity.InvokeRequest
	if err == nil {
		in, err = s.invokeRequest(a.head)
	}
	if err != nil {
		release()
		return nil, s.Identity.RefuseRequest(x.r.Context(), caller, x.rt.op.Action(), err)
	}
	if a.Invocation, err = s.Identity.BeginInvocation(x.r.Context(), caller, in); err != nil {
		release()
		return nil, err
	}
	return a, nil
}

func (s *Server) invokeRequest(head *api.InvokeAgentRuntimeRequest) (identity.InvokeRequest, error) {
	t, err := s.Identity.Target(head.Runtime, value(head.Account), value(head.Qualifier))
	return identity.InvokeRequest{Target: t, UserID: value(head.UserID), ReturnURL: value(head.ReturnURL)}, err
}

func (s *Server) admitBearer(x *exchange, head func() (*api.InvokeAgentRuntimeRequest, error), t identity.RuntimeTarget, res identity.ProtectedResource) (*admitted, error) {
	token, err := s.bearer(x, t, res)
	if err != nil {
		return nil, err
	}
	in, err := head()
	if err == nil && in.UserID != nil {
		err = &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: "the user of this invocation is the one that its JWT names; leave " + api.HeaderRuntimeUser + " out"}
	}
	if err != nil {
		return nil, s.refuseStranger(x.r, x.rt.op, err)
	}
	a := &admitted{head: in, body: newPatient(x.w, http.MaxBytesReader(x.w, x.r.Body, api.MaxInvocationPayload)), length: x.r.ContentLength, release: func() {}}
	a.Invocation, err = s.Identity.BeginInvocationJWT(x.r.Context(), identity.InvokeRequest{Target: t, ReturnURL: value(in.ReturnURL)}, token, s.bearerStranger(x))
	if err != nil {
		return nil, s.challenge(x, t, res, err)
	}
	// An agent may answer before it has read all of a payload that is still on its way.
	_ = http.NewResponseController(x.w).EnableFullDuplex() // HTTP/2 always is
	return a, nil
}

func (s *Server) bearerStranger(x *exchange) identity.Stranger {
	return identity.Stranger{Action: x.rt.op.Action(), SourceIP: s.peer(x.r).SourceIP}
}

// bearer is the token of RFC 6750 section 2.1. It is read from no other place.
func (s *Server) bearer(x *exchange, t identity.RuntimeTarget, res identity.ProtectedResource) (vault.Secret, error) {
	values := x.r.Header.Values("Authorization")
	if len(values) == 1 {
		if scheme, token, ok := strings.Cut(values[0], " "); ok && strings.EqualFold(scheme, "Bearer") && token != "" {
			return vault.SecretString(token), nil
		}
	}
	err := &api.Exception{Name: api.UnauthorizedException, Message: "this agent runtime takes JWTs of " + strings.Join(res.AuthorizationServers, ", ") + "; send one as Authorization: Bearer"}
	return vault.Secret{}, s.challenge(x, t, res, s.refuseStranger(x.r, x.rt.op, err))
}

// hostInvocation is what the agent host is told. Of the caller's headers it passes on those that the link allows, and
// never the signature, which would be good for minutes.
func (s *Server) hostInvocation(x *exchange, a *admitted, session string) *hostlink.Invocation {
	callers := x.r.Header.Clone()
	if a.caller != nil {
		callers.Del("Authorization")
	}
	id := identity.RequestID(x.r.Context())
	inject := http.Header{}
	set := func(name, text string) {
		if text != "" {
			inject.Set(name, text)
		}
	}
	set(hostlink.HeaderWorkloadAccessToken, a.Token.RevealString())
	set(hostlink.HeaderIdentityWAT, a.Token.RevealString())
	set(hostlink.HeaderCallbackURL, a.ReturnURL)
	set(hostlink.HeaderSessionID, session)
	set(hostlink.HeaderRequestID, id)
	set(hostlink.HeaderUserID, a.UserID)
	return &hostlink.Invocation{Spec: s.spec(a.Runtime, a.Version, a.Environment), SessionID: session, UserKey: a.UserKey, RequestID: id,
		Inject: inject, Caller: callers, Body: a.body, ContentLength: a.length}
}

// passOn streams an agent's answer. What breaks off must not look complete: the connection ends with it, and a stream of
// events says why before.
func (s *Server) passOn(x *exchange, resp *hostlink.Response) int {
	h := x.w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	contentType := h.Get("Content-Type")
	if contentType == "" {
		contentType = "application/octet-stream"
		h.Set("Content-Type", contentType)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'") // an agent's pages are nothing on this origin (A62)
	x.w.WriteHeader(resp.Status)
	err := http.NewResponseController(x.w).Flush() // an agent may think for long before the first piece
	if err == nil {
		err = stream(x.w, resp.Body)
	}
	if err == nil {
		return resp.Status
	}
	if e, ok := errors.AsType[*hostlink.Error](err); ok {
		s.Log.InfoContext(x.r.Context(), "an agent's answer broke off", "requestId", identity.RequestID(x.r.Context()), "err", e)
		if strings.HasPrefix(contentType, "text/event-stream") {
			_, _ = io.WriteString(x.w, brokenEvent(e)) // whoever is gone needs none
			_ = http.NewResponseController(x.w).Flush()
		}
	}
	panic(http.ErrAbortHandler)
}
