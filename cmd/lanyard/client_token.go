package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

type tokenOptions struct {
	ask                          tokenAsk
	scopes, flow                 string
	raw, show, asJSON, noBrowser bool
}

func tokenCommand(env *environment) *cobra.Command {
	var o tokenOptions
	c := &cobra.Command{
		Use: "token --provider NAME", Args: understood(cobra.NoArgs),
		Short: "Get a resource token as an agent would, with consent in your browser",
		Long: "Get a resource token as an agent would. If there is no grant yet, the consent opens in your browser (or its link is shown) and comes back to this command, which completes it for you.\n\n" +
			"The token itself is shown only with --show, or alone on the standard output with --raw.",
		Example: "  lanyard token --provider github --scopes \"read:user repo\"\n" +
			"  curl -H \"Authorization: Bearer $(lanyard token --provider github --scopes repo --raw)\" https://api.github.com/user",
	}
	f := c.Flags()
	f.StringVar(&o.ask.provider, "provider", "", "credential provider (required)")
	f.StringVar(&o.scopes, "scopes", "", "scopes, separated by spaces")
	f.StringVar(&o.ask.workload, "workload", "", "workload identity; may be left out when there is only one")
	f.StringVar(&o.ask.user, "user", "", "user id for whom the agent acts (default: $USER)")
	f.StringVar(&o.flow, "flow", "user", "user (with consent) or m2m (the workload itself)")
	f.BoolVar(&o.ask.force, "force", false, "forget the stored grant and ask for consent again")
	f.BoolVar(&o.show, "show", false, "also show the token")
	f.BoolVar(&o.raw, "raw", false, "print nothing but the token to the standard output")
	f.BoolVar(&o.asJSON, "json", false, "one JSON object; holds the token only with --show")
	f.BoolVar(&o.noBrowser, "no-browser", false, "never open a browser, only show the link")
	run := connected(env, func(ctx context.Context, c *client.Client, _ []string) error { return getToken(ctx, env, c, o) })
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.settle(env); err != nil {
			return misused(cmd, "%s", err)
		}
		return run(cmd, args)
	}
	return c
}

func (o *tokenOptions) settle(env *environment) error {
	o.ask.scopes = strings.Fields(strings.ReplaceAll(o.scopes, ",", " "))
	o.ask.user = cmp.Or(o.ask.user, env.getenv("USER"))
	switch o.flow {
	case "user":
		o.ask.flow = api.FlowUserFederation
	case "m2m":
		o.ask.flow = api.FlowM2M
	default:
		return fmt.Errorf("--flow %q is not one of user, m2m", o.flow)
	}
	switch {
	case o.ask.provider == "":
		return errors.New("--provider is missing: name the credential provider")
	case o.ask.flow == api.FlowUserFederation && o.ask.user == "":
		return errors.New("--user is missing: name the user for whom the agent acts")
	case o.raw && (o.asJSON || o.show):
		return errors.New("--raw prints the token alone; leave out --json and --show")
	}
	return nil
}

func getToken(ctx context.Context, env *environment, c *client.Client, o tokenOptions) error {
	// What a person reads goes to the standard error, so that the standard output can be another program's input.
	aside := *env
	aside.stdout = env.stderr
	t := newTerminal(&aside)
	if o.ask.workload == "" {
		only, err := onlyWorkload(ctx, c)
		if err != nil {
			return err
		}
		o.ask.workload = only
	}
	wat, err := o.ask.workloadToken(ctx, c)
	if err != nil {
		return err
	}
	var token api.Sensitive
	if o.ask.flow == api.FlowM2M {
		var out *api.GetResourceOauth2TokenResponse
		if out, err = c.GetResourceOauth2Token(ctx, o.ask.request(wat, nil)); err == nil {
			token = out.AccessToken
		}
	} else {
		token, err = consentedToken(ctx, env, t, c, wat, &o)
	}
	if err != nil {
		return err
	}
	if token == "" {
		return errors.New("the instance answered neither a token nor a consent to wait for")
	}
	return showToken(ctx, env, c, &o, token)
}

// onlyWorkload is the one workload identity there is. Nothing is guessed among several.
func onlyWorkload(ctx context.Context, c *client.Client) (string, error) {
	var names []string
	for w, err := range c.WorkloadIdentities(ctx) {
		if err != nil {
			return "", err
		}
		if names = append(names, w.Name); len(names) > 10 {
			break
		}
	}
	switch len(names) {
	case 0:
		return "", errors.New("there is no workload identity yet; create one with: aws bedrock-agentcore-control create-workload-identity --name my-agent")
	case 1:
		return names[0], nil
	default:
		return "", fmt.Errorf("there are several workload identities; choose one with --workload: %s", strings.Join(names, ", "))
	}
}

