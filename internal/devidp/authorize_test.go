package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/devidp"
)

// TestA12_UntrustedRedirectNeverFollowed: a request whose client or redirect_uri is not right ends on a page.
func TestA12_UntrustedRedirectNeverFollowed(t *testing.T) {
	w := newWorld(t)
	set := func(name string, values ...string) func(url.Values) {
		return func(q url.Values) { q[name] = values }
	}
	for name, change := range map[string]func(url.Values){
		"unknown client":         set("client_id", "somebody"),
		"no client":              set("client_id"),
		"two clients":            set("client_id", clientID, clientID),
		"no redirect_uri":        set("redirect_uri"),
		"two redirect_uris":      set("redirect_uri", callback, callback),
		"another host":           set("redirect_uri", "https://evil.example/identities/oauth2/callback/p1?keep=1"),
		"prefix":                 set("redirect_uri", callback+"0"),
		"path below":             set("redirect_uri", "http://127.0.0.1:9999/identities/oauth2/callback/p1/x?keep=1"),
		"case":                   set("redirect_uri", strings.ToUpper(callback)),
		"percent-encoding":       set("redirect_uri", strings.Replace(callback, "callback", "%63allback", 1)),
		"user info":              set("redirect_uri", "http://127.0.0.1:9999@evil.example/"),
		"another port":           set("redirect_uri", strings.Replace(callback, "9999", "9998", 1)),
		"trailing space":         set("redirect_uri", callback+" "),
		"redirect_uri with code": set("redirect_uri", callback+"&code=x"),
	} {
		q := query()
		change(q)
		page, err := w.person().Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if page.Status != http.StatusBadRequest || page.Leaves != "" || !strings.Contains(page.Text(), "This sign-in cannot go on") {
			t.Errorf("%s: status %d, leaves for %q; want a page with 400", name, page.Status, page.Leaves)
		}
	}
}

// TestA12_DangerousRedirectsAreRefusedWhateverIsConfigured: even a configuration that allows everything opens no hole.
func TestA12_DangerousRedirectsAreRefusedWhateverIsConfigured(t *testing.T) {
	w := newWorld(t, func(c *devidp.Config) { c.CallbackAllowed = func(string) bool { return true } })
	for _, target := range []string{
		"javascript:alert(1)", "data:text/html,x", "//evil.example/", "/relative", "https://", "ftp://example.com/",
		"https://user@example.com/", "https://example.com/#fragment", "https://example.com/#", "https://example.com/?state=x",
		"https://example.com/?iss=x", "https://example.com/?error=x", "https://example.com/?a=%zz", "https://example.com/\r\nX: y",
		"https://exämple.com/", "https://example.com/" + strings.Repeat("a", 2048), "https://example.com:port/",
	} {
		q := query()
		q.Set("redirect_uri", target)
		page, err := w.person().Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatal(err)
		}
		if page.Status != http.StatusBadRequest || page.Leaves != "" {
			t.Errorf("redirect_uri %.60q: status %d, leaves for %.60q", target, page.Status, page.Leaves)
		}
	}
}

func TestAuthorizationErrorsGoToTheClient(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		param string
		value []string
		code  string
	}{
		"implicit":                 {"response_type", []string{"token"}, "unsupported_response_type"},
		"hybrid":                   {"response_type", []string{"code id_token"}, "unsupported_response_type"},
		"no response_type":         {"response_type", nil, "unsupported_response_type"},
		"fragment mode":            {"response_mode", []string{"fragment"}, "invalid_request"},
		"request object":           {"request", []string{"eyJ"}, "request_not_supported"},
		"request_uri":              {"request_uri", []string{"https://evil.example/r"}, "request_uri_not_supported"},
		"repeated scope":           {"scope", []string{"a", "b"}, "invalid_request"},
		"scope with quote":         {"scope", []string{`a"b`}, "invalid_scope"},
		"scope with control":       {"scope", []string{"a\nb"}, "invalid_scope"},
		"scope too long":           {"scope", []string{strings.Repeat("s", 2049)}, "invalid_scope"},
		"too many scopes":          {"scope", []string{manyScopes(65)}, "invalid_scope"},
		"nonce with control":       {"nonce", []string{"a\x00"}, "invalid_request"},
		"nonce too long":           {"nonce", []string{strings.Repeat("n", 513)}, "invalid_request"},
		"login_hint too long":      {"login_hint", []string{strings.Repeat("h", 257)}, "invalid_request"},
		"relative resource":        {"resource", []string{"/x"}, "invalid_target"},
		"resource with fragment":   {"resource", []string{"https://a.example/#b"}, "invalid_target"},
		"audience with control":    {"audience", []string{"a\tb"}, "invalid_target"},
		"empty audience":           {"audience", []string{""}, "invalid_target"},
		"too many resources":       {"resource", numbered(17), "invalid_target"},
		"unknown prompt":           {"prompt", []string{"create"}, "invalid_request"},
		"prompt none with another": {"prompt", []string{"none login"}, "invalid_request"},
		"max_age not a number":     {"max_age", []string{"-1"}, "invalid_request"},
	} {
		q := query()
		q[c.param] = c.value
		page, err := w.person().Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if page.Leaves == "" {
			t.Errorf("%s: status %d, no redirect: %s", name, page.Status, page.Text())
			continue
		}
		if r := w.response(page.Leaves); r.Get("error") != c.code || r.Get("state") != query().Get("state") || r.Has("code") {
			t.Errorf("%s: %v, want %s", name, r, c.code)
		}
	}
}

