package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/spf13/cobra"
)

// poolSetup is what setup-cognito makes, in the file that the AWS toolkit writes too.
type poolSetup struct {
	Runtime  poolInfo `json:"runtime"`
	Identity poolInfo `json:"identity"`
	Flow     string   `json:"flow_type"`
}

type poolInfo struct {
	PoolID         string   `json:"pool_id"`
	ClientID       string   `json:"client_id"`
	ClientSecret   string   `json:"client_secret,omitempty"`
	Discovery      string   `json:"discovery_url,omitempty"`
	Domain         string   `json:"domain_prefix,omitempty"`
	Username       string   `json:"username,omitempty"`
	Password       string   `json:"password,omitempty"`
	TokenEndpoint  string   `json:"token_endpoint,omitempty"`
	ResourceServer string   `json:"resource_server_identifier,omitempty"`
	Scopes         []string `json:"scopes,omitempty"`
	Flow           string   `json:"flow_type,omitempty"`
}

// Flows of setup-cognito and get-inbound-token.
const (
	flowUser = "user"
	flowM2M  = "m2m"
)

func setupFile(flow string) string { return ".agentcore_identity_cognito_" + flow + ".json" }
func setupEnv(flow string) string  { return ".agentcore_identity_" + flow + ".env" }

type cognitoOptions struct {
	region, flow string
	asJSON       bool
}

func setupCognitoCommand(env *environment) *cobra.Command {
	var o cognitoOptions
	c := &cobra.Command{
		Use: "setup-cognito", Args: understood(cobra.NoArgs),
		Short: "Make two user pools to try things out: one to sign in at the agent, one to ask for consent",
		Long: "Make two user pools at a development instance: the runtime pool, whose users sign in to call the agent, and the identity pool, where the agent asks its user for consent (or, with --auth-flow m2m, signs in itself).\n\n" +
			"Ids, users and secrets are written to " + setupFile("FLOW") + " and " + setupEnv("FLOW") + ", readable by you alone; identity cleanup removes both with the pools.",
	}
	regionFlag(c, &o.region)
	c.Flags().StringVar(&o.flow, "auth-flow", flowUser, "user (with consent) or m2m (the agent itself)")
	jsonFlag(c, &o.asJSON)
	choices(c, "auth-flow", flowUser, flowM2M)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.flow != flowUser && o.flow != flowM2M {
			return misused(cmd, "--auth-flow %q is not one of user, m2m", o.flow)
		}
		return o.run(cmd.Context(), env)
	}
	return c
}

func (o *cognitoOptions) run(ctx context.Context, env *environment) error {
	if _, err := os.Stat(setupFile(o.flow)); err == nil {
		return fmt.Errorf("%s is there already, and knows pools that would be forgotten. Remove both with: %s identity cleanup", setupFile(o.flow), programName(env))
	}
	_, c, err := projectCloud(ctx, env, o.region)
	if err != nil {
		return err
	}
	t := speaker(env, o.asJSON)
	s, err := during(t, "making the user pools", func() (*poolSetup, error) { return c.makePools(ctx, o.flow) })
	if err != nil {
		return err
	}
	if err := s.save(); err != nil {
		_ = os.Remove(setupFile(o.flow)) // it was not there before
		return errors.Join(err, c.deletePools(ctx, s))
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, s.withoutSecrets())
	}
	t.poolsMade(s)
	return t.err
}

// withoutSecrets is for showing: the files hold the rest.
func (s *poolSetup) withoutSecrets() *poolSetup {
	shown := *s
	for _, p := range []*poolInfo{&shown.Runtime, &shown.Identity} {
		p.ClientSecret, p.Password = "", ""
	}
	return &shown
}

// makePools makes both pools, or none.
func (c *cloud) makePools(ctx context.Context, flow string) (s *poolSetup, err error) {
	s = &poolSetup{Flow: flow}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.deletePools(context.WithoutCancel(ctx), s))
		}
	}()
	if err := c.runtimePool(ctx, &s.Runtime); err != nil {
		return s, err
	}
	if flow == flowM2M {
		return s, c.m2mPool(ctx, &s.Identity)
	}
	return s, c.consentPool(ctx, &s.Identity)
}

