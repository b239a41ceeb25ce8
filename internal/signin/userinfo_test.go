package signin

import (
	"net/http"
	"strings"
	"testing"
)

func TestUserInfoThatIsRefused(t *testing.T) {
	plain := func(mediaType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, tc := range map[string]struct {
		h      http.HandlerFunc
		kind   Kind
		status int
		says   string
	}{
		"another subject":   {plain("application/json", `{"sub":"user-2"}`), Provider, 561, "sub must be the same"},
		"subject, in part":  {plain("application/json", `{"sub":"user-"}`), Provider, 561, "sub must be the same"},
		"no subject":        {plain("application/json", `{"name":"x"}`), Provider, 561, "sub must be the same"},
		"subject, a number": {plain("application/json", `{"sub":1}`), Provider, 561, "sub must be the same"},
		"two subjects":      {plain("application/json", `{"sub":"user-1","sub":"user-2"}`), Provider, 561, "twice"},
		"a JWT":             {plain("application/jwt", "a.b.c"), Provider, 561, "plain JSON"},
		"401":               {status(401), Provider, 561, "another audience"},
		"403":               {status(403), Provider, 561, "another audience"},
		"404":               {status(404), Provider, 561, "status 404"},
		"500":               {status(500), Unreachable, 504, "status 500"},
		"cut off":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Unreachable, 504, "/userinfo"},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t), newBrowser()
			w.at("/userinfo", tc.h)
			_, err := w.callback(b, w.answered(w.begin(b, "/")))
			wantKind(t, err, tc.kind, tc.status, tc.says)
			w.mustNot(b, name)
		})
	}
}

// An issuer whose endpoints are in three places, whose access token is for one API at a time, and whose userinfo endpoint
// belongs to an API of its own.
func TestIssuerWithUserInfoElsewhere(t *testing.T) {
	var w *world
	graph := "graph-token"
	w = newWorld(t)
	w.cfg.Endpoints = &Endpoints{Authorization: w.web.URL + "/oauth2/v2.0/authorize", Token: w.web.URL + "/token",
		UserInfo: w.web.URL + "/oidc/userinfo", JWKS: w.web.URL + "/jwks"}
	w.cfg.Issuer += "/tenant/v2.0"
	w.restart()
	w.at("/oidc/userinfo", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+graph {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		reply(rw, 200, map[string]any{"sub": "user-1", "name": "From the graph"})
	})
	w.script(func() { w.claims = func(c members) { c["iss"] = w.cfg.Issuer; delete(c, "at_hash") } })
	b := newBrowser()
	begun := w.begin(b, "/")
	if !strings.HasPrefix(begun, w.web.URL+"/oauth2/v2.0/authorize?") {
		t.Fatalf("sent to %s", begun)
	}
	_, err := w.callback(b, w.answered(begun)) // the access token is for the app's own API
	wantKind(t, err, Provider, 561, "probably for another audience")
	if e := err.(*Error); e.URL != w.web.URL+"/oidc/userinfo" || !strings.Contains(err.Error(), "claims from the ID token") {
		t.Errorf("error = %v at %s", err, e.URL)
	}
	w.script(func() { w.answer = func(m map[string]any) { m["access_token"] = graph } })
	w.signIn(b)
	if s := w.mustSession(b); s.Claims["name"] != "From the graph" || s.Issuer != w.cfg.Issuer {
		t.Fatalf("session = %v", s.Claims)
	}
	if w.counted("/tenant/v2.0/.well-known/openid-configuration")+w.counted("/.well-known/openid-configuration") != 0 {
		t.Error("endpoints were discovered although they are configured")
	}
}
