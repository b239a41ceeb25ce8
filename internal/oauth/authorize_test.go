package oauth_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func authorization(t testing.TB) oauth.Authorization {
	return oauth.Authorization{
		Provider: customProvider(), CallbackURL: callbackURL, State: "state-value", Verifier: newVerifier(t),
		Scopes: []string{"read", "write:all"}, Resources: []string{"https://api.example/v1", "urn:x:y"}, Audiences: []string{"a1"},
		Custom: map[string]string{"prompt": "consent", "access_type": "offline&x=y"},
	}
}

func authorizationQuery(t testing.TB, a oauth.Authorization) url.Values {
	t.Helper()
	raw, err := oauth.AuthorizationURL(a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestAuthorizationURL(t *testing.T) {
	a := authorization(t)
	a.Provider.AuthorizationEndpoint = "https://idp.example/authorize?policy=b2c%20one"
	raw, err := oauth.AuthorizationURL(a)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(raw, "https://idp.example/authorize?policy=b2c%20one&") {
		t.Errorf("the endpoint was altered: %s", raw)
	}
	got := authorizationQuery(t, a)
	want := url.Values{
		"policy": {"b2c one"}, "response_type": {"code"}, "client_id": {"client"}, "redirect_uri": {callbackURL},
		"state": {"state-value"}, "scope": {"read write:all"}, "code_challenge": {oauth.Challenge(a.Verifier)},
		"code_challenge_method": {"S256"}, "resource": {"https://api.example/v1", "urn:x:y"}, "audience": {"a1"},
		"prompt": {"consent"}, "access_type": {"offline&x=y"},
	}
	if got.Encode() != want.Encode() {
		t.Errorf("query\n%v, want\n%v", got, want)
	}
	if strings.Contains(raw, a.Verifier) || strings.Contains(raw, "client-secret") {
		t.Error("the browser gets the verifier or the client secret")
	}
}

func TestAuthorizationURLRefusesIncompleteRequests(t *testing.T) {
	for name, spoil := range map[string]func(*oauth.Authorization){
		"no vendor":            func(a *oauth.Authorization) { a.Provider.Vendor = "" },
		"no endpoint":          func(a *oauth.Authorization) { a.Provider.AuthorizationEndpoint = "" },
		"relative endpoint":    func(a *oauth.Authorization) { a.Provider.AuthorizationEndpoint = "/authorize" },
		"script endpoint":      func(a *oauth.Authorization) { a.Provider.AuthorizationEndpoint = "javascript://x/%0aalert(1)" },
		"endpoint with user":   func(a *oauth.Authorization) { a.Provider.AuthorizationEndpoint = "https://u:p@idp.example/a" },
		"endpoint with hash":   func(a *oauth.Authorization) { a.Provider.AuthorizationEndpoint = "https://idp.example/a#" },
		"broken query":         func(a *oauth.Authorization) { a.Provider.AuthorizationEndpoint = "https://idp.example/a?x=%zz" },
		"no client id":         func(a *oauth.Authorization) { a.Provider.ClientID = "" },
		"no callback":          func(a *oauth.Authorization) { a.CallbackURL = "" },
		"no state":             func(a *oauth.Authorization) { a.State = "" },
		"two scopes in one":    func(a *oauth.Authorization) { a.Scopes = []string{"read admin"} },
		"empty scope":          func(a *oauth.Authorization) { a.Scopes = []string{""} },
		"scope with a newline": func(a *oauth.Authorization) { a.Scopes = []string{"a\nb"} },
		"quoted scope":         func(a *oauth.Authorization) { a.Scopes = []string{`a"b`} },
		"relative resource":    func(a *oauth.Authorization) { a.Resources = []string{"api/v1"} },
		"resource fragment":    func(a *oauth.Authorization) { a.Resources = []string{"https://api.example/#x"} },
		"resource with space":  func(a *oauth.Authorization) { a.Resources = []string{"https://api.example/ x"} },
		"blank audience":       func(a *oauth.Authorization) { a.Audiences = []string{" "} },
		"audience control":     func(a *oauth.Authorization) { a.Audiences = []string{"a\x00"} },
		"long custom value":    func(a *oauth.Authorization) { a.Custom["x"] = strings.Repeat("v", 5000) },
		"empty custom name":    func(a *oauth.Authorization) { a.Custom[""] = "v" },
		"custom and endpoint": func(a *oauth.Authorization) {
			a.Provider.AuthorizationEndpoint += "?prompt=none"
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := authorization(t)
			spoil(&a)
			raw, err := oauth.AuthorizationURL(a)
			wantKind(t, err, oauth.Misconfigured)
			if raw != "" {
				t.Errorf("a URL came with the error: %s", raw)
			}
		})
	}
}

func TestA14_PKCEIsS256AndNeverDowngraded(t *testing.T) {
	a := authorization(t)
	q := authorizationQuery(t, a)
	// RFC 7636 appendix B.
	if oauth.Challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Error("the challenge is not S256")
	}
	if q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == a.Verifier {
		t.Error("plain challenge")
	}
	e := newEngine(t)
	for name, verifier := range map[string]string{
		"none": "", "short": strings.Repeat("a", 42), "long": strings.Repeat("a", 129), "foreign character": strings.Repeat("a", 42) + "+",
	} {
		b := a
		b.Verifier = verifier
		_, err := oauth.AuthorizationURL(b)
		wantKind(t, err, oauth.Misconfigured)
		_, err = e.Exchange(t.Context(), a.Provider, vault.SecretString("c"), vault.SecretString(verifier), callbackURL, nil, nil)
		wantKind(t, err, oauth.Misconfigured)
		wantText(t, err, "PKCE")
		if verifier != "" && strings.Contains(err.Error(), verifier) {
			t.Errorf("%s: the error repeats the verifier", name)
		}
	}
}

