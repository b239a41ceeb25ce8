package oauth_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestDiscoverAndFlow(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	for _, discoveryURL := range []string{s.DiscoveryURL, s.OAuthDiscoveryURL} {
		m, err := e.Discover(t.Context(), discoveryURL)
		if err != nil {
			t.Fatal(err)
		}
		if !m.IssParameter || !slices.Equal(m.ResponseTypes, []string{"code"}) {
			t.Errorf("metadata %+v", m)
		}
		p := oauth.Provider{Vendor: "CustomOauth2", ClientID: s.ClientID, ClientSecret: vault.SecretString(s.ClientSecret)}.WithMetadata(m)
		token := obtain(t, e, s, p, "read")
		if _, err := e.Revoke(t.Context(), p, token.Refresh, oauth.HintRefreshToken); err != nil || s.Active(token.Access.RevealString()) {
			t.Errorf("revocation: %v", err)
		}
	}
}

func TestDiscoveryURLDecidesTheIssuer(t *testing.T) {
	document := `{"issuer":%q,"token_endpoint":"https://idp.example/token"}`
	for _, c := range []struct {
		url, issuer string
		accept      bool
	}{
		{"https://idp.example/.well-known/openid-configuration", "https://idp.example", true},
		{"https://idp.example/.well-known/openid-configuration", "https://idp.example/", true},
		{"https://idp.example/t1/.well-known/openid-configuration", "https://idp.example/t1", true},
		{"https://idp.example/t1/.well-known/oauth-authorization-server", "https://idp.example/t1", true},
		{"https://idp.example/.well-known/oauth-authorization-server/t1", "https://idp.example/t1", true},
		{"https://idp.example/.well-known/openid-configuration", "https://evil.example", false},
		{"https://idp.example/.well-known/openid-configuration", "https://idp.example/t1", false},
		{"https://idp.example/.well-known/openid-configuration", "https://idp.example//", false},
		{"https://idp.example/.well-known/openid-configuration", "https://IDP.example", false},
		{"https://idp.example/.well-known/openid-configuration", "http://idp.example", false},
		{"https://idp.example/t1/.well-known/openid-configuration", "https://idp.example", false},
		{"https://idp.example/t1/.well-known/openid-configuration", "https://idp.example/{tenantid}", false},
		{"https://idp.example/.well-known/oauth-authorization-server/t1", "https://idp.example", false},
		{"https://idp.example/.well-known/openid-configuration", "", false},
	} {
		e := oauth.New(answering(200, "application/json", fmt.Sprintf(document, c.issuer)), newClock().Now)
		m, err := e.Discover(t.Context(), c.url)
		if !c.accept {
			wantKind(t, err, oauth.Malformed)
			continue
		}
		if err != nil || m.Issuer != c.issuer || m.AuthorizationEndpoint != "" {
			t.Errorf("%s names %s: %+v, %v", c.url, c.issuer, m, err)
		}
	}
}

func TestDiscoveryURLForms(t *testing.T) {
	for _, raw := range []string{
		"", "https://idp.example", "https://idp.example/.well-known/other", "/.well-known/openid-configuration",
		"https://idp.example/.well-known/openid-configuration?x=1", "https://idp.example/.well-known/openid-configuration#x",
		"https://u:p@idp.example/.well-known/openid-configuration", "https://idp.example/a/.well-known/oauth-authorization-server/t1",
		"https://idp.example/.well-known/openid-configurationx", "//idp.example/.well-known/openid-configuration", "file://idp.example/.well-known/openid-configuration", "https://idp.example/\x96/.well-known/openid-configuration", "https://idp.example/" + strings.Repeat("a", 2048) + "/.well-known/openid-configuration",
	} {
		h := answering(200, "application/json", `{}`)
		_, err := oauth.New(h, newClock().Now).Discover(t.Context(), raw)
		wantKind(t, err, oauth.Misconfigured)
		if len(h.requests) != 0 {
			t.Errorf("%s was fetched", raw)
		}
	}
}

