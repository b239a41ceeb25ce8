package authn_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/sigv4"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var errUnknown = errors.New("no such key")

// principals knows one key, and counts who asks for it.
type principals struct {
	caller policy.Caller
	asked  int
	sealed error // of reading the secret
}

func (p *principals) Principal(_ context.Context, accessKeyID, _ string) (*policy.Caller, func() (vault.Secret, error), error) {
	p.asked++
	if accessKeyID != "AKIAEXAMPLE" {
		return nil, nil, errUnknown
	}
	return &p.caller, func() (vault.Secret, error) { return vault.SecretString(secret), p.sealed }, nil
}

func now() time.Time { return time.Date(2031, 3, 14, 15, 9, 26, 0, time.UTC) }

func request(t *testing.T, key, secret, service, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest("POST", "https://lanyard.example.com/op", strings.NewReader(body))
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: key, SecretAccessKey: secret}, "us-west-2", service, now())
	return r
}

func TestCallerIsWhoSigned(t *testing.T) {
	t.Parallel()
	p := &principals{caller: policy.Caller{Account: "000000000000", Name: "alice", Kind: policy.KindUser}}
	a := authn.New(p, now)
	for _, peer := range []authn.Peer{{SourceIP: "192.0.2.1", Secure: true}, {SourceIP: "192.0.2.2"}} {
		c, err := a.Caller(request(t, "AKIAEXAMPLE", secret, "bedrock-agentcore", "{}"), []byte("{}"), peer, "bedrock-agentcore")
		if err != nil || c.Name != "alice" || c.SourceIP != peer.SourceIP || c.SecureTransport != peer.Secure {
			t.Errorf("caller is %+v, %v", c, err)
		}
	}
	if p.caller.SourceIP != "" {
		t.Error("one request's address was written into the shared caller")
	}
}

// TestA30_Refusals: each is a *Refusal that names the key which was claimed, and no caller comes with it.
func TestA30_Refusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key, secret, service, body string
		want                       string
		asked                      int
	}{
		"wrong secret":  {"AKIAEXAMPLE", secret + "x", "bedrock-agentcore", "{}", sigv4.CodeInvalidSignature, 1},
		"other service": {"AKIAEXAMPLE", secret, "s3", "{}", sigv4.CodeInvalidSignature, 0},
		"other body":    {"AKIAEXAMPLE", secret, "bedrock-agentcore", "[]", sigv4.CodeInvalidSignature, 1},
		"unknown key":   {"AKIAOTHER", secret, "bedrock-agentcore", "{}", "", 1},
	} {
		p := &principals{}
		caller, err := authn.New(p, now).Caller(request(t, c.key, c.secret, c.service, c.body), []byte("{}"), authn.Peer{}, "bedrock-agentcore", "lanyard")
		refusal, ok := errors.AsType[*authn.Refusal](err)
		if caller != nil || !ok || refusal.AccessKeyID != c.key || p.asked != c.asked {
			t.Errorf("%s: %v, %v, asked %d times", name, caller, err, p.asked)
			continue
		}
		if e, ok := errors.AsType[*sigv4.Error](err); c.want != "" && (!ok || e.Code != c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.want == "" && !errors.Is(err, errUnknown) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), c.secret) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
}

// TestUnreadableSecretIsNobody: without the secret nothing is proven, and the refusal is no success of an empty key.
func TestUnreadableSecretIsNobody(t *testing.T) {
	t.Parallel()
	p := &principals{sealed: errors.New("the key source is away")}
	for _, signer := range []string{secret, ""} {
		caller, err := authn.New(p, now).Caller(request(t, "AKIAEXAMPLE", signer, "bedrock-agentcore", "{}"), []byte("{}"), authn.Peer{}, "bedrock-agentcore")
		if refusal, ok := errors.AsType[*authn.Refusal](err); caller != nil || !ok || refusal.AccessKeyID != "AKIAEXAMPLE" || !errors.Is(err, p.sealed) {
			t.Errorf("%v, %v", caller, err)
		}
	}
}

// TestUnsignedIsNobody: no header makes a caller but a signature.
func TestUnsignedIsNobody(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "Authorization", "X-Amz-Security-Token", "X-Amzn-Oidc-Data", "X-Forwarded-User"} {
		r := httptest.NewRequest("POST", "https://lanyard.example.com/op", nil)
		if header != "" {
			r.Header.Set(header, "AKIAEXAMPLE")
		}
		p := &principals{}
		caller, err := authn.New(p, now).Caller(r, nil, authn.Peer{}, "bedrock-agentcore")
		if _, ok := errors.AsType[*authn.Refusal](err); caller != nil || !ok || p.asked != 0 {
			t.Errorf("%s: %v, %v", header, caller, err)
		}
	}
}

// TestClaims: a claim says nothing of the caller before it is proven by the hash of the body that came.
func TestClaims(t *testing.T) {
	t.Parallel()
	p := &principals{caller: policy.Caller{Name: "alice", Kind: policy.KindUser}}
	a := authn.New(p, now)
	claim, err := a.Claim(request(t, "AKIAEXAMPLE", secret, "bedrock-agentcore", "body"), "bedrock-agentcore")
	if err != nil {
		t.Fatal(err)
	}
	if declared, ok := claim.DeclaredHash(); !ok || declared != sha256.Sum256([]byte("body")) || !claim.Signed("Host") || claim.Signed("X-Added") {
		t.Errorf("the claim declares %x, %v", declared, ok)
	}
	if c, err := claim.Prove(sha256.Sum256([]byte("another")), authn.Peer{}); c != nil || err == nil {
		t.Errorf("another body: %v, %v", c, err)
	}
	if c, err := claim.Prove(sha256.Sum256([]byte("body")), authn.Peer{SourceIP: "192.0.2.1"}); err != nil || c.Name != "alice" || c.SourceIP != "192.0.2.1" {
		t.Errorf("its own body: %v, %v", c, err)
	}
	for name, r := range map[string]*http.Request{
		"unknown key": request(t, "AKIAOTHER", secret, "bedrock-agentcore", ""), "other service": request(t, "AKIAEXAMPLE", secret, "s3", ""), "unsigned": httptest.NewRequest("POST", "https://lanyard.example.com/op", nil),
	} {
		if claim, err := a.Claim(r, "bedrock-agentcore"); claim != nil || err == nil {
			t.Errorf("%s: claimed", name)
		}
	}
}
