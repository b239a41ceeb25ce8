package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused expects an answer with this exception, its status, and the headers that every exception has.
func refused(t testing.TB, a *servertest.Answer, want api.ExceptionName) {
	t.Helper()
	if a.Exception.Name != want || a.Status != want.Status() {
		t.Fatalf("answer is %d %s, want %d %s: %s", a.Status, a.Exception.Name, want.Status(), want, a.Body)
	}
	if got := a.Header.Get("X-Amzn-ErrorType"); got != string(want) {
		t.Errorf("X-Amzn-ErrorType is %q, want %s", got, want)
	}
	if a.Header.Get("X-Amzn-Requestid") == "" || a.Exception.Message == "" {
		t.Errorf("an exception needs a request id and a message: %v %s", a.Header, a.Body)
	}
	if want == api.ValidationException && a.Exception.Reason == "" {
		t.Errorf("a ValidationException needs a reason: %s", a.Body)
	}
}

// failsAs expects an SDK error of exactly this type, with the status, and with a request id.
func failsAs[T error](t testing.TB, err error, status int) T {
	t.Helper()
	want, ok := errors.AsType[T](err)
	if !ok {
		t.Fatalf("error is %v (%T), want %T", err, err, want)
	}
	resp, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok || resp.HTTPStatusCode() != status {
		t.Fatalf("status is %v, want %d", err, status)
	}
	if len(resp.ServiceRequestID()) != 36 {
		t.Errorf("request id is %q, want a UUID", resp.ServiceRequestID())
	}
	return want
}

// get sends an unsigned request.
func get(t testing.TB, s *servertest.Service, method, path string, header http.Header, body string) *servertest.Answer {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	check(t, err)
	for name, values := range header {
		r.Header[name] = values
	}
	return s.Do(t, r)
}
