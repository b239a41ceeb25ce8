//go:build linux

package host

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// operator is whose credentials sign calls of models in the tests.
var operator = aws.Credentials{AccessKeyID: "AKIAOPERATOR", SecretAccessKey: "operators-secret", SessionToken: "operators-session"}

// bedrock is a stub of Amazon Bedrock that checks the operator's signature and streams.
func bedrock(t *testing.T) (*httptest.Server, chan struct{}) {
	t.Helper()
	more := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !signedByOperator(t, r, body) {
			w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		w.Header().Set("Set-Cookie", "a=b")
		_, _ = io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		<-more
		_, _ = io.WriteString(w, "two "+r.URL.EscapedPath()+" "+string(body))
	}))
	t.Cleanup(s.Close)
	return s, more
}

// signedByOperator signs the same request again and compares.
func signedByOperator(t *testing.T, r *http.Request, body []byte) bool {
	t.Helper()
	got := r.Header.Get("Authorization")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again, err := http.NewRequestWithContext(t.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), strings.NewReader(string(body)))
	if err != nil {
		return false
	}
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	again.ContentLength = int64(len(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), operator, again, shaOf(body), "bedrock", "us-west-2", at); err != nil {
		return false
	}
	return got == again.Header.Get("Authorization") && r.Header.Get("X-Amz-Security-Token") == operator.SessionToken
}

func modelHost(t *testing.T, url string) (*fixture, *process) {
	t.Helper()
	f := start(t, func(c *Config) {
		c.Models = []ModelService{{Service: "bedrock-runtime", Region: "us-west-2", URL: url, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return operator, nil })}}
	})
	f.must(f.spec("plain"), sessionA, "alice", ask{})
	return f, f.processOf(sessionA)
}

const conversePath = "/model/anthropic.claude-v2%3A1/converse-stream"

// modelCall is one call as an agent's SDK makes it.
func (f *fixture) modelCall(p *process, change func(*http.Request)) *http.Response {
	f.t.Helper()
	base := f.host.modelVariables(p)["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, base+conversePath, strings.NewReader(`{"messages":[]}`))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=ASIAAGENT/…, Signature=agents")
	req.Header.Set("X-Amz-Security-Token", "agents-session")
	if change != nil {
		change(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestModelCallIsVerifiedThenSignedByTheOperatorAndStreamed(t *testing.T) {
	stub, more := bedrock(t)
	f, p := modelHost(t, stub.URL)
	f.upstream.allow = func(hostlink.ModelCall) error { return nil }
	res := f.modelCall(p, nil)
	b := make([]byte, 16)
	n, err := res.Body.Read(b)
	if err != nil || string(b[:n]) != "one" || res.StatusCode != 200 || res.Header.Get("Set-Cookie") != "" {
		t.Fatalf("%d %q %v %v", res.StatusCode, b[:n], err, res.Header)
	}
	close(more)
	rest, err := io.ReadAll(res.Body)
	if err != nil || string(rest) != "two "+conversePath+` {"messages":[]}` {
		t.Errorf("%q %v", rest, err)
	}
	call := f.upstream.calls[0]
	if call.Process.SessionID != sessionA || call.Service != "bedrock-runtime" || call.Method != http.MethodPost || !strings.HasSuffix(call.URI, conversePath) ||
		call.PayloadSHA256 != shaOf([]byte(`{"messages":[]}`)) || call.Header.Get("X-Amz-Security-Token") != "agents-session" {
		t.Errorf("the server was asked %+v", call)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestModelCallsThatAreRefused(t *testing.T) {
	stub, more := bedrock(t)
	close(more)
	f, p := modelHost(t, stub.URL)
	for what, change := range map[string]func(*http.Request){
		"what policy denies": nil,
		"another secret":     func(r *http.Request) { r.URL.Path = pathModels + strings.Repeat("0", 32) + "/bedrock-runtime/model/x" },
		"another service":    func(r *http.Request) { r.URL.Path = pathModels + p.model + "/s3/bucket" },
		"a rebound name":     func(r *http.Request) { r.Host = "evil.example" },
		"a browser":          func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
	} {
		if what != "what policy denies" {
			f.upstream.allow = func(hostlink.ModelCall) error { return nil }
		}
		if res := f.modelCall(p, change); res.StatusCode != http.StatusForbidden || res.Header.Get("X-Amzn-Errortype") != "AccessDeniedException" {
			t.Errorf("%s: %d", what, res.StatusCode)
		}
		f.upstream.allow = nil
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestModelsNeverInclude(t *testing.T) {
	for _, m := range []ModelService{{Service: "s3", Region: "us-west-2"}, {Service: "sts", Region: "us-west-2"}, {Service: "bedrock-runtime"}, {Service: "bedrock-runtime", Region: "us-west-2", URL: "http://evil.example"}} {
		cfg := hostConfig(t)
		cfg.Models = []ModelService{m}
		if h, err := New(t.Context(), cfg, Deps{}); err == nil {
			_ = h.Close()
			t.Errorf("%+v was accepted", m)
		}
	}
}

func TestModelsAreOffUnlessConfigured(t *testing.T) {
	f := start(t, nil)
	f.must(f.spec("plain"), sessionA, "alice", ask{})
	if v := f.host.modelVariables(f.processOf(sessionA)); len(v) != 0 {
		t.Errorf("%v", v)
	}
}