func TestA37_HostileDiscoveryDocuments(t *testing.T) {
	const discoveryURL = "https://idp.example/.well-known/openid-configuration"
	base := `{"issuer":"https://idp.example","token_endpoint":"https://idp.example/token"`
	for name, body := range map[string]string{
		"empty":                  ``,
		"form":                   `issuer=https://idp.example`,
		"array":                  `[]`,
		"cut":                    base,
		"repeated issuer":        base + `,"issuer":"https://idp.example"}`,
		"no token endpoint":      `{"issuer":"https://idp.example"}`,
		"null token endpoint":    `{"issuer":"https://idp.example","token_endpoint":null}`,
		"issuer is a list":       `{"issuer":["https://idp.example"],"token_endpoint":"https://idp.example/token"}`,
		"endpoint is a number":   base + `,"authorization_endpoint":7}`,
		"endpoint with newline":  base + `,"authorization_endpoint":"https://idp.example/\n"}`,
		"giant endpoint":         base + `,"authorization_endpoint":"https://idp.example/` + strings.Repeat("a", 2048) + `"}`,
		"refused token endpoint": `{"issuer":"https://idp.example","token_endpoint":"https://refused.example/token"}`,
		"refused authorization":  base + `,"authorization_endpoint":"https://refused.example/a"}`,
		"refused revocation":     base + `,"revocation_endpoint":"https://refused.example/a"}`,
		"too deep":               base + `,"x":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`,
		"too large":              base + `,"x":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := oauth.New(answering(200, "application/json", body), newClock().Now).Discover(t.Context(), discoveryURL)
			wantKind(t, err, oauth.Malformed)
		})
	}
	for _, status := range []int{201, 204, 301, 400, 401, 403, 404} {
		_, err := oauth.New(answering(status, "application/json", base+`}`), newClock().Now).Discover(t.Context(), discoveryURL)
		wantKind(t, err, oauth.Malformed)
	}
}

func TestDiscoveryListsAreBounded(t *testing.T) {
	list := `["client_secret_post",7,null,"\n","` + strings.Repeat("x", 300) + `"` + strings.Repeat(`,"m"`, 500) + `]`
	body := `{"issuer":"https://idp.example","token_endpoint":"https://idp.example/token","token_endpoint_auth_methods_supported":` + list +
		`,"response_types_supported":"code","authorization_response_iss_parameter_supported":"true"}`
	m, err := oauth.New(answering(200, "application/json", body), newClock().Now).Discover(t.Context(), "https://idp.example/.well-known/openid-configuration")
	if err != nil || len(m.AuthMethods) != 128 || m.AuthMethods[0] != oauth.ClientSecretPost || m.AuthMethods[1] != "m" || m.ResponseTypes != nil || m.IssParameter {
		t.Errorf("metadata %+v, error %v", m, err)
	}
}

func TestA34_DiscoveredEndpointsPassTheGuard(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	for _, member := range []string{"authorization_endpoint", "token_endpoint", "revocation_endpoint"} {
		for _, endpoint := range []string{"http://169.254.169.254/x", "https://10.0.0.1/x", "http://idp.example/x", "file:///etc/passwd", "javascript:alert(1)", "https://u:p@idp.example/x", "https://idp.example/#x"} {
			document := s.Metadata()
			document[member] = endpoint
			s.OnDiscovery(oauthtest.Document(document))
			_, err := e.Discover(t.Context(), s.DiscoveryURL)
			wantKind(t, err, oauth.Malformed)
			wantText(t, err, member)
		}
	}
}

func TestDiscoveryIsCachedForTenMinutes(t *testing.T) {
	s, now := oauthtest.New(t), newClock()
	e := oauth.New(guarded(t, 10*time.Second), now.Now)
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {10*time.Minute - time.Second, 1}, {time.Second, 2}, {time.Minute, 2}} {
		now.Advance(step.wait)
		m, err := e.Discover(t.Context(), s.DiscoveryURL)
		if err != nil || s.Count(oauthtest.CountDiscovery) != step.want {
			t.Fatalf("%d fetches, want %d (%v)", s.Count(oauthtest.CountDiscovery), step.want, err)
		}
		m.AuthMethods[0] = "spoiled by the caller"
	}
	m, err := e.Discover(t.Context(), s.DiscoveryURL)
	if err != nil || m.AuthMethods[0] != oauth.ClientSecretBasic {
		t.Errorf("a caller can change what others get: %v (%v)", m.AuthMethods, err)
	}
}

func TestDiscoveryBridgesAnOutageForADay(t *testing.T) {
	s, now := oauthtest.New(t), newClock()
	e := oauth.New(guarded(t, 10*time.Second), now.Now)
	discover := func() error {
		_, err := e.Discover(t.Context(), s.DiscoveryURL)
		return err
	}
	if err := discover(); err != nil {
		t.Fatal(err)
	}
	s.OnDiscovery(oauthtest.Raw(http.StatusBadGateway, "text/html", "<html>"))
	now.Advance(time.Hour)
	for range 3 {
		if err := discover(); err != nil {
			t.Fatalf("an hour into the outage: %v", err)
		}
	}
	if got := s.Count(oauthtest.CountDiscovery); got != 2 {
		t.Errorf("a server that is down was asked %d times at once", got-1)
	}
	now.Advance(23*time.Hour - time.Second)
	if err := discover(); err != nil {
		t.Errorf("just before a day: %v", err)
	}
	now.Advance(time.Second)
	wantKind(t, discover(), oauth.Transient)
	s.OnDiscovery(nil)
	if err := discover(); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestDiscoveryDoesNotBridgeADocumentGoneWrong(t *testing.T) {
	s, now := oauthtest.New(t), newClock()
	e := oauth.New(guarded(t, 10*time.Second), now.Now)
	if _, err := e.Discover(t.Context(), s.DiscoveryURL); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Hour)
	document := s.Metadata()
	document["issuer"] = "https://evil.example"
	s.OnDiscovery(oauthtest.Document(document))
	_, err := e.Discover(t.Context(), s.DiscoveryURL)
	wantKind(t, err, oauth.Malformed)
	s.OnDiscovery(oauthtest.Raw(http.StatusNotFound, "text/plain", ""))
	_, err = e.Discover(t.Context(), s.DiscoveryURL)
	wantKind(t, err, oauth.Malformed)
}

func TestA37_EndlessDiscoveryDocument(t *testing.T) {
	s := oauthtest.New(t)
	s.OnDiscovery(oauthtest.Endless)
	_, err := newEngine(t).Discover(t.Context(), s.DiscoveryURL)
	wantKind(t, err, oauth.Malformed)
}

func TestDiscoveryFetchesOnceForManyCallers(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	var arrived atomic.Int32
	open := make(chan struct{})
	s.OnDiscovery(func(http.ResponseWriter, *http.Request) bool {
		arrived.Add(1)
		<-open
		return false
	})
	impatient, cancel := newCancelled(t)
	var all, started sync.WaitGroup
	errs := make(chan error, 50)
	for i := range 50 {
		started.Add(1)
		all.Go(func() {
			started.Done()
			ctx := t.Context()
			if i == 0 {
				ctx = impatient // one caller gives up, perhaps the one that began the fetch
			}
			_, err := e.Discover(ctx, s.DiscoveryURL)
			if i != 0 {
				errs <- err
			}
		})
	}
	started.Wait()
	cancel()
	close(open)
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if got := arrived.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
}

func TestDiscoveryCacheIsBounded(t *testing.T) {
	h := &echoIssuer{}
	e := oauth.New(h, newClock().Now)
	discover := func(i int) {
		t.Helper()
		if _, err := e.Discover(t.Context(), fmt.Sprintf("https://idp%d.example/.well-known/openid-configuration", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 600 {
		discover(i)
	}
	before := len(h.requests)
	discover(599)
	if len(h.requests) != before {
		t.Error("the newest document was dropped")
	}
	for i := range 600 {
		discover(i)
	}
	if len(h.requests) < before+88 {
		t.Errorf("%d documents were kept", 600-(len(h.requests)-before))
	}
}

var _ oauth.HTTP = (*egress.Client)(nil)

func TestDiscoverySurvivesTheCallerWhoBeganIt(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	arrived, open := make(chan struct{}, 8), make(chan struct{})
	s.OnDiscovery(func(http.ResponseWriter, *http.Request) bool {
		arrived <- struct{}{}
		<-open
		return false
	})
	ctx, cancel := newCancelled(t)
	gaveUp := make(chan error)
	go func() {
		_, err := e.Discover(ctx, s.DiscoveryURL)
		gaveUp <- err
	}()
	<-arrived
	cancel()
	wantKind(t, <-gaveUp, oauth.Transient)
	close(open)
	// In flight still or landed already: either way nothing is fetched again.
	if _, err := e.Discover(t.Context(), s.DiscoveryURL); err != nil || s.Count(oauthtest.CountDiscovery) != 1 {
		t.Errorf("%d fetches (%v)", s.Count(oauthtest.CountDiscovery), err)
	}
}
