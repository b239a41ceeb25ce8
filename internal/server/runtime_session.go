package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"reflect"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// stopRuntimeSession ends a session: any, by who may; their own, by who brings a JWT.
func (s *Server) stopRuntimeSession(x *exchange, head func() (*api.StopRuntimeSessionRequest, error)) int {
	rt, in, userKey, err := s.stopping(x, head)
	if err != nil {
		return x.fail(err)
	}
	h, err := s.host()
	if err != nil {
		return x.fail(err)
	}
	out, err := h.Stop(x.r.Context(), hostlink.StopRequest{RuntimeID: rt.ID, SessionID: in.SessionID, UserKey: userKey})
	if err != nil {
		return x.fail(hostProblem(err))
	}
	x.w.Header().Set(api.HeaderRuntimeSession, in.SessionID)
	if out.Stopped == 0 { // also of another user's: who asks learns nothing of it (A49)
		return x.fail(&api.Exception{Name: api.ResourceNotFoundException, Message: "no such session runs; it was never begun, or has ended"})
	}
	return s.answerEmpty(x)
}

func (s *Server) answerEmpty(x *exchange) int {
	if err := writeJSON(x.w, x.rt.op.Status, api.Empty{}); err != nil {
		s.Log.DebugContext(x.r.Context(), "the client went away", "op", x.rt.op.Name, "err", err)
	}
	return x.rt.op.Status
}

func (s *Server) stopping(x *exchange, head func() (*api.StopRuntimeSessionRequest, error)) (*identity.Runtime, *api.StopRuntimeSessionRequest, string, error) {
	body, err := readJSON(x.w, x.r)
	if err != nil {
		return nil, nil, "", s.refuseStranger(x.r, x.rt.op, err)
	}
	t, res, takesJWT, err := s.jwtTarget(x)
	if err != nil {
		return nil, nil, "", err
	}
	if takesJWT && !sigv4.IsSigned(x.r) {
		return s.stoppingOwn(x, head, t, res)
	}
	caller, err := s.Authn.Caller(x.r, body, s.peer(x.r), x.rt.services...)
	if err != nil {
		return nil, nil, "", s.refuseStranger(x.r, x.rt.op, err)
	}
	in, err := head()
	if err == nil {
		err = checkStopBody(body)
	}
	if err == nil {
		t, err = s.Identity.Target(in.Runtime, value(in.Account), value(in.Qualifier))
	}
	if err != nil {
		return nil, nil, "", s.Identity.RefuseRequest(x.r.Context(), caller, x.rt.op.Action(), err)
	}
	rt, err := s.Identity.StopSession(x.r.Context(), caller, t)
	return rt, in, "", err
}

// checkStopBody validates the one member of the body, which changes nothing: stopping twice is stopping.
func checkStopBody(body []byte) error {
	var in struct {
		ClientToken *string `json:"clientToken,omitempty" v:"len=33..256;pattern=clientToken"`
	}
	if err := decode(body, &in); err != nil {
		return err
	}
	if ex := api.Compile(reflect.TypeOf(in)).Validate(&in); ex != nil {
		return ex
	}
	return nil
}

func (s *Server) stoppingOwn(x *exchange, head func() (*api.StopRuntimeSessionRequest, error), t identity.RuntimeTarget, res identity.ProtectedResource) (*identity.Runtime, *api.StopRuntimeSessionRequest, string, error) {
	token, err := s.bearer(x, t, res)
	if err != nil {
		return nil, nil, "", err
	}
	in, err := head()
	if err != nil {
		return nil, nil, "", s.refuseStranger(x.r, x.rt.op, err)
	}
	i, err := s.Identity.StopSessionJWT(x.r.Context(), t, token, s.bearerStranger(x))
	if err != nil {
		return nil, nil, "", s.challenge(x, t, res, err)
	}
	return i.Runtime, in, i.UserKey, nil
}

// uploadAgentArchive passes an archive to the agent host while it comes. Its hash is signed, so the signature is proven
// before the first byte is read; the host keeps nothing that does not have the hash.
func (s *Server) uploadAgentArchive(x *exchange, head func() (*api.UploadAgentArchiveRequest, error)) int {
	caller, hash, err := s.archiveCaller(x)
	if err != nil {
		return x.fail(s.refuseStranger(x.r, x.rt.op, err))
	}
	if _, err := head(); err != nil {
		return x.fail(s.Identity.RefuseRequest(x.r.Context(), caller, x.rt.op.Action(), err))
	}
	sum := hex.EncodeToString(hash[:])
	err = s.Identity.AllowArchive(x.r.Context(), caller, func(ctx context.Context) error { return s.putArchive(ctx, x, sum) })
	if err != nil {
		return x.fail(err)
	}
	if err := writeJSON(x.w, x.rt.op.Status, &api.UploadAgentArchiveResponse{Bucket: api.ArchiveBucket, Prefix: api.ArchivePrefix + sum}); err != nil {
		s.Log.DebugContext(x.r.Context(), "the client went away", "op", x.rt.op.Name, "err", err)
	}
	return x.rt.op.Status
}

