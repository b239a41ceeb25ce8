package server_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func githubInput(name string) *control.CreateOauth2CredentialProviderInput {
	return &control.CreateOauth2CredentialProviderInput{Name: &name, CredentialProviderVendor: ctypes.CredentialProviderVendorTypeGithubOauth2,
		Oauth2ProviderConfigInput: &ctypes.Oauth2ProviderConfigInputMemberGithubOauth2ProviderConfig{
			Value: ctypes.GithubOauth2ProviderConfigInput{ClientId: aws.String("Iv1.abc"), ClientSecret: aws.String("s3cret")}}}
}

var (
	callbackURL  = regexp.MustCompile(`^http://127\.0\.0\.1:\d+/identities/oauth2/callback/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	oauthSecret  = regexp.MustCompile(`^arn:aws:secretsmanager:us-west-2:000000000000:secret:bedrock-agentcore-identity!default/oauth2/github-[0-9a-f]{8}-[0-9a-f]{6}$`)
	apiKeySecret = regexp.MustCompile(`^arn:aws:secretsmanager:us-west-2:000000000000:secret:bedrock-agentcore-identity!default/apikey/key-[0-9a-f]{8}-[0-9a-f]{6}$`)
)

func testCreateOauth2CredentialProvider(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	out, err := c.CreateOauth2CredentialProvider(t.Context(), githubInput("github"))
	check(t, err)
	if got := aws.ToString(out.CredentialProviderArn); got != "arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/oauth2credentialprovider/github" {
		t.Errorf("ARN is %s", got)
	}
	if !callbackURL.MatchString(aws.ToString(out.CallbackUrl)) || !oauthSecret.MatchString(aws.ToString(out.ClientSecretArn.SecretArn)) {
		t.Errorf("callback URL %s, secret %s", aws.ToString(out.CallbackUrl), aws.ToString(out.ClientSecretArn.SecretArn))
	}
	_, err = c.CreateOauth2CredentialProvider(t.Context(), githubInput("github"))
	failsAs[*ctypes.ConflictException](t, err, 409)

	a := s.Call(t, s.Root, api.CreateOauth2CredentialProvider, map[string]any{"name": "x", "credentialProviderVendor": "LinkedinOauth2", "oauth2ProviderConfigInput": map[string]any{"linkedinOauth2ProviderConfig": map[string]any{"clientId": "c", "clientSecret": "s"}}})
	refused(t, a, api.ValidationException)
	if !strings.Contains(a.Exception.Message, "it serves "+oauth.ServedList()) {
		t.Errorf("an unserved vendor is refused with: %s", a.Exception.Message)
	}
	for name, body := range wrongConfigs(s) {
		t.Run(name, func(t *testing.T) {
			a := s.Call(t, s.Root, api.CreateOauth2CredentialProvider, body)
			refused(t, a, api.ValidationException)
			if len(a.Exception.Fields) == 0 {
				t.Errorf("no field is named: %s", a.Body)
			}
		})
	}
}

// wrongConfigs are configurations that are well-formed and can never be right.
func wrongConfigs(s *servertest.Service) map[string]any {
	custom := func(vendor string, more map[string]any) map[string]any {
		config := map[string]any{"oauthDiscovery": map[string]any{"discoveryUrl": s.URL + "/.well-known/openid-configuration"}, "clientId": "c", "clientSecret": "s"}
		for k, v := range more {
			config[k] = v
		}
		return map[string]any{"name": "x", "credentialProviderVendor": vendor, "oauth2ProviderConfigInput": map[string]any{"customOauth2ProviderConfig": config}}
	}
	metadata := func(more map[string]any) map[string]any {
		m := map[string]any{"issuer": "https://idp.example", "authorizationEndpoint": "https://idp.example/a", "tokenEndpoint": "https://idp.example/t"}
		for k, v := range more {
			m[k] = v
		}
		return map[string]any{"oauthDiscovery": map[string]any{"authorizationServerMetadata": m}}
	}
	return map[string]any{
		"the union member of another vendor": custom("GithubOauth2", nil),
		"no secret":                          custom("CustomOauth2", map[string]any{"clientSecret": ""}),
		"no client id":                       custom("CustomOauth2", map[string]any{"clientId": ""}),
		"external secret (A57)":              custom("CustomOauth2", map[string]any{"clientSecretSource": "EXTERNAL", "clientSecretConfig": map[string]any{"secretId": "x", "jsonKey": "y"}}),
		"reference without a source (A57)":   custom("CustomOauth2", map[string]any{"clientSecretConfig": map[string]any{"secretId": "x", "jsonKey": "y"}}),
		"private endpoint":                   custom("CustomOauth2", map[string]any{"privateEndpoint": map[string]any{}}),
		"private key JWT":                    custom("CustomOauth2", map[string]any{"clientAuthenticationMethod": "PRIVATE_KEY_JWT"}),
		"plain http elsewhere (A34)":         custom("CustomOauth2", map[string]any{"oauthDiscovery": map[string]any{"discoveryUrl": "http://idp.example/.well-known/openid-configuration"}}),
		"metadata address (A34)":             custom("CustomOauth2", map[string]any{"oauthDiscovery": map[string]any{"discoveryUrl": "https://169.254.169.254/.well-known/openid-configuration"}}),
		"private token endpoint (A34)":       custom("CustomOauth2", metadata(map[string]any{"tokenEndpoint": "https://10.0.0.8/t"})),
		"two ways to name the method":        custom("CustomOauth2", mergeMethod(metadata(map[string]any{"tokenEndpointAuthMethods": []string{"client_secret_post"}}))),
	}
}

func mergeMethod(m map[string]any) map[string]any {
	m["clientAuthenticationMethod"] = "CLIENT_SECRET_BASIC"
	return m
}

func testGetOauth2CredentialProvider(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	get := func() (*control.GetOauth2CredentialProviderOutput, error) {
		return c.GetOauth2CredentialProvider(t.Context(), &control.GetOauth2CredentialProviderInput{Name: aws.String("github")})
	}
	_, err := get()
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	created, err := c.CreateOauth2CredentialProvider(t.Context(), githubInput("github"))
	check(t, err)
	out, err := get()
	check(t, err)
	if aws.ToString(out.CallbackUrl) != aws.ToString(created.CallbackUrl) || out.CredentialProviderVendor != ctypes.CredentialProviderVendorTypeGithubOauth2 || out.CreatedTime == nil || out.LastUpdatedTime == nil {
		t.Errorf("got %+v", out)
	}
	config, ok := out.Oauth2ProviderConfigOutput.(*ctypes.Oauth2ProviderConfigOutputMemberGithubOauth2ProviderConfig)
	if !ok || aws.ToString(config.Value.ClientId) != "Iv1.abc" {
		t.Fatalf("configuration is %+v", out.Oauth2ProviderConfigOutput)
	}
	d, ok := config.Value.OauthDiscovery.(*ctypes.Oauth2DiscoveryMemberAuthorizationServerMetadata)
	if !ok || aws.ToString(d.Value.TokenEndpoint) != "https://github.com/login/oauth/access_token" {
		t.Errorf("discovery is %+v", config.Value.OauthDiscovery)
	}
}

func testListOauth2CredentialProviders(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	for i := range 3 {
		_, err := c.CreateOauth2CredentialProvider(t.Context(), githubInput(fmt.Sprintf("p%d", i)))
		check(t, err)
	}
	var names []string
	pages := control.NewListOauth2CredentialProvidersPaginator(c, &control.ListOauth2CredentialProvidersInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		for _, p := range page.CredentialProviders {
			names = append(names, aws.ToString(p.Name))
			if p.CreatedTime == nil || p.LastUpdatedTime == nil || p.CredentialProviderVendor == "" || p.CredentialProviderArn == nil {
				t.Errorf("item lacks members: %+v", p)
			}
		}
	}
	if fmt.Sprint(names) != "[p0 p1 p2]" {
		t.Errorf("pages hold %v", names)
	}
	_, err := c.ListOauth2CredentialProviders(t.Context(), &control.ListOauth2CredentialProvidersInput{MaxResults: aws.Int32(21)})
	failsAs[*ctypes.ValidationException](t, err, 400)
}

func testUpdateOauth2CredentialProvider(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	in := &control.UpdateOauth2CredentialProviderInput{Name: &a.Provider, CredentialProviderVendor: ctypes.CredentialProviderVendorTypeCustomOauth2,
		Oauth2ProviderConfigInput: &ctypes.Oauth2ProviderConfigInputMemberCustomOauth2ProviderConfig{Value: ctypes.CustomOauth2ProviderConfigInput{
			OauthDiscovery: &ctypes.Oauth2DiscoveryMemberDiscoveryUrl{Value: a.IDP.OAuthDiscoveryURL}, ClientId: aws.String("other"), ClientSecret: aws.String("another"),
			ClientAuthenticationMethod: ctypes.ClientAuthenticationMethodTypeClientSecretPost}}}
	s.Clock.Advance(time.Minute)
	out, err := a.Control.UpdateOauth2CredentialProvider(t.Context(), in)
	check(t, err)
	config, ok := out.Oauth2ProviderConfigOutput.(*ctypes.Oauth2ProviderConfigOutputMemberCustomOauth2ProviderConfig)
	if !ok || aws.ToString(config.Value.ClientId) != "other" || config.Value.ClientAuthenticationMethod != ctypes.ClientAuthenticationMethodTypeClientSecretPost || aws.ToString(out.CallbackUrl) != a.Callback {
		t.Errorf("updated to %+v", out)
	}
	if d := aws.ToTime(out.LastUpdatedTime).Sub(aws.ToTime(out.CreatedTime)); d < time.Minute {
		t.Errorf("updated %v after the creation", d)
	}
	in.Name = aws.String("absent")
	_, err = a.Control.UpdateOauth2CredentialProvider(t.Context(), in)
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	g := githubInput("provider")
	_, err = a.Control.UpdateOauth2CredentialProvider(t.Context(), &control.UpdateOauth2CredentialProviderInput{Name: g.Name, CredentialProviderVendor: g.CredentialProviderVendor, Oauth2ProviderConfigInput: g.Oauth2ProviderConfigInput})
	failsAs[*ctypes.ValidationException](t, err, 400)
}

func testDeleteOauth2CredentialProvider(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	del := func() error {
		_, err := c.DeleteOauth2CredentialProvider(t.Context(), &control.DeleteOauth2CredentialProviderInput{Name: aws.String("github")})
		return err
	}
	failsAs[*ctypes.ResourceNotFoundException](t, del(), 404)
	_, err := c.CreateOauth2CredentialProvider(t.Context(), githubInput("github"))
	check(t, err)
	check(t, del())
	failsAs[*ctypes.ResourceNotFoundException](t, del(), 404)
}

func keyInput(name, key string) *control.CreateApiKeyCredentialProviderInput {
	return &control.CreateApiKeyCredentialProviderInput{Name: &name, ApiKey: &key}
}

func testCreateAPIKeyCredentialProvider(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	out, err := c.CreateApiKeyCredentialProvider(t.Context(), keyInput("key", "k3y"))
	check(t, err)
	if !apiKeySecret.MatchString(aws.ToString(out.ApiKeySecretArn.SecretArn)) || aws.ToString(out.CredentialProviderArn) != "arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/apikeycredentialprovider/key" {
		t.Errorf("created as %+v", out)
	}
	_, err = c.CreateApiKeyCredentialProvider(t.Context(), keyInput("key", "k3y"))
	failsAs[*ctypes.ConflictException](t, err, 409)
	_, err = c.CreateApiKeyCredentialProvider(t.Context(), keyInput("none", ""))
	failsAs[*ctypes.ValidationException](t, err, 400)
	in := keyInput("elsewhere", "k3y")
	in.ApiKeySecretSource = ctypes.SecretSourceTypeExternal
	_, err = c.CreateApiKeyCredentialProvider(t.Context(), in)
	failsAs[*ctypes.ValidationException](t, err, 400)
}

func testGetAPIKeyCredentialProvider(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	_, err := c.GetApiKeyCredentialProvider(t.Context(), &control.GetApiKeyCredentialProviderInput{Name: aws.String("key")})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	_, err = c.CreateApiKeyCredentialProvider(t.Context(), keyInput("key", "k3y"))
	check(t, err)
	a := s.Call(t, s.Root, api.GetApiKeyCredentialProvider, map[string]any{"name": "key"})
	var out map[string]json.RawMessage
	a.Into(t, &out)
	for _, member := range []string{"createdTime", "lastUpdatedTime"} { // SDKs for Go and JavaScript fail on anything but a number
		if !regexp.MustCompile(`^\d{10}(\.\d{1,3})?$`).Match(out[member]) {
			t.Errorf("%s is %s, want epoch seconds", member, out[member])
		}
	}
	if _, ok := out["apiKey"]; ok || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer is %s with %v", a.Body, a.Header)
	}
}

func testListAPIKeyCredentialProviders(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	for i := range 25 {
		_, err := c.CreateApiKeyCredentialProvider(t.Context(), keyInput(fmt.Sprintf("k%02d", i), "k"))
		check(t, err)
	}
	all, err := c.ListApiKeyCredentialProviders(t.Context(), &control.ListApiKeyCredentialProvidersInput{MaxResults: aws.Int32(100)})
	check(t, err)
	if len(all.CredentialProviders) != 25 || all.NextToken != nil {
		t.Errorf("%d items, next %v", len(all.CredentialProviders), all.NextToken)
	}
	n := 0
	pages := control.NewListApiKeyCredentialProvidersPaginator(c, &control.ListApiKeyCredentialProvidersInput{MaxResults: aws.Int32(10)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		n += len(page.CredentialProviders)
	}
	if n != 25 {
		t.Errorf("pages hold %d items", n)
	}
	_, err = c.ListApiKeyCredentialProviders(t.Context(), &control.ListApiKeyCredentialProvidersInput{MaxResults: aws.Int32(101)})
	failsAs[*ctypes.ValidationException](t, err, 400)
}

func testUpdateAPIKeyCredentialProvider(t *testing.T, s *servertest.Service) {
	a := s.NewAgent(t)
	_, err := a.Control.CreateApiKeyCredentialProvider(t.Context(), keyInput("key", "old"))
	check(t, err)
	if got := apiKey(t, a, "key"); got != "old" {
		t.Errorf("key is %q", got)
	}
	_, err = a.Control.UpdateApiKeyCredentialProvider(t.Context(), &control.UpdateApiKeyCredentialProviderInput{Name: aws.String("key"), ApiKey: aws.String("new")})
	check(t, err)
	if got := apiKey(t, a, "key"); got != "new" {
		t.Errorf("key is %q after the update", got)
	}
	_, err = a.Control.UpdateApiKeyCredentialProvider(t.Context(), &control.UpdateApiKeyCredentialProviderInput{Name: aws.String("absent"), ApiKey: aws.String("new")})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
}

func testDeleteAPIKeyCredentialProvider(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	del := func() error {
		_, err := c.DeleteApiKeyCredentialProvider(t.Context(), &control.DeleteApiKeyCredentialProviderInput{Name: aws.String("key")})
		return err
	}
	failsAs[*ctypes.ResourceNotFoundException](t, del(), 404)
	_, err := c.CreateApiKeyCredentialProvider(t.Context(), keyInput("key", "k"))
	check(t, err)
	check(t, del())
	_, err = c.GetApiKeyCredentialProvider(t.Context(), &control.GetApiKeyCredentialProviderInput{Name: aws.String("key")})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
}
