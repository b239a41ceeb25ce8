package hostlink

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code says what kind of failure the host met, so that the server can answer with the right exception.
type Code string

const (
	CodeInvalid         Code = "invalid"          // the request or spec is malformed
	CodeUnknownSpec     Code = "unknown-spec"     // PUT the spec, then try again
	CodeUnknownArchive  Code = "unknown-archive"  // PUT the archive, then try again
	CodeSource          Code = "source"           // the source cannot be used: not listed, not there, an archive that climbs out
	CodeBuild           Code = "build"            // the environment could not be built; Log has the installer's tail
	CodeBuilding        Code = "building"         // the environment is still being built; PUT the spec again to wait on
	CodeNotHealthy      Code = "not-healthy"      // the agent never answered its health check; Log has its own tail
	CodeCrashed         Code = "crashed"          // the agent ended before or while it answered
	CodeBackoff         Code = "backoff"          // the agent crashed lately; RetryAfter says when it is started again
	CodeSessionOwner    Code = "session-owner"    // the session is another user's
	CodeSessionNotFound Code = "session-notfound" // no such session runs
	CodeSessionEnded    Code = "session-ended"    // the session was stopped or reached its lifetime while it answered
	CodeLimit           Code = "limit"            // too many sessions, starts or requests
	CodeTooLarge        Code = "too-large"        // a body, archive or spec beyond its limit
	CodeGarbage         Code = "garbage"          // the agent did not answer with HTTP
	CodeStopping        Code = "stopping"         // the host is being shut down
	CodeInternal        Code = "internal"         // the host's own fault, logged there
)

// statuses of the link. They are the link's own: an agent's status travels in a header of its answer.
var statuses = map[Code]int{
	CodeInvalid: 400, CodeUnknownSpec: 428, CodeUnknownArchive: 428, CodeSource: 422, CodeBuild: 424, CodeNotHealthy: 424, CodeCrashed: 502,
	CodeBuilding: 503, CodeBackoff: 503, CodeSessionOwner: 403, CodeSessionNotFound: 404, CodeSessionEnded: 410, CodeLimit: 429, CodeTooLarge: 413,
	CodeGarbage: 502, CodeStopping: 503, CodeInternal: 500,
}

// Error is a failure of the host or of an agent's process, safe to show to the runtime's owner.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// Log is the tail of the agent's or installer's own output. It is for who may read the runtime's logs.
	Log        string        `json:"log,omitempty"`
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// Status is the HTTP status by which the error travels on the link.
func (e *Error) Status() int {
	if s, ok := statuses[e.Code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Errorf returns an error of a code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError returns the Error inside err, or an internal one that says nothing of it.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: "the agent host failed; its log says why"}
}

// CodeOf is the code of err, or CodeInternal.
func CodeOf(err error) Code { return AsError(err).Code }

// maxErrorBytes bounds what either side reads of the other's error.
const maxErrorBytes = 64 << 10

// WriteError answers a request on the link with err.
func WriteError(w http.ResponseWriter, err error) {
	e := AsError(err)
	b, err := json.Marshal(e)
	if err != nil {
		b = []byte(`{"code":"internal","message":"the error could not be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(headerError, string(e.Code))
	w.WriteHeader(e.Status())
	_, _ = w.Write(b) // whoever stopped reading needs no answer
}
