//go:build conformance

package conformance_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/githubtest"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

const (
	whoAmI     = "Who am I on GitHub?"
	myProjects = "Which of my projects did I touch last?"
)

// tokenLife is how long the stand-in's tokens live: long enough for an answer, short enough to be waited for.
const tokenLife = 12 * time.Second

// TestArticle plays the article on deploy/compose.yaml, run as processes of this machine: the seventeen steps of the text
// in their order, and what comes after them.
func TestArticle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Config{GitHubApp: true, TokenLifetime: tokenLife}, lab.WithPython())
	alice := w.signIn(t, "alice")
	played := map[string]bool{}
	for _, part := range []struct {
		name string
		play func(*testing.T, *person)
	}{
		{"steps", w.seventeenSteps}, {"docs", w.interactiveDocs}, {"settings", w.settings}, {"refresh", w.silentRefresh}, {"restart", w.restarts}, {"revoked", w.revoked},
		{"chain", w.chain}, {"split", w.splitCredentials}, {"attacks", w.attacks}, {"expired", w.noRefreshToken}, {"python", w.inPython},
		{"jwt", w.verifiedUser}, {"kept", w.nothingKeptInClear}, {"cleanup", w.cleanUp},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.play(t, alice) }) {
			return // what comes after builds on it
		}
		played[part.name] = true
	}
	articleLedger(t, played)
}

// world is the picture with its people.
type world struct {
	*lab.Picture
}

// person is somebody with a browser.
type person struct {
	*lab.Tab
	w           *world
	name, login string // here, and at GitHub
}

func newWorld(t *testing.T, github githubtest.Config, options ...lab.PictureOption) *world {
	t.Helper()
	return &world{bench.Picture(t, github, options...)}
}

// signIn opens the agent's page, through the front door and the identity provider's sign-in.
func (w *world) signIn(t *testing.T, name string) *person {
	t.Helper()
	p := &person{Tab: bench.Tab(t), w: w, name: name, login: name + "-on-github"}
	p.Open(w.URL("agents") + "/")
	p.Shown("#kc-form-login")
	p.Load(chromedp.Steps(chromedp.SetValue(chromedp.CSS("#username"), name), chromedp.SetValue(chromedp.CSS("#password"), w.Setting(strings.ToUpper(name)+"_PASSWORD")),
		chromedp.Click(chromedp.CSS("#kc-login"))))
	p.Reach(w.URL("agents") + "/")
	p.Shown("#message")
	check(t, lab.Eventually("the page shows that "+name+" is signed in", func() bool { return strings.Contains(strings.ToLower(p.Shown("#name")), name) }))
	return p
}

// ask types a question, when the answer before is whole.
func (p *person) ask(question string) {
	p.Shown("#send")
	p.Do(chromedp.SetValue(chromedp.CSS("#message"), question), chromedp.Click(chromedp.CSS("#send")))
}

// consentLink is the address behind the button of the consent card.
func (p *person) consentLink() string {
	p.Shown(".consent a.button")
	return lab.Eval[string](p.Tab, "document.querySelector('.consent a.button').href")
}

// consent gives consent at GitHub in another tab and returns it where it ends.
func (p *person) consent(link string) *lab.Tab { return p.openConsent(link).decide() }

// answered waits for the last answer of the agent to hold words.
func (p *person) answered(t *testing.T, words string) {
	t.Helper()
	script := "[...document.querySelectorAll('.message.assistant')].at(-1)?.innerText ?? ''"
	err := lab.Eventually("the agent answers "+words, func() bool { return strings.Contains(lab.Eval[string](p.Tab, script), words) })
	if err != nil {
		t.Fatalf("%v; it says %q", err, lab.Eval[string](p.Tab, script))
	}
}

func (w *world) seventeenSteps(t *testing.T, alice *person) {
	before := w.records(t)
	if len(before) != 0 {
		t.Fatalf("before anybody asked anything there are %d records of tokens", len(before))
	}
	// 1 to 7: the request, the workload access token for the user of the signed header, no token, a session, the URL.
	alice.ask(whoAmI)
	link := alice.consentLink()
	if !strings.HasPrefix(link, w.URL("lanyard")+"/identities/oauth2/authorize") {
		t.Errorf("the consent link is %s", link)
	}
	if card := alice.Shown(".consent"); !strings.Contains(card, "read:user") || strings.Contains(card, "repo") {
		t.Errorf("the consent card asks for more or less than read:user:\n%s", card)
	}
	alice.See("article-consent", lab.Looks[0])
	began := w.records(t)
	w.inOrder(t, began, "GetWorkloadAccessTokenForUserId", "GetResourceOauth2Token")
	if got := w.GitHub.TokenRequests()["authorization_code"]; got != 0 {
		t.Errorf("the code was exchanged before anybody consented: %d times", got)
	}
	// 8 to 17: consent, code, session binding by the user of the header, exchange, storage, the page.
	tab := alice.consent(link)
	if page := lab.Eval[string](tab, "document.body.innerText"); !strings.Contains(page, "Authorization complete") {
		t.Errorf("the session binding service shows:\n%s", page)
	}
	tab.See("article-bound", lab.Looks[0])
	if got := w.GitHub.TokenRequests()["authorization_code"]; got != 1 {
		t.Errorf("the code was exchanged %d times", got)
	}
	alice.answered(t, alice.login)
	alice.See("article-answer", lab.Looks[0])
	w.inOrder(t, w.records(t), "GetWorkloadAccessTokenForUserId", "GetResourceOauth2Token", "CompleteResourceTokenAuth", "GetResourceOauth2Token")
	// The other tool has a scope of its own, so consent of its own.
	alice.ask(myProjects)
	if card := alice.Shown(".consent"); !strings.Contains(card, "repo") {
		t.Errorf("the consent card does not ask for repo:\n%s", card)
	}
	alice.consent(alice.consentLink())
	alice.answered(t, alice.login+"-secret-plans")
}

