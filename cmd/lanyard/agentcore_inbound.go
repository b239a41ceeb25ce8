package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/spf13/cobra"
)

type inboundOptions struct {
	flow, pool, clientID, clientSecret, user, password, region string
	asJSON                                                     bool
}

func inboundTokenCommand(env *environment) *cobra.Command {
	var o inboundOptions
	c := &cobra.Command{
		Use: "get-inbound-token", Aliases: []string{"get-cognito-inbound-token"}, Args: understood(cobra.NoArgs),
		Short: "Sign in at a user pool and print the access token, to call an agent with",
		Long: "Sign in at a user pool of a development instance and print the access token and nothing else, to call an agent with a JWT authorizer.\n\n" +
			"What the flags leave out comes from RUNTIME_POOL_ID, RUNTIME_CLIENT_ID, RUNTIME_CLIENT_SECRET, RUNTIME_USERNAME and RUNTIME_PASSWORD, as setup-cognito writes them.",
		Example: "  TOKEN=$(" + programName(env) + " identity get-inbound-token)\n  " + programName(env) + ` invoke "Hello" --bearer-token "$TOKEN"`,
	}
	f := c.Flags()
	f.StringVar(&o.flow, "auth-flow", flowUser, "user (name and password) or m2m (the client itself)")
	f.StringVar(&o.pool, "pool-id", "", "id of the user pool")
	f.StringVar(&o.clientID, "client-id", "", "id of the pool's client")
	f.StringVar(&o.clientSecret, "client-secret", "", "secret of the client, if it has one")
	f.StringVarP(&o.user, "username", "u", "", "name of the user")
	f.StringVarP(&o.password, "password", "p", "", "password of the user; better in RUNTIME_PASSWORD, or asked for")
	regionFlag(c, &o.region)
	jsonFlag(c, &o.asJSON)
	choices(c, "auth-flow", flowUser, flowM2M)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.settle(env); err != nil {
			return misused(cmd, "%s", err)
		}
		return o.run(cmd.Context(), env)
	}
	return c
}

func (o *inboundOptions) settle(env *environment) error {
	for _, v := range []struct {
		into *string
		name string
	}{{&o.pool, "POOL_ID"}, {&o.clientID, "CLIENT_ID"}, {&o.clientSecret, "CLIENT_SECRET"}, {&o.user, "USERNAME"}, {&o.password, "PASSWORD"}} {
		*v.into = cmp.Or(*v.into, env.getenv("RUNTIME_"+v.name))
	}
	switch {
	case o.flow != flowUser && o.flow != flowM2M:
		return fmt.Errorf("--auth-flow %q is not one of user, m2m", o.flow)
	case o.pool == "":
		return errors.New("--pool-id is missing: name the user pool, or set RUNTIME_POOL_ID")
	case !poolIDPattern.MatchString(o.pool):
		return fmt.Errorf("--pool-id %q is not the id of a user pool, such as us-west-2_a1B2c3D4e", clean(o.pool))
	case o.clientID == "":
		return errors.New("--client-id is missing: name the pool's client, or set RUNTIME_CLIENT_ID")
	case o.flow == flowUser && o.user == "":
		return errors.New("--username is missing: name the user, or set RUNTIME_USERNAME")
	case o.flow == flowM2M && o.clientSecret == "":
		return errors.New("--client-secret is missing: --auth-flow m2m signs the client in; or set RUNTIME_CLIENT_SECRET")
	}
	return nil
}

// inboundToken is what get-inbound-token --json prints.
type inboundToken struct {
	Token     string `json:"accessToken"`
	ExpiresIn int64  `json:"expiresIn"`
}

func (o *inboundOptions) run(ctx context.Context, env *environment) error {
	region, _, _ := strings.Cut(o.pool, "_")
	c, err := openCloud(ctx, env, o.region, region)
	if err != nil {
		return err
	}
	get := c.userToken
	if o.flow == flowM2M {
		get = c.clientToken
	}
	token, err := get(ctx, o)
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, token)
	}
	t := newTerminal(env)
	t.write(token.Token + "\n")
	return t.err
}

func (c *cloud) userToken(ctx context.Context, o *inboundOptions) (inboundToken, error) {
	if o.password == "" {
		aside := *c.env
		aside.stdout = c.env.stderr
		var err error
		if o.password, err = newAsker(c.env, newTerminal(&aside), false).secret(c.env, "Password of "+o.user+" (not shown):"); err != nil {
			return inboundToken{}, err
		}
	}
	if o.password == "" {
		return inboundToken{}, errors.New("the password is missing: set RUNTIME_PASSWORD, or run this in a terminal to be asked for it")
	}
	params := map[string]api.Sensitive{"USERNAME": api.Sensitive(o.user), "PASSWORD": api.Sensitive(o.password)}
	if o.clientSecret != "" {
		mac := hmac.New(sha256.New, []byte(o.clientSecret))
		mac.Write([]byte(o.user + o.clientID))
		params["SECRET_HASH"] = api.Sensitive(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	out, err := c.InitiateAuth(ctx, &api.InitiateAuthRequest{ClientID: o.clientID, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: params})
	switch {
	case err != nil:
		return inboundToken{}, c.inPlain("Cognito InitiateAuth", err)
	case out.AuthenticationResult == nil:
		return inboundToken{}, fmt.Errorf("the pool asks for more than a password (%s): give %s a permanent one with aws cognito-idp admin-set-user-password --permanent", clean(out.ChallengeName), o.user)
	}
	return inboundToken{string(out.AuthenticationResult.AccessToken), out.AuthenticationResult.ExpiresIn}, nil
}

// clientToken signs the client in (RFC 6749 section 4.4), at the pool's own address on the instance.
func (c *cloud) clientToken(ctx context.Context, o *inboundOptions) (inboundToken, error) {
	endpoint, err := c.ServiceEndpoint(api.CognitoIDP)
	if err != nil {
		return inboundToken{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+devidp.PoolsPath+o.pool+"/oauth2/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		return inboundToken{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(o.clientID), url.QueryEscape(o.clientSecret)) // RFC 6749 section 2.3.1
	h := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := h.Do(r)
	if err != nil {
		return inboundToken{}, c.inPlain("signing in at the pool", errors.Unwrap(err))
	}
	defer resp.Body.Close()
	b, err := readAtMost(resp.Body, 1<<20)
	if err != nil {
		return inboundToken{}, fmt.Errorf("signing in at the pool: %w", err)
	}
	var out struct {
		Token       string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(b, &out) != nil || out.Token == "" {
		return inboundToken{}, fmt.Errorf("the pool %s answered %s: %s", o.pool, resp.Status, clean(cmp.Or(out.Description, out.Error, "no token")))
	}
	return inboundToken{out.Token, out.ExpiresIn}, nil
}
