package signin

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// The development authorization server is a whole issuer that knows nothing of this package.
func TestSignInAtTheDevelopmentServer(t *testing.T) {
	c := newClock()
	var handler http.Handler
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	handler = developmentServer(t, web.URL+"/devidp", c)
	net, err := egress.New(egress.Config{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(net.CloseIdle)
	w := &world{t: t, idp: &idp{clock: c}, cfg: Config{
		Issuer: web.URL + "/devidp", ClientID: clientID, ClientSecret: vault.SecretString(clientSecret), RedirectURL: callbackURL,
		Scopes: []string{"openid", "profile", "email", "offline_access"}, Keys: [][]byte{testBytes(1)}, UserInfo: true,
		Ended: NewEndedMemory(c.now), Fetcher: net, Now: c.now,
	}}
	w.restart()
	b := newBrowser()
	target := allow(t, web, w.begin(b, "/welcome"))
	rec, err := w.callback(b, target.Query())
	if err != nil || rec.Header().Get("Location") != "/welcome" {
		t.Fatalf("sent on to %q, %v", rec.Header().Get("Location"), err)
	}
	s := w.mustSession(b)
	if s.Subject != "user-1" || s.Claims["email"] != "dev@example.com" {
		t.Fatalf("session = %v", s.Claims)
	}
	w.clock.advance(59 * time.Minute)
	fresh := w.mustSession(b)
	if fresh.AccessToken.RevealString() == s.AccessToken.RevealString() || fresh.ID != s.ID {
		t.Fatal("the tokens were not refreshed")
	}
	if _, err := w.logout(b, ""); err != nil {
		t.Fatal(err)
	}
	w.mustNot(b, "after the sign-out")
}

func developmentServer(t *testing.T, iss string, c *clock) http.Handler {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := issuer.PublicSet(testKey())
	if err != nil {
		t.Fatal(err)
	}
	server, err := devidp.New(devidp.Config{
		Issuer: iss, Client: devidp.Client{ID: clientID, SecretHash: devidp.HashSecret(clientSecret)},
		CallbackAllowed: func(raw string) bool { return raw == callbackURL },
		User:            devidp.User{Username: "dev", PasswordHash: hash, Subject: "user-1", Name: "Robin Dev", Email: "dev@example.com"},
		Key:             testKey(), JWKS: jwks, Store: devidptest.NewStore(c.now), Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler()
}

func allow(t *testing.T, web *httptest.Server, authorizationURL string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	person := devidptest.Person{HTTP: &http.Client{Jar: jar, Transport: web.Client().Transport}, Username: "dev", Password: "correct horse"}
	target, err := person.Allow(t.Context(), authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
