package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// targetJSON is the JSON 1.1 protocol of user pools: one path, a header that names the operation, JSON both ways.
type targetJSON struct{}

// targetMedia is the media type of requests and answers.
const targetMedia = "application/x-amz-json-1.1"

func (targetJSON) compile(_, _ reflect.Type) codec {
	return codec{
		decode: func(m message, into any) error { return decode(m.body, into) },
		encode: func(w http.ResponseWriter, op api.Operation, out any) error { return writeTarget(w, op.Status, out) },
	}
}

func writeTarget(w http.ResponseWriter, status int, v any) error {
	if v == nil {
		v = api.Empty{}
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", targetMedia)
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, err := w.Write(buf.Bytes())
	return err
}

// targetExceptions is the error table of user pools.
var targetExceptions = map[identity.Code]api.ExceptionName{
	identity.Invalid:      api.InvalidParameterException,
	identity.Conflict:     api.ConcurrentModification,
	identity.Duplicate:    api.InvalidParameterException,
	identity.NotFound:     api.ResourceNotFoundException,
	identity.Denied:       api.AccessDeniedException,
	identity.Unauthorized: api.NotAuthorizedException,
	identity.Throttled:    api.TooManyRequestsException,
	identity.Unrecognized: api.UnrecognizedClient,
	identity.Expired:      api.ExpiredToken,
}

// namedError is an error that knows the name under which clients of this protocol know it.
type namedError interface {
	error
	ExceptionName() api.ExceptionName
}

// exception answers 400 for whatever the client can mend, and 500 for what it cannot.
func (targetJSON) exception(_ api.Operation, err error) (*api.Exception, int) {
	ex := exception(err)
	name := targetName(err, ex)
	status := http.StatusBadRequest
	if name == api.InternalErrorException {
		status = http.StatusInternalServerError
	}
	return &api.Exception{Name: name, Message: ex.Message}, status
}

func targetName(err error, ex *api.Exception) api.ExceptionName {
	if e, ok := errors.AsType[namedError](err); ok {
		return e.ExceptionName()
	}
	if e, ok := errors.AsType[*identity.Error](err); ok {
		if name, ok := targetExceptions[e.Code]; ok {
			return name
		}
		return api.InternalErrorException
	}
	switch {
	case ex.Name == api.ValidationException && ex.Reason == api.ReasonCannotParse:
		return api.SerializationException
	case ex.Name == api.ValidationException:
		return api.InvalidParameterException
	case ex.Name == api.InternalServerException:
		return api.InternalErrorException
	default:
		return ex.Name
	}
}

func (targetJSON) writeException(w http.ResponseWriter, _ api.Operation, ex *api.Exception, status int) error {
	w.Header().Set("X-Amzn-ErrorType", string(ex.Name))
	return writeTarget(w, status, ex)
}

// unknownTarget stands for the row of a target that names none.
var unknownTarget = &route{protocol: targetJSON{}}

// isTarget tells requests of this protocol, where it is served at all.
func (s *Server) isTarget(r *http.Request) bool {
	return len(s.targets) > 0 && r.Method == http.MethodPost && (r.URL.Path == "/" || r.URL.Path == "") &&
		strings.HasPrefix(r.Header.Get("X-Amz-Target"), api.CognitoTarget)
}

// findTarget finds the row that the header names. A browser cannot send that header to another site unasked, nor the
// media type, so no page can call an operation that carries its own proof.
func (s *Server) findTarget(w http.ResponseWriter, r *http.Request) (*route, message, error) {
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), api.CognitoTarget)
	rt, ok := s.targets[name]
	if !ok {
		return unknownTarget, message{}, &api.Exception{Name: api.UnknownOperationException,
			Message: fmt.Sprintf("Lanyard does not serve %s:%s. %s", api.CognitoIDP, clip(name), advice(string(api.CognitoIDP)))}
	}
	body, err := readJSON(w, r)
	return rt, message{body: body}, err
}