// silentRefresh waits until the token has expired: the next answer comes without a question.
func (w *world) silentRefresh(t *testing.T, alice *person) {
	w.expire(t, alice)
	refreshed := w.GitHub.TokenRequests()["refresh_token"]
	alice.ask(whoAmI)
	alice.answered(t, alice.login)
	if got := w.GitHub.TokenRequests()["refresh_token"]; got <= refreshed {
		t.Errorf("the provider was asked for a refresh %d times, as before", got)
	}
}

func (w *world) expire(t *testing.T, p *person) {
	t.Helper()
	check(t, lab.Eventually("GitHub's tokens expire", func() bool { return !w.GitHub.HasLiveToken(p.login) }))
}

// revoked is what the text says of revocation: GitHub refuses a token that Lanyard has to take for good, and the agent asks
// for consent again by force.
func (w *world) revoked(t *testing.T, alice *person) {
	alice.ask(whoAmI)
	alice.answered(t, alice.login) // with a token that lives on
	refreshed := w.GitHub.TokenRequests()["failed"]
	w.GitHub.RevokeUser(alice.login)
	alice.ask(whoAmI)
	link := alice.consentLink()
	calls := w.GitHub.Calls()
	if last := calls[len(calls)-1]; last.Status != http.StatusUnauthorized {
		t.Errorf("GitHub's last answer before consent was asked for is %+v, not a refusal", last)
	}
	if got := w.GitHub.TokenRequests()["failed"]; got != refreshed {
		t.Error("it was a refresh that failed, not the token that was refused")
	}
	alice.consent(link)
	alice.answered(t, alice.login)
	alice.ask(myProjects) // its own consent went too
	alice.consent(alice.consentLink())
	alice.answered(t, alice.login+"-secret-plans")
}

// noRefreshToken is the text's other case: the provider issued no refresh token, and the access token has expired.
func (w *world) noRefreshToken(t *testing.T, alice *person) {
	w.GitHub.WithoutRefresh()
	w.GitHub.RevokeUser(alice.login)
	alice.ask(whoAmI)
	alice.consent(alice.consentLink())
	alice.answered(t, alice.login)
	w.expire(t, alice)
	alice.ask(whoAmI)
	alice.consent(alice.consentLink())
	alice.answered(t, alice.login)
}

// records are those of the audit that tell a user's story, oldest first.
func (w *world) records(t *testing.T) []api.AuditRecord {
	t.Helper()
	return w.find(t, func(r api.AuditRecord) bool {
		return slices.Contains([]string{"GetWorkloadAccessTokenForUserId", "GetResourceOauth2Token", "CompleteResourceTokenAuth"}, r.Action)
	})
}

func (w *world) find(t *testing.T, want func(api.AuditRecord) bool) (found []api.AuditRecord) {
	t.Helper()
	for line := range strings.Lines(w.Lanyard(t, "audit", "find", "-n", "1000", "--json")) {
		var r api.AuditRecord
		check(t, json.Unmarshal([]byte(line), &r))
		_, r.Action, _ = strings.Cut(r.Action, ":")
		if want(r) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b api.AuditRecord) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// inOrder checks that the actions happened, each after the one before.
func (w *world) inOrder(t *testing.T, records []api.AuditRecord, actions ...string) {
	t.Helper()
	next := 0
	for _, r := range records {
		if next < len(actions) && r.Action == actions[next] && r.Result != "denied" {
			next++
		}
	}
	if next < len(actions) {
		var seen []string
		for _, r := range records {
			seen = append(seen, r.Action+" "+r.Result)
		}
		t.Errorf("the audit has %v, and not %v in this order", seen, actions)
	}
}

// subject is how the front door names the user.
func (w *world) subject(t *testing.T, p *person) string {
	t.Helper()
	var claims struct{ Sub string }
	text := lab.Eval[string](p.Tab, `(() => { const r = new XMLHttpRequest(); r.open("GET", "/oauth2/userinfo", false); r.send(); return r.responseText })()`)
	if err := json.Unmarshal([]byte(text), &claims); err != nil || claims.Sub == "" {
		t.Fatalf("userinfo of %s: %v: %s", p.name, err, text)
	}
	return claims.Sub
}

// nothingKeptInClear looks through everything that the services wrote.
func (w *world) nothingKeptInClear(t *testing.T, _ *person) {
	for _, name := range []string{"lanyard", "front-door", "session-binding", "agent"} {
		text := read(t, w.Service(t, name).LogFile())
		for _, secret := range []string{"ghu_", "ghr_", "request_uri:", "code=", "state=", w.Setting("ALICE_PASSWORD"), w.Setting("FRONT_DOOR_CLIENT_SECRET"), "eyJ"} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("the log of %s holds %q: %s", name, secret, text[max(0, at-100):min(len(text), at+100)])
			}
		}
	}
	objects := w.Objects(t, "conversations")
	if len(objects) == 0 {
		t.Error("the object store holds no conversation")
	}
	for key, content := range objects {
		if strings.Contains(content, "GitHub") || strings.Contains(key, "alice") {
			t.Errorf("the object %s is in clear", key)
		}
	}
}
