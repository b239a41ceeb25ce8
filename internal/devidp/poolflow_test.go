package devidp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

func (w *poolWorld) exchange(c registered, answer url.Values, change ...func(url.Values)) reply {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {w.callback()}, "code_verifier": {verifier}}
	for _, f := range change {
		f(form)
	}
	return w.post(c, "/oauth2/token", form)
}

// TestConsentAtAPool walks the quickstart's client through sign-in, consent, code and tokens.
func TestConsentAtAPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	sub := w.newUser(pool, "alice", members{"Name": "email", "Value": "alice@example.com"}, members{"Name": "name", "Value": "Alice A"})
	answer := w.consent(c, "alice")
	if answer.Get("state") != "s1" || answer.Get("iss") != idpURL+pool {
		t.Errorf("authorization response is %v", answer)
	}
	tokens := w.exchange(c, answer)
	access := w.claims(pool, tokens.text("access_token"))
	want := members{"sub": sub, "iss": idpURL + pool, "client_id": c.id, "token_use": "access", "scope": "openid email", "username": "alice", "version": 2.0}
	for name, v := range want {
		if access[name] != v {
			t.Errorf("access token: %s is %v, want %v", name, access[name], v)
		}
	}
	id := w.claims(pool, tokens.text("id_token"))
	if id["nonce"] != "n1" || id["aud"] != c.id || id["email"] != "alice@example.com" || id["name"] != nil {
		t.Errorf("ID token says %v, want what was consented to", id)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base(pool)+"/oauth2/userInfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokens.text("access_token"))
	if info := w.send(r); info.text("sub") != sub || info.text("username") != "alice" || info.text("email") != "alice@example.com" {
		t.Errorf("userInfo says %v", info.body)
	}
	renewed := w.post(c, "/oauth2/token", refreshForm(tokens.text("refresh_token")))
	if renewed.status != 200 || renewed.text("refresh_token") != "" || renewed.text("access_token") == "" {
		t.Errorf("renewed: %d %v", renewed.status, renewed.body)
	}
	again := w.post(c, "/oauth2/token", refreshForm(tokens.text("refresh_token")))
	if again.status != 200 {
		t.Errorf("a refresh token that is not rotated was used up: %d %v", again.status, again.body)
	}
	w.post(c, "/oauth2/revoke", url.Values{"token": {tokens.text("refresh_token")}})
	if r := w.post(c, "/oauth2/token", refreshForm(tokens.text("refresh_token"))); r.text("error") != "invalid_grant" {
		t.Errorf("a revoked refresh token: %d %v", r.status, r.body)
	}
	if info := w.send(r); info.status != http.StatusUnauthorized {
		t.Errorf("an access token whose consent was revoked: %d %v", info.status, info.body)
	}
}

// TestA04_ACodeWorksOnce: a second use takes what the first was given.
func TestA04_ACodeWorksOnceAtAPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c, other := w.newClient(pool), w.newClient(pool)
	w.newUser(pool, "alice")
	answer := w.consent(c, "alice")
	if r := w.exchange(other, answer); r.text("error") != "invalid_grant" {
		t.Errorf("another client's code: %d %v", r.status, r.body)
	}
	tokens := w.exchange(c, answer)
	if r := w.exchange(c, answer); r.text("error") != "invalid_grant" {
		t.Errorf("a code used twice: %d %v", r.status, r.body)
	}
	if r := w.post(c, "/oauth2/token", refreshForm(tokens.text("refresh_token"))); r.text("error") != "invalid_grant" {
		t.Errorf("the tokens of a code used twice: %d %v", r.status, r.body)
	}
}

// TestRotation: a client that asks for rotation gets it, and a used refresh token takes the rest down.
func TestRotationAtAPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, members{"RefreshTokenRotation": members{"Feature": "ENABLED"}})
	w.newUser(pool, "alice")
	first := w.exchange(c, w.consent(c, "alice")).text("refresh_token")
	second := w.post(c, "/oauth2/token", refreshForm(first)).text("refresh_token")
	if second == "" || second == first {
		t.Fatalf("refresh token %q became %q", first, second)
	}
	for _, token := range []string{first, second} {
		if r := w.post(c, "/oauth2/token", refreshForm(token)); r.text("error") != "invalid_grant" {
			t.Errorf("after a reuse: %d %v", r.status, r.body)
		}
	}
}

