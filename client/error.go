package client

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/lanyard-id/lanyard/api"
)

// Error is an answer that refused the request. It unwraps to its *api.Exception:
//
//	if ex, ok := errors.AsType[*api.Exception](err); ok && ex.Name == api.ResourceNotFoundException { … }
type Error struct {
	Operation string
	Status    int
	RequestID string // finds the request in the audit: lanyard why REQUEST_ID
	Exception *api.Exception
}

// Error gives the operation, the exception and the request id.
func (e *Error) Error() string {
	msg := e.Operation + ": " + e.Exception.Error()
	if e.RequestID != "" {
		msg += " (request " + e.RequestID + ")"
	}
	return msg
}

// Unwrap returns the exception.
func (e *Error) Unwrap() error { return e.Exception }

// Is reports whether err is a refusal with this exception.
func Is(err error, name api.ExceptionName) bool {
	ex, ok := errors.AsType[*api.Exception](err)
	return ok && ex.Name == name
}

// UnreachableError is an endpoint that did not answer.
type UnreachableError struct {
	Operation string
	Endpoint  string
	Err       error
}

// Error names the endpoint.
func (e *UnreachableError) Error() string {
	return e.Operation + ": no answer from " + e.Endpoint + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// unreadable names an answer that is none of Lanyard's: a proxy's page, or another server.
const unreadable api.ExceptionName = "UnreadableAnswer"

// refusal reads an error answer: its name from the header, else from the body, as all AWS clients do.
func refusal(op api.Operation, endpoint string, resp *http.Response, body []byte) *Error {
	e := &Error{Operation: op.Name, Status: resp.StatusCode, RequestID: printable(resp.Header.Get("x-amzn-RequestId"))}
	if op.Service.Version() != "" {
		e.Exception = queryRefusal(endpoint, resp, body)
		return e
	}
	var ex struct {
		api.Exception
		Code         string `json:"code"`
		OtherMessage string `json:"Message"`
	}
	err := json.Unmarshal(body, &ex)
	name := firstOf(shortName(resp.Header.Get("X-Amzn-ErrorType")), shortName(string(ex.Name)), shortName(ex.Code))
	if err != nil || name == "" {
		e.Exception = notLanyard(endpoint, resp)
		return e
	}
	e.Exception = &api.Exception{Name: api.ExceptionName(name), Message: printable(firstOf(ex.Message, ex.OtherMessage)), Reason: printable(ex.Reason)}
	for _, f := range ex.Fields {
		e.Exception.Fields = append(e.Exception.Fields, api.FieldProblem{Name: printable(f.Name), Message: printable(f.Message)})
	}
	return e
}

// queryRefusal reads an error answer of the AWS Query protocol.
func queryRefusal(endpoint string, resp *http.Response, body []byte) *api.Exception {
	var ex struct {
		XMLName struct{} `xml:"ErrorResponse"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
	}
	if err := xml.Unmarshal(body, &ex); err != nil || ex.Code == "" {
		return notLanyard(endpoint, resp)
	}
	return &api.Exception{Name: api.ExceptionName(printable(ex.Code)), Message: printable(ex.Message)}
}

func notLanyard(endpoint string, resp *http.Response) *api.Exception {
	what := "status " + resp.Status
	if to := resp.Header.Get("Location"); to != "" {
		what += ", a redirect, which is not followed"
	}
	return &api.Exception{Name: unreadable, Message: fmt.Sprintf("%s answered with %s and nothing that Lanyard would say. Check that the endpoint is Lanyard's, and what stands between", endpoint, printable(what))}
}

// shortName is an error type without its namespace and its trailing address.
func shortName(s string) string {
	s, _, _ = strings.Cut(s, ":")
	if _, after, ok := strings.Cut(s, "#"); ok {
		s = after
	}
	return printable(strings.TrimSpace(s))
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// printable keeps control characters of an answer out of terminals and logs (A48).
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
