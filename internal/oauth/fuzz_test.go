package oauth_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// checkErrorText holds what every error promises, whatever a provider wrote.
func checkErrorText(t *testing.T, err error, secrets ...string) {
	t.Helper()
	text := err.Error()
	if len(text) > 2*2048+600 {
		t.Errorf("error of %d characters", len(text))
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e }); i >= 0 {
		t.Errorf("unprintable error %q", text)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("secret in %q", text)
		}
	}
	if oauth.KindOf(err) == 0 {
		t.Errorf("error without a kind: %v", err)
	}
}

func FuzzTokenAnswer(f *testing.F) {
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	f.Add(200, jsonType, `{"access_token":"a","token_type":"bearer","expires_in":"3600","refresh_token":"r","scope":"a b"}`)
	f.Add(200, formType, `access_token=gho&scope=repo%2Cgist&token_type=bearer`)
	f.Add(200, jsonType, `{"error":"bad_refresh_token","error_description":"refresh-value"}`)
	f.Add(400, jsonType, `{"error":{"code":190}}`)
	f.Add(200, jsonType, `{"access_token":"a","expires_in":-1e400,"scope":["x",[[[]]]]}`)
	f.Add(503, "text/html", `<html>`)
	f.Fuzz(func(t *testing.T, status int, mediaType, body string) {
		e := oauth.New(answering(status, mediaType, body), newClock().Now)
		token, err := e.Refresh(t.Context(), customProvider(), vault.SecretString("refresh-value"), nil, nil, nil)
		if err != nil {
			checkErrorText(t, err, "refresh-value", "client-secret-value")
			if !token.Access.Empty() || !token.Refresh.Empty() {
				t.Error("a token came with the error")
			}
			return
		}
		access := token.Access.RevealString()
		if access == "" || strings.ContainsFunc(access, func(r rune) bool { return r <= 0x20 || r > 0x7e }) || status < 200 || status > 299 {
			t.Errorf("status %d gave the token %q", status, access)
		}
		for _, at := range []time.Time{token.ExpiresAt, token.RefreshExpiresAt} {
			if !at.IsZero() && (at.Before(start) || at.After(start.Add(10*366*24*time.Hour))) {
				t.Errorf("expires at %v", at)
			}
		}
		for _, scope := range token.Scopes {
			if scope == "" || strings.ContainsAny(scope, " ,\"\\\n") {
				if !strings.Contains(scope, ",") { // an array's entry may hold a comma
					t.Errorf("scope %q", scope)
				}
			}
		}
	})
}

// FuzzVendorAnswer reads any answer as each vendor's: none crashes, tells a secret
// or takes a token from where the vendor has none.
func FuzzVendorAnswer(f *testing.F) {
	f.Add(200, `{"ok":true,"access_token":"a","token_type":"bot","scope":"a,b","authed_user":{"id":"U","access_token":"b","token_type":"user"}}`)
	f.Add(200, `{"ok":true,"authed_user":{"access_token":"b","token_type":"user","scope":"x","refresh_token":"r","expires_in":1}}`)
	f.Add(200, `{"authed_user":{"access_token":"a","access_token":"b"}}`)
	f.Add(200, `{"authed_user":[1]}`)
	f.Add(403, `{"error":"unauthorized_client","error_description":"refresh-value\r\n"}`)
	f.Add(200, `{"access_token":"a","token_type":"Bearer","scope":"x","refresh_token":"r"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, row := range oauth.Vendors() {
			e := oauth.New(answering(status, "application/json", body), newClock().Now)
			token, err := e.Refresh(t.Context(), row.Provider("id", vault.SecretString("client-secret-value")), vault.SecretString("refresh-value"), nil, nil, nil)
			if err != nil {
				checkErrorText(t, err, "refresh-value", "client-secret-value")
				continue
			}
			if !strings.Contains(body, "access_token") && !strings.Contains(body, `\u`) {
				t.Errorf("%s gave %q of an answer without a token", row.Name, token.Access.RevealString())
			}
			if row.Name != "SlackOauth2" && slices.ContainsFunc(token.Scopes, func(s string) bool { return strings.HasPrefix(s, "user_scope=") }) && !strings.Contains(body, "user_scope=") {
				t.Errorf("%s gave scopes %q", row.Name, token.Scopes)
			}
		}
	})
}

func FuzzDiscoveryDocument(f *testing.F) {
	f.Add("https://idp.example/.well-known/openid-configuration", `{"issuer":"https://idp.example","token_endpoint":"https://idp.example/token","authorization_endpoint":"https://idp.example/a"}`)
	f.Add("https://idp.example/.well-known/oauth-authorization-server/t", `{"issuer":"https://idp.example/t","token_endpoint":"x"}`)
	f.Add("https://idp.example/t/.well-known/openid-configuration", `{"issuer":7}`)
	f.Add("//\x96/.well-known/oauth-authorization-server", `{"issuer":"0","token_endpoint":"0"}`)
	f.Add("http://[::1/.well-known/openid-configuration", `[[[[`)
	f.Fuzz(func(t *testing.T, discoveryURL, body string) {
		m, err := oauth.New(answering(200, "application/json", body), newClock().Now).Discover(t.Context(), discoveryURL)
		if err != nil {
			checkErrorText(t, err)
			return
		}
		origin, _, _ := strings.Cut(discoveryURL, "/.well-known/")
		if !strings.HasPrefix(m.Issuer, origin) || m.TokenEndpoint == "" {
			t.Errorf("%s gave %+v", discoveryURL, m)
		}
		for _, endpoint := range []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.RevocationEndpoint} {
			if len(endpoint) > 2048 || strings.ContainsAny(endpoint, " \r\n") {
				t.Errorf("endpoint %q", endpoint)
			}
		}
	})
}

func FuzzCallbackQuery(f *testing.F) {
	f.Add("code=abc&state=s&iss=https%3A%2F%2Fidp.example", true)
	f.Add("error=access_denied&error_description=no&state=s", false)
	f.Add("code=a&code=b", false)
	f.Add("iss=https://evil.example&code=a", false)
	f.Fuzz(func(t *testing.T, raw string, promised bool) {
		query, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		p := customProvider()
		p.IssParameter = promised
		code, err := oauth.CheckCallback(p, query)
		if err != nil {
			checkErrorText(t, err)
			if !code.Empty() {
				t.Error("a code came with the error")
			}
			return
		}
		if len(query["code"]) != 1 || code.RevealString() != query.Get("code") || query.Has("error") ||
			(promised && query.Get("iss") != p.Issuer) || (query.Has("iss") && query.Get("iss") != p.Issuer) {
			t.Errorf("accepted %q", raw)
		}
	})
}
