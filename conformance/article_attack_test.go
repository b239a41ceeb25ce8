//go:build conformance

package conformance_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// attacks are those of the text, and of strangers at the front door and behind it, with two people in two browsers.
func (w *world) attacks(t *testing.T, alice *person) {
	bob := w.signIn(t, "bob")
	t.Run("A08_LinkConsentedByTheVictim", func(t *testing.T) { w.browserSwap(t, alice, bob) })
	t.Run("A09_GrantOfAnotherUser", func(t *testing.T) { w.grantOfAnother(t, alice, bob) })
	t.Run("A10_GrantOfAnotherWorkload", func(t *testing.T) { w.otherWorkload(t, alice) })
	t.Run("A13_SessionCompletedByTheAttacker", func(t *testing.T) { w.foreignSession(t, alice, bob) })
	t.Run("A42_IdentityHeaders", func(t *testing.T) { w.identityHeaders(t, alice) })
	t.Run("A43_HostAndForwardedHeaders", func(t *testing.T) { w.hostHeaders(t) })
	t.Run("A45_Framing", func(t *testing.T) { w.framing(t, alice) })
	t.Run("A60_ConversationOfAnother", func(t *testing.T) { w.foreignConversation(t, alice, bob) })
	t.Run("A62_CrossSite", func(t *testing.T) { w.crossSite(t, alice) })
	t.Run("A44_CookieAfterSignOut", func(t *testing.T) { w.signedOut(t, bob) })
}

// browserSwap: the attacker begins and has the victim consent. The victim's account must not become the attacker's.
func (w *world) browserSwap(t *testing.T, alice, bob *person) {
	exchanged := w.GitHub.TokenRequests()["authorization_code"]
	bob.ask(whoAmI)
	link := bob.consentLink()
	tab := alice.consent(link)
	if page := lab.Eval[string](tab, "document.body.innerText"); !strings.Contains(page, "Nothing was connected") || strings.Contains(page, "complete.") {
		t.Errorf("the victim sees:\n%s", page)
	}
	tab.See("article-refused", lab.Looks[0])
	// The same straight to Lanyard, past the session binding service's own check.
	err := w.complete(t, lab.Eval[string](tab, "new URL(location).searchParams.get('session_id')"), w.subject(t, alice))
	if !client.Is(err, api.AccessDeniedException) && !client.Is(err, api.UnauthorizedException) {
		t.Errorf("straight to Lanyard: %v", err)
	}
	denied := w.find(t, func(r api.AuditRecord) bool { return r.Action == "CompleteResourceTokenAuth" && r.Result == "denied" })
	if len(denied) == 0 {
		t.Error("the audit has no record of the refusal")
	}
	if got := w.GitHub.TokenRequests()["authorization_code"]; got != exchanged {
		t.Errorf("the victim's code was exchanged: %d times more", got-exchanged)
	}
	alice.ask(myProjects)
	alice.answered(t, alice.login+"-secret-plans")
}

// grantOfAnother: the attacker asks, and does not get what the victim granted.
func (w *world) grantOfAnother(t *testing.T, alice, bob *person) {
	before := len(w.GitHub.Calls())
	bob.ask(myProjects)
	bob.consentLink()
	for _, call := range w.GitHub.Calls()[before:] {
		if call.Login == alice.login {
			t.Errorf("bob's question called %s with alice's token", call.Path)
		}
	}
}

// otherWorkload: another agent asks in the name of the same user, and does not get what was granted to this one.
func (w *world) otherWorkload(t *testing.T, alice *person) {
	operator := w.as(t, w.Root(t))
	back := w.URL("agents") + "/oauth2/session-binding"
	_, err := operator.CreateWorkloadIdentity(t.Context(), &api.CreateWorkloadIdentityRequest{Name: "another-agent", ReturnURLs: []string{back}})
	check(t, err)
	for _, workload := range []string{"github-agent", "another-agent"} {
		token, err := operator.GetWorkloadAccessTokenForUserId(t.Context(), workload, w.subject(t, alice))
		check(t, err)
		answer, err := operator.GetResourceOauth2Token(t.Context(), &api.GetResourceOauth2TokenRequest{
			WorkloadToken: token, ProviderName: "github", Scopes: []string{"repo"}, Flow: "USER_FEDERATION", ReturnURL: &back,
		})
		check(t, err)
		if own := workload == "github-agent"; own != (answer.AccessToken != "") {
			t.Errorf("%s gets a token of alice: %v", workload, !own)
		}
	}
	check(t, operator.DeleteWorkloadIdentity(t.Context(), "another-agent"))
}

