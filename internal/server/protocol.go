package server

import (
	"net/http"
	"reflect"

	"github.com/lanyard-id/lanyard/api"
)

// protocol is how one family of AWS clients writes requests and reads answers. The row of the table says which it is:
// rest-json for AgentCore and Lanyard's own operations, AWS Query for STS and IAM, JSON 1.1 for user pools.
type protocol interface {
	// compile makes the codec of an operation's shapes, once, when the server starts.
	compile(in, out reflect.Type) codec
	// exception is what the client is told of an error, and the status it comes with.
	exception(op api.Operation, err error) (*api.Exception, int)
	writeException(w http.ResponseWriter, op api.Operation, ex *api.Exception, status int) error
}

// codec reads and writes the shapes of one operation.
type codec struct {
	// decode fills a pointer to the input shape; it refuses with an *api.Exception.
	decode func(m message, into any) error
	// encode answers with a pointer to the output shape, or with nothing.
	encode func(w http.ResponseWriter, op api.Operation, out any) error
}

// message is a request as it was read, before anybody knows who sent it.
type message struct {
	body []byte
	form *form // of an AWS Query request
	// request and labels are where members beside the body come from, in the rest-json protocol.
	request *http.Request
	labels  map[string]string
}

func protocolOf(s api.Service) protocol {
	switch {
	case s == api.CognitoIDP:
		return targetJSON{}
	case s.Version() != "":
		return query{}
	default:
		return restJSON{}
	}
}

// signedAs are the services for which a request of the row may be signed. A signature for one service is worth nothing
// at another (A30).
func signedAs(s api.Service) []string {
	switch s {
	case api.STS, api.IAM, api.CognitoIDP:
		return []string{string(s)}
	default: // both AgentCore planes sign alike, and so do clients of Lanyard's own operations
		return []string{string(api.AgentCore), string(api.Lanyard)}
	}
}

// restJSON is the protocol of AgentCore: a path for each operation, JSON both ways.
type restJSON struct{}

func (restJSON) compile(in, out reflect.Type) codec {
	located, reading, writing := api.Located(in), flatten(in), flatten(out)
	return codec{
		decode: func(m message, into any) error {
			shape := reflect.ValueOf(into).Elem()
			if !reading.read(m.body, shape) {
				if err := decode(m.body, into); err != nil {
					return err
				}
			}
			return m.bind(located, shape)
		},
		encode: func(w http.ResponseWriter, op api.Operation, answer any) error {
			if answer != nil && op.Status != http.StatusNoContent {
				if b, ok := writing.append(reflect.ValueOf(answer).Elem()); ok {
					return writeJSONText(w, op.Status, b)
				}
			}
			return writeJSON(w, op.Status, answer)
		},
	}
}

func (restJSON) exception(_ api.Operation, err error) (*api.Exception, int) {
	ex := exception(err)
	return ex, ex.Name.Status()
}

func (restJSON) writeException(w http.ResponseWriter, _ api.Operation, ex *api.Exception, status int) error {
	w.Header().Set("X-Amzn-ErrorType", string(ex.Name))
	if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	return writeJSON(w, status, ex)
}
