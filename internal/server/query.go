package server

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/lanyard-id/lanyard/api"
)

// query is the AWS Query protocol of STS and IAM: one path, a form that names the operation by Action and Version, XML
// in answer.
type query struct{}

func (query) compile(in, out reflect.Type) codec {
	read, write := compileReader(in), compileResult(out)
	return codec{
		decode: func(m message, into any) error { return m.form.decode(read, into) },
		encode: func(w http.ResponseWriter, op api.Operation, out any) error {
			b := xmlBuffers.Get().(*bytes.Buffer)
			defer giveBack(b)
			openElement(b, op.Name+"Response", op.Service)
			write(b, op.Name+"Result", out)
			begin(b, "ResponseMetadata")
			element(b, "RequestId", requestID(w))
			end(b, "ResponseMetadata")
			end(b, op.Name+"Response")
			return writeXML(w, op.Status, b.Bytes())
		},
	}
}

func (query) writeException(w http.ResponseWriter, op api.Operation, ex *api.Exception, status int) error {
	fault := "Sender"
	if status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	var b bytes.Buffer
	openElement(&b, "ErrorResponse", op.Service)
	b.WriteString("<Error><Type>" + fault + "</Type>")
	element(&b, "Code", string(ex.Name))
	element(&b, "Message", ex.Message)
	b.WriteString("</Error>")
	element(&b, "RequestId", requestID(w))
	b.WriteString("</ErrorResponse>")
	return writeXML(w, status, b.Bytes())
}

func requestID(w http.ResponseWriter) string { return w.Header().Get("x-amzn-RequestId") }

// xmlBuffers are empty, with room for most answers, tokens among them.
var xmlBuffers = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, xmlSize)) }}

const xmlSize = 2 << 10

// giveBack keeps a buffer for another answer, without this one, which may be a secret. Large ones are not worth keeping.
func giveBack(b *bytes.Buffer) {
	if clear(b.Bytes()); b.Cap() <= 16*xmlSize {
		b.Reset()
		xmlBuffers.Put(b)
	}
}

// openElement begins a document in the service's namespace; an answer of no service has none.
func openElement(b *bytes.Buffer, name string, s api.Service) {
	b.WriteByte('<')
	b.WriteString(name)
	if v := s.Version(); v != "" {
		for _, part := range [...]string{` xmlns="https://`, string(s), `.amazonaws.com/doc/`, v, `/"`} {
			b.WriteString(part)
		}
	}
	b.WriteByte('>')
}

func writeXML(w http.ResponseWriter, status int, b []byte) error {
	setHeaders(w.Header(), "Content-Type", "text/xml", "Cache-Control", "no-store", "Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, err := w.Write(b)
	return err
}

// queryName is how a form names an operation.
type queryName struct{ version, action string }

// isQuery tells requests of the AWS Query protocol: a form posted to the root, or its parameters in a presigned URL.
func isQuery(r *http.Request) bool {
	if r.URL.Path != "/" && r.URL.Path != "" {
		return false
	}
	switch r.Method {
	case http.MethodPost:
		return isForm(r.Header.Get("Content-Type"))
	case http.MethodGet:
		return strings.Contains(r.URL.RawQuery, "Action=")
	default:
		return false
	}
}

func isForm(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded")
}

// unknownQuery stands for the row of a form that names none.
var unknownQuery = &route{protocol: query{}}

// findQuery reads a form and finds the row it names. What is wrong with the rest of the form is said only once its
// sender is known.
func (s *Server) findQuery(w http.ResponseWriter, r *http.Request) (*route, message, error) {
	body, err := readBody(w, r)
	if err != nil {
		return unknownQuery, message{}, err
	}
	m := message{body: body, form: parseRequest(r, body)}
	name := queryName{m.form.get("Version"), m.form.get("Action")}
	rt, ok := s.queries[name]
	switch {
	case ok && r.Method == http.MethodGet && rt.op.Name != api.GetCallerIdentity.Name:
		// A URL is fetched again by whoever finds it in a history or a log. One that tells who the caller is may be: to
		// services elsewhere, which prove by it who sent it.
		return rt, m, &api.Exception{Name: api.ValidationException, Message: rt.op.Name + " is not served by GET; send its parameters in the body of a POST"}
	case ok:
		return rt, m, nil
	case m.form.err != nil:
		return unknownQuery, m, m.form.err
	default:
		return unknownQuery, m, unknownAction(name, scopeService(r))
	}
}

// unknownAction says where the call may belong: usually an endpoint variable redirects more services than it should.
func unknownAction(name queryName, service string) error {
	for _, s := range []api.Service{api.STS, api.IAM} {
		if name.version == s.Version() {
			return &api.Exception{Name: api.InvalidAction, Message: fmt.Sprintf("Lanyard does not serve %s:%s. %s", s, clip(name.action), advice(string(s)))}
		}
	}
	return &api.Exception{Name: api.InvalidAction, Message: fmt.Sprintf("Lanyard serves no AWS Query operation %s of version '%s', which was signed for service '%s'; it serves sts (%s) and iam (%s). %s",
		clip(name.action), clip(name.version), clip(service), api.STS.Version(), api.IAM.Version(), advice(service))}
}