// TestA14_PKCE: a client with a secret may go without, one without a secret may not; a challenge that was sent binds, and
// a verifier for a code without a challenge is refused.
func TestA14_PKCEAtAPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	secret, public := w.newClient(pool), w.newClient(pool, members{"GenerateSecret": false})
	w.newUser(pool, "alice")
	without := func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }
	noVerifier := func(f url.Values) { f.Del("code_verifier") }
	if r := w.exchange(secret, w.consent(secret, "alice", without), noVerifier); r.status != 200 {
		t.Errorf("a client with a secret, without PKCE: %d %v", r.status, r.body)
	}
	if r := w.exchange(secret, w.consent(secret, "alice", without)); r.text("error") != "invalid_grant" {
		t.Errorf("a verifier without a challenge: %d %v", r.status, r.body)
	}
	if r := w.exchange(secret, w.consent(secret, "alice"), noVerifier); r.text("error") != "invalid_grant" {
		t.Errorf("a challenge without a verifier: %d %v", r.status, r.body)
	}
	if answer := w.consent(public, "alice", without); answer.Get("error") != "invalid_request" {
		t.Errorf("a client without a secret and PKCE: %v", answer)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {w.consent(public, "alice").Get("code")}, "redirect_uri": {w.callback()},
		"code_verifier": {verifier}, "client_id": {public.id}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base(pool)+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := w.send(r); got.status != 200 {
		t.Errorf("a client without a secret, with PKCE: %d %v", got.status, got.body)
	}
	if answer := w.consent(secret, "alice", func(q url.Values) { q.Set("code_challenge_method", "plain") }); answer.Get("error") != "invalid_request" {
		t.Errorf("plain: %v", answer)
	}
}

func TestScopesAtAPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	w.newUser(pool, "alice")
	if answer := w.consent(c, "alice", func(q url.Values) { q.Set("scope", "openid phone") }); answer.Get("error") != "invalid_scope" {
		t.Errorf("a scope that is not the client's: %v", answer)
	}
	answer := w.consent(c, "alice", func(q url.Values) { q.Del("scope") })
	if got := w.claims(pool, w.exchange(c, answer).text("access_token"))["scope"]; got != "openid profile email" {
		t.Errorf("without a scope: %v, want all of the client's", got)
	}
	machine := w.machine(pool)
	if answer := w.consentError(machine); answer != "unauthorized_client" {
		t.Errorf("a client without the code flow: %v", answer)
	}
}

// machine makes a resource server and a client for its scopes.
func (w *poolWorld) machine(pool string) registered {
	w.call(api.CreateResourceServer, members{"UserPoolId": pool, "Identifier": "agents", "Name": "Agents", "Scopes": []members{
		{"ScopeName": "read", "ScopeDescription": "Read"}, {"ScopeName": "write", "ScopeDescription": "Write"}}})
	return w.newClient(pool, members{"AllowedOAuthFlows": []string{"client_credentials"}, "AllowedOAuthScopes": []string{"agents/read"}})
}

func (w *poolWorld) consentError(c registered) string {
	page, err := w.person("alice").Open(w.t.Context(), w.authorization(c))
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(page.Leaves)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Query().Get("error")
}

// TestClientCredentials: a client's own token, by form and by API, has the scopes of its registration at most.
func TestClientCredentialsAtAPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.machine(pool)
	ask := func(scope string) reply {
		return w.post(c, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	}
	for _, scope := range []string{"agents/read", ""} {
		r := ask(scope)
		claims := w.claims(pool, r.text("access_token"))
		if r.status != 200 || claims["sub"] != c.id || claims["scope"] != "agents/read" || claims["username"] != nil || claims["token_use"] != "access" || r.text("refresh_token") != "" || r.text("id_token") != "" {
			t.Errorf("scope %q: %d, %v", scope, r.status, claims)
		}
	}
	for _, scope := range []string{"agents/write", "agents/read agents/write", "openid", "other/read"} {
		if r := ask(scope); r.text("error") != "invalid_scope" {
			t.Errorf("scope %q: %d %v", scope, r.status, r.body)
		}
	}
	user := w.newClient(pool)
	if r := w.post(user, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.text("error") != "unauthorized_client" {
		t.Errorf("a client without the flow: %d %v", r.status, r.body)
	}
	wrong := registered{pool, c.id, user.secret}
	if r := w.post(wrong, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}); r.status != 401 || r.text("error") != "invalid_client" {
		t.Errorf("another client's secret: %d %v", r.status, r.body)
	}
	in := members{"ClientId": c.id, "AuthFlow": "CLIENT_CREDENTIALS", "AuthParameters": members{"SECRET_HASH": c.hash(""), "SCOPE": "agents/read"}}
	if claims := w.claims(pool, textAt(w.call(api.InitiateAuth, in), "AuthenticationResult", "AccessToken")); claims["sub"] != c.id {
		t.Errorf("by API: %v", claims)
	}
	in["AuthParameters"] = members{"SECRET_HASH": c.hash(""), "SCOPE": "agents/write"}
	w.refused(api.InitiateAuth, in, api.InvalidParameterException)
	in["AuthParameters"] = members{"SECRET_HASH": c.hash("x")}
	w.refused(api.InitiateAuth, in, api.NotAuthorizedException)
}

