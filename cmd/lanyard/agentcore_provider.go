package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

type providerOptions struct {
	name, kind, clientID, clientSecret, discovery, pool, region string
	asJSON, replace                                             bool
}

func createProviderCommand(env *environment) *cobra.Command {
	var o providerOptions
	c := &cobra.Command{
		Use: "create-credential-provider --name NAME --type TYPE --client-id ID", Args: understood(cobra.NoArgs),
		Short: "Store an OAuth client, so that the agent gets tokens of its users' accounts",
		Long: "Store an OAuth client in the token vault, so that the agent gets tokens of its users' accounts. The secret is asked for, or taken from LANYARD_CLIENT_SECRET: on the command line everybody on this machine could read it.\n\n" +
			"The provider is noted in " + projectFileName + ", and launch allows the agent to use it.",
		Example: "  " + programName(env) + " identity create-credential-provider --name github --type github --client-id abc",
	}
	f := c.Flags()
	f.StringVarP(&o.name, "name", "n", "", "name of the credential provider (required)")
	f.StringVarP(&o.kind, "type", "t", "", "cognito, github, google, salesforce or custom (required)")
	f.StringVar(&o.clientID, "client-id", "", "OAuth client id (required)")
	f.StringVar(&o.clientSecret, "client-secret", "", "OAuth client secret; better asked for, or in LANYARD_CLIENT_SECRET")
	f.StringVar(&o.discovery, "discovery-url", "", "discovery URL of the authorization server (required for cognito and custom)")
	f.StringVar(&o.pool, "cognito-pool-id", "", "user pool whose client gets the callback URL registered")
	f.BoolVar(&o.replace, "replace", false, "give a provider of this name that there is this client; its callback URL stays")
	regionFlag(c, &o.region)
	jsonFlag(c, &o.asJSON)
	choices(c, "type", providerTypes...)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.settle(); err != nil {
			return misused(cmd, "%s", err)
		}
		return o.run(cmd.Context(), env)
	}
	return c
}

// providerTypes are the toolkit's words, and custom for every other authorization server.
var providerTypes = []string{"cognito", "github", "google", "salesforce", "custom"}

func (o *providerOptions) settle() error {
	switch {
	case o.name == "":
		return errors.New("--name is missing: name the credential provider, as the agent's code will")
	case !slices.Contains(providerTypes, o.kind):
		return fmt.Errorf("--type %q is not one of %s", o.kind, strings.Join(providerTypes, ", "))
	case o.clientID == "":
		return errors.New("--client-id is missing: register an OAuth client at the provider first")
	case o.needsDiscovery() && o.discovery == "":
		return fmt.Errorf("--discovery-url is missing: --type %s needs the URL that ends in /.well-known/openid-configuration", o.kind)
	case !o.needsDiscovery() && o.discovery != "":
		return fmt.Errorf("--discovery-url does not go with --type %s, whose endpoints are known; use --type custom", o.kind)
	case o.pool != "" && o.kind != "cognito":
		return errors.New("--cognito-pool-id goes with --type cognito")
	}
	return nil
}

func (o *providerOptions) needsDiscovery() bool { return o.kind == "cognito" || o.kind == "custom" }

func (o *providerOptions) run(ctx context.Context, env *environment) error {
	a, c, err := projectCloud(ctx, env, o.region)
	if err != nil {
		return err
	}
	t := speaker(env, o.asJSON)
	if o.clientSecret = cmp.Or(o.clientSecret, env.getenv("LANYARD_CLIENT_SECRET")); o.clientSecret == "" {
		if o.clientSecret, err = newAsker(env, t, o.asJSON).secret(env, "Client secret (not shown):"); err != nil {
			return err
		}
	}
	if o.clientSecret == "" {
		return errors.New("the client secret is missing: set LANYARD_CLIENT_SECRET, or run this in a terminal to be asked for it")
	}
	made, err := o.store(ctx, c)
	if err != nil {
		return explain(err)
	}
	if o.pool != "" {
		if err := c.registerCallback(ctx, o.pool, o.clientID, made.CallbackURL); err != nil {
			t.warning("The callback URL is not registered at the pool's client: " + err.Error())
		} else {
			t.tick("Callback URL registered at client " + o.clientID + " of pool " + o.pool)
		}
	}
	used := usedProvider{made.Name, made.ARN, o.kind, made.CallbackURL}
	if a != nil {
		a.putProvider(used)
		if err := a.project.save(); err != nil {
			return err
		}
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, used)
	}
	t.providerMade(env, used, a != nil)
	return t.err
}

// store makes the provider, or changes the one that there is if that was asked for.
func (o *providerOptions) store(ctx context.Context, c *cloud) (*api.Oauth2CredentialProvider, error) {
	in := o.request()
	made, err := c.CreateOauth2CredentialProvider(ctx, in)
	if o.replace && client.Is(err, api.ConflictException) {
		return c.UpdateOauth2CredentialProvider(ctx, &api.UpdateOauth2CredentialProviderRequest{Name: in.Name, Vendor: in.Vendor, Config: in.Config})
	}
	return made, err
}

