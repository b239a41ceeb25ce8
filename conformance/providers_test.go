//go:build conformance

package conformance_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

var providerNames = []string{"oidc-provider", "keycloak", "github"}

// relyingParty is the smallest client of a provider; it takes Lanyard's place where the providers themselves are tested.
type relyingParty struct {
	t         *testing.T
	provider  lab.Provider
	info      lab.ProviderInfo
	endpoints struct {
		Issuer                string
		AuthorizationEndpoint string `json:"authorization_endpoint"`
		TokenEndpoint         string `json:"token_endpoint"`
		JWKSURI               string `json:"jwks_uri"`
	}
	callback string
	answers  chan url.Values
}

func newRelyingParty(t *testing.T, provider lab.Provider) *relyingParty {
	t.Helper()
	rp := &relyingParty{t: t, provider: provider, info: provider.Info(), answers: make(chan url.Values, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			rp.answers <- r.URL.Query()
		}
	}))
	t.Cleanup(server.Close)
	rp.callback = server.URL + "/callback"
	if err := provider.RegisterCallback(t.Context(), rp.callback); err != nil {
		t.Fatal(err)
	}
	rp.endpoints.AuthorizationEndpoint, rp.endpoints.TokenEndpoint = rp.info.AuthorizeURL, rp.info.TokenURL
	if rp.info.DiscoveryURL != "" {
		rp.json("GET", rp.info.DiscoveryURL, nil, nil, &rp.endpoints)
	}
	return rp
}

// json sends a request that must succeed.
func (rp *relyingParty) json(method, address string, form url.Values, header http.Header, answer any) int {
	rp.t.Helper()
	req, err := http.NewRequestWithContext(rp.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		rp.t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	req.Header.Set("Accept", "application/json")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		rp.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		rp.t.Fatalf("%s %s: %s: %v", method, address, res.Status, err)
	}
	return res.StatusCode
}

// authorize sends a browser through the provider and returns what reached the callback.
func (rp *relyingParty) authorize(verifier, user string, deny bool) url.Values {
	rp.t.Helper()
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {rp.info.ClientID}, "redirect_uri": {rp.callback},
		"scope": {strings.Join(rp.info.UserScopes, " ")}, "state": {"state"}, "prompt": {"consent"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	landing := bench.Visit(rp.t, rp.info.Name, lab.Visit{
		URL: rp.endpoints.AuthorizationEndpoint + "?" + query.Encode(), User: user, Deny: deny,
	})
	select {
	case answer := <-rp.answers:
		return answer
	default:
		rp.t.Fatalf("the browser ended at %s: %s", landing.URL, landing.Text)
		return nil
	}
}

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	Error        string
}

func (rp *relyingParty) token(form url.Values) tokenAnswer {
	rp.t.Helper()
	var answer tokenAnswer
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(rp.info.ClientID) + ":" + url.QueryEscape(rp.info.ClientSecret)))
	rp.json("POST", rp.endpoints.TokenEndpoint, form, http.Header{"Authorization": {"Basic " + basic}}, &answer)
	return answer
}

// user calls the provider's user endpoint; its answer names alice while the token is good.
func (rp *relyingParty) user(token string) string {
	rp.t.Helper()
	user := map[string]any{}
	rp.json("GET", rp.info.UserInfoURL, nil, http.Header{"Authorization": {"Bearer " + token}}, &user)
	for _, name := range []string{"preferred_username", "login", "sub"} {
		if value, ok := user[name].(string); ok {
			return value
		}
	}
	return ""
}

// TestProviders proves that the providers do what the tests of Lanyard rely on.
func TestProviders(t *testing.T) {
	for _, name := range providerNames {
		t.Run(name, func(t *testing.T) {
			rp := newRelyingParty(t, bench.Provider(t, name))
			before, err := rp.provider.TokenRequests(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			verifier := rand.Text() + rand.Text()
			code := rp.authorize(verifier, "alice", false)
			exchange := url.Values{
				"grant_type": {"authorization_code"}, "code": {code.Get("code")},
				"redirect_uri": {rp.callback}, "code_verifier": {verifier},
			}
			first := rp.token(exchange)
			if rp.user(first.AccessToken) != "alice" || first.RefreshToken == "" || first.ExpiresIn == 0 {
				t.Fatalf("the token is not alice's with a refresh token and an expiry: %+v", first.Error)
			}
			refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}}
			second := rp.token(refresh)
			if rp.user(second.AccessToken) != "alice" || second.RefreshToken == first.RefreshToken {
				t.Errorf("the refresh did not rotate: %+v", second.Error)
			}
			if again := rp.token(refresh); again.Error == "" {
				t.Error("a used refresh token was accepted")
			}
			after, err := rp.provider.TokenRequests(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"authorization_code": 1, "refresh_token": 1, "failed": 1}
			if diff := cmp.Diff(want, difference(before, after)); diff != "" {
				t.Errorf("counters (-want +got):\n%s", diff)
			}
		})
	}
}

func difference(before, after map[string]int) map[string]int {
	d := map[string]int{}
	for name, n := range after {
		if n != before[name] {
			d[name] = n - before[name]
		}
	}
	return d
}

func TestProvidersReportRefusedConsent(t *testing.T) {
	for _, name := range providerNames {
		t.Run(name, func(t *testing.T) {
			rp := newRelyingParty(t, bench.Provider(t, name))
			answer := rp.authorize(rand.Text()+rand.Text(), "carol", true)
			if answer.Get("error") != "access_denied" || answer.Get("state") != "state" || answer.Has("code") {
				t.Errorf("the callback got %v", answer)
			}
		})
	}
}

func TestProvidersDemandPKCE(t *testing.T) {
	for _, name := range []string{"oidc-provider", "keycloak"} {
		t.Run(name, func(t *testing.T) {
			rp := newRelyingParty(t, bench.Provider(t, name))
			query := url.Values{
				"response_type": {"code"}, "client_id": {rp.info.ClientID}, "redirect_uri": {rp.callback}, "scope": {"openid"},
			}
			bench.Visit(t, name, lab.Visit{URL: rp.endpoints.AuthorizationEndpoint + "?" + query.Encode(), User: "alice"})
			if answer := <-rp.answers; answer.Get("error") != "invalid_request" {
				t.Errorf("without a challenge the callback got %v", answer)
			}
		})
	}
}

func TestProvidersSignUserTokens(t *testing.T) {
	for _, name := range []string{"oidc-provider", "keycloak"} {
		t.Run(name, func(t *testing.T) {
			rp := newRelyingParty(t, bench.Provider(t, name))
			token, err := rp.provider.UserToken(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			var keys jose.JSONWebKeySet
			rp.json("GET", rp.endpoints.JWKSURI, nil, nil, &keys)
			parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
			if err != nil {
				t.Fatal(err)
			}
			var claims jwt.Claims
			if err := parsed.Claims(&keys, &claims); err != nil {
				t.Fatal(err)
			}
			if err := claims.Validate(jwt.Expected{Issuer: rp.info.Issuer, AnyAudience: jwt.Audience{rp.info.Audience}}); err != nil {
				t.Errorf("%v: %+v", err, claims)
			}
			if claims.Subject == "" {
				t.Error("the token has no subject")
			}
		})
	}
}
