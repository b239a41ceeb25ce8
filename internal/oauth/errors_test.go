package oauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestErrorKinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   oauth.Kind
	}{
		{"dead grant", 400, `{"error":"invalid_grant"}`, oauth.InvalidGrant},
		{"dead grant under 200", 200, `{"error":"invalid_grant","access_token":"a"}`, oauth.InvalidGrant},
		{"dead grant under 403", 403, `{"error":"invalid_grant"}`, oauth.InvalidGrant},
		{"wrong client", 401, `{"error":"invalid_client"}`, oauth.Rejected},
		{"wrong scope", 400, `{"error":"invalid_scope"}`, oauth.Rejected},
		{"unauthorized client", 400, `{"error":"unauthorized_client"}`, oauth.Rejected},
		{"unknown code", 400, `{"error":"made_up"}`, oauth.Rejected},
		{"other case is another code", 400, `{"error":"Invalid_Grant"}`, oauth.Rejected},
		{"error object", 400, `{"error":{"message":"no","code":190}}`, oauth.Rejected},
		{"error object under 200", 200, `{"error":{"message":"no"},"access_token":"a"}`, oauth.Rejected},
		{"denied", 400, `{"error":"access_denied"}`, oauth.Denied},
		{"unavailable", 400, `{"error":"temporarily_unavailable"}`, oauth.Transient},
		{"server error under 200", 200, `{"error":"server_error"}`, oauth.Transient},
		{"500", 500, ``, oauth.Transient},
		{"502 page", 502, `<html>`, oauth.Transient},
		{"500 with a dead grant", 500, `{"error":"invalid_grant"}`, oauth.Transient},
		{"429 with a dead grant", 429, `{"error":"invalid_grant"}`, oauth.Transient},
		{"408", 408, ``, oauth.Transient},
		{"404", 404, `not found`, oauth.Malformed},
		{"403 page", 403, `<html>`, oauth.Malformed},
		{"400 without error", 400, `{"message":"no"}`, oauth.Malformed},
		{"302", 302, ``, oauth.Malformed},
		{"204", 204, ``, oauth.Malformed},
		{"100", 100, `{"access_token":"a"}`, oauth.Malformed},
		{"400 with a token", 400, `{"access_token":"a"}`, oauth.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := refreshWith(t, answering(c.status, "application/json", c.body))
			e := wantKind(t, err, c.kind)
			if e.Status != c.status || !e.Sent || e.URL != "https://idp.example/token" || !token.Access.Empty() {
				t.Errorf("error %+v", e)
			}
		})
	}
}

func TestInvalidGrantNeedsAGrant(t *testing.T) {
	e := oauth.New(answering(400, "application/json", `{"error":"invalid_grant"}`), newClock().Now)
	_, err := e.ClientCredentials(t.Context(), customProvider(), nil, nil, nil, nil)
	wantKind(t, err, oauth.Rejected)
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "0": 0, "-5": 0, "soon": 0, "99999999999999999999": 0, "86400": time.Hour,
		start.Add(2 * time.Minute).Format(http.TimeFormat):  2 * time.Minute,
		start.Add(-time.Minute).Format(http.TimeFormat):     0,
		start.Add(1000 * time.Hour).Format(http.TimeFormat): time.Hour,
	} {
		h := answering(503, "text/plain", "")
		h.response.Header.Set("Retry-After", value)
		_, err := refreshWith(t, h)
		if e := wantKind(t, err, oauth.Transient); e.RetryAfter != want {
			t.Errorf("Retry-After %q: %v, want %v", value, e.RetryAfter, want)
		}
	}
}

func TestTransportErrors(t *testing.T) {
	for _, c := range []struct {
		cause error
		kind  oauth.Kind
		sent  bool
	}{
		{&egress.Error{Kind: egress.Refused, URL: "https://idp.example/token"}, oauth.Misconfigured, false},
		{&egress.Error{Kind: egress.Timeout, Sent: true}, oauth.Transient, true},
		{&egress.Error{Kind: egress.Unreachable}, oauth.Transient, false},
		{&egress.Error{Kind: egress.TLS}, oauth.Transient, false},
		{&egress.Error{Kind: egress.Canceled, Sent: true}, oauth.Transient, true},
		{&egress.Error{Kind: egress.TooLarge, Sent: true}, oauth.Malformed, true},
		{errors.New("something with refresh-value in it"), oauth.Transient, true},
		{context.Canceled, oauth.Transient, true},
	} {
		_, err := refreshWith(t, &canned{err: c.cause})
		if e := wantKind(t, err, c.kind); e.Sent != c.sent || e.Status != 0 || !errors.Is(err, c.cause) {
			t.Errorf("%v: %+v", c.cause, e)
		}
		if strings.Contains(err.Error(), "refresh-value") {
			t.Errorf("the error repeats foreign text: %v", err)
		}
	}
}

func TestA34_RefusedAddressIsOurPolicyAndNothingIsSent(t *testing.T) {
	client, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := oauth.New(client, newClock().Now)
	for _, endpoint := range []string{"http://idp.example/token", "https://169.254.169.254/token", "https://127.0.0.1/token", "https://[::1]/token", "https://10.0.0.1/token"} {
		p := customProvider()
		p.TokenEndpoint, p.RevocationEndpoint = endpoint, endpoint
		_, err := e.Refresh(t.Context(), p, vault.SecretString("r"), nil, nil, nil)
		if wantKind(t, err, oauth.Misconfigured).Sent {
			t.Errorf("%s was asked", endpoint)
		}
		_, err = e.Revoke(t.Context(), p, vault.SecretString("r"), "")
		wantKind(t, err, oauth.Misconfigured)
	}
}

