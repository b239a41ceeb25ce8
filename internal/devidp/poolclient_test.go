package devidp_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

func TestClientIsDescribedAsRegistered(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	if len(c.id) != 26 || len(c.secret) != 52 || strings.ToLower(c.id+c.secret) != c.id+c.secret {
		t.Errorf("id %q, secret of %d characters", c.id, len(c.secret))
	}
	shown := w.call(api.DescribeUserPoolClient, members{"UserPoolId": pool, "ClientId": c.id})
	if textAt(shown, "UserPoolClient", "ClientSecret") != c.secret || at(shown, "UserPoolClient", "AllowedOAuthFlowsUserPoolClient") != true ||
		at(shown, "UserPoolClient", "RefreshTokenValidity") != 30.0 || at(shown, "UserPoolClient", "EnableTokenRevocation") != true {
		t.Errorf("described as %v", shown)
	}
	if public := w.newClient(pool, apiClient); public.secret != "" {
		t.Error("a client that asked for no secret got one")
	}
	if list := at(w.call(api.ListUserPoolClients, members{"UserPoolId": pool, "MaxResults": 60}), "UserPoolClients").([]any); len(list) != 2 || list[0].(members)["ClientSecret"] != nil {
		t.Errorf("listed as %v", list)
	}
	w.call(api.DeleteUserPoolClient, members{"UserPoolId": pool, "ClientId": c.id})
	w.refused(api.DescribeUserPoolClient, members{"UserPoolId": pool, "ClientId": c.id}, api.ResourceNotFoundException)
	other := w.newClient(w.newPool())
	w.refused(api.DescribeUserPoolClient, members{"UserPoolId": pool, "ClientId": other.id}, api.ResourceNotFoundException)
}

// TestUpdateClient: what is left out returns to its default, but for name and secret.
func TestUpdateClient(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, members{"AccessTokenValidity": 10, "TokenValidityUnits": members{"AccessToken": "minutes"}})
	out := w.call(api.UpdateUserPoolClient, members{"UserPoolId": pool, "ClientId": c.id, "CallbackURLs": []string{standIn, "https://app.example.com/cb"},
		"AllowedOAuthFlows": []string{"code"}, "AllowedOAuthScopes": []string{"openid"}, "AllowedOAuthFlowsUserPoolClient": true, "SupportedIdentityProviders": []string{"COGNITO"}})
	if urls, _ := at(out, "UserPoolClient", "CallbackURLs").([]any); len(urls) != 2 || textAt(out, "UserPoolClient", "ClientName") != "app" ||
		textAt(out, "UserPoolClient", "ClientSecret") != c.secret || at(out, "UserPoolClient", "AccessTokenValidity") != nil {
		t.Errorf("updated to %v", out)
	}
	w.refused(api.UpdateUserPoolClient, members{"UserPoolId": pool, "ClientId": "unknown"}, api.ResourceNotFoundException)
	w.refused(api.UpdateUserPoolClient, members{"UserPoolId": pool, "ClientId": c.id, "AllowedOAuthFlows": []string{"client_credentials"}, "AllowedOAuthScopes": []string{"openid"}}, api.InvalidOAuthFlowException)
}

