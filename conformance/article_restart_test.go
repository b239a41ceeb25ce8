//go:build conformance

package conformance_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// restarts kills every service, one at a time, in the middle of two stories: Alice has an open conversation and grants,
// and Bob has the page before him on which he is to consent. Neither may notice more than that an answer takes longer.
func (w *world) restarts(t *testing.T, alice *person) {
	bob := w.signIn(t, "bob")
	for _, name := range []string{"lanyard", "front-door", "session-binding", "agent", "objects", "postgres", "keycloak"} {
		if !t.Run(name, func(t *testing.T) { w.restart(t, name, alice, bob) }) {
			return
		}
	}
	w.GitHub.RevokeUser(bob.login)
}

// restart is one of them. The part of Bob's that is left after it, the consent, comes first: nothing else may have woken
// the service.
func (w *world) restart(t *testing.T, name string, alice, bob *person) {
	w.GitHub.RevokeUser(bob.login)
	bob.ask(whoAmI)
	deciding := bob.openConsent(bob.consentLink())
	said, granted := alice.conversation(), w.grants(t, alice)
	if len(said) == 0 || len(granted) == 0 {
		t.Fatalf("before the restart Alice has %d messages and the grants %v", len(said), granted)
	}
	renewed := w.kill(t, name, alice, bob)
	exchanged := w.GitHub.TokenRequests()["authorization_code"]

	deciding.decide()
	bob.answered(t, bob.login)
	alice.Open(w.URL("agents") + "/") // no sign-in comes between
	alice.Shown("#message")
	if err := lab.Eventually("Alice's page shows her conversation", func() bool { return len(alice.conversation()) >= len(said) }); err != nil {
		t.Fatal(err)
	}
	alice.ask(myProjects)
	alice.answered(t, alice.login+"-secret-plans")
	if now := alice.conversation(); len(now) != len(said)+2 || !slices.Equal(now[:len(said)], said) {
		t.Errorf("after the restart Alice's conversation is %q, before it %q", now, said)
	}
	if now := w.grants(t, alice); !slices.Equal(now, granted) {
		t.Errorf("after the restart Alice has the grants %v, before it %v", now, granted)
	}
	if got := w.GitHub.TokenRequests()["authorization_code"] - exchanged; got != 1 {
		t.Errorf("after the restart %d codes were exchanged, and only Bob consented", got)
	}
	renewed(t)
}

// kill ends a service at once and starts it again. What it returns checks what only this service can have lost.
func (w *world) kill(t *testing.T, name string, alice, bob *person) (renewed func(*testing.T)) {
	t.Helper()
	switch name {
	case "postgres":
		w.Database().Kill(t)
		bob.looks(t)
		w.Database().Start(t)
	case "agent":
		w.Service(t, name).Kill(t)
		bob.looks(t)
		w.Service(t, name).Start(t)
	case "keycloak":
		return w.killIdentityProvider(t, alice)
	default:
		w.Service(t, name).Restart(t)
	}
	return func(*testing.T) {}
}

// looks waits until the page has looked in vain whether its consent was given, and looks again: an agent that is away, or
// cannot say, is no decision.
func (p *person) looks(t *testing.T) {
	t.Helper()
	looked := func() (n int) {
		for _, address := range p.Requests() {
			if strings.HasPrefix(address, p.w.URL("agents")+"/consent?") {
				n++
			}
		}
		return n
	}
	before := looked()
	check(t, lab.Eventually("the page looks twice", func() bool { return looked() >= before+2 }))
}

// shortLife is less than the identity provider takes to start: what it issued before its end has expired after it.
const shortLife = 5

// killIdentityProvider has Alice's access token expire while the identity provider is away. It has to know its own session
// with her afterwards, or the front door could renew nothing and she would have to sign in again.
func (w *world) killIdentityProvider(t *testing.T, alice *person) (renewed func(*testing.T)) {
	t.Helper()
	w.TokensLive(t, shortLife)
	alice.Open(w.URL("agents") + "/oauth2/sign-in?return_to=/") // it knows her already, and asks for no password
	alice.Shown("#message")
	before := alice.Cookies(w.URL("agents"))
	w.Service(t, "keycloak").Restart(t)
	w.TokensLive(t, 300)
	return func(t *testing.T) {
		if alice.Cookies(w.URL("agents")) == before {
			t.Error("the front door renewed nothing at the identity provider after its restart")
		}
	}
}

// openConsent opens the link in another tab, up to GitHub's page where one decides.
func (p *person) openConsent(link string) *decision {
	tab := p.Beside()
	tab.Open(link)
	tab.Shown("#authorize")
	return &decision{tab, p}
}

// decision is a person at GitHub's page.
type decision struct {
	*lab.Tab
	p *person
}

// decide gives consent and returns the tab where it ends.
func (d *decision) decide() *lab.Tab {
	d.Load(chromedp.Steps(chromedp.SetValue(chromedp.CSS("#login"), d.p.login), chromedp.Click(chromedp.CSS("#authorize"))))
	d.Reach(d.p.w.URL("agents") + "/oauth2/session-binding")
	return d.Tab
}

// conversation is what the page shows of it.
func (p *person) conversation() []string {
	p.Shown("#send") // nothing is on its way
	return lab.Eval[[]string](p.Tab, "[...document.querySelectorAll('.message .text')].map(e => e.innerText)")
}

// grants are those of a person, by their ids and how they stand.
func (w *world) grants(t *testing.T, p *person) (list []string) {
	t.Helper()
	sub := w.subject(t, p)
	for line := range strings.Lines(w.Lanyard(t, "grants", "--json", "--user", sub)) {
		var g api.GrantItem
		check(t, json.Unmarshal([]byte(line), &g))
		list = append(list, strings.Join([]string{g.ID, g.Provider, strings.Join(g.Scopes, "+"), g.State}, " "))
	}
	return list
}
