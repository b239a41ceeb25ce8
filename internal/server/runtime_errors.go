package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
)

const (
	maxAgentError = 64 << 10 // of an agent's own refusal
	maxLogTail    = 8 << 10  // of an agent's log in an exception
)

// agentProblem is what the invoker is told when no answer came. The agent's own output is for those who may read its
// logs: it may hold what other users sent.
func (s *Server) agentProblem(x *exchange, a *admitted, err error) error {
	told := hostProblem(err)
	e, ok := errors.AsType[*hostlink.Error](err)
	ex, isEx := errors.AsType[*api.Exception](told)
	if !ok || !isEx {
		return told
	}
	if e.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())+1))
	}
	if ex.Name != api.RuntimeClientError {
		return ex
	}
	if e.Log == "" || a.caller == nil || !s.Identity.MayReadLogs(x.r.Context(), a.caller, a.Runtime) {
		ex.Message += ". Its log says more: lanyard logs " + a.Runtime.ID
		return ex
	}
	ex.Message += ". The end of its log:\n" + tail(e.Log, maxLogTail)
	return ex
}

// tail is the end of a text, in whole lines and whole characters.
func tail(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	text = text[len(text)-most:]
	if _, whole, ok := strings.Cut(text, "\n"); ok {
		text = whole
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// refusedByAgent is the exception for an agent that answered with an error of its own: its body is the reason.
func refusedByAgent(resp *hostlink.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAgentError+1))
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	switch {
	case len(text) > maxAgentError:
		text = text[:maxAgentError] + "…"
	case err != nil && text == "":
		text = err.Error()
	case text == "":
		text = "(no body)"
	}
	return &api.Exception{Name: api.RuntimeClientError, Message: "Received error (" + strconv.Itoa(resp.Status) + ") from runtime: the agent answered with it, saying: " + text}
}

// brokenEvent is the last event of a stream that broke off, in the form in which agents tell errors in streams.
func brokenEvent(e *hostlink.Error) string {
	b, err := json.Marshal(map[string]string{"error": e.Message, "error_type": string(api.RuntimeClientError), "message": "the stream broke off"})
	if err != nil {
		return ""
	}
	return "\n\ndata: " + string(b) + "\n\n"
}

// challenge adds, to a refusal of a bearer, how to get a token that would be taken (RFC 6750 section 3, RFC 9728 section
// 5.1).
func (s *Server) challenge(x *exchange, t identity.RuntimeTarget, res identity.ProtectedResource, err error) error {
	parts := []string{`resource_metadata="` + s.metadataURL(t) + `"`}
	scope, isScope := errors.AsType[*identity.ScopeError](err)
	switch e, ok := errors.AsType[*identity.Error](err); {
	case isScope:
		parts = append([]string{`error="insufficient_scope"`, `scope="` + strings.Join(scope.Scopes, " ") + `"`}, parts...)
	case ok && e.Code == identity.Unauthorized:
		parts = append([]string{`error="invalid_token"`}, parts...)
	case ok: // a fault of ours, or a refusal that another token would not mend
		return err
	case len(res.Scopes) > 0: // no token at all
		parts = append(parts, `scope="`+strings.Join(res.Scopes, " ")+`"`)
	}
	x.w.Header().Set("WWW-Authenticate", "Bearer "+strings.Join(parts, ", "))
	return err
}

// resourceURL is the URL by which clients know a runtime as a protected resource.
func (s *Server) resourceURL(t identity.RuntimeTarget) string {
	u := strings.TrimSuffix(s.cfg.PublicURL.String(), "/") + "/runtimes/" + api.EscapeLabel(s.Identity.RuntimeARN(t.Account, t.ID)) + "/invocations"
	if t.Endpoint != api.DefaultEndpoint {
		u += "?qualifier=" + api.EscapeLabel(t.Endpoint)
	}
	return u
}

const metadataSuffix = "/.well-known/oauth-protected-resource"

func (s *Server) metadataURL(t identity.RuntimeTarget) string {
	path, query, _ := strings.Cut(s.resourceURL(t), "?")
	if query != "" {
		query = "?" + query
	}
	return path + metadataSuffix + query
}

// protectedResource answers what a runtime that takes JWTs says of itself (RFC 9728 section 3.2). It tells nothing of
// runtimes that take none.
func (s *Server) protectedResource(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	t, err := s.Identity.Target(r.PathValue("runtime"), q.Get("accountId"), q.Get("qualifier"))
	var res identity.ProtectedResource
	ok := false
	if err == nil {
		res, ok, err = s.Identity.ProtectedResource(r.Context(), t)
	}
	if e, is := errors.AsType[*identity.Error](err); err != nil && (!is || e.Code != identity.Invalid) {
		s.Log.ErrorContext(r.Context(), "a runtime's metadata cannot be read", "requestId", identity.RequestID(r.Context()), "err", cause(err))
		plain(w, http.StatusInternalServerError, "internal fault; try again\n")
		return
	}
	if !ok {
		plain(w, http.StatusNotFound, "There is no protected resource of this name.\n")
		return
	}
	answer := map[string]any{"resource": s.resourceURL(t), "authorization_servers": res.AuthorizationServers, "bearer_methods_supported": []string{"header"}}
	if len(res.Scopes) > 0 {
		answer["scopes_supported"] = res.Scopes
	}
	if err := writeJSON(w, http.StatusOK, answer); err != nil {
		s.Log.DebugContext(r.Context(), "the client went away", "err", err)
	}
}