func (s *Server) archiveCaller(x *exchange) (*policy.Caller, [sha256.Size]byte, error) {
	claim, err := s.Authn.Claim(x.r, x.rt.services...)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	hash, ok := claim.DeclaredHash()
	if !ok {
		err := &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: "an upload is signed with the SHA-256 of the archive in X-Amz-Content-Sha256; `lanyard launch` does it"}
		return nil, hash, err
	}
	caller, err := claim.Prove(hash, s.peer(x.r))
	return caller, hash, err
}

func (s *Server) putArchive(ctx context.Context, x *exchange, sum string) error {
	h, err := s.host()
	if err != nil {
		return err
	}
	if x.r.ContentLength > api.MaxAgentArchive {
		return tooLarge(api.MaxAgentArchive)
	}
	unhurried(x.w) // the answer comes when the last byte was read
	body := newPatient(x.w, http.MaxBytesReader(x.w, x.r.Body, api.MaxAgentArchive))
	return deployProblem(h.PutArchive(ctx, sum, body))
}

func (s *Server) listRuntimeSessions(ctx context.Context, caller *policy.Caller, in *api.ListRuntimeSessionsRequest) (*api.ListRuntimeSessionsResponse, error) {
	if _, err := s.Identity.RuntimeForOperator(ctx, caller, api.ListRuntimeSessions.Name, in.ID); err != nil {
		return nil, err
	}
	h, err := s.host()
	if err != nil {
		return nil, err
	}
	all, err := h.Sessions(ctx, in.ID)
	if err != nil {
		return nil, hostProblem(err)
	}
	return &api.ListRuntimeSessionsResponse{Sessions: convert(all, func(l hostlink.Session) api.RuntimeSession {
		return api.RuntimeSession{ID: l.SessionID, Version: l.Version, State: string(l.State), Starts: l.Starts, InFlight: l.InFlight, Reason: l.Reason,
			StartedAt: timestamp(l.StartedAt), UsedAt: timestamp(l.UsedAt), EndedAt: timestamp(l.EndedAt)}
	})}, nil
}

// getRuntimeLogs streams what a runtime's agents wrote.
func (s *Server) getRuntimeLogs(x *exchange, _ func() (*api.GetRuntimeLogsRequest, error)) int {
	logs, err := s.logRequest(x)
	if err != nil {
		return x.fail(err)
	}
	h, err := s.host()
	if err != nil {
		return x.fail(err)
	}
	lines, err := h.Logs(x.r.Context(), logs)
	if err != nil {
		return x.fail(hostProblem(err))
	}
	defer lines.Close()
	x.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	x.w.Header().Set("Cache-Control", "no-store")
	unhurried(x.w)
	x.w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(x.w).Flush(); err != nil { // followers learn at once that they follow
		s.Log.DebugContext(x.r.Context(), "the client went away", "op", x.rt.op.Name, "err", err)
	}
	if err := stream(x.w, lines); err != nil && x.r.Context().Err() == nil {
		panic(http.ErrAbortHandler) // what broke off must not look complete
	}
	return http.StatusOK
}

func (s *Server) logRequest(x *exchange) (hostlink.LogRequest, error) {
	body, err := readJSON(x.w, x.r)
	var caller *policy.Caller
	if err == nil {
		caller, err = s.Authn.Caller(x.r, body, s.peer(x.r), x.rt.services...)
	}
	if err != nil {
		return hostlink.LogRequest{}, s.refuseStranger(x.r, x.rt.op, err)
	}
	in := &api.GetRuntimeLogsRequest{}
	err = decode(body, in)
	if err == nil {
		if ex := api.Compile(reflect.TypeFor[api.GetRuntimeLogsRequest]()).Validate(in); ex != nil {
			err = ex
		}
	}
	if err != nil {
		return hostlink.LogRequest{}, s.Identity.RefuseRequest(x.r.Context(), caller, x.rt.op.Action(), err)
	}
	rt, err := s.Identity.RuntimeForOperator(x.r.Context(), caller, api.GetRuntimeLogs.Name, in.ID)
	if err != nil {
		return hostlink.LogRequest{}, err
	}
	return hostlink.LogRequest{RuntimeID: rt.ID, SessionID: value(in.SessionID), Tail: int(value(in.Tail)), Follow: in.Follow}, nil
}
