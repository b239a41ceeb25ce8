package signin

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestBeginAsksWithEverythingThatBindsTheAnswer(t *testing.T) {
	w, b := newWorld(t, func(c *Config) {
		c.Scopes = []string{"openid", "email"}
		c.Parameters = map[string]string{"prompt": "login", "resource": "https://api.example.com"}
	}), newBrowser()
	w.script(func() {
		w.metadata = func(m map[string]any) { m["authorization_endpoint"] = w.web.URL + "/authorize?tenant=a" }
	})
	first, second := w.begin(b, "/"), w.begin(b, "/")
	q := query(first)
	for name, want := range map[string]string{"response_type": "code", "client_id": clientID, "redirect_uri": callbackURL, "scope": "openid email",
		"code_challenge_method": "S256", "prompt": "login", "resource": "https://api.example.com", "tenant": "a"} {
		if q.Get(name) != want || len(q[name]) != 1 {
			t.Errorf("%s = %q, want %q", name, q[name], want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) != 43 || q.Get(name) == query(second).Get(name) {
			t.Errorf("%s = %q, then %q: want 256 bits, fresh each time", name, q.Get(name), query(second).Get(name))
		}
	}
	if q.Has("client_secret") || q.Has("code_verifier") {
		t.Error("the authorization request has a secret in it")
	}
}

func TestBeginRefusesAParameterThatWouldComeTwice(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() {
		w.metadata = func(m map[string]any) { m["authorization_endpoint"] = w.web.URL + "/authorize?scope=all" }
	})
	rec := httptest.NewRecorder()
	err := w.gate.Begin(rec, b.request(site+"/"), "/")
	wantKind(t, err, Misconfigured, 500, "parameter scope")
	if len(rec.Result().Cookies()) != 0 {
		t.Error("a cookie was set for a sign-in that did not begin")
	}
}

