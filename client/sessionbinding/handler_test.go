package sessionbinding_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
)

func TestCompletesForTheUserWhoIsSignedIn(t *testing.T) {
	b := newBench(t)
	w := b.visit(link(), "alice")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Authorization complete") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(b.service.asked) != 1 || b.service.asked[0].SessionURI != session || *b.service.asked[0].User.UserID != "alice" || b.service.asked[0].User.UserToken != nil {
		t.Errorf("%+v", b.service.asked)
	}
	b.keepsQuiet(session, "alice")
}

// TestA63_EveryPageKeepsTheSessionToItself: and A62, no frame and no script.
func TestA63_EveryPageKeepsTheSessionToItself(t *testing.T) {
	for name, b := range map[string]*bench{"built in": newBench(t), "own": newBench(t, func(c *sessionbinding.Config) { c.SuccessPage = []byte("<!doctype html><p>Own") })} {
		for _, user := range []string{"alice", ""} {
			w := b.visit(link(), user)
			csp := w.Header().Get("Content-Security-Policy")
			if w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" ||
				!strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script") {
				t.Errorf("%s: %v", name, w.Header())
			}
			if strings.Contains(w.Body.String(), session) || strings.Contains(w.Body.String(), "<script") {
				t.Errorf("%s: the page tells the session or runs a script", name)
			}
		}
		b.keepsQuiet(session, "alice")
	}
}

func TestOwnSuccessPageIsForSuccessAlone(t *testing.T) {
	b := newBench(t, func(c *sessionbinding.Config) { c.SuccessPage = []byte("<!doctype html><p>Own") })
	if w := b.visit(link(), "alice"); w.Code != 200 || w.Body.String() != "<!doctype html><p>Own" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b.service.answer = errors.New("no")
	if w := b.visit(link(), "alice"); w.Code != 500 || strings.Contains(w.Body.String(), "Own") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestA13_MalformedLinksReachNobody: checked before the service is called.
func TestA13_MalformedLinksReachNobody(t *testing.T) {
	b := newBench(t)
	for name, target := range map[string]string{
		"no session":           sessionbinding.Path,
		"empty session":        sessionbinding.Path + "?session_id=",
		"another urn":          sessionbinding.Path + "?session_id=urn:example:1",
		"nothing after it":     sessionbinding.Path + "?session_id=urn:ietf:params:oauth:request_uri:",
		"a path in it":         sessionbinding.Path + "?session_id=" + session + "%2F..",
		"a line in it":         sessionbinding.Path + "?session_id=" + session + "%0A",
		"a space before":       sessionbinding.Path + "?session_id=%20" + session,
		"too long":             sessionbinding.Path + "?session_id=" + session + strings.Repeat("a", 1024),
		"query too long":       link("state", strings.Repeat("a", 20<<10)),
		"two sessions":         link("session_id", session),
		"A58 a user":           link("user", "bob"),
		"A58 a user id":        link("userId", "bob"),
		"another case":         link("Session_id", session),
		"two states":           link("state", "a", "state", "b"),
		"two errors":           link("error", "a", "error", "b"),
		"A48 an error of text": link("error", "<script>alert(1)</script>"),
		"bad escape":           link() + "&state=%zz",
		"semicolon":            link() + ";x=1",
	} {
		if w := b.visit(target, "alice"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "not complete") || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: %d", name, w.Code)
		}
		b.untouched(name)
	}
	b.keepsQuiet(session, "alice", "alert(1)")
}

// TestA08_NobodySignedIn: a user in the URL, or in a header that nobody verified, is no user.
func TestA08_NobodySignedIn(t *testing.T) {
	b := newBench(t)
	for name, change := range map[string]func(*http.Request){
		"nothing":              func(*http.Request) {},
		"unverified header":    func(r *http.Request) { r.Header.Set(oidcdata.HeaderIdentity, "alice") },
		"another spelling":     func(r *http.Request) { r.Header["Verified_user"] = []string{"alice"} },
		"a cookie of the user": func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "user", Value: "alice"}) },
	} {
		if w := b.visit(link(), "", change); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "not signed in") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		b.untouched(name)
	}
}

func TestOnlyAPersonsVisitCompletes(t *testing.T) {
	b := newBench(t)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"HEAD":                     {func(r *http.Request) { r.Method = http.MethodHead }, 405},
		"POST":                     {func(r *http.Request) { r.Method = http.MethodPost }, 405},
		"OPTIONS":                  {func(r *http.Request) { r.Method = http.MethodOptions }, 405},
		"prefetch":                 {set("Sec-Purpose", "prefetch"), 503},
		"prerender":                {set("Sec-Purpose", "prefetch;prerender"), 503},
		"prefetch, old":            {set("Purpose", "Prefetch"), 503},
		"prefetch, older":          {set("X-Moz", "prefetch"), 503},
		"preview":                  {set("X-Purpose", "preview"), 503},
		"A62 fetched by script":    {set("Sec-Fetch-Mode", "cors"), 503},
		"A62 an image":             {set("Sec-Fetch-Dest", "image"), 503},
		"A62 within another page":  {set("Sec-Fetch-Dest", "iframe"), 503},
		"A62 an image, old client": {set("Sec-Fetch-Mode", "no-cors"), 503},
	} {
		if w := b.visit(link(), "alice", tc.change); w.Code != tc.status {
			t.Errorf("%s: %d", name, w.Code)
		}
		b.untouched(name)
	}
	if strings.Contains(b.log.String(), "ERROR") {
		t.Error("what any visitor can bring about is logged as an error")
	}
	w := b.visit(link(), "alice", set("Sec-Fetch-Mode", "navigate"), set("Sec-Fetch-Dest", "document"))
	if w.Code != http.StatusOK || len(b.service.asked) != 1 {
		t.Errorf("a person's visit: %d", w.Code)
	}
}