func TestA36_TokenEndpointThatRedirectsIsNotFollowed(t *testing.T) {
	s, e, thief := oauthtest.New(t), newEngine(t), oauthtest.New(t)
	p := s.Provider()
	token := obtain(t, e, s, p)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s.OnToken(func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, thief.TokenEndpoint, status)
			return true
		})
		_, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil)
		wantKind(t, err, oauth.Malformed)
		wantText(t, err, "redirect")
	}
	if thief.Count("token") != 0 {
		t.Error("the refresh token travelled on")
	}
}

func TestFailNextIsTransient(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	token := obtain(t, e, s, p)
	s.FailNext(2, http.StatusServiceUnavailable)
	for range 2 {
		_, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil)
		wantKind(t, err, oauth.Transient)
	}
	if _, err := e.Refresh(t.Context(), p, token.Refresh, nil, nil, nil); err != nil {
		t.Error(err)
	}
}

// A provider that echoes what it was sent, in every spelling and place.
func TestNoSecretInErrors(t *testing.T) {
	const refresh, secret = "rt/secret+value=", "cs/secret+value="
	p := customProvider()
	p.ClientSecret = vault.SecretString(secret)
	basic := base64.StdEncoding.EncodeToString([]byte("client:" + url.QueryEscape(secret)))
	padding := strings.Repeat("x", 190) // the secret is cut in two by the limit
	for _, echo := range []string{
		refresh, secret, url.QueryEscape(refresh), url.QueryEscape(secret), "Basic " + basic, padding + refresh, "a\x00" + secret,
	} {
		for _, body := range []string{
			fmt.Sprintf(`{"error":%q,"error_description":"x"}`, echo),
			fmt.Sprintf(`{"error":"invalid_grant","error_description":%q}`, echo),
			fmt.Sprintf(`{"error":"invalid_grant","error_uri":%q}`, echo),
			fmt.Sprintf(`{"error":{"message":%q}}`, echo),
			echo,
		} {
			e := oauth.New(answering(400, "application/json", body), newClock().Now)
			_, err := e.Refresh(t.Context(), p, vault.SecretString(refresh), nil, nil, nil)
			if err == nil {
				t.Fatal("no error")
			}
			for _, printed := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
				for _, marker := range []string{"secret+value", "secret%2Bvalue", basic, "rt/se"} {
					if strings.Contains(printed, marker) {
						t.Errorf("%s in %s", marker, printed)
					}
				}
			}
		}
	}
}

func TestNoCodeOrVerifierInErrors(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.Provider()
	code, verifier := consent(t, s, oauth.Authorization{Provider: p})
	s.OnToken(func(w http.ResponseWriter, r *http.Request) bool {
		return oauthtest.JSON(400, fmt.Sprintf(`{"error":"invalid_grant","error_description":"got %s and %s"}`,
			r.PostForm.Get("code"), r.PostForm.Get("code_verifier")))(w, r)
	})
	_, err := e.Exchange(t.Context(), p, code, verifier, callbackURL, nil, nil)
	wantKind(t, err, oauth.InvalidGrant)
	wantText(t, err, "got [secret] and [secret]")
}

func TestShortSecretDoesNotChangeTheVerdict(t *testing.T) {
	e := oauth.New(answering(400, "application/json", `{"error":"invalid_grant"}`), newClock().Now)
	_, err := e.Refresh(t.Context(), customProvider(), vault.SecretString("grant"), nil, nil, nil)
	if got := wantKind(t, err, oauth.InvalidGrant); got.Code != "invalid_grant" {
		t.Errorf("code %q", got.Code)
	}
}

func TestErrorURLHasNoQuery(t *testing.T) {
	p := customProvider()
	p.TokenEndpoint = "https://idp.example/token?key=hidden-key"
	e := oauth.New(answering(404, "text/plain", ""), newClock().Now)
	_, err := e.Refresh(t.Context(), p, vault.SecretString("r"), nil, nil, nil)
	wantText(t, err, "https://idp.example/token")
	if strings.Contains(err.Error(), "hidden-key") {
		t.Errorf("error %v", err)
	}
	p.TokenEndpoint = "https://idp.example/\x7f?key=hidden-key"
	_, err = e.Refresh(t.Context(), p, vault.SecretString("r"), nil, nil, nil)
	wantKind(t, err, oauth.Misconfigured)
	if strings.Contains(err.Error(), "hidden-key") {
		t.Errorf("error %v", err)
	}
}

func TestKindOf(t *testing.T) {
	if oauth.KindOf(nil) != 0 || oauth.KindOf(errors.New("x")) != 0 {
		t.Error("a foreign error has a kind")
	}
	if got := oauth.KindOf(fmt.Errorf("wrapped: %w", &oauth.Error{Kind: oauth.Denied})); got != oauth.Denied {
		t.Errorf("kind %v", got)
	}
	seen := map[string]bool{}
	for kind := oauth.Kind(0); kind <= oauth.Misconfigured; kind++ {
		if seen[kind.String()] {
			t.Errorf("two kinds print as %q", kind)
		}
		seen[kind.String()] = true
	}
}

func TestSecretThatBeginsWithAnotherIsRedactedWhole(t *testing.T) {
	p := customProvider()
	p.ClientSecret = vault.SecretString("abcd-and-the-tail")
	e := oauth.New(answering(400, "application/json", `{"error":"invalid_client","error_description":"got abcd-and-the-tail"}`), newClock().Now)
	_, err := e.Refresh(t.Context(), p, vault.SecretString("abcd"), nil, nil, nil)
	wantText(t, err, "got [secret]")
	if strings.Contains(err.Error(), "tail") {
		t.Errorf("error %v", err)
	}
}