func TestA14_SwappedVerifierIsRefusedByTheProvider(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	code, _ := consent(t, s, oauth.Authorization{Provider: p})
	_, err := e.Exchange(t.Context(), p, code, vault.SecretString(newVerifier(t)), callbackURL, nil, nil)
	wantKind(t, err, oauth.InvalidGrant)
}

func TestNoPKCEIsByNameOnly(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	s.Behave(func(b *oauthtest.Behaviour) { b.PKCEOptional = true })
	p := s.Provider()
	p.NoPKCE = true
	obtain(t, e, s, p)
	if s.Last(oauthtest.CountAuthorize).Form.Has("code_challenge") || s.LastToken().Form.Has("code_verifier") {
		t.Error("PKCE was sent to a provider that refuses it")
	}
}

func TestVerifiersDiffer(t *testing.T) {
	if a, b := newVerifier(t), newVerifier(t); a == b || len(a) != 43 {
		t.Errorf("verifiers %q and %q", a, b)
	}
	if _, err := oauth.NewVerifier(strings.NewReader("short")); err == nil {
		t.Error("a verifier was made of too little randomness")
	}
}

func TestA58_CustomParametersCannotReplaceOurs(t *testing.T) {
	names := []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "request", "request_uri", "resource", "audience", "dpop_jkt", "client_secret",
		"client_assertion", "client_assertion_type", "grant_type", "code", "code_verifier", "refresh_token",
		"SCOPE", "Redirect_URI", "client.id", "client id", "client-id", " state", "state ", "\tscope", "resource[]", "scope[0", "scope\x00x",
	}
	e := newEngine(t)
	for _, name := range names {
		if !oauth.ReservedParameter(name) {
			t.Errorf("%q is not reserved", name)
		}
		a := authorization(t)
		a.Custom = map[string]string{name: "evil"}
		_, err := oauth.AuthorizationURL(a)
		wantKind(t, err, oauth.Misconfigured)
		wantText(t, err, "reserved")
		_, err = e.ClientCredentials(t.Context(), a.Provider, nil, nil, nil, a.Custom)
		wantKind(t, err, oauth.Misconfigured)
	}
	for _, name := range []string{"prompt", "access_type", "login_hint", "domain_hint", "user_scope", "team", "acr_values", "include_granted_scopes"} {
		if oauth.ReservedParameter(name) {
			t.Errorf("%q is a caller's to set", name)
		}
	}
}

func TestA58_EveryNameWeSetIsReserved(t *testing.T) {
	a := authorization(t)
	a.Custom = nil
	for name := range authorizationQuery(t, a) {
		if !oauth.ReservedParameter(name) {
			t.Errorf("%q is set by us and can be set by a caller", name)
		}
	}
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	p.AuthMethod = oauth.ClientSecretPost
	token := obtain(t, e, s, p, "read")
	if _, err := e.Refresh(t.Context(), p, token.Refresh, []string{"read"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []string{"authorization_code", "refresh_token"} {
		for name := range s.Last(grant).Form {
			if !oauth.ReservedParameter(name) {
				t.Errorf("%q of the token request can be set by a caller", name)
			}
		}
	}
}

func TestA58_EndpointCannotCarryReservedParameters(t *testing.T) {
	for _, query := range []string{"client_id=evil", "scope=admin", "redirect_uri=https%3A%2F%2Fevil.example", "STATE=x", "request_uri=x", "response%5Ftype=token"} {
		a := authorization(t)
		a.Provider.AuthorizationEndpoint += "?" + query
		_, err := oauth.AuthorizationURL(a)
		wantKind(t, err, oauth.Misconfigured)
		wantText(t, err, "authorization endpoint carries")
	}
}

func TestA58_ValuesCannotBreakOutOfTheirParameter(t *testing.T) {
	a := authorization(t)
	a.State = "s&scope=admin#x"
	a.Custom = map[string]string{"login_hint": "x&redirect_uri=https://evil.example", "x&scope": "admin", "a=b": "c"}
	got := authorizationQuery(t, a)
	if !slices.Equal(got["scope"], []string{"read write:all"}) || !slices.Equal(got["redirect_uri"], []string{callbackURL}) || got.Get("state") != a.State {
		t.Errorf("a value became a parameter: %v", got)
	}
}

func TestAuthorizationPrintsNeitherStateNorVerifier(t *testing.T) {
	a := authorization(t)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("begin", "authorization", a)
	for _, text := range []string{fmt.Sprint(a), fmt.Sprintf("%+v %#v %q", a, a, a), log.String()} {
		if strings.Contains(text, a.State) || strings.Contains(text, a.Verifier) || !strings.Contains(text, "CustomOauth2") {
			t.Errorf("printed: %s", text)
		}
	}
}