func refusal(name api.ExceptionName, message string) error {
	return &client.Error{Operation: "CompleteResourceTokenAuth", RequestID: "request-1", Exception: &api.Exception{Name: name, Message: message}}
}

func TestEndings(t *testing.T) {
	const bad = "Invalid or expired session: "
	for name, tc := range map[string]struct {
		answer error
		status int
		says   string
		retry  bool
	}{
		"other user":        {refusal(api.AccessDeniedException, bad+"it was begun for another user than the one named here"), 401, "opened for another account", false},
		"expired":           {refusal(api.AccessDeniedException, bad+"it expired at 2026-11-22T15:00:00Z; ask for a new one"), 401, "too old", false},
		"used":              {refusal(api.AccessDeniedException, bad+"it was completed already; its token is had"), 401, "used already", false},
		"at this moment":    {refusal(api.AccessDeniedException, bad+"another request completes it at this moment"), 401, "used already", false},
		"not consented":     {refusal(api.AccessDeniedException, bad+"the user has not consented yet"), 401, "not there yet", false},
		"consent failed":    {refusal(api.AccessDeniedException, bad+"the consent failed: provider p answered x"), 502, "did not agree", false},
		"no reason":         {refusal(api.AccessDeniedException, "Invalid or expired session"), 401, "cannot be used here", false},
		"unauthorized":      {refusal(api.UnauthorizedException, "no"), 401, "cannot be used here", false},
		"not permitted":     {refusal(api.AccessDeniedException, "User x is not authorized to perform: y"), 401, "not allowed to finish", false},
		"validation":        {refusal(api.ValidationException, "1 validation error"), 400, "not complete", false},
		"not found":         {refusal(api.ResourceNotFoundException, "no such"), 404, "leads nowhere", false},
		"throttled":         {refusal(api.ThrottlingException, "slow down"), 502, "try once more", true},
		"unknown exception": {refusal(api.UnrecognizedClient, "who"), 500, "Something went wrong", true},
		"unreachable":       {&client.UnreachableError{Operation: "x", Endpoint: "https://lanyard.example", Err: errors.New("refused")}, 502, "try once more", true},
		"too slow":          {context.DeadlineExceeded, 502, "try once more", true},
		"anything":          {errors.New("broken near " + session), 500, "Something went wrong", true},
	} {
		b := newBench(t)
		b.service.answer = tc.answer
		w := b.visit(link(), "alice")
		body := w.Body.String()
		if w.Code != tc.status || !strings.Contains(body, tc.says) || strings.Contains(body, `href=""`) != tc.retry {
			t.Errorf("%s: %d %s", name, w.Code, body)
		}
		if !strings.Contains(body, "Reference") {
			t.Errorf("%s: no reference for the log", name)
		}
		b.keepsQuiet(session, "alice")
	}
}

func TestConsentThatWasRefused(t *testing.T) {
	b := newBench(t)
	for code, tc := range map[string]struct {
		status int
		says   string
	}{"access_denied": {403, "Nothing was allowed"}, "server_error": {502, "did not agree"}} {
		if w := b.visit(link("error", code), "alice"); w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s: %d", code, w.Code)
		}
		b.untouched(code)
	}
	if w := b.visit(link("error", "access_denied"), ""); w.Code != http.StatusUnauthorized {
		t.Errorf("nobody signed in: %d", w.Code)
	}
}

// TestGoesOnWhenTheBrowserHangsUp: the consent was given.
func TestGoesOnWhenTheBrowserHangsUp(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.visit(link(), "alice", func(r *http.Request) { *r = *r.WithContext(ctx) })
	if len(b.service.asked) != 1 || b.service.ctxErr != nil {
		t.Errorf("%d calls, %v", len(b.service.asked), b.service.ctxErr)
	}
}

func TestPing(t *testing.T) {
	b := newBench(t)
	w := b.visit("/ping", "")
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got["status"] != "healthy" || got["env"] != "test" || got["service"] != "session-binding" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := b.visit("/elsewhere", "alice"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
	if w := b.visit(sessionbinding.Path+"/lanyard.css", ""); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestConfigTeaches(t *testing.T) {
	good := sessionbinding.Config{Client: &fakeService{}, User: signedIn}
	for want, edit := range map[string]func(*sessionbinding.Config){
		"Config.Client":      func(c *sessionbinding.Config) { c.Client = nil },
		"Config.User":        func(c *sessionbinding.Config) { c.User = nil },
		"Config.SuccessPage": func(c *sessionbinding.Config) { c.SuccessPage = make([]byte, 2<<20) },
		"UTF-8":              func(c *sessionbinding.Config) { c.SuccessPage = []byte("\xff") },
	} {
		c := good
		edit(&c)
		if _, err := sessionbinding.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := sessionbinding.New(good); err != nil {
		t.Error(err)
	}
}
