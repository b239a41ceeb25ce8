package identity_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// secrets is everything that one story produced and nobody but its owner may see.
type secrets struct {
	mu   sync.Mutex
	list map[string]string
}

func (s *secrets) plant(name, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(value) >= 12 {
		s.list[fmt.Sprint(name, " ", len(s.list))] = value
	}
	return value
}

// TestA63_NothingSecretRestsInClear plays a story with every kind of secret in it, through success and through every kind
// of failure, and then looks for each in the log, the audit, the answers of errors, the figures and the files.
func TestA63_NothingSecretRestsInClear(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	s := a.Service
	planted := &secrets{list: map[string]string{}}
	errorBodies := playStory(t, a, planted)
	if len(planted.list) < 20 {
		t.Fatalf("only %d secrets were planted", len(planted.list))
	}
	places := map[string]string{"log": s.Logs(), "errors": errorBodies, "metrics": metrics(s)}
	for _, action := range []string{"", "lanyard:AuthorizationCallback"} {
		places["audit "+action] = dump(s.Audit(t, identity.AuditFilter{Action: action}))
	}
	files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	check(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		check(t, err)
		places[filepath.Base(f)] = string(b)
	}
	for _, must := range []string{"lanyard.db", "lanyard.db-wal", "audit.db", "log", "audit ", "metrics", "errors"} {
		if len(places[must]) < 100 {
			t.Errorf("there is nothing to search in %s", must)
		}
	}
	for place, text := range places {
		for name, secret := range planted.list {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in clear in %s", name, place)
			}
		}
	}
}

func metrics(s *servertest.Service) string {
	w := httptest.NewRecorder()
	promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func dump(records []identity.AuditRecord) string {
	var b strings.Builder
	for _, r := range records {
		for _, v := range append(r.Resources, r.ID, r.RequestID, r.Caller, r.AccessKey, r.SourceIP, r.Action, r.Result, r.Code, r.Reason, r.Decision, r.Workload, r.Provider, r.User, r.GrantID, r.SessionID) {
			b.WriteString(v + "\n")
		}
	}
	return b.String()
}

// playStory returns the bodies of all errors on the way.
func playStory(t *testing.T, a *jwtAgent, planted *secrets) string {
	t.Helper()
	s := a.Service
	var failures strings.Builder
	fail := func(err error) {
		t.Helper()
		if err == nil {
			t.Fatal("this step was to fail")
		}
		failures.WriteString(err.Error() + "\n")
	}
	planted.plant("client secret", a.IDP.ClientSecret)
	planted.plant("root's secret", s.Root.Secret)
	key := planted.plant("API key", "api-key-MARKER-4711")
	s.Call(t, s.Root, api.CreateApiKeyCredentialProvider, map[string]any{"name": "key", "apiKey": key})
	for _, size := range []int{10, 5000} {
		jwt := planted.plant("JWT", a.iss.Mint(t, "alice", 4*time.Hour, map[string]any{"pad": strings.Repeat("p", size)}))
		planted.plant("JWT's signature", jwt[strings.LastIndexByte(jwt, '.')+1:])
		token, err := a.token(jwt)
		check(t, err)
		planted.plant("workload access token", token)
		begun, err := a.Ask(token, scopes("s", "t", string(rune('a'+size%26))), func(in *input) {
			in.CustomState = aws.String(planted.plant("custom state", "custom-state-MARKER-42"))
			in.CustomParameters = map[string]string{"login_hint": planted.plant("custom parameter", "login-hint-MARKER-43")}
		})
		check(t, err)
		consentAndFail(t, a, planted, begun, jwt, fail)
		fail(a.complete(*begun.SessionUri, a.iss.Mint(t, "bob", time.Hour, nil)))
		check(t, a.complete(*begun.SessionUri, jwt))
		fail(a.complete(*begun.SessionUri, jwt))
		form := a.IDP.Last("authorization_code").Form
		planted.plant("code", form.Get("code"))
		planted.plant("verifier", form.Get("code_verifier"))
		refreshInTrouble(t, a, planted, jwt, scopes("s", "t", string(rune('a'+size%26))), fail)
	}
	_, err := a.Ask(planted.plant("bad token", "token-that-is-none-MARKER"))
	fail(err)
	fail(wrongShape(a, planted))
	check(t, s.Identity.Sweep(context.Background(), 0))
	return failures.String()
}

// consentAndFail walks the consent in every wrong way first.
func consentAndFail(t *testing.T, a *jwtAgent, planted *secrets, begun *data.GetResourceOauth2TokenOutput, jwt string, fail func(error)) {
	t.Helper()
	s := a.Service
	planted.plant("session URI", strings.TrimPrefix(*begun.SessionUri, "urn:ietf:params:oauth:request_uri:"))
	fail(a.complete(*begun.SessionUri, jwt)) // too early
	b := s.NewBrowser(t)
	callback := b.Callback(t, *begun.AuthorizationUrl)
	q := servertest.Query(t, callback)
	planted.plant("state", q.Get("state"))
	planted.plant("code", q.Get("code"))
	pages := []*servertest.Page{
		s.NewBrowser(t).Open(t, callback), b.Open(t, replace(t, callback, "iss", "https://evil.example")), b.Open(t, callback+"&code=x"),
		b.Open(t, strings.Replace(callback, "?", "x?", 1)), b.Open(t, callback), b.Open(t, callback),
	}
	for _, p := range pages {
		if got := p.Header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("Referrer-Policy is %q on a page with %d", got, p.Status)
		}
		if p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control is %q on a page with %d", p.Header.Get("Cache-Control"), p.Status)
		}
		if strings.Contains(p.Body, q.Get("code")) || strings.Contains(p.Body, q.Get("state")) {
			t.Error("a page shows the code or the state")
		}
	}
}

