package frontdoor_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A person opens the application, signs in at the identity provider, and the backend learns who it is from a header that
// the application's verifier accepts.
func TestWholeSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	got := b.navigate(t, "/start?a=1")
	if got.Status != http.StatusOK {
		t.Fatalf("status %d: %s", got.Status, got.Body)
	}
	s := got.seen(t)
	if s.Path != "/start" || s.Query != "a=1" || s.Host != strings.TrimPrefix(w.site.URL, "http://") {
		t.Errorf("the backend saw %s?%s at %s", s.Path, s.Query, s.Host)
	}
	if id := s.Header.Get("X-Amzn-Oidc-Identity"); id != subject {
		t.Errorf("identity %q, want %q", id, subject)
	}
	if s.Header.Get("X-Amzn-Oidc-Accesstoken") != "" || s.Header.Get("Authorization") != "" {
		t.Error("the backend got the access token though no rule asks for it (A63)")
	}
	if strings.Contains(s.Header.Get("Cookie"), "Lanyard") {
		t.Errorf("the backend got the front door's cookie: %s", s.Header.Get("Cookie"))
	}
	user, err := w.verifier(t, w.now).Verify(t.Context(), s.Header.Get("X-Amzn-Oidc-Data"))
	if err != nil {
		t.Fatal(err)
	}
	if user.Subject != subject {
		t.Errorf("subject %q, want %q", user.Subject, subject)
	}
}

// The header is written as load balancers write it: field order, padding, times, kid.
func TestDataHeaderForm(t *testing.T) {
	w := newWorld(t)
	token := w.signedIn(t).navigate(t, "/").seen(t).Header.Get("X-Amzn-Oidc-Data")
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(parts[2]) != 88 {
		t.Fatalf("%d parts, signature of %d characters; want 3 and 88 (64 bytes with padding)", len(parts), len(parts[len(parts)-1]))
	}
	head, err := base64.URLEncoding.DecodeString(parts[0]) // strict about padding
	if err != nil {
		t.Fatalf("the header segment keeps no padding: %v", err)
	}
	var order []string
	d := json.NewDecoder(strings.NewReader(string(head)))
	for depth := 0; ; {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if delim, ok := tok.(json.Delim); ok {
			depth += map[json.Delim]int{'{': 1, '}': -1}[delim]
			continue
		}
		order = append(order, strings.TrimSpace(tokenText(tok)))
		_, _ = d.Token()
	}
	if got, want := strings.Join(order, " "), "typ kid alg iss client signer exp"; got != want {
		t.Errorf("fields %q, want %q", got, want)
	}
	payload, err := base64.URLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatalf("the payload segment keeps no padding: %v", err)
	}
	var claims struct {
		Sub, Email, Iss string
		Exp             int64
		Aud             any
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Sub != subject || claims.Email != "dev@example.com" || claims.Iss != w.cfg.Issuer || claims.Exp != w.now().Add(2*time.Minute).Unix() || claims.Aud != nil {
		t.Errorf("claims %s", payload)
	}
}

func tokenText(t json.Token) string {
	s, _ := t.(string)
	return s
}

// One signature serves half of its life, and the next one is fresh.
func TestDataHeaderIsReusedForHalfItsLife(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	data := func() string { return b.navigate(t, "/").seen(t).Header.Get("X-Amzn-Oidc-Data") }
	first := data()
	w.advance(59 * time.Second)
	if data() != first {
		t.Error("a header was signed anew within half of its life")
	}
	w.advance(2 * time.Second)
	second := data()
	if second == first {
		t.Error("a header was used for more than half of its life")
	}
	w.advance(2 * time.Minute)
	if _, err := w.verifier(t, w.now).Verify(t.Context(), second); err == nil {
		t.Error("a header of two minutes ago was accepted")
	}
}

func TestUserInfo(t *testing.T) {
	w := newWorld(t)
	got := w.signedIn(t).do(t, "GET", "/oauth2/userinfo", "")
	var claims map[string]any
	if err := json.Unmarshal([]byte(got.Body), &claims); err != nil || claims["sub"] != subject || claims["email"] != "dev@example.com" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got = w.browser().do(t, "GET", "/oauth2/userinfo", ""); got.Status != 401 || !strings.Contains(got.Body, `"sign_in_url":"`+w.site.URL+`/oauth2/sign-in"`) {
		t.Errorf("without a session: %d %s", got.Status, got.Body)
	}
}

func TestSignInOnPurpose(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ to, want string }{{"/app/x?y=1", "/app/x?y=1"}, {"https://evil.example/", "/"}, {"//evil.example", "/"}, {"/oauth2/sign-in", "/"}, {"", "/"}} {
		b := w.browser()
		resp := b.navigate(t, "/oauth2/sign-in?return_to="+strings.ReplaceAll(strings.ReplaceAll(c.to, "?", "%3F"), "&", "%26"))
		if resp.Status != 302 {
			t.Fatalf("return_to %q: %d %s", c.to, resp.Status, resp.Body)
		}
		if to := b.finish(t, resp.Header.Get("Location")); to != c.want {
			t.Errorf("return_to %q led to %q, want %q (A12)", c.to, to, c.want)
		}
	}
}