func (c *cloud) runtimePool(ctx context.Context, p *poolInfo) error {
	err := c.newPool(ctx, p, "AgentCoreRuntimePool-", "agentcore-runtime-")
	if err == nil {
		err = c.newPoolClient(ctx, p, &api.CreateUserPoolClientRequest{ClientName: "RuntimeClient-" + randomHex(4),
			ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}})
	}
	if err == nil {
		err = c.newPoolUser(ctx, p, "testuser")
	}
	return err
}

func (c *cloud) consentPool(ctx context.Context, p *poolInfo) error {
	err := c.newPool(ctx, p, "AgentCoreIdentityPool-", "agentcore-identity-")
	if err == nil {
		err = c.newPoolClient(ctx, p, &api.CreateUserPoolClientRequest{ClientName: "IdentityClient-" + randomHex(4), GenerateSecret: true,
			CallbackURLs:      []string{"https://bedrock-agentcore." + c.region + ".amazonaws.com/identities/oauth2/callback"},
			AllowedOAuthFlows: []string{api.OAuthCode}, AllowedOAuthScopes: []string{"openid", "profile", "email"},
			AllowOAuth: true, SupportedIdentityProviders: []string{"COGNITO"}})
	}
	if err == nil {
		err = c.newPoolUser(ctx, p, "externaluser")
	}
	return err
}

func (c *cloud) m2mPool(ctx context.Context, p *poolInfo) error {
	if err := c.newPool(ctx, p, "AgentCoreIdentityPool-M2M-", ""); err != nil {
		return err
	}
	p.ResourceServer, p.Scopes, p.Flow = "agentcore-m2m-"+randomHex(4), []string{"read", "write"}, "client_credentials"
	var scopes []api.ResourceServerScope
	var allowed []string
	for _, name := range p.Scopes {
		scopes = append(scopes, api.ResourceServerScope{ScopeName: name, ScopeDescription: name})
		allowed = append(allowed, p.ResourceServer+"/"+name)
	}
	if _, err := c.CreateResourceServer(ctx, &api.CreateResourceServerRequest{UserPoolID: p.PoolID, Identifier: p.ResourceServer, Name: "AgentCore M2M", Scopes: scopes}); err != nil {
		return c.inPlain("Cognito CreateResourceServer", err)
	}
	p.TokenEndpoint = "https://cognito-idp." + c.region + ".amazonaws.com/" + p.PoolID + "/oauth2/token"
	p.Discovery = ""
	return c.newPoolClient(ctx, p, &api.CreateUserPoolClientRequest{ClientName: "M2MClient-" + randomHex(4), GenerateSecret: true,
		AllowedOAuthFlows: []string{api.OAuthClientCredentials}, AllowedOAuthScopes: allowed, AllowOAuth: true})
}

func (c *cloud) newPool(ctx context.Context, p *poolInfo, name, domain string) error {
	out, err := c.CreateUserPool(ctx, &api.CreateUserPoolRequest{PoolName: name + randomHex(4),
		AdminCreateUserConfig: &api.AdminCreateUserConfig{AllowAdminCreateUserOnly: new(true)}})
	if err != nil {
		return c.inPlain("Cognito CreateUserPool", err)
	}
	p.PoolID = out.UserPool.ID
	p.Discovery = "https://cognito-idp." + c.region + ".amazonaws.com/" + p.PoolID + "/.well-known/openid-configuration"
	if domain == "" {
		return nil
	}
	p.Domain = domain + randomHex(4)
	_, err = c.CreateUserPoolDomain(ctx, &api.CreateUserPoolDomainRequest{UserPoolID: p.PoolID, Domain: p.Domain})
	return c.inPlain("Cognito CreateUserPoolDomain", err)
}

func (c *cloud) newPoolClient(ctx context.Context, p *poolInfo, in *api.CreateUserPoolClientRequest) error {
	in.UserPoolID = p.PoolID
	out, err := c.CreateUserPoolClient(ctx, in)
	if err != nil {
		return c.inPlain("Cognito CreateUserPoolClient", err)
	}
	p.ClientID, p.ClientSecret = out.UserPoolClient.ClientID, string(out.UserPoolClient.ClientSecret)
	return nil
}

func (c *cloud) newPoolUser(ctx context.Context, p *poolInfo, name string) error {
	p.Username, p.Password = name+randomHex(4), randomPassword()
	if _, err := c.AdminCreateUser(ctx, &api.AdminCreateUserRequest{UserPoolID: p.PoolID, Username: p.Username, MessageAction: api.MessageSuppress}); err != nil {
		return c.inPlain("Cognito AdminCreateUser", err)
	}
	err := c.AdminSetUserPassword(ctx, &api.AdminSetUserPasswordRequest{UserPoolID: p.PoolID, Username: p.Username, Password: api.Sensitive(p.Password), Permanent: true})
	return c.inPlain("Cognito AdminSetUserPassword", err)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: crypto/rand stops the process instead
	return hex.EncodeToString(b)
}