// foreignSession: the attacker finishes the victim's session in his own browser, before she does.
func (w *world) foreignSession(t *testing.T, alice, bob *person) {
	w.GitHub.RevokeUser(alice.login)
	alice.ask(whoAmI)
	link := alice.consentLink()
	parsed, err := url.Parse(link)
	check(t, err)
	tab := bob.Beside()
	tab.Open(w.URL("agents") + "/oauth2/session-binding?session_id=" + url.QueryEscape(parsed.Query().Get("request_uri")))
	if status, _ := tab.Document(); status < 400 {
		t.Errorf("the attacker's browser got %d", status)
	}
	err = w.complete(t, parsed.Query().Get("request_uri"), w.subject(t, bob))
	if err == nil {
		t.Error("Lanyard let another user finish the session")
	}
	alice.consent(link)
	alice.answered(t, alice.login)
}

// complete calls Lanyard as the session binding service does.
func (w *world) complete(t *testing.T, session, user string) error {
	t.Helper()
	c := w.as(t, w.ServiceEnv(t, "session-binding"))
	return c.CompleteResourceTokenAuth(t.Context(), &api.CompleteResourceTokenAuthRequest{SessionURI: session, User: api.UserIdentifier{UserID: &user}})
}

// identityHeaders: somebody who is not signed in says who he is, in every spelling, to the front door and to the services.
func (w *world) identityHeaders(t *testing.T, alice *person) {
	forged := "eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.eyJzdWIiOiJhbGljZSJ9."
	for _, name := range []string{"x-amzn-oidc-data", "X_Amzn_Oidc_Data", "x-amzn_oidc-data", "X-AMZN-OIDC-DATA", "x-amzn-oidc-identity", "x-forwarded-user", "WorkloadAccessToken"} {
		for _, address := range []string{w.URL("agents") + "/me", w.URL("agent") + "/me", w.URL("agent") + "/invocations", w.URL("binding") + "/oauth2/session-binding?session_id=urn:ietf:params:oauth:request_uri:x"} {
			status, body := w.request(t, http.MethodGet, address, http.Header{name: {forged}})
			if status < 400 && status != http.StatusFound {
				t.Errorf("%s: %s: %d %s", address, name, status, body)
			}
		}
	}
	// The header of somebody who is signed in is overwritten, not believed.
	me := lab.Eval[string](alice.Tab, `(() => { const r = new XMLHttpRequest(); r.open("GET", "/me", false);
		r.setRequestHeader("x-amzn-oidc-data", "`+forged+`"); r.setRequestHeader("x_amzn_oidc_identity", "bob"); r.send(); return r.responseText })()`)
	if !strings.Contains(strings.ToLower(me), "alice") {
		t.Errorf("with a header of her own, alice is %s", me)
	}
}

// hostHeaders: a stranger's Host and X-Forwarded-* decide nothing.
func (w *world) hostHeaders(t *testing.T) {
	for name, value := range map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"} {
		status, header := w.navigate(t, w.URL("agents")+"/", http.Header{name: {value}})
		if status != http.StatusFound || strings.Contains(header.Get("Location"), "evil") || !strings.Contains(header.Get("Location"), url.QueryEscape(w.URL("agents")+"/oauth2/idpresponse")) {
			t.Errorf("%s: %d to %s", name, status, header.Get("Location"))
		}
	}
	if status, header := w.navigate(t, w.URL("agents")+"/", http.Header{"Host": {"evil.example"}}); status < 400 {
		t.Errorf("another host: %d to %s", status, header.Get("Location"))
	}
}