// refreshInTrouble provokes the provider's errors, some of which repeat the secrets they were sent.
func refreshInTrouble(t *testing.T, a *jwtAgent, planted *secrets, jwt string, which func(*input), fail func(error)) {
	t.Helper()
	token := func() string {
		token, err := a.token(jwt)
		check(t, err)
		return token
	}
	out, err := a.Ask(token(), which)
	check(t, err)
	planted.plant("access token", aws.ToString(out.AccessToken))
	a.Service.Clock.Advance(time.Hour)
	a.IDP.FailNext(1, 503)
	_, err = a.Ask(token(), which)
	fail(err)
	sent := planted.plant("refresh token", a.IDP.Last("refresh_token").Form.Get("refresh_token"))
	a.IDP.OnToken(oauthtest.JSON(400, `{"error":"invalid_request","error_description":"bad `+sent+` of `+a.IDP.ClientSecret+`"}`))
	_, err = a.Ask(token(), which)
	fail(err)
	a.IDP.OnToken(nil)
	out, err = a.Ask(token(), which)
	check(t, err)
	planted.plant("second access token", aws.ToString(out.AccessToken))
}

// wrongShape sends secrets where their form is refused.
func wrongShape(a *jwtAgent, planted *secrets) error {
	_, err := a.Data.GetWorkloadAccessTokenForJWT(context.Background(), &data.GetWorkloadAccessTokenForJWTInput{
		WorkloadName: &a.Workload, UserToken: aws.String(planted.plant("malformed JWT", "malformed jwt MARKER 99"))})
	if err == nil {
		return nil
	}
	uri := "urn:ietf:params:oauth:request_uri:" + planted.plant("mistyped session URI", "MARKER-session-URI-100")
	if e := a.Complete(uri+" ", "alice"); e == nil {
		return nil
	}
	_, e := a.Ask("x", polling(uri+" "), func(in *input) { in.CustomState = aws.String(strings.Repeat("custom-state-MARKER-42", 500)) })
	return e
}