func manyScopes(n int) string { return strings.Join(numbered(n), " ") }

func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, "https://s.example/"+strings.Repeat("i", i))
	}
	return out
}

// TestStateIsSentBackOnlyWhenItIsOne: a state that is doubled or malformed is not reflected.
func TestStateIsSentBackOnlyWhenItIsOne(t *testing.T) {
	w := newWorld(t)
	for name, state := range map[string][]string{
		"doubled": {"a", "b"}, "control character": {"a\r\nSet-Cookie: x=y"}, "too long": {strings.Repeat("s", 2049)},
	} {
		q := query()
		q["state"] = state
		page, err := w.person().Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatal(err)
		}
		if r := w.response(page.Leaves); r.Get("error") != "invalid_request" || r.Has("state") {
			t.Errorf("%s state: %v, want invalid_request without state", name, r)
		}
	}
}

// TestA14_PKCEIsNeverDowngraded: no challenge, plain, a missing method (which means plain) and a challenge that is no
// hash are all refused before anybody signs in.
func TestA14_PKCEIsNeverDowngraded(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(url.Values){
		"missing challenge":  func(q url.Values) { q.Del("code_challenge") },
		"plain":              func(q url.Values) { q.Set("code_challenge_method", "plain"); q.Set("code_challenge", verifier) },
		"missing method":     func(q url.Values) { q.Del("code_challenge_method") },
		"method in lower":    func(q url.Values) { q.Set("code_challenge_method", "s256") },
		"challenge too long": func(q url.Values) { q.Set("code_challenge", verifier+"AAAA") },
		"challenge padded":   func(q url.Values) { q.Set("code_challenge", challengeOf(verifier)+"=") },
		"challenge not text": func(q url.Values) { q.Set("code_challenge", strings.Repeat("!", 43)) },
		"two challenges":     func(q url.Values) { q.Add("code_challenge", challengeOf(verifier)) },
	} {
		q := query()
		change(q)
		page, err := w.person().Open(t.Context(), w.authorizeURL(q))
		if err != nil {
			t.Fatal(err)
		}
		if page.Leaves == "" {
			t.Fatalf("%s: no redirect: %s", name, page.Text())
		}
		if r := w.response(page.Leaves); r.Get("error") != "invalid_request" || r.Has("code") {
			t.Errorf("%s: %v, want invalid_request", name, r)
		}
	}
}

// TestA50_StrangersStoreNothing: however many authorization requests arrive, nothing is kept until somebody signs in.
func TestA50_StrangersStoreNothing(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		if _, err := w.person().Open(t.Context(), w.authorizeURL(query())); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.store.Len(); n != 0 {
		t.Errorf("%d records after requests of strangers, want none", n)
	}
}

func TestA50_OversizedQuery(t *testing.T) {
	w := newWorld(t)
	q := query()
	q.Set("filler", strings.Repeat("x", 8<<10))
	page, err := w.person().Open(t.Context(), w.authorizeURL(q))
	if err != nil {
		t.Fatal(err)
	}
	if page.Status != http.StatusRequestURITooLong || page.Leaves != "" {
		t.Errorf("status %d, leaves for %q; want a page with 414", page.Status, page.Leaves)
	}
}

// TestA63_RedirectsKeepCodesToThemselves: the answer that carries a code is stored nowhere and names no referrer.
func TestA63_RedirectsKeepCodesToThemselves(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.consent(p, query())
	page, err := p.Open(t.Context(), w.authorizeURL(query()))
	if err != nil {
		t.Fatal(err)
	}
	if page.Status != http.StatusFound || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" || page.Body != "" {
		t.Errorf("status %d, header %v, body %q", page.Status, page.Header, page.Body)
	}
}
