//go:build conformance

package conformance_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// chainLink is one of the chain: a record of the audit, or a line that the front door or the agent logged.
type chainLink struct {
	Action, Result, GrantID string
	Msg, URL                string
	Status                  int
}

// chain is one command that prints the way from a user's sign-in to each call of GitHub: the front door's word for the
// sign-in, Lanyard's for consents and tokens, the agent's for the calls.
func (w *world) chain(t *testing.T, alice *person) {
	signedIn, tokens, answered := false, 0, 0
	granted := map[string]bool{}
	for _, l := range w.links(t, alice) {
		_, l.Action, _ = strings.Cut(l.Action, ":")
		switch {
		case l.Msg == "signed in":
			signedIn = true
		case l.Result == "allowed" && l.Action == "CompleteResourceTokenAuth":
			granted[l.GrantID] = true
		case l.Result == "allowed" && l.Action == "GetResourceOauth2Token" && l.GrantID != "":
			if tokens++; !signedIn || !granted[l.GrantID] {
				t.Errorf("a token of the grant %s was handed out before sign-in (%v) or consent (%v)", l.GrantID, signedIn, granted)
			}
		case l.Msg == "called an API":
			if tokens--; tokens < 0 {
				t.Errorf("%s was called more often than tokens had been handed out", l.URL)
			}
			if l.Status == http.StatusOK {
				answered++
			}
		}
	}
	calls := 0
	for _, call := range w.GitHub.Calls() {
		if call.Login == alice.login && call.Status == http.StatusOK {
			calls++
		}
	}
	if answered == 0 || answered != calls {
		t.Errorf("the chain leads to %d calls, and GitHub answered %d for %s", answered, calls, alice.name)
	}
}

// links are those of a user, as the command prints them.
func (w *world) links(t *testing.T, p *person) (links []chainLink) {
	t.Helper()
	args := []string{"audit", "find", "-n", "1000", "--user", w.subject(t, p), "--log", w.Service(t, "front-door").LogFile(), "--log", w.Service(t, "agent").LogFile()}
	if text := w.Lanyard(t, args...); !strings.Contains(text, "signed in") || !strings.Contains(text, "called an API") {
		t.Errorf("for people, the chain reads:\n%s", text)
	}
	for line := range strings.Lines(w.Lanyard(t, append(args, "--json")...)) {
		var l chainLink
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		links = append(links, l)
	}
	return links
}
