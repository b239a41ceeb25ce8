package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

const apiKey = "key-0123456789abcdef0123456789abcdef"

// seed makes what requests name, and the first user's grant.
func (in *instance) seed(ctx context.Context, p *provider) error {
	do := func(op api.Operation, body any) error {
		return call(ctx, &http.Client{}, in.addr, op, in.root, body, nil)
	}
	err := do(api.CreateWorkloadIdentity, api.CreateWorkloadIdentityRequest{Name: workloadName, ReturnURLs: []string{returnURL}})
	if err == nil {
		err = do(api.CreateOauth2CredentialProvider, api.CreateOauth2CredentialProviderRequest{Name: oauth2Provider, Vendor: "CustomOauth2",
			Config: api.Oauth2ProviderConfigInput{Custom: &api.CustomOauth2ProviderConfigInput{ClientID: "bench", ClientSecret: "bench",
				Discovery: api.Oauth2Discovery{Metadata: &api.AuthorizationServers{Issuer: p.url, AuthorizationEndpoint: p.url + "/authorize", TokenEndpoint: p.url + "/token"}}}}})
	}
	if err == nil {
		err = do(api.CreateApiKeyCredentialProvider, api.CreateApiKeyCredentialProviderRequest{Name: apiKeyProvider, APIKey: apiKey})
	}
	if err == nil {
		err = do(api.EnableOutboundWebIdentityFederation, url.Values{"Action": {"EnableOutboundWebIdentityFederation"}, "Version": {"2010-05-08"}})
	}
	if err != nil {
		return err
	}
	return in.consent(ctx)
}

// consent goes the whole way once, as an agent, its user's browser and its web application do.
func (in *instance) consent(ctx context.Context) error {
	client := &http.Client{}
	token, err := mint(ctx, client, server{addr: in.addr, keys: in.user}, firstUser)
	if err != nil {
		return err
	}
	ask := tokenRequest(token)
	back := returnURL
	ask.ReturnURL = &back
	var begun, got api.GetResourceOauth2TokenResponse
	if err := call(ctx, client, in.addr, api.GetResourceOauth2Token, in.user, ask, &begun); err != nil {
		return err
	}
	if err := browse(ctx, string(begun.AuthorizationURL)); err != nil {
		return err
	}
	user := firstUser
	complete := api.CompleteResourceTokenAuthRequest{SessionURI: begun.SessionURI, User: api.UserIdentifier{UserID: &user}}
	if err := call(ctx, client, in.addr, api.CompleteResourceTokenAuth, in.user, complete, nil); err != nil {
		return err
	}
	if err := call(ctx, client, in.addr, api.GetResourceOauth2Token, in.user, tokenRequest(token), &got); err != nil {
		return err
	}
	if len(got.AccessToken) != tokenSize {
		return fmt.Errorf("after the consent the resource token has %d bytes, not %d", len(got.AccessToken), tokenSize)
	}
	return nil
}

func tokenRequest(workloadToken string) api.GetResourceOauth2TokenRequest {
	return api.GetResourceOauth2TokenRequest{WorkloadToken: api.Sensitive(workloadToken), ProviderName: oauth2Provider, Scopes: scopes, Flow: api.FlowUserFederation}
}

// browse follows redirects from the authorization URL to the return URL, which is never called.
func browse(ctx context.Context, from string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	arrived := errors.New("arrived")
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), returnURL) {
			return arrived
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	resp, err := browser.Do(r)
	if err == nil || !errors.Is(err, arrived) {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return fmt.Errorf("the browser did not come back to %s: %w", returnURL, err)
	}
	return nil
}