// randomPassword has 130 random bits and one of each kind that a pool may ask for. Every character is a word's in a shell.
func randomPassword() string { return rand.Text() + "-a7" }

// save writes both files. They hold passwords, so nobody else may read them.
func (s *poolSetup) save() error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(writeFileAtomically(setupFile(s.Flow), append(b, '\n')), writeFileAtomically(setupEnv(s.Flow), []byte(s.exports())))
}

// exports are the lines of the .env file.
func (s *poolSetup) exports() string {
	var b strings.Builder
	b.WriteString("# Users and clients to try things out with.\n# Load it with: export $(grep -v '^#' " + setupEnv(s.Flow) + " | xargs)\n\n")
	set := func(name, value string) {
		if value != "" {
			b.WriteString(name + "=" + value + "\n")
		}
	}
	for _, part := range []struct {
		name string
		p    poolInfo
	}{{"RUNTIME", s.Runtime}, {"IDENTITY", s.Identity}} {
		set(part.name+"_POOL_ID", part.p.PoolID)
		set(part.name+"_CLIENT_ID", part.p.ClientID)
		set(part.name+"_CLIENT_SECRET", part.p.ClientSecret)
		set(part.name+"_DISCOVERY_URL", part.p.Discovery)
		set(part.name+"_USERNAME", part.p.Username)
		set(part.name+"_PASSWORD", part.p.Password)
		set(part.name+"_TOKEN_ENDPOINT", part.p.TokenEndpoint)
		set(part.name+"_RESOURCE_SERVER", part.p.ResourceServer)
	}
	return b.String()
}

// readPools reads what setup-cognito wrote; nil if it was not run.
func readPools(flow string) (*poolSetup, error) {
	b, err := os.ReadFile(setupFile(flow))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s := &poolSetup{}
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", setupFile(flow), err)
	}
	s.Flow = flow
	return s, nil
}

// deletePools removes the pools that there are, with their domains, clients and users.
func (c *cloud) deletePools(ctx context.Context, s *poolSetup) error {
	var all error
	for _, p := range []poolInfo{s.Identity, s.Runtime} {
		if p.PoolID != "" {
			all = errors.Join(all, c.deletePool(ctx, p))
		}
	}
	return all
}

func (c *cloud) deletePool(ctx context.Context, p poolInfo) error {
	if p.Domain != "" {
		err := c.DeleteUserPoolDomain(ctx, &api.DeleteUserPoolDomainRequest{UserPoolID: p.PoolID, Domain: p.Domain})
		if err != nil && !refusedAs(err, "ResourceNotFound", "InvalidParameter") {
			return c.inPlain("Cognito DeleteUserPoolDomain", err)
		}
	}
	err := c.DeleteUserPool(ctx, p.PoolID)
	if refusedAs(err, "ResourceNotFound") {
		return nil
	}
	return c.inPlain("Cognito DeleteUserPool", err)
}

func (t *terminal) poolsMade(s *poolSetup) {
	t.panel(newPanel("Runtime pool: who may call the agent", accent).
		field("Pool ID", s.Runtime.PoolID).field("Client ID", s.Runtime.ClientID).
		field("Discovery URL", s.Runtime.Discovery).field("Test User", s.Runtime.Username))
	p := newPanel("Identity pool: whose consent the agent asks for", good)
	if s.Flow == flowM2M {
		p = newPanel("Identity pool: where the agent signs in itself", good)
	}
	t.panel(p.field("Pool ID", s.Identity.PoolID).field("Client ID", s.Identity.ClientID).
		field("Discovery URL", s.Identity.Discovery).field("Test User", s.Identity.Username).
		field("Token Endpoint", s.Identity.TokenEndpoint).field("Resource Server", s.Identity.ResourceServer))
	t.tick("Passwords and secrets are in " + setupFile(s.Flow) + " and " + setupEnv(s.Flow) + ", readable by you alone")
	t.line(plainly("Load them with: "), span{accent, "export $(grep -v '^#' " + setupEnv(s.Flow) + " | xargs)"})
}
