package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

var creds = sigv4.Credentials{AccessKeyID: "AKIDFLOOR", SecretAccessKey: "secret"}

func server(t *testing.T) *httptest.Server {
	t.Helper()
	v := newVault()
	tab, err := openTable(t.Context(), filepath.Join(t.TempDir(), "floor.db"), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tab.close)
	if err := fill(t.Context(), tab, v, 3); err != nil {
		t.Fatal(err)
	}
	m, err := newMinter()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler(tab, v, m, newVerifier(creds.AccessKeyID, creds.SecretAccessKey)))
	t.Cleanup(s.Close)
	return s
}

// post sends a signed request; alter changes it after it was signed.
func post(t *testing.T, s *httptest.Server, path, body string, alter func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sigv4.Sign(r, []byte(body), creds, "us-west-2", "bedrock-agentcore", time.Now())
	if alter != nil {
		alter(r)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const mintPath = "/identities/GetWorkloadAccessTokenForUserId"

func mintFor(t *testing.T, s *httptest.Server, user string) string {
	t.Helper()
	status, body := post(t, s, mintPath, `{"workloadName":"bench-agent","userId":"`+user+`"}`, nil)
	token, ok := strings.CutPrefix(body, `{"workloadAccessToken":"`)
	if status != http.StatusOK || !ok {
		t.Fatalf("minting: %d %s", status, body)
	}
	return strings.TrimSuffix(token, `"}`)
}

func TestFloorDoesTheWholeWork(t *testing.T) {
	s := server(t)
	token := mintFor(t, s, "user-00000002")
	status, body := post(t, s, "/identities/oauth2/token", `{"workloadIdentityToken":"`+token+`","resourceCredentialProviderName":"bench-oauth2","scopes":["files.read","openid"],"oauth2Flow":"USER_FEDERATION"}`, nil)
	if status != http.StatusOK || len(body) < tokenSize {
		t.Errorf("resource token: %d, %d bytes", status, len(body))
	}
	status, body = post(t, s, "/identities/api-key", `{"workloadIdentityToken":"`+token+`","resourceCredentialProviderName":"bench-key"}`, nil)
	if status != http.StatusOK || body != `{"apiKey":"`+apiKey+`"}` {
		t.Errorf("API key: %d %s", status, body)
	}
	for _, alg := range []string{"ES384", "RS256"} {
		status, body = post(t, s, "/", "Action=GetWebIdentityToken&Audience.member.1=a&DurationSeconds=300&SigningAlgorithm="+alg, nil)
		_, rest, _ := strings.Cut(body, "<WebIdentityToken>")
		token, _, _ := strings.Cut(rest, "<")
		if _, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)}); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %s", alg, status, body)
		}
	}
}

func TestFloorRefuses(t *testing.T) {
	s := server(t)
	for name, alter := range map[string]func(*http.Request){
		"no signature": func(r *http.Request) { r.Header.Del("Authorization") },
		"other body":   func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 },
		"other path":   func(r *http.Request) { r.URL.Path = "/identities/api-key" },
		"other time":   func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") },
		"other key id": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIDFLOOR", "AKIDOTHER", 1))
		},
		"other content": func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
	} {
		if status, body := post(t, s, mintPath, `{"workloadName":"bench-agent","userId":"u"}`, alter); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, _ := post(t, s, "/identities/oauth2/token", `{"workloadIdentityToken":"`+mintFor(t, s, "stranger")+`","resourceCredentialProviderName":"bench-oauth2"}`, nil); status != http.StatusBadRequest {
		t.Errorf("a user without a token got %d", status)
	}
}
