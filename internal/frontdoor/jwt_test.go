package frontdoor_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
	"github.com/lanyard-id/lanyard/internal/issuer"
)

func withJWTRules(w *world) {
	b := mustURL(w.backend.URL)
	for path, which := range map[string]frontdoor.Token{"/access": frontdoor.AccessToken, "/id": frontdoor.IDToken} {
		w.cfg.Rules = append(w.cfg.Rules, rule(path, b, func(r *ruleT) {
			r.ForwardJWT = which
			if which == frontdoor.AccessToken {
				r.JWTAudiences = []string{w.cfg.Issuer} // what this identity provider's access tokens are for
			}
		}))
	}
	w.cfg.Rules = append(w.cfg.Rules, rule("/allow", b, func(r *ruleT) { r.ForwardJWT, r.Unauthenticated = frontdoor.AccessToken, frontdoor.Allow }))
}

// A rule may forward a token of the issuer's, so that the application can call GetWorkloadAccessTokenForJWT with it.
func TestForwardJWT(t *testing.T) {
	w := newWorld(t, withJWTRules)
	b := w.signedIn(t)
	for _, path := range []string{"/access", "/id"} {
		got := b.navigate(t, path)
		if got.Status != 200 {
			t.Fatalf("%s: %d %s", path, got.Status, got.Body)
		}
		token, ok := strings.CutPrefix(got.seen(t).Header.Get("Authorization"), "Bearer ")
		trust := issuer.Trust{Issuer: w.cfg.Issuer, Audiences: []string{clientID}, ClientIDs: []string{clientID}}
		claims, err := issuer.NewVerifier(w.gate.Fetcher, w.now).Verify(t.Context(), token, func(string) (issuer.Trust, bool) { return trust, true })
		if !ok || err != nil || claims.Subject != subject {
			t.Errorf("%s: %v, %v", path, claims, err)
		}
	}
	// A client's own Authorization passes on other rules, and never on these.
	if got := b.do(t, "GET", "/", "", "Authorization", "Bearer own").seen(t).Header.Get("Authorization"); got != "Bearer own" {
		t.Errorf("Authorization of another rule: %q", got)
	}
	if got := b.do(t, "GET", "/access", "", "Authorization", "Bearer forged").seen(t).Header.Get("Authorization"); strings.Contains(got, "forged") {
		t.Errorf("a client's Authorization took the place of the user's: %q", got)
	}
	if got := w.browser().do(t, "GET", "/allow", "", "Authorization", "Bearer forged").seen(t).Header.Get("Authorization"); got != "" {
		t.Errorf("a stranger's Authorization reached a backend that takes it for the user's: %q", got)
	}
}

func TestForwardJWTNeedsTheAudience(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.Rules = append(w.cfg.Rules, rule("/id", mustURL(w.backend.URL), func(r *ruleT) { r.ForwardJWT, r.JWTAudiences = frontdoor.IDToken, []string{"api://other"} }),
			rule("/access", mustURL(w.backend.URL), func(r *ruleT) { r.ForwardJWT = frontdoor.AccessToken }))
	})
	b := w.signedIn(t)
	for path, names := range map[string][]string{"/id": {clientID, "api://other"}, "/access": {w.cfg.Issuer, clientID}} {
		got := b.navigate(t, path)
		if got.Status != 561 || !strings.Contains(got.Body, names[0]) || !strings.Contains(got.Body, names[1]) || !strings.Contains(got.Body, "jwt_audiences") {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

// An identity provider of Entra's shape gives a token for Microsoft Graph, which nobody else can use.
func TestForwardJWTExplainsTokensOfGraph(t *testing.T) {
	for name, access := range map[string]string{
		"signed by others": jwt(t, map[string]any{"alg": "RS256", "typ": "JWT", "kid": "x"}, map[string]any{"aud": "00000003-0000-0000-c000-000000000000"}),
		"by URL":           jwt(t, map[string]any{"alg": "RS256", "typ": "JWT", "kid": "x"}, map[string]any{"aud": "https://graph.microsoft.com"}),
		"opaque":           "EwBwA8l6BAAU",
	} {
		w := newWorld(t, withJWTRules)
		b := w.browser()
		w.substitute(access)
		b.signIn(t, "/start?a=1")
		got := b.navigate(t, "/access")
		want := map[string]string{"opaque": "opaque one"}[name]
		if want == "" {
			want = "Microsoft Graph"
		}
		if got.Status != 561 || !strings.Contains(got.Body, want) || strings.Contains(got.Body, access) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if got := b.navigate(t, "/"); got.Status != 200 {
			t.Errorf("%s: a rule that forwards no JWT: %d", name, got.Status)
		}
	}
}

// A forwarded token that has expired is of no use: a person signs in again, a program is told to.
func TestForwardJWTThatExpired(t *testing.T) {
	w := newWorld(t, withJWTRules, func(w *world) { w.gate.Idle = 12 * time.Hour; w.gate.Scopes = []string{"openid"} })
	b := w.signedIn(t)
	w.advance(2 * time.Hour)
	w.idp.Close() // no refresh
	if got := b.navigate(t, "/id"); got.Status == 200 {
		t.Errorf("an expired ID token was forwarded: %s", got.Body)
	}
	if got := b.do(t, "GET", "/id", ""); got.Status == 200 {
		t.Errorf("an expired ID token was forwarded: %s", got.Body)
	}
}

func jwt(t testing.TB, header, more map[string]any) string {
	t.Helper()
	claims := map[string]any{"iss": "https://sts.example.com", "sub": subject, "exp": 1893560000, "iat": 1893550000}
	for k, v := range more {
		claims[k] = v
	}
	h, err1 := json.Marshal(header)
	c, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(h) + "." + enc.EncodeToString(c) + "." + enc.EncodeToString(make([]byte, 256))
}

// substitute makes the identity provider give this access token, for which its userinfo answers.
func (w *world) substitute(access string) {
	inner := w.idp.Config.Handler
	var real string
	w.idp.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
			rec := newRecorder()
			inner.ServeHTTP(rec, r)
			var answer map[string]any
			if json.Unmarshal(rec.body, &answer) == nil && answer["access_token"] != nil {
				real, _ = answer["access_token"].(string)
				answer["access_token"] = access
				rec.body, _ = json.Marshal(answer)
			}
			rec.to(rw)
		case r.Header.Get("Authorization") == "Bearer "+access:
			r.Header.Set("Authorization", "Bearer "+real)
			inner.ServeHTTP(rw, r)
		default:
			inner.ServeHTTP(rw, r)
		}
	})
}

type answerRecorder struct {
	header http.Header
	status int
	body   []byte
}

func newRecorder() *answerRecorder               { return &answerRecorder{header: http.Header{}, status: 200} }
func (r *answerRecorder) Header() http.Header    { return r.header }
func (r *answerRecorder) WriteHeader(status int) { r.status = status }
func (r *answerRecorder) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}
func (r *answerRecorder) to(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
}