func (o *providerOptions) request() *api.CreateOauth2CredentialProviderRequest {
	own := &api.VendorOauth2ProviderConfigInput{ClientID: o.clientID, ClientSecret: api.Sensitive(o.clientSecret)}
	in := &api.CreateOauth2CredentialProviderRequest{Name: o.name}
	switch o.kind {
	case "github":
		in.Vendor, in.Config.Github = "GithubOauth2", own
	case "google":
		in.Vendor, in.Config.Google = "GoogleOauth2", own
	case "salesforce":
		in.Vendor, in.Config.Salesforce = "SalesforceOauth2", own
	default:
		in.Vendor = "CustomOauth2"
		in.Config.Custom = &api.CustomOauth2ProviderConfigInput{ClientID: o.clientID, ClientSecret: api.Sensitive(o.clientSecret), Discovery: api.Oauth2Discovery{DiscoveryURL: &o.discovery}}
	}
	return in
}

// registerCallback adds a callback URL to a client of a user pool. Updating replaces the whole client, so all that it
// had is sent along.
func (c *cloud) registerCallback(ctx context.Context, pool, clientID, callback string) error {
	out, err := c.DescribeUserPoolClient(ctx, &api.UserPoolClientID{UserPoolID: pool, ClientID: clientID})
	if err != nil {
		return c.inPlain("Cognito DescribeUserPoolClient", err)
	}
	was := &out.UserPoolClient
	if slices.Contains(was.CallbackURLs, callback) {
		return nil
	}
	_, err = c.UpdateUserPoolClient(ctx, withCallback(was, callback))
	return c.inPlain("Cognito UpdateUserPoolClient", err)
}

func withCallback(was *api.UserPoolClient, callback string) *api.UpdateUserPoolClientRequest {
	in := &api.UpdateUserPoolClientRequest{
		UserPoolID: was.UserPoolID, ClientID: was.ClientID, ClientName: was.ClientName,
		CallbackURLs: append(slices.Clone(was.CallbackURLs), callback), LogoutURLs: was.LogoutURLs, DefaultRedirectURI: was.DefaultRedirectURI,
		AllowedOAuthFlows: was.AllowedOAuthFlows, AllowedOAuthScopes: was.AllowedOAuthScopes, AllowOAuth: true,
		SupportedIdentityProviders: was.SupportedIdentityProviders, ExplicitAuthFlows: was.ExplicitAuthFlows,
		RefreshTokenValidity: &was.RefreshTokenValidity, AccessTokenValidity: was.AccessTokenValidity, IDTokenValidity: was.IDTokenValidity,
		TokenValidityUnits: was.TokenValidityUnits, RefreshTokenRotation: was.RefreshTokenRotation,
		EnableTokenRevocation: &was.EnableTokenRevocation, PropagateUserContext: &was.PropagateUserContext,
		ReadAttributes: was.ReadAttributes, WriteAttributes: was.WriteAttributes, AnalyticsConfiguration: was.AnalyticsConfiguration,
	}
	if was.PreventUserExistenceErrors != "" {
		in.PreventUserExistenceErrors = &was.PreventUserExistenceErrors
	}
	if was.AuthSessionValidity != 0 {
		in.AuthSessionValidity = &was.AuthSessionValidity
	}
	if len(in.AllowedOAuthFlows) == 0 {
		in.AllowedOAuthFlows = []string{api.OAuthCode}
	}
	if len(in.AllowedOAuthScopes) == 0 {
		in.AllowedOAuthScopes = []string{"openid"}
	}
	if len(in.SupportedIdentityProviders) == 0 {
		in.SupportedIdentityProviders = []string{"COGNITO"}
	}
	return in
}

func (t *terminal) providerMade(env *environment, p usedProvider, kept bool) {
	t.line()
	out := newPanel("✅ Success", good).head("Credential Provider Created").gap().
		field("Name", p.Name).field("Type", p.Type).field("ARN", p.ARN).field("Callback URL", p.Callback).gap().
		head("Next Steps:").
		add(plainly("1. Register the callback URL at the provider's OAuth client")).
		add(plainly("2. Run "), span{accent, programName(env) + " launch"}, plainly(" to deploy (permissions auto-added)")).
		add(plainly("3. Use "), span{accent, `@requires_access_token(provider_name="` + p.Name + `", ...)`}, plainly(" in your agent"))
	t.panel(out)
	t.again("Callback URL", p.Callback)
	if !kept {
		t.notKept(env, "the provider")
	}
}

func listProvidersCommand(env *environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list-credential-providers", Args: understood(cobra.NoArgs), Short: "List the credential providers that the agent uses",
		RunE: func(*cobra.Command, []string) error {
			return onAgent(env, func(a *agent) error { return listProviders(env, a, asJSON) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

func listProviders(env *environment, a *agent, asJSON bool) error {
	t := newTerminal(env)
	list := a.providers()
	if asJSON {
		for _, p := range list {
			if err := writeJSONLine(env.stdout, p); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		t.line(plainly("No credential provider is configured for " + a.name + ". Add one with:"))
		t.line()
		t.line(span{accent, "    " + programName(env) + " identity create-credential-provider --name NAME --type github --client-id ID"})
	}
	rows := make([][]span, len(list))
	for i, p := range list {
		rows[i] = []span{{bold, p.Name}, plainly(p.Type), plainly(p.Callback)}
	}
	if len(rows) > 0 {
		t.table([]string{"NAME", "TYPE", "CALLBACK URL"}, rows, "NAME")
	}
	if w, ok := a.workload(); ok {
		t.line()
		t.line(plainly("Workload identity: "), span{bold, w.Name})
		for _, u := range w.ReturnURLs {
			t.line(plainly("  return URL "), span{accent, u})
		}
	}
	return t.err
}
