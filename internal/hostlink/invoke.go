package hostlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Invocation is one request for an agent.
type Invocation struct {
	Spec      *Spec
	SessionID string
	// UserKey says whose request this is: one string for one user, for instance issuer and subject hashed. A session
	// belongs to the first.
	UserKey   string
	RequestID string
	// Inject are the headers that tell the agent who calls; only the names of this package's constants are taken.
	Inject http.Header
	// Caller are the headers that came with the request. Only what Spec.Forwardable returns is sent.
	Caller http.Header
	Body   io.Reader
	// ContentLength is that of Body, or -1.
	ContentLength int64
}

// Response is an agent's answer.
type Response struct {
	Status int
	Header http.Header
	// Body streams. Its Read returns an *Error instead of io.EOF if the answer broke off.
	Body io.ReadCloser
}

// replayable is the size up to which a body is kept, so that it can be sent again to a host that had forgotten the spec.
const replayable = 64 << 10

// Invoke sends a request to the agent of a session, which is started if need be.
func (c *Client) Invoke(ctx context.Context, in *Invocation) (*Response, error) {
	call := Call{SessionID: in.SessionID, UserKey: in.UserKey, RequestID: in.RequestID}
	if err := call.check(); err != nil {
		return nil, err
	}
	body, err := newBody(in)
	if err != nil {
		return nil, err
	}
	hash := in.Spec.Hash()
	if _, sent := c.known.Load(hash); !sent {
		if err := c.introduce(ctx, in.Spec); err != nil {
			return nil, err
		}
	}
	for range 3 { // the spec, then the archive, then the call
		res, err := c.invokeOnce(ctx, in, hash, body)
		if err == nil {
			return res, nil
		}
		if err := c.supply(ctx, in.Spec, err); err != nil {
			return nil, err
		}
	}
	return nil, Errorf(CodeInternal, "the agent host forgets specs and archives as fast as they are sent; its state directory may be full")
}

// supply sends what the host said it lacks, and returns err if it lacks nothing.
func (c *Client) supply(ctx context.Context, s *Spec, err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return err
	case e.Code == CodeUnknownSpec:
		return c.introduce(ctx, s)
	case e.Code == CodeUnknownArchive && c.archive != nil:
		return c.sendArchive(ctx, s.Source.Archive)
	}
	return err
}

// introduce puts a spec whose environment the invocation itself waits for.
func (c *Client) introduce(ctx context.Context, s *Spec) error {
	err := c.PutSpec(ctx, s)
	if err != nil && CodeOf(err) == CodeBuilding {
		return nil
	}
	return err
}

func (c *Client) sendArchive(ctx context.Context, sha256 string) error {
	a, err := c.archive(ctx, sha256)
	if err != nil {
		return fmt.Errorf("the archive of the runtime: %w", err)
	}
	defer a.Close()
	return c.PutArchive(ctx, sha256, a)
}

func (c *Client) invokeOnce(ctx context.Context, in *Invocation, hash string, body *body) (*Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+PathInvocations, body.reader())
	if err != nil {
		return nil, err
	}
	req.ContentLength = body.length
	if !body.small { // a host that lacks the spec says so before the body is on its way
		req.Header.Set("Expect", "100-continue")
	}
	req.Header.Set(headerSpec, hash)
	req.Header.Set(headerSession, in.SessionID)
	req.Header.Set(headerUserKey, in.UserKey)
	req.Header.Set(headerRequest, in.RequestID)
	addPrefixed(req.Header, in.Inject, injectPrefix)
	addPrefixed(req.Header, in.Spec.Forwardable(in.Caller), forwardPrefix)
	res, err := (&link{c.base, c.http}).do(req)
	if err != nil {
		return nil, err
	}
	return newResponse(res)
}

func newResponse(res *http.Response) (*Response, error) {
	status, err := strconv.Atoi(res.Header.Get(headerStatus))
	if err != nil || status < 200 || status > 599 {
		_ = res.Body.Close()
		return nil, Errorf(CodeInternal, "the agent host answered without the agent's status")
	}
	return &Response{Status: status, Header: Answerable(unprefixed(res.Header, answerPrefix)), Body: &answer{res: res}}, nil
}

// answer reads an agent's answer and tells its end from its breaking off.
type answer struct{ res *http.Response }

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.res.Body.Read(p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		return n, a.outcome()
	}
	if ctx := a.res.Request.Context(); ctx.Err() != nil {
		return n, ctx.Err()
	}
	return n, Errorf(CodeCrashed, "the agent host went away in the middle of the agent's answer")
}

func (a *answer) outcome() error {
	switch code := a.res.Trailer.Get(trailerOutcome); Code(code) {
	case outcomeComplete:
		return io.EOF
	case CodeSessionEnded:
		return Errorf(CodeSessionEnded, "the session was stopped in the middle of the agent's answer")
	case CodeStopping:
		return Errorf(CodeStopping, "the agent host was shut down in the middle of the agent's answer")
	default:
		return Errorf(CodeCrashed, "the agent ended in the middle of its answer; its log says why")
	}
}

func (a *answer) Close() error { return a.res.Body.Close() }

// body is a request's body: kept if it is small, streamed once if not.
type body struct {
	small  bool
	kept   []byte
	rest   io.Reader
	length int64
}

func newBody(in *Invocation) (*body, error) {
	if in.ContentLength > MaxBody {
		return nil, Errorf(CodeTooLarge, "the payload has %d bytes; at most %d are taken", in.ContentLength, int64(MaxBody))
	}
	if in.Body == nil || in.ContentLength == 0 {
		return &body{small: true}, nil
	}
	if in.ContentLength < 0 || in.ContentLength > replayable {
		return &body{rest: in.Body, length: in.ContentLength}, nil
	}
	kept := make([]byte, in.ContentLength)
	if _, err := io.ReadFull(in.Body, kept); err != nil {
		return nil, Errorf(CodeInvalid, "the payload ended before its declared length of %d bytes", in.ContentLength)
	}
	return &body{small: true, kept: kept, length: in.ContentLength}, nil
}

func (b *body) reader() io.Reader {
	if b.small {
		return bytes.NewReader(b.kept)
	}
	return io.NopCloser(b.rest) // the transport must not close what may have to be sent again
}