// consentedToken gets a user's token, with consent in between when there is no grant.
func consentedToken(ctx context.Context, env *environment, t *terminal, c *client.Client, wat api.Sensitive, o *tokenOptions) (token api.Sensitive, err error) {
	p, err := openReturnPoint(ctx)
	if err != nil {
		return "", err
	}
	defer p.close()
	out, err := c.GetResourceOauth2Token(ctx, o.ask.request(wat, p))
	if missesReturnURL(err) {
		remove, rerr := registerReturnURL(ctx, c, o.ask.workload, p.URL)
		if rerr != nil {
			return "", rerr
		}
		defer func() { err = errors.Join(err, remove()) }()
		out, err = c.GetResourceOauth2Token(ctx, o.ask.request(wat, p))
	}
	if err != nil || out.AccessToken != "" || out.AuthorizationURL == "" {
		return tokenOf(out), err
	}
	if err := checkAuthorizationURL(out.AuthorizationURL); err != nil {
		return "", err
	}
	t.line(span{bold, o.ask.user + " has to allow this once."}, plainly(" "+o.ask.workload+" asks "+o.ask.provider+" for: "+cmp.Or(strings.Join(o.ask.scopes, " "), "no particular scope")))
	if o.noBrowser || !openInBrowser(ctx, env, out.AuthorizationURL) {
		t.line(plainly("Open this link in a browser on this machine:"))
	} else {
		t.line(plainly("Your browser was opened. If it shows nothing, open this link on this machine:"))
	}
	t.line()
	t.line(span{accent, string(out.AuthorizationURL)})
	t.line()
	wait, cancel := context.WithTimeout(ctx, consentTime)
	defer cancel()
	back, err := during(t, "waiting for the browser to come back (Ctrl-C stops)", func() (arrival, error) { return p.wait(wait) })
	if err != nil {
		return "", err
	}
	if err := bind(ctx, c, out.SessionURI, back, o.ask.user); err != nil {
		return "", err
	}
	again := o.ask.request(wat, p)
	again.ForceAuthentication = false
	out, err = c.GetResourceOauth2Token(ctx, again)
	return tokenOf(out), err
}

func tokenOf(out *api.GetResourceOauth2TokenResponse) api.Sensitive {
	if out == nil {
		return ""
	}
	return out.AccessToken
}

// shownToken is what --json prints.
type shownToken struct {
	Provider  string         `json:"provider"`
	Workload  string         `json:"workload"`
	User      string         `json:"user,omitempty"`
	Scopes    []string       `json:"scopes"`
	ExpiresAt *time.Time     `json:"expiresAt,omitempty"`
	Claims    map[string]any `json:"claims,omitempty"`
	Token     string         `json:"accessToken,omitempty"`
}

func showToken(ctx context.Context, env *environment, c *client.Client, o *tokenOptions, token api.Sensitive) error {
	t := newTerminal(env)
	if o.raw {
		t.write(string(token) + "\n")
		return t.err
	}
	s := shownToken{Provider: o.ask.provider, Workload: o.ask.workload, Scopes: o.ask.scopes}
	user := ""
	if o.ask.flow == api.FlowUserFederation {
		s.User, user = o.ask.user, userKey(o.ask.user)
	}
	if g := grantOf(ctx, c, &o.ask, user); g != nil {
		s.Scopes = g.Scopes
		if g.AccessExpiresAt != nil {
			at := time.Time(*g.AccessExpiresAt).UTC()
			s.ExpiresAt = &at
		}
	}
	s.Claims, _ = claimsOf(token)
	if o.show {
		s.Token = string(token)
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, s)
	}
	t.token(&s)
	return t.err
}

func (t *terminal) token(s *shownToken) {
	t.done("a token of "+s.Provider, span{dim, "  for " + s.Workload + cmp.Or(ifSet(" acting for ", s.User), " itself")})
	if s.Claims != nil {
		t.claims(s.Claims)
	} else {
		t.field("scopes", cmp.Or(strings.Join(s.Scopes, " "), "none named"))
		if s.ExpiresAt != nil {
			t.field("expires", fmt.Sprintf("%s (%s)", t.clock(*s.ExpiresAt), t.until(*s.ExpiresAt)))
		}
		t.note("The token is opaque: only the provider can read it.")
	}
	if s.Token != "" {
		t.line()
		t.line(plainly(s.Token))
	}
}

func ifSet(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

// grantOf finds the grant behind a token, which knows its scopes and its end. Who may not list grants sees less.
func grantOf(ctx context.Context, c *client.Client, a *tokenAsk, user string) *api.GrantItem {
	wanted := slices.Sorted(slices.Values(a.scopes))
	var best *api.GrantItem
	for g, err := range c.Grants(ctx, api.ListGrantsRequest{Workload: a.workload, Provider: a.provider, User: user}) {
		if err != nil {
			return nil
		}
		if g.User != user || g.State != "active" {
			continue
		}
		if slices.Equal(slices.Sorted(slices.Values(g.Scopes)), wanted) {
			return &g
		}
		if best == nil || time.Time(g.LastUsedAt).After(time.Time(best.LastUsedAt)) {
			best = &g
		}
	}
	return best
}
