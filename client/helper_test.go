package client

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/sigv4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testID     = "AKIDEXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testToken  = "session-token"
)

var testNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func testCredentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(testID, testSecret, testToken)
}

func nothing(string) string { return "" }

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newTestClient is a client that asks the environment nothing.
func newTestClient(t *testing.T, endpoint string, more ...Option) *Client {
	t.Helper()
	opts := append([]Option{WithEndpoint(endpoint), WithRegion("eu-west-1"), WithCredentials(testCredentials()), WithEnvironment(nothing), WithClock(func() time.Time { return testNow })}, more...)
	c, err := New(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// serve runs a server of which every request must be signed by the test credentials.
func serve(t *testing.T, h func(w http.ResponseWriter, r *http.Request, body []byte)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := verify(r, body); err != nil {
			t.Errorf("%s: the signature does not verify: %v", r.URL.Path, err)
		}
		h(w, r, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func verify(r *http.Request, body []byte) error {
	q, err := sigv4.Parse(r)
	if err != nil {
		return err
	}
	service := "bedrock-agentcore"
	switch form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"); {
	case form && strings.Contains(string(body), "Version="+api.IAM.Version()):
		service = "iam"
	case form:
		service = "sts"
	case r.Header.Get("X-Amz-Target") != "":
		service = "cognito-idp"
	}
	if err := q.CheckService(service); err != nil {
		return err
	}
	return q.Verify(sigv4.DeriveKey([]byte(testSecret), q.Scope), body, testNow)
}

// answer is a response that a transport returns.
func answer(status int, body string, headers ...string) *http.Response {
	w := httptest.NewRecorder()
	for i := 0; i < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	return w.Result()
}

// list asks for one page: any operation would do.
func list(ctx context.Context, c *Client) error {
	_, err := c.ListWorkloadIdentities(ctx, nil)
	return err
}
