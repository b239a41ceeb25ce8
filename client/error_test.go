package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/lanyard-id/lanyard/api"
)

func refused(t *testing.T, resp func() *http.Response) *Error {
	t.Helper()
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(*http.Request) (*http.Response, error) { return resp(), nil })))
	err := list(t.Context(), c)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

func TestExceptionNames(t *testing.T) {
	for _, tc := range []struct{ header, body, name, message string }{
		{"ValidationException", `{"message":"m"}`, "ValidationException", "m"},
		{"ValidationException:http://internal.example/", `{"Message":"m"}`, "ValidationException", "m"},
		{"com.example#ValidationException", `{}`, "ValidationException", ""},
		{"", `{"__type":"com.example#ConflictException","message":"m"}`, "ConflictException", "m"},
		{"", `{"code":"AccessDeniedException","message":"m"}`, "AccessDeniedException", "m"},
		{"", `<html>502</html>`, string(unreadable), "127.0.0.1:1 answered with status 400"},
		{"", `{"message":"m"}`, string(unreadable), "Check that the endpoint is Lanyard's"},
	} {
		e := refused(t, func() *http.Response { return answer(400, tc.body, "X-Amzn-ErrorType", tc.header) })
		if string(e.Exception.Name) != tc.name || !strings.Contains(e.Exception.Message, tc.message) {
			t.Errorf("%q %q: got %v", tc.header, tc.body, e)
		}
	}
}

func TestExceptionCarriesAllItSays(t *testing.T) {
	e := refused(t, func() *http.Response {
		return answer(400, `{"__type":"ValidationException","message":"bad","reason":"FieldValidationFailed","fieldList":[{"name":"resourceOauth2ReturnUrl","message":"why"}]}`, "x-amzn-RequestId", "r-1")
	})
	if e.RequestID != "r-1" || e.Status != 400 || e.Operation != "ListWorkloadIdentities" || e.Exception.Reason != "FieldValidationFailed" {
		t.Errorf("got %+v", e)
	}
	if len(e.Exception.Fields) != 1 || e.Exception.Fields[0].Name != "resourceOauth2ReturnUrl" {
		t.Errorf("got fields %+v", e.Exception.Fields)
	}
	for _, want := range []string{"ListWorkloadIdentities", "ValidationException", "bad", "r-1"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q does not say %q", e.Error(), want)
		}
	}
	if !Is(e, api.ValidationException) || Is(e, api.ConflictException) || Is(errors.New("x"), api.ValidationException) {
		t.Error("Is mistakes the exception")
	}
}

// TestA48_MessagesCannotCommandTheTerminal: what a server says must not be able to erase or colour a line.
func TestA48_MessagesCannotCommandTheTerminal(t *testing.T) {
	e := refused(t, func() *http.Response {
		return answer(403, `{"__type":"Access\u001b[2JDenied","message":"a\u001b[31mb\r\nc\u202e"}`, "x-amzn-RequestId", "r")
	})
	if strings.ContainsAny(e.Error(), "\x1b\r\n\u202e") {
		t.Errorf("the message keeps control characters: %q", e.Error())
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	called := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		called++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	err := list(t.Context(), newTestClient(t, s.URL))
	if called != 1 || !Is(err, unreadable) || !strings.Contains(err.Error(), "redirect") {
		t.Errorf("called %d times, got %v", called, err)
	}
}

// TestA37_GiantAnswers: an answer of any size must not fill the memory.
func TestA37_GiantAnswers(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		r := answer(200, "")
		r.Body = endless{}
		return r, nil
	})))
	if err := list(t.Context(), c); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { clear(b); return len(b), nil }
func (endless) Close() error               { return nil }

func TestUnreadableSuccess(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "<html>MARKER"), nil })))
	err := list(t.Context(), c)
	if err == nil || strings.Contains(err.Error(), "MARKER") {
		t.Errorf("got %v: an unreadable answer is an error, and may hold a secret", err)
	}
}

func TestNoCredentials(t *testing.T) {
	called := false
	for _, p := range []aws.CredentialsProvider{
		aws.AnonymousCredentials{},
		aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil }),
	} {
		c := newTestClient(t, "http://127.0.0.1:1", WithCredentials(p), WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
			called = true
			return answer(200, "{}"), nil
		})))
		if err := list(t.Context(), c); !errors.Is(err, ErrNoCredentials) {
			t.Errorf("got %v", err)
		}
	}
	if called {
		t.Error("an unsigned request was sent")
	}
}
