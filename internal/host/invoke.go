package host

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// invoke hands a request to the session's agent and its answer back, piece by piece as they come.
func (h *Host) invoke(w http.ResponseWriter, r *http.Request) {
	call, err := hostlink.ReadCall(r)
	if err != nil {
		h.fail(w, "invoke", err)
		return
	}
	spec, err := h.ready(call)
	if err != nil {
		h.fail(w, "invoke", err)
		return
	}
	s, err := h.session(spec, call)
	if err != nil {
		h.fail(w, "invoke", err)
		return
	}
	defer s.leave()
	p, err := s.running(r.Context())
	if err != nil {
		if r.Context().Err() == nil {
			h.fail(w, "invoke", err)
		}
		return
	}
	p.serve(w, r)
}

// ready tells what the host lacks for the call, before its body is read.
func (h *Host) ready(call hostlink.Call) (*hostlink.Spec, error) {
	spec, err := h.spec(call.SpecHash)
	if err != nil {
		return nil, err
	}
	if sha := spec.Source.Archive; sha != "" && !h.hasArchive(sha) {
		return nil, hostlink.Errorf(hostlink.CodeUnknownArchive, "the archive %s is not on this agent host", sha)
	}
	return spec, nil
}

// serve passes one request to the agent.
func (p *process) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/invocations", http.MaxBytesReader(w, r.Body, hostlink.MaxBody))
	if err != nil {
		p.host.fail(w, "invoke", err)
		return
	}
	req.Host, req.Header, req.ContentLength = p.authority(), p.spec.ForAgent(r.Header), r.ContentLength
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		if r.Context().Err() == nil {
			p.host.fail(w, "invoke", p.callError(err))
		}
		return
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 599 {
		p.host.fail(w, "invoke", hostlink.Errorf(hostlink.CodeGarbage, "the agent answered with status %d, which HTTP does not have for an answer", res.StatusCode))
		return
	}
	answer := hostlink.BeginAnswer(w, res.StatusCode, res.Header)
	if err := copyStream(answer, res.Body); err != nil {
		answer.End(p.broken())
		return
	}
	answer.End("")
}

// deathWait is how long a failed request waits to learn that the agent's process has ended, which is the better reason.
const deathWait = 2 * time.Second

// diedMeanwhile tells whether the process ended, or is just ending.
func (p *process) diedMeanwhile() bool {
	t := time.NewTimer(deathWait)
	defer t.Stop()
	select {
	case <-p.exited:
		return true
	case <-t.C:
		return p.ending()
	}
}

// dead tells whether the agent's own process has ended.
func (p *process) dead() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// callError says why an agent did not answer a request.
func (p *process) callError(err error) error {
	if e, ok := errors.AsType[*hostlink.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return hostlink.Errorf(hostlink.CodeTooLarge, "the payload has more than %d bytes", int64(hostlink.MaxBody))
	}
	if p.diedMeanwhile() {
		return p.crashed()
	}
	return &hostlink.Error{Code: hostlink.CodeGarbage, Message: "the agent did not answer POST /invocations with HTTP", Log: p.session.log.lately()}
}

// broken is why an answer broke off.
func (p *process) broken() hostlink.Code {
	if !p.diedMeanwhile() {
		return hostlink.CodeGarbage
	}
	code, _ := p.cause()
	return code
}

const streamBuffer = 32 << 10

// flusher is where a stream goes.
type flusher interface {
	io.Writer
	Flush() error
}

// copyStream passes every piece on as soon as it comes: an event of a stream may be the last for minutes.
func copyStream(to flusher, from io.Reader) error {
	buffer := make([]byte, streamBuffer)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
			if err := to.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// copyFlushed is copyStream to a plain answer.
func copyFlushed(w http.ResponseWriter, from io.Reader) error {
	return copyStream(plainFlusher{w, http.NewResponseController(w)}, from)
}

type plainFlusher struct {
	io.Writer
	control *http.ResponseController
}

func (p plainFlusher) Flush() error { return p.control.Flush() }
