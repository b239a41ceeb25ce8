package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/api"
)

// TestCallbackKeepsTheRest: registering a callback URL replaces the whole client, and changes nothing else of it.
func TestCallbackKeepsTheRest(t *testing.T) {
	const registered = `{
		"UserPoolId": "p", "ClientName": "n", "ClientId": "c", "ClientSecret": "MARKER", "CreationDate": 1, "LastModifiedDate": 2,
		"RefreshTokenValidity": 7, "AccessTokenValidity": 8, "IdTokenValidity": 9, "AuthSessionValidity": 5,
		"TokenValidityUnits": {"AccessToken": "minutes"}, "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"], "SupportedIdentityProviders": ["COGNITO"],
		"CallbackURLs": ["https://a.example/"], "LogoutURLs": ["https://b.example/"], "DefaultRedirectURI": "https://a.example/",
		"AllowedOAuthFlows": ["implicit"], "AllowedOAuthScopes": ["email"], "AllowedOAuthFlowsUserPoolClient": true,
		"PreventUserExistenceErrors": "ENABLED", "EnableTokenRevocation": false, "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 3},
		"EnablePropagateAdditionalUserContextData": true, "ReadAttributes": ["email"], "WriteAttributes": ["name"], "AnalyticsConfiguration": {"ApplicationId": "x"}}`
	var was api.UserPoolClient
	var want, got map[string]any
	if err := json.Unmarshal([]byte(registered), &was); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(registered), &want)
	for _, answeredOnly := range []string{"ClientSecret", "CreationDate", "LastModifiedDate"} {
		delete(want, answeredOnly)
	}
	want["CallbackURLs"] = []any{"https://a.example/", "https://new.example/"}
	b, err := json.Marshal(withCallback(&was, "https://new.example/"))
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(b, &got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if len(was.CallbackURLs) != 1 {
		t.Error("what was registered is changed in place")
	}
	in := withCallback(&api.UserPoolClient{}, "https://new.example/")
	if d := cmp.Diff([][]string{{"code"}, {"openid"}, {"COGNITO"}}, [][]string{in.AllowedOAuthFlows, in.AllowedOAuthScopes, in.SupportedIdentityProviders}); d != "" || !in.AllowOAuth {
		t.Error("a client that knows no OAuth cannot ask for consent: ", d)
	}
}
