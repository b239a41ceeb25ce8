package devidp_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/oauth"
)

// outbound is a client as `lanyard dev` wires it.
func (w *poolWorld) outbound() *egress.Client {
	w.t.Helper()
	c, err := egress.New(egress.Config{Loopback: true, Aliases: &egress.Aliases{Origin: w.Public, Local: w.pools.Alias}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.CloseIdle)
	return c
}

// TestNamesOfCognitoMeanLocalPools: discovery, the issuer comparison and the verification of inbound JWTs work unchanged.
func TestNamesOfCognitoMeanLocalPools(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	out := w.outbound()
	m, err := oauth.New(out, w.Clock.Now).Discover(t.Context(), idpURL+pool+"/.well-known/openid-configuration")
	if err != nil || m.Issuer != idpURL+pool || m.TokenEndpoint != w.base(pool)+"/oauth2/token" || m.AuthorizationEndpoint != w.base(pool)+"/oauth2/authorize" || !m.IssParameter {
		t.Fatalf("discovered %+v, %v", m, err)
	}
	token := textAt(w.call(api.InitiateAuth, signIn(c, "alice", poolPassword)), "AuthenticationResult", "AccessToken")
	verifier := issuer.NewVerifier(out, w.Clock.Now)
	claims, err := verifier.Verify(t.Context(), token, func(iss string) (issuer.Trust, bool) {
		return issuer.Trust{Issuer: iss, ClientIDs: []string{c.id}}, w.pools.IsIssuer(t.Context(), iss)
	})
	if err != nil || claims.Issuer != idpURL+pool || claims.ClientID != c.id {
		t.Errorf("verified as %+v, %v", claims, err)
	}
}

// TestAliasesAreOfWhatExists: exact hosts, https, pools and domains that exist; every other URL keeps its meaning.
func TestAliasesAreOfWhatExists(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	w.call(api.CreateUserPoolDomain, members{"UserPoolId": pool, "Domain": "agents"})
	const hosted = "https://agents.auth.us-west-2.amazoncognito.com"
	local := devidp.PoolsPath + pool
	for raw, want := range map[string]string{
		idpURL + pool: local, idpURL + pool + "/.well-known/jwks.json": local + "/.well-known/jwks.json", idpURL + pool + "/oauth2/token": local + "/oauth2/token",
		hosted + "/oauth2/authorize": local + "/oauth2/authorize", "https://AGENTS.auth.us-west-2.amazoncognito.com/login": local + "/login", hosted: local,
	} {
		if got, ok := w.pools.Alias(t.Context(), parsed(t, raw)); !ok || got != want {
			t.Errorf("%s means %q, %v; want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{
		idpURL + "us-west-2_Unknown00/x", idpURL, "http://cognito-idp.us-west-2.amazonaws.com/" + pool, "https://cognito-idp.eu-west-1.amazonaws.com/" + pool,
		"https://cognito-idp.us-west-2.amazonaws.com:8443/" + pool, "https://u@cognito-idp.us-west-2.amazonaws.com/" + pool, "https://cognito-idp.us-west-2.amazonaws.com.evil.example/" + pool,
		"https://evil-cognito-idp.us-west-2.amazonaws.com/" + pool, idpURL + pool + "/../../devidp/token", idpURL + pool + "//x", idpURL + pool + "/%2e%2e/x", idpURL + "../" + pool,
		"https://other.auth.us-west-2.amazoncognito.com/login", "https://x.agents.auth.us-west-2.amazoncognito.com/login", "https://agents.auth.eu-west-1.amazoncognito.com/login",
		"https://agents.auth.us-west-2.amazoncognito.com.evil.example/login", "https://auth.us-west-2.amazoncognito.com/login",
	} {
		if got, ok := w.pools.Alias(t.Context(), parsed(t, raw)); ok {
			t.Errorf("%s means %q here", raw, got)
		}
	}
	w.call(api.DeleteUserPoolDomain, members{"UserPoolId": pool, "Domain": "agents"})
	if got, ok := w.pools.Alias(t.Context(), parsed(t, hosted+"/login")); ok {
		t.Errorf("a deleted domain means %q", got)
	}
}

func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestBrowsersAreSentToTheLocalPool: with the query untouched, and only for what exists here.
func TestBrowsersAreSentToTheLocalPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	w.call(api.CreateUserPoolDomain, members{"UserPoolId": pool, "Domain": "agents"})
	const query = "?client_id=x&redirect_uri=https%3A%2F%2Fa%2Fb&scope=openid+email&state=a%2Bb"
	if got := w.pools.BrowserURL(t.Context(), "https://agents.auth.us-west-2.amazoncognito.com/oauth2/authorize"+query); got != w.base(pool)+"/oauth2/authorize"+query {
		t.Errorf("sent to %s", got)
	}
	for _, other := range []string{"https://github.com/login/oauth/authorize" + query, "https://others.auth.us-west-2.amazoncognito.com/login", "://", w.callback()} {
		if got := w.pools.BrowserURL(t.Context(), other); got != other {
			t.Errorf("%s became %s", other, got)
		}
	}
}

// TestA20_OnlyPoolsHereAreIssuers: no look-alike of the issuer is believed.
func TestA20_OnlyPoolsHereAreIssuers(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	iss := idpURL + pool
	if !w.pools.IsIssuer(t.Context(), iss) {
		t.Fatal("a pool is not its own issuer")
	}
	for _, other := range []string{"", idpURL, iss + "/", iss + "x", strings.ToUpper(iss), strings.Replace(iss, "https", "http", 1), strings.Replace(iss, "us-west-2.", "us-east-1.", 1),
		idpURL + "us-west-2_Unknown00", w.base(pool), iss + "?x", strings.Replace(iss, ".com", ".com.evil.example", 1)} {
		if w.pools.IsIssuer(t.Context(), other) {
			t.Errorf("%q is taken for an issuer", other)
		}
	}
	w.call(api.DeleteUserPool, members{"UserPoolId": pool})
	if w.pools.IsIssuer(t.Context(), iss) {
		t.Error("a deleted pool is still an issuer")
	}
}
