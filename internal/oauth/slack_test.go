package oauth_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func slackAuthorization(t testing.TB, scopes []string, custom map[string]string) oauth.Authorization {
	t.Helper()
	row, _ := oauth.Vendor("SlackOauth2")
	return oauth.Authorization{Provider: row.Provider("id", vault.SecretString("s")), CallbackURL: callbackURL, State: "state", Scopes: scopes, Custom: custom}
}

func TestSlackScopesGoIntoTheirParameters(t *testing.T) {
	q := authorizationQuery(t, slackAuthorization(t, []string{"chat:write", "users:read"}, map[string]string{"team": "T1"}))
	if q.Get("scope") != "chat:write,users:read" || q.Has("user_scope") || q.Get("team") != "T1" {
		t.Errorf("bot: %v", q)
	}
	if q.Has("code_challenge") || q.Has("code_challenge_method") {
		t.Errorf("a challenge went to an app that may not know it: %v", q)
	}
	q = authorizationQuery(t, slackAuthorization(t, []string{"user_scope=search:read", "user_scope=users:read"}, nil))
	if q.Get("user_scope") != "search:read,users:read" || q.Has("scope") {
		t.Errorf("user: %v", q)
	}
}

// TestA58_SlackScopesAreNamedInScopes: what decides about rights is part of the
// grant, never a custom parameter or a part of another scope.
func TestA58_SlackScopesAreNamedInScopes(t *testing.T) {
	for name, a := range map[string]oauth.Authorization{
		"custom":            slackAuthorization(t, []string{"chat:write"}, map[string]string{"user_scope": "admin"}),
		"custom, alone":     slackAuthorization(t, nil, map[string]string{"user_scope": "admin"}),
		"custom, upper":     slackAuthorization(t, nil, map[string]string{"USER_SCOPE": "admin"}),
		"custom, array":     slackAuthorization(t, nil, map[string]string{"user_scope[]": "admin"}),
		"custom scope":      slackAuthorization(t, nil, map[string]string{"scope": "admin"}),
		"two kinds":         slackAuthorization(t, []string{"chat:write", "user_scope=search:read"}, nil),
		"two in one":        slackAuthorization(t, []string{"chat:write,admin"}, nil),
		"two in one, user":  slackAuthorization(t, []string{"user_scope=search:read,admin"}, nil),
		"user without name": slackAuthorization(t, []string{"user_scope="}, nil),
	} {
		_, err := oauth.AuthorizationURL(a)
		if oauth.KindOf(err) != oauth.Misconfigured {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := authorizationQuery(t, oauth.Authorization{Provider: customProvider(), CallbackURL: callbackURL, State: "s", Verifier: newVerifier(t), Custom: map[string]string{"user_scope": "x"}})
	if q.Get("user_scope") != "x" {
		t.Error("user_scope means nothing to other vendors")
	}
}

func TestSlackUserToken(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	p := s.VendorProvider(t, "SlackOauth2")
	scopes := []string{"user_scope=search:read", "user_scope=users:read"}
	first := obtain(t, e, s, p, scopes...)
	if !slices.Equal(first.Scopes, scopes) || first.Refresh.Empty() || !s.Active(first.Access.RevealString()) {
		t.Fatalf("token %+v", first)
	}
	second, err := e.Refresh(t.Context(), p, first.Refresh, scopes, nil, nil)
	if err != nil || !slices.Equal(second.Scopes, scopes) || second.Refresh.Empty() {
		t.Errorf("refreshed to %+v, %v", second, err)
	}
	if s.LastToken().Form.Has("user_scope") || s.LastToken().Form.Has("scope") {
		t.Errorf("the refresh named scopes: %v", s.LastToken().Form)
	}
}

func TestSlackAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		kind  oauth.Kind // 0: a token
		token string
	}{
		"bot and user":         {`{"ok":true,"access_token":"xoxb-1","token_type":"bot","scope":"a,b","authed_user":{"id":"U","access_token":"xoxp-1","token_type":"user"}}`, 0, "xoxb-1"},
		"without rotation":     {`{"ok":true,"access_token":"xoxb-1","token_type":"bot","scope":"a","authed_user":{"id":"U"},"enterprise":null}`, 0, "xoxb-1"},
		"user alone":           {`{"ok":true,"authed_user":{"id":"U","access_token":"xoxp-1","token_type":"user","scope":"a"}}`, 0, "xoxp-1"},
		"no token at all":      {`{"ok":true,"authed_user":{"id":"U"}}`, oauth.Malformed, ""},
		"user token twice":     {`{"ok":true,"authed_user":{"access_token":"xoxp-1","access_token":"xoxp-2","token_type":"user"}}`, oauth.Malformed, ""},
		"user is a list":       {`{"ok":true,"authed_user":["xoxp-1"]}`, oauth.Malformed, ""},
		"user is of a bot":     {`{"ok":true,"authed_user":{"access_token":"xoxp-1","token_type":"bot"}}`, oauth.Malformed, ""},
		"strange type (A38)":   {`{"ok":true,"access_token":"x","token_type":"mac"}`, oauth.Malformed, ""},
		"code used":            {`{"ok":false,"error":"code_already_used"}`, oauth.InvalidGrant, ""},
		"code unknown":         {`{"ok":false,"error":"invalid_code"}`, oauth.InvalidGrant, ""},
		"wrong redirect":       {`{"ok":false,"error":"bad_redirect_uri"}`, oauth.Rejected, ""},
		"v1 flow":              {`{"ok":false,"error":"oauth_authorization_url_mismatch"}`, oauth.Rejected, ""},
		"rate limit":           {`{"ok":false,"error":"ratelimited"}`, oauth.Transient, ""},
		"trouble":              {`{"ok":false,"error":"internal_error"}`, oauth.Transient, ""},
		"unheard of":           {`{"ok":false,"error":"something_new"}`, oauth.Rejected, ""},
		"not ok, without code": {`{"ok":false}`, oauth.Malformed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := oauth.New(answering(http.StatusOK, "application/json; charset=utf-8", c.body), newClock().Now)
			token, err := e.Exchange(t.Context(), slackAuthorization(t, nil, nil).Provider, vault.SecretString("c"), vault.Secret{}, callbackURL, nil, nil)
			if oauth.KindOf(err) != c.kind || token.Access.RevealString() != c.token {
				t.Errorf("got %v, %v", token, err)
			}
		})
	}
}