func TestA12_ReturnsToThisSiteAlone(t *testing.T) {
	g := newWorld(t).gate
	for _, good := range []string{"/", "/a", "/a/b?x=1&y=%2F%2Fevil.example", "/a//b", "/@evil.example", "/.//evil.example", "/?next=https://evil.example", "/%2F%2Fevil.example", "/%5Cevil.example", "/a|b?{c}"} {
		if got := g.localPath(good); got != good {
			t.Errorf("localPath(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{"", "a", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "https://evil.example/",
		"https:/evil.example", "https:evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/\r\nSet-Cookie: a=b",
		"/\x00", "/ä", "/%zz", "/a b", "/\"><script>", "@evil.example", "?x", "#x", "/oauth2/idpresponse?code=1&state=2", "/oauth2/idpresponse", "/" + strings.Repeat("a", 1024)} {
		if got := g.localPath(bad); got != "/" {
			t.Errorf("localPath(%q) = %q, want /", bad, got)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	for _, s := range []string{"/", "//evil", "/\\evil", "/a?b#c", "https://evil", "/%2e%2e//x"} {
		f.Add(s)
	}
	g := newWorld(f).gate
	base, err := url.Parse(site + "/some/page")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got := g.localPath(to)
		u, err := base.Parse(got)
		if err != nil || u.Scheme+"://"+u.Host != site || got[0] != '/' || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\t\r\n") {
			t.Fatalf("localPath(%q) = %q leads to %v", to, got, u)
		}
	})
}

func TestSeveralTabsSignInAtOnce(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	var begun []string
	for range maxAttempts {
		begun = append(begun, w.begin(b, "/"))
		w.clock.advance(time.Second)
	}
	for _, i := range []int{2, 0, 4, 1, 3} {
		if _, err := w.callback(b, w.answered(begun[i])); err != nil {
			t.Fatalf("tab %d: %v", i, err)
		}
	}
	if w.mustSession(b).Subject != "user-1" || len(b.cookies) != 1 {
		t.Fatalf("cookies left: %v", b.cookies)
	}
}

func TestOldestAttemptMakesRoom(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	var begun []string
	for range maxAttempts + 2 {
		begun = append(begun, w.begin(b, "/"))
		w.clock.advance(time.Second)
	}
	if len(b.cookies) != maxAttempts {
		t.Fatalf("%d login cookies, want %d", len(b.cookies), maxAttempts)
	}
	for i, target := range begun {
		_, err := w.callback(b, w.answered(target))
		if i < 2 {
			wantKind(t, err, Stale, 401, "begin again")
		} else if err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
}

func TestBeginClearsWhatNobodyCanUse(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.begin(b, "/")
	b.cookies["__Host-LanyardFrontDoor-login-0123456789abcdef"] = "forged"
	b.cookies["app"] = "stays"
	w.clock.advance(w.gate.cfg.Login)
	w.begin(b, "/")
	if len(b.cookies) != 2 || b.cookies["app"] != "stays" {
		t.Fatalf("cookies = %v, want the app's and the new attempt's", b.cookies)
	}
}

func TestSignInEndsAfterItsTime(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	begun := w.begin(b, "/here")
	w.clock.advance(defaultLogin)
	_, err := w.callback(b, w.answered(begun))
	wantKind(t, err, Stale, 401, "longer than 15m0s")
	if err.(*Error).ReturnTo != "/here" {
		t.Errorf("ReturnTo = %q, want where the person wanted to go", err.(*Error).ReturnTo)
	}
	w.mustNot(b, "a late sign-in")
	if w.counted("/token") != 0 {
		t.Error("the code was exchanged all the same")
	}
}

func TestA44_StateOfAnotherBrowser(t *testing.T) {
	w, victim, attacker := newWorld(t), newBrowser(), newBrowser()
	q := w.answered(w.begin(attacker, "/"))
	_, err := w.callback(victim, q)
	wantKind(t, err, Stale, 401, "not begun in this browser")
	// An attempt of one's own does not lend its cookie to another state.
	w.begin(victim, "/")
	for name, value := range victim.cookies {
		victim.cookies[w.gate.jar.login(attemptName(q.Get("state")))] = value
		delete(victim.cookies, name)
	}
	_, err = w.callback(victim, q)
	wantKind(t, err, Stale, 401, "not begun in this browser")
	if w.counted("/token") != 0 {
		t.Error("a code was exchanged for the wrong browser")
	}
}

func TestStateWorksOnce(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	begun := w.begin(b, "/")
	kept := b.copy()
	if _, err := w.callback(b, w.answered(begun)); err != nil {
		t.Fatal(err)
	}
	_, err := w.callback(b, w.answered(begun)) // the browser followed and has no cookie
	wantKind(t, err, Stale, 401, "finished before")
	_, err = w.callback(kept, w.answered(begun)) // and a copied cookie does not help
	wantKind(t, err, Stale, 401, "finished before")
	if w.counted("authorization_code") != 1 {
		t.Errorf("%d codes exchanged, want 1", w.counted("authorization_code"))
	}
}

func TestRefusedAttemptIsUsedUp(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	begun := w.begin(b, "/")
	kept := b.copy()
	_, err := w.callback(b, url.Values{"state": {query(begun).Get("state")}, "error": {"access_denied"}})
	wantKind(t, err, Denied, 401, "access_denied")
	if len(b.cookies) != 0 {
		t.Errorf("cookies left: %v", b.cookies)
	}
	_, err = w.callback(kept, w.answered(begun))
	wantKind(t, err, Stale, 401, "finished before")
}

func TestUsedStatesAreBounded(t *testing.T) {
	u, c := newUsedStates(), newClock()
	for i := range maxUsed + 50 {
		if !u.use(strings.Repeat("s", i%100)+string(rune('a'+i%26))+c.now().String(), c.now(), c.now().Add(time.Hour)) {
			t.Fatal("a new state counts as used")
		}
		c.advance(time.Nanosecond)
	}
	if len(u.until) != maxUsed || len(u.order) != maxUsed {
		t.Fatalf("%d and %d entries, want %d", len(u.until), len(u.order), maxUsed)
	}
	c.advance(2 * time.Hour)
	u.use("fresh", c.now(), c.now().Add(time.Hour))
	if len(u.until) != 1 || len(u.order) != 1 {
		t.Fatalf("%d and %d entries after all have lapsed, want 1", len(u.until), len(u.order))
	}
}

// A session that an attacker planted before the sign-in is not the signed-in one afterwards.
func TestA44_SignInGivesAnotherSession(t *testing.T) {
	w, attacker, victim := newWorld(t), newBrowser(), newBrowser()
	w.signIn(attacker)
	planted := w.mustSession(attacker)
	victim.cookies = attacker.copy().cookies
	w.signIn(victim)
	if got := w.mustSession(victim); got.ID == planted.ID {
		t.Fatal("the sign-in kept the planted session's id")
	}
	if again := w.mustSession(attacker); again.ID != planted.ID {
		t.Fatal("the attacker's cookie became another session")
	}
}
