package server

import (
	"context"
	"errors"
	"io"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// AgentHost runs agents: the server's client of one (*hostlink.Client) is one.
type AgentHost interface {
	Invoke(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error)
	Stop(ctx context.Context, in hostlink.StopRequest) (*hostlink.StopAnswer, error)
	PutSpec(ctx context.Context, s *hostlink.Spec) error
	PutArchive(ctx context.Context, sha256 string, archive io.Reader) error
	Sessions(ctx context.Context, runtimeID string) ([]hostlink.Session, error)
	Logs(ctx context.Context, in hostlink.LogRequest) (io.ReadCloser, error)
}

// host is the agent host, or why there is none.
func (s *Server) host() (AgentHost, error) {
	if s.cfg.Host == nil {
		return nil, &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: "this server has no agent host, so it runs no agents. " +
			"`lanyard dev` starts one by itself; beside `lanyard serve`, run `lanyard host` and name it in the server's configuration under agent_host"}
	}
	return s.cfg.Host, nil
}

// spec is what the agent host is told of a version.
func (s *Server) spec(rt *identity.Runtime, v *identity.RuntimeVersion, environment map[string]string) *hostlink.Spec {
	c := &v.Config
	language := c.Language
	if language == api.RuntimeExecutable {
		language = ""
	}
	return &hostlink.Spec{
		RuntimeARN: s.Identity.RuntimeARN(rt.Account, rt.ID), RuntimeID: rt.ID, Version: version(v.Number),
		Source: hostlink.Source{Directory: c.Source.Directory, Archive: c.Source.Archive}, EntryPoint: c.EntryPoint, Language: language,
		Environment: environment, Protocol: c.Protocol, IdleTimeout: c.IdleTimeout, MaxLifetime: c.MaxLifetime, HeaderAllowList: c.HeaderAllowList, RoleARN: c.RoleARN,
	}
}

// runnable asks the agent host whether it can run a version, before anything is stored.
func (s *Server) runnable(ctx context.Context, rt *identity.Runtime, v *identity.RuntimeVersion) error {
	h, err := s.host()
	if err != nil {
		return err
	}
	if err := h.PutSpec(ctx, s.spec(rt, v, v.Config.Environment)); err != nil {
		return deployProblem(err)
	}
	if v.Config.Source.Archive == "" {
		return nil
	}
	// The host looks whether it has an archive before it reads one: nothing is sent, so that a missing one is refused.
	err = h.PutArchive(ctx, v.Config.Source.Archive, eof{})
	if hostlink.CodeOf(err) == hostlink.CodeInvalid && err != nil {
		return &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: "the agent host has no archive " + api.ArchivePrefix + v.Config.Source.Archive + "; `lanyard launch` uploads the agent's files and names them",
			Fields: []api.FieldProblem{{Name: "agentRuntimeArtifact.codeConfiguration.code.s3.prefix", Message: "there is no such archive"}}}
	}
	return deployProblem(err)
}

// eof is a body of nothing.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// hostExceptions is what clients are told of the agent host's refusals; what is not here is the agent's own failure.
var hostExceptions = map[hostlink.Code]api.ExceptionName{
	hostlink.CodeInvalid: api.ValidationException, hostlink.CodeSessionOwner: api.AccessDeniedException, hostlink.CodeSessionNotFound: api.ResourceNotFoundException,
	hostlink.CodeLimit: api.ThrottlingException, hostlink.CodeBuilding: api.ThrottlingException, hostlink.CodeTooLarge: api.RequestEntityTooLarge, hostlink.CodeStopping: api.InternalServerException,
	hostlink.CodeInternal: api.InternalServerException, hostlink.CodeUnknownSpec: api.InternalServerException,
}

// deployProblem is what a client is told of files that the agent host refuses. They are the client's own to mend, and so
// are the installer's words about them.
func deployProblem(err error) error {
	told := hostProblem(err)
	e, ok := errors.AsType[*hostlink.Error](err)
	ex, isEx := errors.AsType[*api.Exception](told)
	if !ok || !isEx {
		return told
	}
	if ex.Name == api.RuntimeClientError {
		ex.Name, ex.Reason = api.ValidationException, api.ReasonFieldValidation
	}
	switch {
	case e.Code == hostlink.CodeBuilding:
		ex.Message += ". Send the request again, with the same clientToken: it goes on where this one stopped waiting"
	case e.Log != "":
		ex.Message += ":\n" + tail(e.Log, maxLogTail)
	}
	return ex
}

// hostProblem is what a client is told of the agent host's error, without the agent's own output.
func hostProblem(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if u, ok := errors.AsType[*hostlink.UnreachableError](err); ok {
		return &identity.Error{Code: identity.Unavailable, Cause: u, Message: "the agent host cannot be reached, so no agent runs just now. Try again; if it goes on, start it with: lanyard host"}
	}
	e, ok := errors.AsType[*hostlink.Error](err)
	if !ok {
		return &identity.Error{Code: identity.Internal, Cause: err, Message: "internal fault of the agent host; try again, and give the operator the request id"}
	}
	name, ok := hostExceptions[e.Code]
	if !ok {
		name = api.RuntimeClientError
	}
	ex := &api.Exception{Name: name, Message: e.Message}
	if e.Code == hostlink.CodeUnknownArchive {
		ex.Message += "; upload it again with `lanyard launch`"
	}
	if name == api.ValidationException {
		ex.Reason = api.ReasonFieldValidation
	}
	return ex
}
