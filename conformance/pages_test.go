//go:build conformance

package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// visitor is a person with a keyboard at the pages of `lanyard dev` and its development authorization server.
type visitor struct {
	*lab.Tab
	t          *testing.T
	server     *lab.Server
	allowed    []string // where requests of the browser may go
	complaints func() []string
}

// newVisitor opens a browser for the person of a story.
func newVisitor(t *testing.T, server *lab.Server, s *story) *visitor {
	t.Helper()
	v := &visitor{Tab: bench.Tab(t), t: t, server: server, allowed: []string{server.URL + "/"}}
	if s != nil && s.back != "" {
		v.allowed = append(v.allowed, strings.TrimSuffix(s.back, "back"))
	}
	v.complaints = v.Console()
	t.Cleanup(v.clean)
	return v
}

// withReturnURL is a story at the development authorization server, with an application that answers at the return URL.
func withReturnURL(t *testing.T, server *lab.Server, name string) *story {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><link rel="icon" href="data:,"><title>app</title>the application`))
	}))
	t.Cleanup(app.Close)
	return atDevServer(t, server, name, app.URL+"/back")
}

// atDevServer is a story whose session is begun. It asks for consent, whatever the user allowed before.
func atDevServer(t *testing.T, server *lab.Server, name, back string) *story {
	t.Helper()
	person, err := lab.NewWalker()
	check(t, err)
	s := &story{
		t: t, caller: server.Caller, name: name, user: "alice", back: back, person: person,
		custom: map[string]string{"prompt": "consent"},
		idp: lab.ProviderInfo{
			Issuer: server.Getenv("LANYARD_DEV_ISSUER"), DiscoveryURL: server.Getenv("LANYARD_DEV_ISSUER") + "/.well-known/openid-configuration",
			ClientID: server.Getenv("LANYARD_DEV_CLIENT_ID"), ClientSecret: server.Getenv("LANYARD_DEV_CLIENT_SECRET"),
			UserScopes: []string{"openid", "email"},
		},
		answers: []string{"username", server.Getenv("LANYARD_DEV_USERNAME"), "password", server.Getenv("LANYARD_DEV_PASSWORD"), "decision", "allow"},
	}
	s.createWorkload()
	s.createProvider()
	s.getWAT()
	s.begin()
	return s
}

// page checks what holds for every page: its headers, its words, and that it is good to look at in every look.
func (v *visitor) page(name string, status int, text ...string) {
	v.t.Helper()
	got, header := v.Document()
	if got != status {
		v.t.Errorf("%s: status %d, want %d", name, got, status)
	}
	v.strictHeaders(name, header)
	body := lab.Eval[string](v.Tab, "document.body.innerText")
	for _, words := range text {
		if !strings.Contains(body, words) {
			v.t.Errorf("%s does not say %q:\n%s", name, words, body)
		}
	}
	ground := map[bool]string{}
	for _, look := range lab.Looks {
		seen := v.See(name, look)
		if seen.ScrollWidth > seen.InnerWidth {
			v.t.Errorf("%s, %v: the page is %d pixels wide and scrolls sideways in a window of %d", name, look, seen.ScrollWidth, seen.InnerWidth)
		}
		ground[look.Dark] = seen.Background
	}
	if ground[true] == ground[false] {
		v.t.Errorf("%s: by night the background is %s, as by day", name, ground[true])
	}
}

// strictHeaders checks the policy with which every page of ours comes.
func (v *visitor) strictHeaders(name string, header map[string]string) {
	v.t.Helper()
	policy := map[string]string{}
	for directive := range strings.SplitSeq(header["content-security-policy"], ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		policy[key] = value
	}
	want := map[string][]string{
		"default-src": {"'none'"}, "style-src": {"'self'"}, "frame-ancestors": {"'none'"}, "base-uri": {"'none'"}, "form-action": {"'none'", "'self'"},
	}
	for directive, value := range policy {
		if !strings.Contains(strings.Join(want[directive], " ")+" ", value+" ") || value == "" {
			v.t.Errorf("%s: the content security policy has %s %s", name, directive, value)
		}
	}
	if len(policy) != len(want) {
		v.t.Errorf("%s: the content security policy is %q", name, header["content-security-policy"])
	}
	for key, value := range map[string]string{"cache-control": "no-store", "x-content-type-options": "nosniff", "x-frame-options": "DENY"} {
		if header[key] != value {
			v.t.Errorf("%s: %s is %q, want %q", name, key, header[key], value)
		}
	}
}

// clean checks, at the end of a visit, that the browser asked nobody else for anything and complained about nothing.
// What a failed page load itself puts on the console is expected: expected answers have an error status.
func (v *visitor) clean() {
	v.t.Helper()
	for _, address := range v.Requests() {
		ours := strings.HasPrefix(address, "data:,")
		for _, prefix := range v.allowed {
			ours = ours || strings.HasPrefix(address, prefix)
		}
		if !ours {
			v.t.Errorf("the browser asked for %s", address)
		}
	}
	for _, complaint := range v.complaints() {
		if !strings.Contains(complaint, "the server responded with a status of") {
			v.t.Errorf("the browser complains: %s", complaint)
		}
	}
}

// focused tells which element has the focus: its id, or its text.
func (v *visitor) focused() string {
	v.t.Helper()
	return lab.Eval[string](v.Tab, "document.activeElement.id || document.activeElement.innerText")
}

// tabTo presses the tabulator, and checks where it leads.
func (v *visitor) tabTo(want ...string) {
	v.t.Helper()
	for _, name := range want {
		v.Press(kb.Tab)
		if got := v.focused(); got != name {
			v.t.Errorf("the tabulator leads to %q, want %q", got, name)
		}
	}
}

// enter presses Enter, which leads to another page.
func (v *visitor) enter() {
	v.t.Helper()
	v.Load(chromedp.KeyEvent(kb.Enter))
}

// signIn fills in the sign-in page from its first field on, which gets the focus by itself.
func (v *visitor) signIn() {
	v.t.Helper()
	waitFor(v.t, "the user name has the focus", func() bool { return v.focused() == "username" })
	v.Press(v.server.Getenv("LANYARD_DEV_USERNAME"))
	v.tabTo("password")
	v.Press(v.server.Getenv("LANYARD_DEV_PASSWORD"))
	v.enter()
}

// allow answers the consent page.
func (v *visitor) allow() {
	v.t.Helper()
	v.tabTo("Not you?", "Refuse", "Allow")
	v.enter()
}

// refuse answers it the other way.
func (v *visitor) refuse() {
	v.t.Helper()
	v.tabTo("Not you?", "Refuse")
	v.enter()
}

// consentPage goes to the story's consent page.
func (v *visitor) consentPage(s *story) {
	v.t.Helper()
	v.Open(s.pending.AuthorizationURL)
	v.signIn()
}

// exception calls an operation that must be refused.
func exception(t *testing.T, c lab.Caller, op api.Operation, in any, want api.ExceptionName) string {
	t.Helper()
	a, err := c.Call(t.Context(), op, in)
	check(t, err)
	if a.Exception != string(want) {
		t.Errorf("%s: %s, want %s", op.Name, a, want)
	}
	return a.Message
}