// TestPoolsAreApart: no user, client, session, code or token of one pool is anything at another.
func TestPoolsAreApart(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	one, two := w.newPool(), w.newPool()
	c, d := w.newClient(one), w.newClient(two)
	sub := w.newUser(one, "alice")
	w.call(api.InitiateAuth, signIn(w.newClient(one, apiClient), sub, poolPassword))
	w.refused(api.InitiateAuth, signIn(w.newClient(two, apiClient), sub, poolPassword), api.NotAuthorizedException)
	w.refused(api.AdminGetUser, members{"UserPoolId": two, "Username": sub}, api.UserNotFoundException)
	tokens := w.exchange(c, w.consent(c, "alice"))
	if _, err := w.person("alice").Allow(t.Context(), w.authorization(d)); err == nil || !strings.Contains(err.Error(), "still asked") {
		t.Errorf("a user of one pool at another: %v", err)
	}
	crossed := registered{two, c.id, c.secret}
	for what, form := range map[string]url.Values{"code": {"grant_type": {"authorization_code"}, "code": {w.consent(c, "alice").Get("code")}, "redirect_uri": {w.callback()}, "code_verifier": {verifier}},
		"refresh token": refreshForm(tokens.text("refresh_token"))} {
		if r := w.post(crossed, "/oauth2/token", form); r.text("error") != "invalid_client" {
			t.Errorf("%s with its client: %d %v", what, r.status, r.body)
		}
		if r := w.post(d, "/oauth2/token", form); r.text("error") != "invalid_grant" {
			t.Errorf("%s with the other pool's client: %d %v", what, r.status, r.body)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base(two)+"/oauth2/userInfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokens.text("access_token"))
	if info := w.send(r); info.status != http.StatusUnauthorized {
		t.Errorf("an access token at another pool: %d %v", info.status, info.body)
	}
	r.URL.Path = strings.Replace(r.URL.Path, two, one, 1)
	r.Header.Set("Authorization", "Bearer "+tokens.text("id_token"))
	if info := w.send(r); info.status != http.StatusUnauthorized {
		t.Errorf("an ID token for an access token: %d %v", info.status, info.body)
	}
}

// TestDisabledUserIsOut: at every later step, in a browser that is signed in as well.
func TestDisabledUserIsOut(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	w.newUser(pool, "alice")
	p := w.person("alice")
	if _, err := p.Allow(t.Context(), w.authorization(c)); err != nil {
		t.Fatal(err)
	}
	tokens := w.exchange(c, w.consent(c, "alice"))
	w.call(api.AdminDisableUser, members{"UserPoolId": pool, "Username": "alice"})
	if r := w.post(c, "/oauth2/token", refreshForm(tokens.text("refresh_token"))); r.text("error") != "invalid_grant" {
		t.Errorf("refresh: %d %v", r.status, r.body)
	}
	page, err := p.Open(t.Context(), w.authorization(c))
	if err != nil || !strings.HasSuffix(page.Action(), "/login") {
		t.Errorf("a browser that was signed in: %v, %s", err, page.Text())
	}
}

// TestTemporaryPasswordSignsNobodyIn: the page says what to do.
func TestTemporaryPasswordSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice", "TemporaryPassword": poolPassword})
	p := w.person("alice")
	page, err := p.Open(t.Context(), w.authorization(c))
	if err == nil {
		page, err = p.Submit(t.Context(), page, url.Values{"username": {"alice"}, "password": {poolPassword}})
	}
	if err != nil || page.Status != http.StatusForbidden || !strings.Contains(page.Text(), "temporary") {
		t.Fatalf("%v, %d %s", err, page.Status, page.Text())
	}
}

// TestRestartBetweenSteps: another process over the same records goes on where the first one stopped.
func TestRestartBetweenSteps(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	w.newUser(pool, "alice")
	answer := w.consent(c, "alice")
	w.pools = w.newPools()
	tokens := w.exchange(c, answer)
	w.pools = w.newPools()
	w.Clock.Advance(time.Hour)
	if r := w.post(c, "/oauth2/token", refreshForm(tokens.text("refresh_token"))); r.status != 200 {
		t.Errorf("after a restart: %d %v", r.status, r.body)
	}
}

// TestSecretsOfPoolsRestSealed: neither the records nor what is logged and audited has a password, a client secret, a
// token, a code or a signing key in clear.
func TestSecretsOfPoolsRestSealed(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c, direct := w.newClient(pool), w.newClient(pool, apiClient, members{"GenerateSecret": true})
	w.newUser(pool, "alice")
	answer := w.consent(c, "alice")
	tokens := w.exchange(c, answer)
	out := w.call(api.InitiateAuth, signIn(direct, "alice", poolPassword))
	w.refused(api.InitiateAuth, signIn(direct, "alice", "wrong-password-marker"), api.NotAuthorizedException)
	kept := w.records.Dump() + w.Logs() + w.stored() + fmt.Sprintf("%+v", w.Audit(t, allAudit))
	for what, secret := range map[string]string{"password": poolPassword, "wrong password": "wrong-password-marker", "client secret": c.secret, "other client secret": direct.secret,
		"secret hash": direct.hash("alice"), "code": answer.Get("code"), "refresh token": tokens.text("refresh_token"), "access token": tokens.text("access_token"),
		"refresh token by API": textAt(out, "AuthenticationResult", "RefreshToken"), "a hash's parameters": `"salt"`} {
		if secret == "" || strings.Contains(kept, secret) {
			t.Errorf("%s is kept in clear (or missing)", what)
		}
	}
}
