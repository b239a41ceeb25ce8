package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestConsentThenToken: the error has the URL in its field and nowhere else; after the consent the same request answers.
func TestConsentThenToken(t *testing.T) {
	l := newLive(t)
	ctx := l.as(t, "alice")
	token, err := l.c.ResourceToken(ctx, l.request())
	need := required(t, err)
	if token != "" || need.Provider != l.Provider || strings.Join(need.Scopes, " ") != "read" || !strings.HasPrefix(need.URL, l.Service.Public+"/identities/oauth2/authorize?") {
		t.Errorf("got %#v, %+v", token, *need)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(verb, fmt.Errorf("tool: %w", err)) + fmt.Sprintf(verb, need)
		if strings.Contains(text, "request_uri") || !strings.Contains(text, l.Provider) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	l.consent(t, need.URL, "alice")
	token, err = l.c.ResourceToken(ctx, l.request())
	if err != nil || !l.IDP.Active(string(token)) {
		t.Errorf("after the consent: %v", err)
	}
	if _, err := l.c.ResourceToken(l.as(t, "bob"), l.request()); err == nil {
		t.Error("alice's consent served bob (A09)")
	}
}

// TestCallbackAndPolling: the URL goes to the callback, the polls name the session and begin no other.
func TestCallbackAndPolling(t *testing.T) {
	l := newLive(t)
	var url string
	token, err := l.c.ResourceToken(l.as(t, "alice"), l.request(func(r *TokenRequest) {
		r.State = "nonce"
		r.OnAuthorizationURL = func(_ context.Context, u string) error { url = u; return nil }
		r.Poller = looks(4, func(i int) {
			if i == 2 {
				back := l.Service.Consent(t, url)
				if servertest.Query(t, back).Get("state") != "nonce" {
					t.Errorf("the application's state did not come back: %s", back)
				}
				if err := l.Complete(servertest.SessionURI(t, back), "alice"); err != nil {
					t.Error(err)
				}
			}
		})
	}))
	if err != nil || !l.IDP.Active(string(token)) {
		t.Errorf("polled: %v", err)
	}
	if n := l.sessions(t); n != 1 {
		t.Errorf("%d sessions were begun", n)
	}
}

// TestForcedOnce: only the first request of a forced authentication forces; the polls get what it brought.
func TestForcedOnce(t *testing.T) {
	l := newLive(t)
	first := l.Grant(t, "alice")
	var url string
	req := l.request(func(r *TokenRequest) {
		r.ForceAuthentication = true
		r.OnAuthorizationURL = func(_ context.Context, u string) error { url = u; return nil }
		r.Poller = looks(3, func(i int) {
			if i == 1 {
				l.consent(t, url, "alice")
			}
		})
	})
	token, err := l.c.ResourceToken(l.as(t, "alice"), req)
	if err != nil || string(token) == first || !l.IDP.Active(string(token)) {
		t.Errorf("forced: the old token: %v, %v", string(token) == first, err)
	}
	if n := l.sessions(t); n != 2 {
		t.Errorf("%d sessions were begun, want that of the first consent and one more", n)
	}
}

func TestRefusedConsent(t *testing.T) {
	l := newLive(t)
	ctx := l.as(t, "alice")
	var url string
	checks := 0
	_, err := l.c.ResourceToken(ctx, l.request(func(r *TokenRequest) {
		r.OnAuthorizationURL = func(_ context.Context, u string) error { url = u; return nil }
		r.Poller = looks(9, func(i int) {
			if checks++; i == 1 {
				l.refuse(t, url)
			}
		})
	}))
	if !errors.Is(err, ErrConsentRefused) || !Is(err, api.AccessDeniedException) || checks != 2 || !strings.Contains(err.Error(), l.Provider) {
		t.Errorf("after %d looks: %v", checks, err)
	}
}

// TestSessionContinued: who keeps the session of the error learns how it ended.
func TestSessionContinued(t *testing.T) {
	l := newLive(t)
	ctx := l.as(t, "alice")
	_, err := l.c.ResourceToken(ctx, l.request())
	need := required(t, err)
	again := l.request(func(r *TokenRequest) { r.SessionURI, r.ForceAuthentication = need.SessionURI, true })
	_, err = l.c.ResourceToken(ctx, again)
	if required(t, err).SessionURI != need.SessionURI || l.sessions(t) != 1 {
		t.Error("another session was begun")
	}
	l.refuse(t, need.URL)
	if _, err = l.c.ResourceToken(ctx, again); !errors.Is(err, ErrConsentRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := l.c.ResourceToken(l.as(t, "bob"), again); !Is(err, api.AccessDeniedException) || errors.Is(err, ErrConsentRefused) {
		t.Errorf("another user's session: %v", err)
	}
}

// TestRefusedOnlyByTheServersOwnWords: a provider's description may say anything.
func TestRefusedOnlyByTheServersOwnWords(t *testing.T) {
	for message, want := range map[string]bool{
		"the consent failed: the user refused consent at provider p (access_denied). Ask for a new session":        true,
		"the consent failed: provider p answered server_error: the user refused consent at provider p. Ask anew":   false,
		"Invalid or expired session: it expired at 2026-01-02T03:04:05Z; ask for a new one":                        false,
		"user u may not do this: the consent failed: the user refused consent at provider p (access_denied). Ask.": false,
	} {
		err := refusedConsent(&TokenRequest{Provider: "p"}, &api.Exception{Name: api.AccessDeniedException, Message: message})
		if errors.Is(err, ErrConsentRefused) != want {
			t.Errorf("%s: %v", message, err)
		}
	}
	if errors.Is(refusedConsent(&TokenRequest{}, &api.Exception{Name: api.ValidationException, Message: consentRefused}), ErrConsentRefused) {
		t.Error("another exception is read as a refusal")
	}
}

func TestM2M(t *testing.T) {
	l := newLive(t)
	token, err := l.c.ResourceToken(t.Context(), TokenRequest{Provider: l.Provider, Scopes: []string{"read"}, Flow: api.FlowM2M, Workload: l.c.WorkloadTokenForSelf(l.Workload)})
	if err != nil || !l.IDP.Active(string(token)) || l.IDP.LastToken().Form.Get("grant_type") != "client_credentials" {
		t.Errorf("got %v", err)
	}
	if _, err := l.c.ResourceToken(t.Context(), TokenRequest{Provider: l.Provider, Flow: api.FlowUserFederation, Workload: l.c.WorkloadTokenForSelf(l.Workload)}); err == nil {
		t.Error("a workload without a user was given a user's flow")
	}
}

func TestRequestsThatAreRefusedHere(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(untouched(t)))
	for _, flow := range []string{"", "user_federation", "AUTHORIZATION_CODE"} {
		_, err := c.ResourceToken(WithWorkloadToken(t.Context(), "wat"), TokenRequest{Provider: "github", Flow: flow})
		if err == nil || !strings.Contains(err.Error(), "api.FlowUserFederation") || !strings.Contains(err.Error(), "github") {
			t.Errorf("flow %q: %v", flow, err)
		}
	}
	for name, ask := range map[string]func(context.Context) error{
		"token": func(ctx context.Context) error {
			_, err := c.ResourceToken(ctx, TokenRequest{Provider: "github", Flow: api.FlowM2M})
			return err
		},
		"key": func(ctx context.Context) error { _, err := c.APIKey(ctx, "weather", nil); return err },
	} {
		for _, ctx := range []context.Context{t.Context(), WithWorkloadToken(WithWorkloadToken(t.Context(), "wat"), "")} {
			if err := ask(ctx); !errors.Is(err, ErrNoWorkloadToken) || !strings.Contains(err.Error(), api.HeaderRuntimeUser) {
				t.Errorf("%s without a workload access token: %v", name, err)
			}
		}
	}
}

// TestCallbackThatFails: its error is the answer, and nobody polls.
func TestCallbackThatFails(t *testing.T) {
	l := newLive(t)
	gone := errors.New("the user's window is closed")
	_, err := l.c.ResourceToken(l.as(t, "alice"), l.request(func(r *TokenRequest) {
		r.OnAuthorizationURL = func(context.Context, string) error { return gone }
		r.Poller = PollerFunc(func(context.Context, func(context.Context) (bool, error)) error {
			t.Error("polled")
			return nil
		})
	}))
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

// TestReturnURLOfTheContext: an invocation brings one; it counts where the request names none, and for consents alone.
func TestReturnURLOfTheContext(t *testing.T) {
	ctx := WithReturnURL(t.Context(), "https://app.example.com/of-the-invocation")
	for _, c := range []struct{ flow, own, want string }{
		{api.FlowUserFederation, "", "https://app.example.com/of-the-invocation"},
		{api.FlowUserFederation, "https://app.example.com/own", "https://app.example.com/own"},
		{api.FlowM2M, "", ""},
		{api.FlowOnBehalfOf, "", ""},
	} {
		in := (&TokenRequest{Flow: c.flow, ReturnURL: c.own}).input(ctx)
		if (in.ReturnURL == nil) != (c.want == "") || in.ReturnURL != nil && *in.ReturnURL != c.want {
			t.Errorf("%+v: sent %v", c, in.ReturnURL)
		}
	}
	in := (&TokenRequest{Parameters: map[string]string{"access_type": "offline"}, Resources: []string{"r"}, Audiences: []string{"a"}}).input(ctx)
	if in.CustomParameters["access_type"] != "offline" || in.Resources[0] != "r" || in.Audiences[0] != "a" || in.CustomState != nil {
		t.Errorf("sent %+v", in)
	}
}

func TestAPIKey(t *testing.T) {
	l := newLive(t)
	l.createAPIKeyProvider(t, "weather", "MARKER-KEY")
	key, err := l.c.APIKey(l.as(t, "alice"), "weather", nil)
	if err != nil || key != "MARKER-KEY" || fmt.Sprint(key) != "[secret]" {
		t.Errorf("got %v, %v", key, err)
	}
	if _, err := l.c.APIKey(t.Context(), "weather", FixedWorkloadToken("forged")); !Is(err, api.UnauthorizedException) {
		t.Errorf("a forged workload access token: %v", err)
	}
}
