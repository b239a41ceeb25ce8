package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// Clients are unmodified AWS SDK clients of both planes, of STS and of IAM.
type Clients struct {
	Data    *data.Client
	Control *control.Client
	STS     *sts.Client
	IAM     *iam.Client
}

// clockSigner is the SDK's own signer with the test's clock: the real one would sign outside the skew once a test has
// moved time.
type clockSigner struct {
	signer *v4.Signer
	clock  *Clock
}

func (s clockSigner) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time, opts ...func(*v4.SignerOptions)) error {
	return s.signer.SignHTTP(ctx, c, r, payloadHash, service, region, s.clock.Now(), opts...)
}

// Client returns SDK clients that sign with the credentials. They do not retry: a test sees the first answer.
func (s *Service) Client(c Credentials) Clients {
	cfg := aws.Config{
		Region: s.Region, BaseEndpoint: aws.String(s.URL),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.Secret, c.SessionToken),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	signer := clockSigner{v4.NewSigner(), s.Clock}
	return Clients{
		Data:    data.NewFromConfig(cfg, func(o *data.Options) { o.HTTPSignerV4 = signer }),
		Control: control.NewFromConfig(cfg, func(o *control.Options) { o.HTTPSignerV4 = signer }),
		STS:     sts.NewFromConfig(cfg, func(o *sts.Options) { o.HTTPSignerV4 = signer }),
		IAM:     iam.NewFromConfig(cfg, func(o *iam.Options) { o.HTTPSignerV4 = signer }),
	}
}

// Answer is an HTTP answer, read whole.
type Answer struct {
	Status    int
	Header    http.Header
	Body      []byte
	Exception api.Exception // of an answer that is one
}

// Into decodes the body.
func (a *Answer) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("answer %d %s: %v", a.Status, a.Body, err)
	}
}

// Call sends an operation of the table, signed, with the JSON of body (or body itself, as bytes or string).
func (s *Service) Call(t testing.TB, c Credentials, op api.Operation, body any) *Answer {
	t.Helper()
	r := s.Request(t, op, body)
	s.Sign(t, c, r, SignedAs(op))
	return s.Do(t, r)
}

// Request builds an unsigned request of an operation.
func (s *Service) Request(t testing.TB, op api.Operation, body any) *http.Request {
	t.Helper()
	if op.Service.Version() != "" {
		return s.queryRequest(t, op, body)
	}
	if in := api.RuntimeInput(op); in != nil {
		if members, ok := body.(map[string]any); ok {
			return s.locatedRequest(t, op, in, members)
		}
	}
	r, err := http.NewRequest(op.Method, s.URL+op.Path, bytes.NewReader(encoded(t, body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func encoded(t testing.TB, body any) []byte {
	t.Helper()
	switch b := body.(type) {
	case []byte:
		return b
	case string:
		return []byte(b)
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Send signs a request for the service's region and sends it.
func (s *Service) Send(t testing.TB, c Credentials, r *http.Request) *Answer {
	t.Helper()
	s.Sign(t, c, r, "bedrock-agentcore")
	return s.Do(t, r)
}

// Sign signs a request for a service of the test's choice.
func (s *Service) Sign(t testing.TB, c Credentials, r *http.Request, service string) {
	t.Helper()
	var body []byte
	if r.GetBody != nil {
		rc, err := r.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(rc); err != nil {
			t.Fatal(err)
		}
	}
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.SessionToken}, s.Region, service, s.Clock.Now())
}

// Do sends a request as it is and follows no redirect.
func (s *Service) Do(t testing.TB, r *http.Request) *Answer {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if resp.StatusCode >= 400 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		a.Into(t, &a.Exception)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") == "text/xml" {
		a.queryException(t)
	}
	return a
}
