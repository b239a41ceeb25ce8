package devidp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
)

// signInPage and consentPage open the two forms.
func (w *world) signInPage(p devidptest.Person) *devidptest.Page {
	w.t.Helper()
	page, err := p.Open(w.t.Context(), w.authorizeURL(query()))
	if err != nil {
		w.t.Fatal(err)
	}
	if page.Action() != "/devidp/login" {
		w.t.Fatalf("got form %q, want the sign-in", page.Action())
	}
	return page
}

func (w *world) submit(p devidptest.Person, page *devidptest.Page, fields url.Values) *devidptest.Page {
	w.t.Helper()
	next, err := p.Submit(w.t.Context(), page, fields)
	if err != nil {
		w.t.Fatal(err)
	}
	return next
}

func (w *world) consentPage(p devidptest.Person) *devidptest.Page {
	w.t.Helper()
	page := w.submit(p, w.signInPage(p), url.Values{"username": {"dev"}, "password": {password}})
	if page.Action() != "/devidp/consent" {
		w.t.Fatalf("got form %q, want the consent: %s", page.Action(), page.Text())
	}
	return page
}

// postForm sends a form with chosen headers, as a hostile page makes a browser do.
func (w *world) postForm(p devidptest.Person, action string, form url.Values, header map[string]string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.web.URL+action, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html,*/*;q=0.8") // and no Sec-Fetch-Mode: a browser on a plain-http host
	for name, value := range header {
		req.Header.Set(name, value)
	}
	one := *p.HTTP
	one.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := one.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// TestA45_CrossSitePostsAreRefused: even with the right proof, a post that the browser marks as another site's fails.
func TestA45_CrossSitePostsAreRefused(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	form := w.consentPage(p).Hidden()
	form.Set("decision", "allow")
	for name, header := range map[string]map[string]string{
		"cross-site":       {"Sec-Fetch-Site": "cross-site"},
		"same-site":        {"Sec-Fetch-Site": "same-site"},
		"foreign Origin":   {"Origin": "https://evil.example"},
		"null Origin":      {"Origin": "null"},
		"same host, port+": {"Origin": "http://127.0.0.1:1"},
	} {
		for _, action := range []string{"/devidp/login", "/devidp/consent", "/devidp/logout"} {
			if resp := w.postForm(p, action, form, header); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s to %s: status %d, want 403", name, action, resp.StatusCode)
			}
		}
	}
	if resp := w.postForm(p, "/devidp/consent", form, map[string]string{"Origin": w.web.URL}); resp.StatusCode != http.StatusOK {
		t.Errorf("own Origin: status %d, want 200: a browser without Sec-Fetch-Site must get through", resp.StatusCode)
	}
}

// TestA45_FormsNeedTheirProof: a form without its proof, with another form's, another request's or another browser's is
// refused, also where a browser sends no origin at all.
func TestA45_FormsNeedTheirProof(t *testing.T) {
	w := newWorld(t)
	p, stranger := w.person(), w.person()
	login := w.signInPage(p).Hidden()
	consent := w.consentPage(p).Hidden()
	foreign := w.consentPage(stranger).Hidden()
	other := query()
	other.Set("scope", "openid admin")
	for name, c := range map[string]struct {
		action         string
		request, proof string
	}{
		"login without proof":         {"/devidp/login", login.Get("request"), ""},
		"login, proof altered":        {"/devidp/login", login.Get("request"), "A" + login.Get("proof")},
		"login, other request":        {"/devidp/login", other.Encode(), login.Get("proof")},
		"login, consent's proof":      {"/devidp/login", consent.Get("request"), consent.Get("proof")},
		"consent without proof":       {"/devidp/consent", consent.Get("request"), ""},
		"consent, wider request":      {"/devidp/consent", other.Encode(), consent.Get("proof")},
		"consent, login's proof":      {"/devidp/consent", login.Get("request"), login.Get("proof")},
		"consent, a stranger's proof": {"/devidp/consent", foreign.Get("request"), foreign.Get("proof")},
		"logout without proof":        {"/devidp/logout", "", ""},
		"logout, consent's proof":     {"/devidp/logout", consent.Get("request"), consent.Get("proof")},
	} {
		form := url.Values{"request": {c.request}, "proof": {c.proof}, "decision": {"allow"}, "username": {"dev"}, "password": {password}}
		if resp := w.postForm(p, c.action, form, nil); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, resp.StatusCode)
		}
	}
	form := url.Values{"request": {consent.Get("request")}, "proof": {consent.Get("proof")}, "decision": {"allow"}}
	if resp := w.postForm(w.person(), "/devidp/consent", form, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("consent without a cookie: status %d, want 403", resp.StatusCode)
	}
	if resp := w.postForm(p, "/devidp/consent", form, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the true form: status %d, want 200", resp.StatusCode)
	}
}

// TestConsentNeedsAnExplicitAllow: a form sent without pressing Allow is a refusal.
func TestConsentNeedsAnExplicitAllow(t *testing.T) {
	w := newWorld(t)
	for _, decision := range []string{"", "refuse", "ALLOW", "yes"} {
		p := w.person()
		page := w.submit(p, w.consentPage(p), url.Values{"decision": {decision}})
		if r := w.response(page.Leaves); r.Get("error") != "access_denied" || r.Has("code") {
			t.Errorf("decision %q: %v, want access_denied", decision, r)
		}
	}
}

func TestConsentAfterTheSessionEndedAsksForSignIn(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	page := w.consentPage(p)
	w.advance(13 * time.Hour)
	next := w.submit(p, page, url.Values{"decision": {"allow"}})
	if next.Action() != "/devidp/login" || next.Leaves != "" {
		t.Errorf("got form %q, leaves for %q; want the sign-in", next.Action(), next.Leaves)
	}
}

// TestA45_PagesForbidScriptFramesAndForeignForms checks the headers of every page.
func TestA45_PagesForbidScriptFramesAndForeignForms(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	login, consent := w.signInPage(p), w.consentPage(p)
	end := w.submit(p, consent, url.Values{"decision": {"allow"}})
	out, err := p.Open(t.Context(), w.cfg.Issuer+"/logout")
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]*devidptest.Page{"login": login, "consent": consent, "continue": end, "logout": out} {
		formAction, referrer := "'self'", "strict-origin"
		if name == "continue" {
			formAction, referrer = "'none'", "no-referrer"
		}
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action " + formAction + "; frame-ancestors 'none'; base-uri 'none'",
			"Referrer-Policy":         referrer, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		} {
			if got := page.Header.Get(header); got != want {
				t.Errorf("%s: %s = %q, want %q", name, header, got, want)
			}
		}
		for _, forbidden := range []string{"<script", "<style", " style=", " onload=", " onclick="} {
			if strings.Contains(page.Body, forbidden) {
				t.Errorf("%s holds %q", name, forbidden)
			}
		}
	}
	if !strings.Contains(end.Body, `<a class="button" id="continue"`) {
		t.Error("the page that leads on has no link for browsers that do not refresh")
	}
}

// TestA45_ScriptInNamesIsShownAsText covers every text that a page repeats.
func TestA45_ScriptInNamesIsShownAsText(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	w := newWorld(t, func(c *devidp.Config) {
		c.Client.Name, c.User.Name, c.User.Username = evil, evil, "d<b>ev"
	})
	p := w.person()
	q := query()
	q.Set("login_hint", evil)
	q.Set("audience", evil)
	q.Set("scope", "openid <script>alert(2)</script>")
	q.Set("state", evil)
	login, err := p.Open(t.Context(), w.authorizeURL(q))
	if err != nil {
		t.Fatal(err)
	}
	wrong := w.submit(p, login, url.Values{"username": {evil}, "password": {"x"}})
	consent := w.submit(p, login, url.Values{"username": {"d<b>ev"}, "password": {password}})
	end := w.submit(p, consent, url.Values{"decision": {"allow"}})
	for name, page := range map[string]*devidptest.Page{"login": login, "wrong": wrong, "consent": consent, "continue": end} {
		if strings.Contains(page.Body, "<script") || strings.Contains(page.Body, "d<b>ev") {
			t.Errorf("%s shows markup from a name: %s", name, page.Body)
		}
		if name != "continue" && !strings.Contains(page.Text(), "<script>alert") {
			t.Errorf("%s does not show the name at all: the test sees nothing", name)
		}
	}
}

func TestConsentPageSaysWhoWhichClientAndWhat(t *testing.T) {
	w := newWorld(t)
	q := query()
	q.Set("scope", "openid repo read:user made.up:scope")
	q.Set("resource", "https://api.example.com/v1")
	p := w.person()
	page, err := p.Open(t.Context(), w.authorizeURL(q))
	if err != nil {
		t.Fatal(err)
	}
	page = w.submit(p, page, url.Values{"username": {"dev"}, "password": {password}})
	for _, want := range []string{"Allow Lanyard?", "Robin Dev", "dev", "Know that it is you", "Read and change all your repositories",
		"made.up:scope", "https://api.example.com/v1", "127.0.0.1:9999", "Refuse", "Allow"} {
		if !strings.Contains(page.Text(), want) {
			t.Errorf("the consent page does not say %q: %s", want, page.Text())
		}
	}
}

func TestA50_OversizedForms(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	form := w.signInPage(p).Hidden()
	form.Set("username", strings.Repeat("x", 17<<10))
	for _, action := range []string{"/devidp/login", "/devidp/consent", "/devidp/logout"} {
		if resp := w.postForm(p, action, form, nil); resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d, want 413", action, resp.StatusCode)
		}
	}
}

// TestA44_CookieIsNewAfterSignIn: a session cookie planted before the sign-in is worth nothing after it.
func TestA44_CookieIsNewAfterSignIn(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	at := w.signInOrigin()
	planted := &http.Cookie{Name: "lanyard_dev_session", Value: strings.Repeat("A", 43), Path: "/"}
	p.HTTP.Jar.SetCookies(at, []*http.Cookie{planted})
	w.consentPage(p)
	for _, c := range p.HTTP.Jar.Cookies(at) {
		if c.Name == planted.Name && c.Value == planted.Value {
			t.Error("the planted session cookie was signed in")
		}
	}
	thief := w.person()
	thief.HTTP.Jar.SetCookies(at, []*http.Cookie{planted})
	w.signInPage(thief)
}

// TestA44_SigningInAgainEndsTheOldSession: a session cookie that leaked before is dead after the next sign-in.
func TestA44_SigningInAgainEndsTheOldSession(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.consentPage(p)
	at := w.signInOrigin()
	old := p.HTTP.Jar.Cookies(at)
	q := query()
	q.Set("prompt", "login")
	w.consent(p, q)
	thief := w.person()
	thief.HTTP.Jar.SetCookies(at, old)
	w.signInPage(thief)
}

func TestCookieAttributes(t *testing.T) {
	for name, c := range map[string]struct {
		start  func(*httptest.Server)
		prefix string
		secure bool
	}{
		"http": {(*httptest.Server).Start, "", false}, "https": {(*httptest.Server).StartTLS, "__Host-", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, httptest.NewUnstartedServer, c.start)
			p := w.person()
			page := w.signInPage(p)
			form := page.Hidden()
			form.Set("username", "dev")
			form.Set("password", password)
			signedIn := w.postForm(p, "/devidp/login", form, nil)
			cookies := (&http.Response{Header: page.Header}).Cookies()
			cookies = append(cookies, signedIn.Cookies()...)
			names := ""
			for _, cookie := range cookies {
				names += cookie.Name + " "
				if !cookie.HttpOnly || cookie.Secure != c.secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
					t.Errorf("cookie %s = %s", cookie.Name, cookie.Raw)
				}
			}
			if want := c.prefix + "lanyard_dev_browser " + c.prefix + "lanyard_dev_session "; names != want {
				t.Errorf("cookies %q, want %q", names, want)
			}
		})
	}
}
