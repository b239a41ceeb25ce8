//go:build conformance

package conformance_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// story is one user's consent, step by step, so that a test may do something between any two steps: another process may
// answer, or the same one after it was killed.
type story struct {
	t      *testing.T
	caller func() lab.Caller // who answers the next step
	idp    lab.ProviderInfo
	// register tells the provider of the callback URL; nil where it knows.
	register func(callback string)
	// answers are what the user writes into the provider's forms, as name, value pairs.
	answers []string
	// provider is the credential provider's configuration; nil for Lanyard's own client with its secret.
	provider map[string]any
	custom   map[string]string
	name     string
	user     string
	back     string // the return URL; "" for none
	person   *lab.Walker
	wat      string
	pending  pendingToken
	page     *lab.WebPage // that the person sees
	token    string
	returned url.Values // what reached the return URL
}

// pendingToken is the answer of GetResourceOauth2Token.
type pendingToken struct {
	AccessToken, AuthorizationURL, SessionURI, SessionStatus string
}

type step struct {
	name string
	run  func()
}

// atOIDCProvider is a story of alice at an oidc-provider.
func atOIDCProvider(t *testing.T, provider *lab.OIDCProvider, name string, caller func() lab.Caller) *story {
	t.Helper()
	person, err := lab.NewWalker()
	check(t, err)
	return &story{
		t: t, caller: caller, idp: provider.Info(), name: name, user: "alice", person: person,
		back:     "http://127.0.0.1:1/back", // nobody listens there
		register: func(callback string) { check(t, provider.RegisterCallback(t.Context(), callback)) },
		answers:  []string{"login", "alice", "password", "alice-password"},
		custom:   map[string]string{"prompt": "consent"}, // without, it gives no refresh token
	}
}

func (s *story) steps() []step {
	return []step{
		{"create the workload identity", s.createWorkload},
		{"create the credential provider", s.createProvider},
		{"get a workload access token", s.getWAT},
		{"ask for the token", s.begin},
		{"open the link", s.openLink},
		{"consent at the provider", s.consent},
		{"come back to the callback", s.callback},
		{"complete the session", s.complete},
		{"get the token", s.getToken},
	}
}

func (s *story) tell() {
	s.t.Helper()
	for _, step := range s.steps() {
		step.run()
	}
}

func (s *story) do(op api.Operation, in, out any) {
	s.t.Helper()
	check(s.t, s.caller().Do(s.t.Context(), op, in, out))
}

func (s *story) createWorkload() {
	s.t.Helper()
	urls := []string{}
	if s.back != "" {
		urls = append(urls, s.back)
	}
	s.do(api.CreateWorkloadIdentity, map[string]any{"name": s.name, "allowedResourceOauth2ReturnUrls": urls}, nil)
}

func (s *story) createProvider() {
	s.t.Helper()
	var created struct{ CallbackURL string }
	in := s.provider
	if in == nil {
		in = customProvider(s.name, s.idp)
	}
	s.do(api.CreateOauth2CredentialProvider, in, &created)
	if s.register != nil {
		s.register(created.CallbackURL)
	}
}

func customProvider(name string, idp lab.ProviderInfo) map[string]any {
	return map[string]any{"name": name, "credentialProviderVendor": "CustomOauth2", "oauth2ProviderConfigInput": map[string]any{
		"customOauth2ProviderConfig": map[string]any{
			"oauthDiscovery": map[string]string{"discoveryUrl": idp.DiscoveryURL}, "clientId": idp.ClientID, "clientSecret": idp.ClientSecret,
		}}}
}

func (s *story) getWAT() {
	s.t.Helper()
	var out struct{ WorkloadAccessToken string }
	s.do(api.GetWorkloadAccessTokenForUserId, map[string]string{"workloadName": s.name, "userId": s.user}, &out)
	s.wat = out.WorkloadAccessToken
}

func (s *story) request() map[string]any {
	in := map[string]any{
		"workloadIdentityToken": s.wat, "resourceCredentialProviderName": s.name, "scopes": s.idp.UserScopes,
		"oauth2Flow": "USER_FEDERATION", "customParameters": s.custom,
	}
	if s.back != "" {
		in["resourceOauth2ReturnUrl"] = s.back
	}
	return in
}

// poll is the request of an agent that waits for its user.
func (s *story) poll() map[string]any {
	in := s.request()
	in["sessionUri"] = s.pending.SessionURI
	return in
}

func (s *story) begin() {
	s.t.Helper()
	s.pending = pendingToken{}
	s.do(api.GetResourceOauth2Token, s.request(), &s.pending)
	if s.pending.AuthorizationURL == "" || s.pending.SessionStatus != "IN_PROGRESS" {
		s.t.Fatalf("before any consent: token present %t, status %q", s.pending.AccessToken != "", s.pending.SessionStatus)
	}
}

func (s *story) openLink() {
	s.t.Helper()
	s.visit(s.pending.AuthorizationURL, s.idp.Issuer)
}

func (s *story) consent() {
	s.t.Helper()
	next, err := s.person.Consent(s.t.Context(), s.page.Next, s.callbackBase(), s.answers...)
	check(s.t, err)
	s.page = &lab.WebPage{Next: next}
}

// callbackBase is how every callback URL of the service begins: it is where the authorization URL is.
func (s *story) callbackBase() string {
	base, _, _ := strings.Cut(s.pending.AuthorizationURL, "/authorize?")
	return base + "/callback/"
}

func (s *story) callback() {
	s.t.Helper()
	s.visit(s.page.Next, s.back)
	at, err := url.Parse(s.page.Next)
	check(s.t, err)
	s.returned = at.Query()
	if s.returned.Get("session_id") != s.pending.SessionURI {
		s.t.Fatalf("the application was told of session %q", s.returned.Get("session_id"))
	}
}

// visit opens an address, which must send the person to somewhere below next.
func (s *story) visit(address, next string) {
	s.t.Helper()
	page, err := s.person.Open(s.t.Context(), address)
	check(s.t, err)
	if !strings.HasPrefix(page.Next, next) {
		s.t.Fatalf("%s answered %d and sends the browser to %q, want %s\n%s", page.URL, page.Status, page.Next, next, page.Body)
	}
	s.page = page
}

func (s *story) completion() map[string]any {
	return map[string]any{"sessionUri": s.pending.SessionURI, "userIdentifier": map[string]string{"userId": s.user}}
}

func (s *story) complete() {
	s.t.Helper()
	s.do(api.CompleteResourceTokenAuth, s.completion(), nil)
}

func (s *story) getToken() {
	s.t.Helper()
	var out pendingToken
	s.do(api.GetResourceOauth2Token, s.request(), &out)
	if out.AccessToken == "" {
		s.t.Fatalf("after the consent there is no token; status %q", out.SessionStatus)
	}
	s.token = out.AccessToken
}

// grant is the one that the story made, by its id.
func (s *story) grant() string {
	s.t.Helper()
	var out struct{ Grants []struct{ ID, State string } }
	s.do(api.ListGrants, map[string]string{"workload": s.name}, &out)
	if len(out.Grants) != 1 || out.Grants[0].State != "active" {
		s.t.Fatalf("the grants of %s: %+v", s.name, out.Grants)
	}
	return out.Grants[0].ID
}
