package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	testID     = "AKIDEXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testToken  = "tok+/=en"
	testRegion = "us-west-2"
)

var testNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func testCredentials(token string) Credentials {
	return Credentials{AccessKeyID: testID, SecretAccessKey: testSecret, SessionToken: token}
}

// wire sends a request through its text form, so that the verifier sees what
// net/http's server makes of it.
func wire(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatalf("write the request: %v", err)
	}
	got, err := receive(b.String())
	if err != nil {
		t.Fatalf("read the request back: %v\n%s", err, b.String())
	}
	return got
}

func receive(raw string) (*http.Request, error) {
	return http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
}

func readBody(t testing.TB, r *http.Request) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read the body: %v", err)
	}
	return b
}

func newRequest(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed is an ordinary signed request as the server receives it.
func signed(t testing.TB, token string) (*http.Request, []byte) {
	t.Helper()
	body := `{"workloadName":"agent"}`
	r := newRequest(t, "POST", "http://127.0.0.1:8585/tags/arn%3Aaws%3Ax%2Fy?k=b%20c&k=a", body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Amz-Target", "Service.Operation")
	Sign(r, []byte(body), testCredentials(token), testRegion, "bedrock-agentcore", testNow)
	return wire(t, r), []byte(body)
}

func presigned(t testing.TB, token string, expires time.Duration) *http.Request {
	t.Helper()
	r := newRequest(t, "GET", "http://127.0.0.1:8585/?Action=GetCallerIdentity&Version=2011-06-15", "")
	r.Body, r.ContentLength = nil, 0
	Presign(r, testCredentials(token), testRegion, "sts", expires, testNow)
	return wire(t, r)
}

// check parses and verifies with the test secret.
func check(r *http.Request, body []byte, now time.Time) error {
	q, err := Parse(r)
	if err != nil {
		return err
	}
	return q.Verify(DeriveKey([]byte(testSecret), q.Scope), body, now)
}

// refused demands a refusal with one of our codes and the wanted text.
func refused(t *testing.T, err error, code, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a refusal with %s", err, code)
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("got %v, want %s with %q", err, code, text)
	}
}

func sdkSign(t testing.TB, r *http.Request, body []byte, token, service string, at time.Time) {
	t.Helper()
	sum := sha256.Sum256(body)
	c := aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret, SessionToken: token}
	if err := v4.NewSigner().SignHTTP(context.Background(), c, r, hex.EncodeToString(sum[:]), service, testRegion, at); err != nil {
		t.Fatal(err)
	}
}
