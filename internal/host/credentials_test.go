//go:build linux

package host

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// asked is a request of the credentials endpoint as an SDK makes it, and what comes back.
func (f *fixture) asked(p *process, change func(*http.Request)) (int, string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.host.credentials.url(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Authorization", p.token)
	if change != nil {
		change(req)
	}
	w := httptest.NewRecorder()
	if req.Host == "" {
		req.Host = req.URL.Host
	}
	f.host.localHandler().ServeHTTP(w, req)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return w.Code, string(b)
}

func (f *fixture) processOf(session string) *process {
	f.t.Helper()
	for _, s := range f.host.list(func(s *sessionRecord) bool { return s.key.sessionID == session }) {
		if p := s.live(); p != nil {
			return p
		}
	}
	f.t.Fatalf("session %s does not run", session)
	return nil
}

type sessionRecord = session

func withRole(s *hostlink.Spec) { s.RoleARN = "arn:aws:iam::000000000000:role/agent" }

func (f *fixture) grantRole() {
	f.upstream.creds = func(p hostlink.Process) (hostlink.Credentials, error) {
		return hostlink.Credentials{AccessKeyID: "ASIA" + p.SessionID[8:9], SecretAccessKey: "secret-of-" + p.SessionID, Token: "token", Expiration: f.now().Add(time.Hour)}, nil
	}
}

func TestCredentialsAreTheSessionsOwnAndCached(t *testing.T) {
	f := start(t, nil)
	f.grantRole()
	spec := f.spec("plain", withRole)
	f.must(spec, sessionA, "alice", ask{})
	f.must(spec, sessionB, "bob", ask{})
	a, b := f.processOf(sessionA), f.processOf(sessionB)
	for range 3 {
		status, body := f.asked(a, nil)
		var got map[string]string
		if err := json.Unmarshal([]byte(body), &got); status != 200 || err != nil || got["AccessKeyId"] != "ASIAa" || got["Token"] != "token" || got["Expiration"] == "" {
			t.Fatalf("%d %s %v", status, body, err)
		}
	}
	if len(f.upstream.asked) != 1 || f.upstream.asked[0].UserKey != "alice" || f.upstream.asked[0].SessionID != sessionA {
		t.Errorf("the server was asked %+v", f.upstream.asked)
	}
	if _, body := f.asked(b, nil); !strings.Contains(body, "ASIAb") {
		t.Errorf("bob's agent was given %s", body)
	}
	f.move(56 * time.Minute)
	f.asked(a, nil)
	if len(f.upstream.asked) != 3 {
		t.Errorf("four minutes before their end the credentials were not renewed: %d questions", len(f.upstream.asked))
	}
}

func TestA65_CredentialsEndpointRefusesWhatNoSDKSends(t *testing.T) {
	f := start(t, nil)
	f.grantRole()
	f.must(f.spec("plain", withRole), sessionA, "alice", ask{})
	p := f.processOf(sessionA)
	for what, change := range map[string]func(*http.Request){
		"no token":              func(r *http.Request) { r.Header.Del("Authorization") },
		"another token":         func(r *http.Request) { r.Header.Set("Authorization", strings.Repeat("0", len(p.token))) },
		"a part of the token":   func(r *http.Request) { r.Header.Set("Authorization", p.token[:32]) },
		"the token and more":    func(r *http.Request) { r.Header.Set("Authorization", p.token+"0") },
		"a rebound name":        func(r *http.Request) { r.Host = "evil.example:80" },
		"localhost":             func(r *http.Request) { r.Host = strings.Replace(r.Host, "127.0.0.1", "localhost", 1) },
		"another port":          func(r *http.Request) { r.Host = "127.0.0.1:1" },
		"a browser":             func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"a browser's null":      func(r *http.Request) { r.Header.Set("Origin", "null") },
		"a browser's fetch":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
		"a proxy":               func(r *http.Request) { r.Header.Set("X-Forwarded-For", "1.2.3.4") },
		"a proxy's look-alike":  func(r *http.Request) { r.Header["X_forwarded_for"] = []string{"1.2.3.4"} },
		"a proxy's Forwarded":   func(r *http.Request) { r.Header.Set("Forwarded", "for=1.2.3.4") },
		"a page that refers":    func(r *http.Request) { r.Header.Set("Referer", "http://evil.example") },
		"POST":                  func(r *http.Request) { r.Method = http.MethodPost },
		"PUT of a token":        func(r *http.Request) { r.Method = http.MethodPut; r.URL.Path = "/latest/api/token" },
		"another path":          func(r *http.Request) { r.URL.Path = "/credentials/" },
		"a query":               func(r *http.Request) { r.URL.RawQuery = "token=" + p.token },
		"the metadata's path":   func(r *http.Request) { r.URL.Path = "/latest/meta-data/iam/security-credentials/" },
		"token and a bad field": func(r *http.Request) { r.Header.Set("Cookie", "a=b") },
	} {
		status, body := f.asked(p, change)
		if status != http.StatusForbidden && status != http.StatusUnauthorized || strings.Contains(body, "secret-of") {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	if len(f.upstream.asked) != 0 {
		t.Errorf("the server was asked %d times", len(f.upstream.asked))
	}
}

func TestA47_CredentialsTokenEndsWithItsProcess(t *testing.T) {
	f := start(t, nil)
	f.grantRole()
	spec := f.spec("plain", withRole)
	f.must(spec, sessionA, "alice", ask{})
	p := f.processOf(sessionA)
	if _, err := f.client.Stop(t.Context(), hostlink.StopRequest{RuntimeID: spec.RuntimeID}); err != nil {
		t.Fatal(err)
	}
	if status, body := f.asked(p, nil); status != http.StatusUnauthorized {
		t.Errorf("%d %s", status, body)
	}
}

func TestCredentialsFailureIsSaidAndNotRepeatedAtOnce(t *testing.T) {
	f := start(t, nil)
	f.upstream.creds = func(hostlink.Process) (hostlink.Credentials, error) {
		return hostlink.Credentials{}, errors.New("dial tcp 10.0.0.1: secret detail")
	}
	f.must(f.spec("plain", withRole), sessionA, "alice", ask{})
	p := f.processOf(sessionA)
	for range 5 {
		if status, body := f.asked(p, nil); status != http.StatusServiceUnavailable || strings.Contains(body, "secret detail") {
			t.Errorf("%d %s", status, body)
		}
	}
	if len(f.upstream.asked) != 1 {
		t.Errorf("the server was asked %d times within a moment", len(f.upstream.asked))
	}
}

func TestA47_TokenNeverReachesTheLog(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain", withRole)
	f.must(spec, sessionA, "alice", ask{})
	token := f.processOf(sessionA).token
	f.must(spec, sessionA, "alice", ask{Do: "log", Text: "my token is " + token})
	eventually(t, "the line", func() bool { return strings.Contains(f.log(spec, sessionA), "my token is [secret]") })
	if strings.Contains(f.log(spec, sessionA)+f.logged.String(), token) {
		t.Error("the token is in a log")
	}
}
