package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA12_ReturnURLsMatchExactly: nothing that merely looks like the registered URL passes, however a browser or a
// library would read it.
func TestA12_ReturnURLsMatchExactly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Token(t, "alice")
	for _, u := range []string{
		"https://app.example.com/session-binding/", "https://app.example.com/session-binding/../evil", "https://app.example.com/session-binding?x=1",
		"https://app.example.com/Session-Binding", "https://APP.example.com/session-binding", "https://app.example.com:443/session-binding",
		"https://app.example.com./session-binding", "http://app.example.com/session-binding", "https://app.example.com.evil.example/session-binding",
		"https://app.example.com@evil.example/session-binding", "https://evil.example/https://app.example.com/session-binding",
		`https://evil.example\@app.example.com/session-binding`, "https://app.example.com/session%2Dbinding", "https://app.example.com//session-binding",
		"https://app.example.com/session-binding#x", "https:app.example.com/session-binding", "https:/app.example.com/session-binding",
		"https://app.example.com/session-binding%00", "https://\u0430pp.example.com/session-binding", "https://xn--pp-7kc.example.com/session-binding",
		"javascript:alert(1)//https://app.example.com/session-binding", "http://127.0.0.1:9/cb", "http://localhost/cb", "myapp:/cb",
	} {
		_, err := a.Ask(token, returnTo(u))
		if err == nil {
			t.Errorf("%s was accepted", u)
			continue
		}
		refused(t, err, api.ValidationException, "")
	}
	if n := len(s.Grants(t)); n != 0 {
		t.Errorf("%d grants", n)
	}
}

// TestA12_ReturnURLsThatMayNotBeRegistered: URLs that run in the browser, hide where they lead, circle back to us, or
// carry what we add (A58).
func TestA12_ReturnURLsThatMayNotBeRegistered(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.Public("https://Lanyard.example.com/base"))
	c := s.Client(s.Root).Control
	for i, u := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://a/b", "about:blank", "view-source:https://a",
		"https://user@app.example.com/cb", "https://user:pass@app.example.com/cb", "https://app.example.com/cb#f", "https:///cb", "http:/cb", "https:cb",
		`https://app.example.com\cb`, "https://app.example.com/cb?session_id=1", "https://app.example.com/cb?a=1&state=2", "https://app.example.com/cb?error=x",
		"https://app.example.com/cb?a=1;state=2", "https://app.example.com/cb?%73tate=2",
		"https://lanyard.example.com/base/identities/oauth2/callback/1234", "https://LANYARD.example.com:443/base/identities/oauth2/authorize",
		"https://lanyard.example.com/base/identities/oauth2/../oauth2/callback/1", "https://lanyard.example.com/base/%69dentities/oauth2/callback/1",
		"https://lanyard.example.com/base//identities/oauth2/callback/1", "https://lanyard.example.com./base/identities/oauth2/callback/1",
	} {
		_, err := c.CreateWorkloadIdentity(context.Background(), &control.CreateWorkloadIdentityInput{Name: aws.String(fmt.Sprint("agent-", i)), AllowedResourceOauth2ReturnUrls: []string{u}})
		if err == nil {
			t.Errorf("%s was registered", u)
			continue
		}
		refused(t, err, api.ValidationException, "")
	}
	fine := []string{"https://app.example.com/cb", "https://app.example.com/cb?tenant=a%20b&x", "http://localhost:3000/cb", "myapp:/oauth", "https://lanyard.example.com/app/cb", "https://[2001:db8::1]:8443/cb"}
	_, err := c.CreateWorkloadIdentity(context.Background(), &control.CreateWorkloadIdentityInput{Name: aws.String("agent"), AllowedResourceOauth2ReturnUrls: fine})
	check(t, err)
}

// TestReturnURLKeepsItsQuery: what we add comes after what the application registered.
func TestReturnURLKeepsItsQuery(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	const registered = "https://app.example.com/cb?tenant=a%2Fb&flag"
	a.CreateWorkload(t, "other", registered)
	a.Workload = "other"
	back := s.Consent(t, *a.Begin(t, "alice", returnTo(registered)).AuthorizationUrl)
	if !strings.HasPrefix(back, registered+"&session_id=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A") {
		t.Errorf("the browser is sent to %s", back)
	}
}

// TestReturnURLMatrixOfDevelopment: loopback on any port without registration, by its switch alone, and nothing more.
func TestReturnURLMatrixOfDevelopment(t *testing.T) {
	t.Parallel()
	dev := servertest.New(t, servertest.Dev())
	d := dev.NewAgent(t)
	strict := servertest.New(t)
	p := strict.NewAgent(t)
	for u, wanted := range map[string]bool{
		"http://127.0.0.1:49152/cb": true, "http://localhost:3000/cb": true, "http://[::1]:8000/cb": true, "http://127.8.9.10/cb": true, servertest.ReturnURL: true,
		"https://localhost:3000/cb": false, "http://localhost.evil.example/cb": false, "http://127.0.0.1.evil.example/cb": false, "http://0.0.0.0:1/cb": false,
		"http://[::ffff:127.0.0.1]/cb": false, "http://2130706433/cb": false, "http://0x7f.1/cb": false, "http://10.0.0.1/cb": false, "http://localhost@evil.example/": false,
		"https://elsewhere.example/cb": false, dev.URL + "/identities/oauth2/callback/x": false,
	} {
		if _, err := d.Ask(d.Token(t, "alice"), returnTo(u)); (err == nil) != wanted {
			t.Errorf("dev: %s: %v", u, err)
		}
		if _, err := p.Ask(p.Token(t, "alice"), returnTo(u)); (err == nil) != (u == servertest.ReturnURL) {
			t.Errorf("serve: %s: %v", u, err)
		}
	}
}

// TestA58_ReservedParametersAreRefused: custom parameters cannot set what binds a consent, in any spelling that servers
// fold into it.
func TestA58_ReservedParametersAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Token(t, "alice")
	for _, name := range []string{"redirect_uri", "state", "client_id", "response_type", "response_mode", "scope", "code_challenge", "code_challenge_method", "nonce", "request", "request_uri",
		"REDIRECT_URI", "redirect.uri", "redirect-uri", "client_secret", "code_verifier", "grant_type"} {
		_, err := a.Ask(token, func(in *input) { in.CustomParameters = map[string]string{name: "x"} })
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		refused(t, err, api.ValidationException, name)
		if _, err := a.Ask(token, m2m, func(in *input) { in.CustomParameters = map[string]string{name: "x"} }); err == nil {
			t.Errorf("%s was accepted for M2M", name)
		}
	}
	if a.IDP.Count("client_credentials") != 0 {
		t.Error("a request with reserved parameters reached the provider")
	}
}
