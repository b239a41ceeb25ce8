package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// handle makes a route of an operation and its typed handler: decode strictly, validate, call.
func handle[Req, Resp any](op api.Operation, f func(ctx context.Context, caller *policy.Caller, in *Req) (*Resp, error)) *route {
	shape := api.Compile(reflect.TypeFor[Req]())
	p := protocolOf(op.Service)
	c := p.compile(reflect.TypeFor[Req](), reflect.TypeFor[Resp]())
	return &route{op: op, protocol: p, services: signedAs(op.Service), encode: c.encode, call: func(ctx context.Context, caller *policy.Caller, m message) (any, error) {
		in := new(Req)
		if err := c.decode(m, in); err != nil {
			return nil, err
		}
		if ex := shape.Validate(in); ex != nil {
			return nil, ex
		}
		out, err := f(ctx, caller, in)
		if err != nil || out == nil {
			return nil, err
		}
		return out, nil
	}}
}

func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); r.ContentLength != 0 && ct != "" && !isJSON(ct) {
		return nil, &api.Exception{Name: api.UnsupportedMediaType, Message: "Content-Type " + strconv.Quote(clip(ct)) + " is not served here; send application/json"}
	}
	return readBody(w, r)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body []byte
	var err error
	if n := r.ContentLength; n > 0 && n <= maxBody {
		body = make([]byte, n) // net/http ends the body there
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		return nil, &api.Exception{Name: api.RequestEntityTooLarge, Message: "the request body is larger than " + strconv.Itoa(maxBody) + " bytes, more than any operation takes"}
	}
	if err != nil {
		return nil, &api.Exception{Name: api.ValidationException, Reason: api.ReasonCannotParse, Message: "the request body ended early; send it whole"}
	}
	return body, nil
}

// isJSON tells the media types of JSON that clients send, whatever their parameters.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" || strings.HasPrefix(media, "application/x-amz-json-")
}

// decode reads one JSON object. Members that no shape has are refused: a newer client that sends one means something by
// it, and leaving it out in silence could change what is protected.
func decode(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if !utf8.Valid(body) { // the decoder would turn different bytes into the same text (A60)
		return &api.Exception{Name: api.ValidationException, Reason: api.ReasonCannotParse, Message: "the request body cannot be read: it is not valid UTF-8"}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("there is more after the first JSON value")
	}
	return &api.Exception{Name: api.ValidationException, Reason: api.ReasonCannotParse, Message: "the request body cannot be read: " + decodeProblem(err)}
}

// decodeProblem tells what is wrong without repeating a value, which may be a secret.
func decodeProblem(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "member '" + clip(e.Field) + "' must not be a JSON " + firstWord(e.Value)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "it is not JSON, at byte " + strconv.FormatInt(e.Offset, 10)
	}
	if msg := err.Error(); strings.Contains(msg, "unknown field") {
		return "unknown member " + clip(msg[strings.Index(msg, "unknown field")+len("unknown field"):]) + ". Check its spelling, or update Lanyard if your client is newer"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "it is not JSON: it ends too early"
	}
	return "it is not one JSON object with the members of this operation"
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}

// clip shortens and escapes what a message repeats of the request (A48).
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	if status == http.StatusNoContent {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		return nil
	}
	if v == nil {
		v = api.Empty{}
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return writeJSONText(w, status, bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}

func writeJSONText(w http.ResponseWriter, status int, b []byte) error {
	setHeaders(w.Header(), "Cache-Control", "no-store", "Content-Type", "application/json", "Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, err := w.Write(b)
	return err
}