// TestOnlySlackKnowsItsTokenTypes: elsewhere a type that is not Bearer stays
// refused, and a nested token is not looked for.
func TestOnlySlackKnowsItsTokenTypes(t *testing.T) {
	for _, body := range []string{`{"access_token":"x","token_type":"bot"}`, `{"authed_user":{"access_token":"x","token_type":"user"}}`} {
		e := oauth.New(answering(http.StatusOK, "application/json", body), newClock().Now)
		_, err := e.Refresh(t.Context(), customProvider(), vault.SecretString("r"), nil, nil, nil)
		wantKind(t, err, oauth.Malformed)
	}
}

func TestSlackRevocationIsBelievedWhenItIsSaid(t *testing.T) {
	for body, kind := range map[string]oauth.Kind{
		`{"ok":true,"revoked":true}`:              0,
		`{"ok":false,"error":"token_revoked"}`:    0,
		`{"ok":false,"error":"account_inactive"}`: 0,
		`{"ok":true,"revoked":false}`:             oauth.Malformed,
		`{"ok":true}`:                             oauth.Malformed,
		`<html>`:                                  oauth.Malformed,
		`{"ok":false,"error":"not_bearer_token"}`: oauth.Rejected,
		`{"ok":false,"error":"invalid_auth"}`:     oauth.Rejected,
		`{"ok":false,"error":"ratelimited"}`:      oauth.Transient,
	} {
		h := answering(http.StatusOK, "application/json", body)
		receipt, err := oauth.New(h, newClock().Now).Revoke(t.Context(), slackAuthorization(t, nil, nil).Provider, vault.SecretString("xoxb-1"), oauth.HintAccessToken)
		if oauth.KindOf(err) != kind || receipt.Status != http.StatusOK {
			t.Errorf("%s: %+v, %v", body, receipt, err)
		}
		if got := h.requests[0]; got.Header.Get("Authorization") != "Bearer xoxb-1" || got.URL.RawQuery != "" || got.ContentLength != 0 {
			t.Errorf("sent %v", got.Header)
		}
	}
}
