package devidp_test

import (
	"crypto/rand"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/issuer"
)

const (
	testCallback = "http://127.0.0.1:1/callback" // nobody listens there, and nobody needs to
	testPassword = "a-password-of-this-test"
)

// startServer serves a development authorization server over HTTP.
func startServer(t *testing.T) (issuerURL string) {
	t.Helper()
	var handler http.Handler
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	key, err := issuer.GenerateKey("RS256", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := issuer.PublicSet(key)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(testPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s, err := devidp.New(devidp.Config{
		Issuer:          web.URL + "/devidp",
		Client:          devidp.Client{ID: "client", SecretHash: devidp.HashSecret("the client's secret")},
		CallbackAllowed: func(u string) bool { return u == testCallback },
		User:            devidp.User{Username: "dev", PasswordHash: hash, Subject: "subject-of-dev"},
		Key:             key, JWKS: jwks, Store: devidptest.NewStore(time.Now),
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = s.Handler()
	return web.URL + "/devidp"
}

func authorizationURL(issuerURL string) string {
	return issuerURL + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"client"}, "redirect_uri": {testCallback}, "scope": {"openid"}, "state": {"the-state"},
		"code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// program is an HTTP client without a browser's headers: a script that posts forms and follows redirects.
type program struct {
	t    *testing.T
	http *http.Client
	mode string // Sec-Fetch-Mode, as a browser would send it; "" for none
}

func newProgram(t *testing.T, mode string) *program {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &program{t, &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), testCallback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}, mode}
}

// send returns the answer, after redirects within the server, with its body read as a page.
func (p *program) send(method, address string, form url.Values) (*http.Response, *devidptest.Page) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p.mode != "" {
		req.Header.Set("Sec-Fetch-Mode", p.mode)
	}
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body := new(strings.Builder)
	if err := res.Write(body); err != nil {
		p.t.Fatal(err)
	}
	return res, &devidptest.Page{Body: body.String(), URL: res.Request.URL}
}

// submit posts the page's form with further fields.
func (p *program) submit(page *devidptest.Page, fields url.Values) (*http.Response, *devidptest.Page) {
	p.t.Helper()
	form := page.Hidden()
	for name, values := range fields {
		form[name] = values
	}
	target, err := page.URL.Parse(page.Action())
	if err != nil {
		p.t.Fatal(err)
	}
	return p.send(http.MethodPost, target.String(), form)
}

// consent signs in and answers the consent page.
func (p *program) consent(issuerURL, decision string) (*http.Response, *devidptest.Page) {
	p.t.Helper()
	_, login := p.send(http.MethodGet, authorizationURL(issuerURL), nil)
	_, consent := p.submit(login, url.Values{"username": {"dev"}, "password": {testPassword}})
	return p.submit(consent, url.Values{"decision": {decision}})
}

// A program that follows redirects gets through: nothing enforces form-action there.
func TestProgramIsRedirectedAfterItsForms(t *testing.T) {
	issuerURL := startServer(t)
	p := newProgram(t, "")
	for _, c := range [][2]string{{"refuse", "error"}, {"allow", "code"}} { // in this order: what was allowed is not asked again
		decision, parameter := c[0], c[1]
		res, page := p.consent(issuerURL, decision)
		target, err := res.Location()
		if res.StatusCode != http.StatusSeeOther || err != nil {
			t.Fatalf("after %s: %s, %v\n%s", decision, res.Status, err, page.Text())
		}
		if q := target.Query(); !strings.HasPrefix(target.String(), testCallback+"?") || !q.Has(parameter) || q.Get("state") != "the-state" {
			t.Errorf("after %s the program is sent to %s", decision, target)
		}
		if res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the redirect, whose target has a code, may be kept or told on: %v", res.Header)
		}
		p = newProgram(t, "")
	}
}

// What was allowed before is not asked again: the answer follows the sign-in at once, and is a redirect there too.
func TestProgramIsRedirectedAfterItsSignIn(t *testing.T) {
	issuerURL := startServer(t)
	newProgram(t, "").consent(issuerURL, "allow")
	p := newProgram(t, "")
	_, login := p.send(http.MethodGet, authorizationURL(issuerURL), nil)
	res, _ := p.submit(login, url.Values{"username": {"dev"}, "password": {testPassword}})
	if target, err := res.Location(); res.StatusCode != http.StatusSeeOther || err != nil || !target.Query().Has("code") {
		t.Errorf("after the sign-in: %s, %v, %v", res.Status, target, err)
	}
}

// A browser holds redirects after a form to the page's form-action, so it gets a page that starts afresh.
func TestBrowserIsLedOnByAPage(t *testing.T) {
	res, page := newProgram(t, "navigate").consent(startServer(t), "allow")
	if res.StatusCode != http.StatusOK || res.Header.Get("Location") != "" {
		t.Fatalf("a browser was answered %s with Location %q", res.Status, res.Header.Get("Location"))
	}
	if refresh := res.Header.Get("Refresh"); !strings.HasPrefix(refresh, "0; url="+testCallback+"?") {
		t.Errorf("Refresh: %q", refresh)
	}
	if !strings.Contains(page.Body, `id="continue"`) {
		t.Errorf("the page has no link for browsers that ignore Refresh:\n%s", page.Body)
	}
}
