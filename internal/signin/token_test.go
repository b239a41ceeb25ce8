package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestClientProvesItselfInOneWay(t *testing.T) {
	for name, tc := range map[string]struct {
		method  AuthMethod
		secret  string
		offered []string
		basic   bool
		post    bool
	}{
		"basic when nothing is said":    {secret: clientSecret, basic: true},
		"basic when both are offered":   {secret: clientSecret, offered: []string{"client_secret_post", "client_secret_basic"}, basic: true},
		"post when it is all there is":  {secret: clientSecret, offered: []string{"private_key_jwt", "client_secret_post"}, post: true},
		"post as configured":            {method: ClientSecretPost, secret: clientSecret, offered: []string{"client_secret_basic"}, post: true},
		"basic as configured":           {method: ClientSecretBasic, secret: clientSecret, offered: []string{"client_secret_post"}, basic: true},
		"none without a secret":         {},
		"none as configured, no secret": {method: None},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t, func(c *Config) { c.AuthMethod, c.ClientSecret = tc.method, vault.SecretString(tc.secret) }), newBrowser()
			if tc.offered != nil {
				w.script(func() {
					w.metadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = tc.offered }
				})
			}
			w.signIn(b)
			user, pass, basic := (&http.Request{Header: w.header}).BasicAuth()
			if basic != tc.basic || basic && (user != clientID || pass != url.QueryEscape(clientSecret)) {
				t.Errorf("basic = %v, %q, %q", basic, user, pass)
			}
			if got := w.form.Get("client_secret"); w.form.Has("client_secret") != tc.post || tc.post && got != clientSecret {
				t.Errorf("client_secret in the form: %q", got)
			}
			if w.form.Has("client_id") == tc.basic {
				t.Errorf("client_id in the form: %v", w.form["client_id"])
			}
			if len(w.form.Get("code_verifier")) != 43 || w.form.Get("redirect_uri") != callbackURL {
				t.Errorf("form = %v", w.form)
			}
		})
	}
}

func TestTokenAnswersThatAreNoUse(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(map[string]any)
		says   string
	}{
		"no ID token":          {func(m map[string]any) { delete(m, "id_token") }, "no ID token"},
		"no access token":      {func(m map[string]any) { delete(m, "access_token") }, "no access_token"},
		"access token, broken": {func(m map[string]any) { m["access_token"] = "a\nb" }, "access_token"},
		"access token, number": {func(m map[string]any) { m["access_token"] = 1 }, "access_token"},
		"refresh token, list":  {func(m map[string]any) { m["refresh_token"] = []string{"a"} }, "refresh_token"},
		"access token, giant":  {func(m map[string]any) { m["access_token"] = strings.Repeat("a", maxTokenText+1) }, "access_token"},
		"another type":         {func(m map[string]any) { m["token_type"] = "DPoP" }, "DPoP"},
		"no type":              {func(m map[string]any) { delete(m, "token_type") }, "token_type"},
		"an error under 200":   {func(m map[string]any) { m["error"] = "bad_verification_code" }, "bad_verification_code"},
	} {
		w, b := newWorld(t), newBrowser()
		w.script(func() { w.answer = tc.change })
		_, err := w.callback(b, w.answered(w.begin(b, "/")))
		wantKind(t, err, Provider, 561, tc.says)
		w.mustNot(b, name)
	}
}

func TestTokenEndpointInTrouble(t *testing.T) {
	answer := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, tc := range map[string]struct {
		h      http.HandlerFunc
		kind   Kind
		status int
		says   string
	}{
		"503":                   {status(503), Unreachable, 504, "status 503"},
		"429":                   {status(429), Unreachable, 504, "status 429"},
		"404":                   {status(404), Provider, 561, "status 404"},
		"wrong secret":          {answer(401, `{"error":"invalid_client"}`), Provider, 561, "check the client id"},
		"come back later":       {answer(400, `{"error":"temporarily_unavailable"}`), Unreachable, 504, "temporarily_unavailable"},
		"no JSON":               {answer(200, "<html>"), Provider, 561, "not one JSON object"},
		"two objects":           {answer(200, `{"access_token":"a"}{}`), Provider, 561, "not one JSON object"},
		"a member twice":        {answer(200, `{"access_token":"a","access_token":"b"}`), Provider, 561, "twice"},
		"deep":                  {answer(200, `{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+"}"), Provider, 561, "deep"},
		"no UTF-8":              {answer(200, "{\"a\":\"\xff\"}"), Provider, 561, "not one JSON object"},
		"giant":                 {answer(200, `{"a":"`+strings.Repeat("a", 2<<20)+`"}`), Provider, 561, "/token"},
		"a connection, cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Unreachable, 504, "/token"},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t), newBrowser()
			w.at("/token", tc.h)
			_, err := w.callback(b, w.answered(w.begin(b, "/")))
			wantKind(t, err, tc.kind, tc.status, tc.says)
		})
	}
}

func TestA36_CredentialsFollowNoRedirect(t *testing.T) {
	for _, path := range []string{"/token", "/userinfo"} {
		w, b := newWorld(t), newBrowser()
		w.at(path, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
		})
		_, err := w.callback(b, w.answered(w.begin(b, "/")))
		wantKind(t, err, Provider, 561, "status 307")
		if w.counted("/elsewhere") != 0 {
			t.Errorf("%s: the redirect was followed", path)
		}
	}
}

// What an issuer says of its refusal may repeat what it was sent.
func TestA63_TokenEndpointsErrorRepeatsNoSecret(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.at("/token", func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		reply(rw, 400, map[string]any{"error": r.PostForm.Get("code"),
			"error_description": r.PostForm.Get("code") + " " + r.PostForm.Get("code_verifier") + " " + clientSecret})
	})
	q := w.answered(w.begin(b, "/"))
	_, err := w.callback(b, q)
	wantKind(t, err, Provider, 561, "[secret] [secret] [secret]")
	if strings.Contains(err.Error()+err.(*Error).Code+w.logs.String(), q.Get("code")) {
		t.Errorf("the code shows in %v", err)
	}
}

func FuzzParseObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":{"b":[1,2,"\""]}}`, `[`, `{"a":1,"a":2}`, `{"a`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := parseObject(data); (m == nil) == (err == nil) {
			t.Fatalf("parseObject(%q) = %v, %v", data, m, err)
		}
	})
}