func TestRegistrationsThatCannotBeRightAreRefused(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	for name, c := range map[string]struct {
		with members
		want api.ExceptionName
	}{
		"flows without scopes":         {members{"AllowedOAuthScopes": []string{}}, api.InvalidOAuthFlowException},
		"scopes without flows":         {members{"AllowedOAuthFlows": []string{}}, api.InvalidOAuthFlowException},
		"code without a callback URL":  {members{"CallbackURLs": []string{}}, api.InvalidOAuthFlowException},
		"machine and user":             {members{"AllowedOAuthFlows": []string{"code", "client_credentials"}}, api.InvalidOAuthFlowException},
		"machine without a secret":     {members{"AllowedOAuthFlows": []string{"client_credentials"}, "GenerateSecret": false}, api.InvalidOAuthFlowException},
		"machine with a user's scope":  {members{"AllowedOAuthFlows": []string{"client_credentials"}}, api.InvalidOAuthFlowException},
		"unknown flow":                 {members{"AllowedOAuthFlows": []string{"password"}}, api.InvalidParameterException},
		"unknown scope":                {members{"AllowedOAuthScopes": []string{"openid", "api/read"}}, api.ScopeDoesNotExistException},
		"unknown identity provider":    {members{"SupportedIdentityProviders": []string{"Google"}}, api.InvalidParameterException},
		"a secret of its own":          {members{"ClientSecret": strings.Repeat("a", 30)}, api.InvalidParameterException},
		"tokens that live too briefly": {members{"AccessTokenValidity": 1, "TokenValidityUnits": members{"AccessToken": "minutes"}}, api.InvalidParameterException},
		"tokens that live too long":    {members{"AccessTokenValidity": 25}, api.InvalidParameterException},
		"refresh shorter than access":  {members{"AccessTokenValidity": 5, "RefreshTokenValidity": 1, "TokenValidityUnits": members{"RefreshToken": "hours"}}, api.InvalidParameterException},
		"tokens never revoked":         {members{"EnableTokenRevocation": false}, api.InvalidParameterException},
		"http callback":                {members{"CallbackURLs": []string{"http://app.example.com/cb"}}, api.InvalidParameterException},
		"callback with a fragment":     {members{"CallbackURLs": []string{"https://app.example.com/cb#x"}}, api.InvalidParameterException},
		"callback with user":           {members{"CallbackURLs": []string{"https://user@app.example.com/cb"}}, api.InvalidParameterException},
		"script callback":              {members{"CallbackURLs": []string{"javascript:alert(1)"}}, api.InvalidParameterException},
		"default that is not listed":   {members{"DefaultRedirectURI": "https://app.example.com/other"}, api.InvalidParameterException},
	} {
		in := members{"UserPoolId": pool, "ClientName": "app", "GenerateSecret": true, "CallbackURLs": []string{standIn}, "AllowedOAuthFlows": []string{"code"},
			"AllowedOAuthScopes": []string{"openid"}, "AllowedOAuthFlowsUserPoolClient": true}
		for k, v := range c.with {
			in[k] = v
		}
		a := w.as(w.Root, api.CreateUserPoolClient, in)
		if !strings.Contains(string(a.Body), `"__type":"`+string(c.want)+`"`) {
			t.Errorf("%s: %d %s, want %s", name, a.Status, a.Body, c.want)
		}
	}
	w.newClient(pool, members{"CallbackURLs": []string{"http://localhost:3000/cb", "http://127.0.0.1/cb", "https://app.example.com/cb"}})
}

// TestA12_CallbackURLsAreComparedExactly: the stand-in means the callback URLs of this instance and nothing else below it;
// every other URL must be the registered one.
func TestA12_CallbackURLsAreComparedExactly(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	quickstart := w.newClient(pool)
	own := w.newClient(pool, members{"CallbackURLs": []string{"https://app.example.com/cb"}})
	accepts := func(c registered, uri string) bool {
		page, err := w.person("alice").Open(t.Context(), w.authorization(c, func(q url.Values) { q.Set("redirect_uri", uri) }))
		if err != nil {
			t.Fatal(err)
		}
		return page.Status == 200 && page.Leaves == ""
	}
	if !accepts(quickstart, w.callback()) || !accepts(own, "https://app.example.com/cb") {
		t.Fatal("a good callback URL is refused")
	}
	base := w.Public + "/identities/oauth2/callback"
	for _, uri := range []string{base, base + "/", base + "/x", w.callback() + "/", w.callback() + "?x=1", w.callback() + "/../x", w.callback() + "#f",
		base + "/DA484587-7E5B-4A88-5B96-F16A8593E18C", strings.Replace(w.callback(), "127.0.0.1", "localhost", 1), w.Public + ".evil.example" + instanceUUID,
		w.Public + "@evil.example" + instanceUUID, standIn, standIn + "/da484587-7e5b-4a88-5b96-f16a8593e18c", "https://app.example.com/cb"} {
		if accepts(quickstart, uri) {
			t.Errorf("the stand-in accepts %s", uri)
		}
	}
	for _, uri := range []string{w.callback(), "https://app.example.com/cb/", "https://app.example.com/CB", "https://app.example.com/cb?x", "http://app.example.com/cb", "https://app.example.com:443/cb"} {
		if accepts(own, uri) {
			t.Errorf("the exact URL accepts %s", uri)
		}
	}
}

func TestResourceServers(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	in := members{"UserPoolId": pool, "Identifier": "agents", "Name": "Agents", "Scopes": []members{{"ScopeName": "read", "ScopeDescription": "Read"}}}
	out := w.call(api.CreateResourceServer, in)
	if textAt(out, "ResourceServer", "Identifier") != "agents" || len(at(out, "ResourceServer", "Scopes").([]any)) != 1 {
		t.Errorf("made as %v", out)
	}
	w.refused(api.CreateResourceServer, in, api.InvalidParameterException)
	twice := members{"UserPoolId": pool, "Identifier": "x", "Name": "x", "Scopes": []members{{"ScopeName": "a", "ScopeDescription": "A"}, {"ScopeName": "a", "ScopeDescription": "B"}}}
	w.refused(api.CreateResourceServer, twice, api.InvalidParameterException)
	c := w.newClient(pool, members{"AllowedOAuthScopes": []string{"openid", "agents/read"}})
	scopes := at(w.call(api.DescribeUserPoolClient, members{"UserPoolId": pool, "ClientId": c.id}), "UserPoolClient", "AllowedOAuthScopes").([]any)
	if !slices.Contains(scopes, any("agents/read")) {
		t.Errorf("scopes are %v", scopes)
	}
}