// framing: no page of the picture may be shown in somebody else's.
func (w *world) framing(t *testing.T, alice *person) {
	for _, path := range []string{"/", "/docs", "/oauth2/session-binding?session_id=x", "/oauth2/sign-out"} {
		tab := alice.Beside()
		tab.Open(w.URL("agents") + path)
		_, header := tab.Document()
		policy := header["content-security-policy"]
		if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || header["x-content-type-options"] != "nosniff" {
			t.Errorf("%s comes with %q", path, policy)
		}
	}
}

// foreignConversation: a session id is no secret, so it must open nothing for another user.
func (w *world) foreignConversation(t *testing.T, alice, bob *person) {
	session := lab.Eval[string](alice.Tab, "localStorage.getItem('session')")
	read := func(p *person) string {
		return lab.Eval[string](p.Tab, `(() => { const r = new XMLHttpRequest(); r.open("GET", "/conversation?sessionId=`+session+`", false); r.send(); return r.responseText })()`)
	}
	if !strings.Contains(read(alice), "Who am I") {
		t.Errorf("alice's own conversation: %s", read(alice))
	}
	if strings.Contains(read(bob), "Who am I") {
		t.Errorf("bob reads alice's conversation: %s", read(bob))
	}
}

// crossSite: a page of another site has the user's browser send requests.
func (w *world) crossSite(t *testing.T, alice *person) {
	cookies := alice.Cookies(w.URL("agents"))
	for _, header := range []http.Header{{"Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}} {
		header.Set("Cookie", cookies)
		header.Set("Content-Type", "text/plain")
		if status, body := w.request(t, http.MethodPost, w.URL("agents")+"/invocations", header); status != http.StatusForbidden {
			t.Errorf("%v: %d %s", header, status, body)
		}
	}
}

// signedOut: a copy of the cookie is worth nothing after its user has signed out.
func (w *world) signedOut(t *testing.T, bob *person) {
	header := http.Header{"Cookie": {bob.Cookies(w.URL("agents"))}}
	if status, body := w.request(t, http.MethodGet, w.URL("agents")+"/me", header); status != http.StatusOK {
		t.Fatalf("while bob is signed in, his cookie gets %d %s", status, body)
	}
	bob.Open(w.URL("agents") + "/oauth2/sign-out")
	bob.See("article-sign-out", lab.Looks[0])
	bob.Do(chromedp.Click(chromedp.CSS("button")))
	if err := lab.Eventually("bob's cookie is refused", func() bool {
		status, _ := w.request(t, http.MethodGet, w.URL("agents")+"/me", header)
		return status == http.StatusUnauthorized
	}); err != nil {
		t.Fatal(err)
	}
	w.Service(t, "front-door").Restart(t)
	if status, body := w.request(t, http.MethodGet, w.URL("agents")+"/me", header); status != http.StatusUnauthorized {
		t.Errorf("after a restart, the cookie of a session that was signed out gets %d %s", status, body)
	}
	other := header.Clone()
	other.Set("Cookie", strings.Replace(header.Get("Cookie"), "a", "b", 1))
	if status, _ := w.request(t, http.MethodGet, w.URL("agents")+"/me", other); status != http.StatusUnauthorized {
		t.Errorf("a forged cookie gets %d", status)
	}
}

// request is one of a program: it follows nothing and keeps nothing.
func (w *world) request(t *testing.T, method, address string, header http.Header) (status int, body string) {
	t.Helper()
	var reader io.Reader
	if method == http.MethodPost {
		content, err := json.Marshal(map[string]string{"sessionId": "a-session-of-the-attacker-000000000", "message": whoAmI})
		check(t, err)
		reader = strings.NewReader(string(content))
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, reader)
	check(t, err)
	for name, values := range header { // in the spelling given
		r.Header[name] = values
	}
	res, err := w.Transport(t).RoundTrip(r)
	check(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	check(t, err)
	return res.StatusCode, string(content)
}

// navigate is a request as a browser sends it for a page.
func (w *world) navigate(t *testing.T, address string, header http.Header) (int, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	check(t, err)
	r.Header = header.Clone()
	r.Host = header.Get("Host")
	r.Header.Del("Host")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	res, err := w.Transport(t).RoundTrip(r)
	check(t, err)
	return res.StatusCode, res.Header
}
