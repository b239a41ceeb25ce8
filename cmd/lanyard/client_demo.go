package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

type demoOptions struct{ yes, auto, showToken bool }

func demoCommand(env *environment) *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use: "demo", Args: understood(cobra.NoArgs),
		Short: "Watch an agent get its user's token, and others fail to",
		Long: "Watch an agent get its user's token, and others fail to: the whole story against a running development instance, with a workload identity demo-agent and a credential provider demo-idp.\n\n" +
			"You play the user: open the link and sign in. With --yes the command plays the user as well.",
		RunE: connected(env, func(ctx context.Context, c *client.Client, _ []string) error {
			d, err := newDemo(env, c, o)
			if err != nil {
				return err
			}
			return d.play(ctx)
		}),
	}
	c.Flags().BoolVar(&o.yes, "yes", false, "sign in and allow without a browser, as the development user")
	c.Flags().BoolVar(&o.auto, "auto", false, "as --yes where LANYARD_DEV_PASSWORD is set, else wait for a browser")
	c.Flags().BoolVar(&o.showToken, "show-token", false, "show the token whole, not only its claims")
	return c
}

const (
	demoWorkload = "demo-agent"
	demoProvider = "demo-idp"
	demoVendor   = "CustomOauth2"
	demoUser     = "alice"
	demoThief    = "mallory"
)

var demoScopes = []string{"email", "openid", "profile"}

// demo is one telling of the story.
type demo struct {
	env     *environment
	c       *client.Client
	t       *terminal
	show    bool
	browser *devBrowser // nil: a person clicks
	issuer  string
	client  string
	secret  api.Sensitive

	point   *returnPoint
	ask     tokenAsk
	wat     api.Sensitive // of the agent acting for the user
	begun   string        // the session's URI
	back    arrival
	startAt time.Time
}

func newDemo(env *environment, c *client.Client, o demoOptions) (*demo, error) {
	d := &demo{env: env, c: c, t: newTerminal(env), show: o.showToken, issuer: env.getenv("LANYARD_DEV_ISSUER"),
		client: env.getenv("LANYARD_DEV_CLIENT_ID"), secret: api.Sensitive(env.getenv("LANYARD_DEV_CLIENT_SECRET")),
		ask: tokenAsk{workload: demoWorkload, provider: demoProvider, user: demoUser, flow: api.FlowUserFederation, scopes: demoScopes, force: true}}
	if d.issuer == "" || d.client == "" || d.secret == "" {
		return nil, fmt.Errorf("the demo needs the development authorization server of `lanyard dev`, and LANYARD_DEV_ISSUER, LANYARD_DEV_CLIENT_ID and LANYARD_DEV_CLIENT_SECRET do not name it. %s", howToPoint)
	}
	password := env.getenv("LANYARD_DEV_PASSWORD")
	if password == "" && o.yes {
		return nil, fmt.Errorf("--yes signs in as the development user, and LANYARD_DEV_PASSWORD is not set. %s", howToPoint)
	}
	if !o.yes && (!o.auto || password == "") {
		return d, nil
	}
	username := env.getenv("LANYARD_DEV_USERNAME")
	if username == "" {
		username = "dev"
	}
	var err error
	d.browser, err = newDevBrowser(d.issuer, username, password)
	return d, err
}

// play tells the story, chapter by chapter.
func (d *demo) play(ctx context.Context) error {
	d.startAt = d.env.now()
	d.t.line()
	d.t.line(span{bold, "Lanyard"}, span{dim, "  " + d.c.Endpoint()})
	d.t.line(plainly("An agent needs a key that only a person can give. Watch it get one,"))
	d.t.line(plainly("and watch others fail to."))
	var err error
	if d.point, err = openReturnPoint(ctx); err != nil {
		return err
	}
	defer d.point.close()
	for _, chapter := range []func(context.Context) error{d.badge, d.source, d.request, d.consent, d.binding, d.token, d.theft, d.audit} {
		if err := chapter(ctx); err != nil {
			return errors.Join(err, d.t.err)
		}
	}
	return d.t.err
}

// badge makes the workload identity, or takes the one of an earlier telling.
func (d *demo) badge(ctx context.Context) error {
	d.t.chapter("1", "A badge: who the agent is")
	urls := []string{d.point.URL}
	made := "created"
	_, err := d.c.UpdateWorkloadIdentity(ctx, &api.UpdateWorkloadIdentityRequest{Name: demoWorkload, ReturnURLs: urls})
	if err == nil {
		made = "was there"
	} else if client.Is(err, api.ResourceNotFoundException) {
		_, err = d.c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: demoWorkload, ReturnURLs: urls})
	}
	if err != nil {
		return err
	}
	d.t.done("workload identity ", span{bold, demoWorkload}, span{dim, "  " + made})
	d.t.done("return URL ", span{accent, d.point.URL})
	d.t.note("After consent the browser may go there, and nowhere else.")
	return nil
}

// source makes the credential provider.
func (d *demo) source(ctx context.Context) error {
	d.t.chapter("2", "A source: where its keys come from")
	discovery := strings.TrimSuffix(d.issuer, "/") + "/.well-known/openid-configuration"
	config := api.Oauth2ProviderConfigInput{Custom: &api.CustomOauth2ProviderConfigInput{
		Discovery: api.Oauth2Discovery{DiscoveryURL: &discovery}, ClientID: d.client, ClientSecret: d.secret}}
	made := "was there"
	_, err := d.c.UpdateOauth2CredentialProvider(ctx, &api.UpdateOauth2CredentialProviderRequest{Name: demoProvider, Vendor: demoVendor, Config: config})
	if client.Is(err, api.ResourceNotFoundException) {
		made = "created"
		_, err = d.c.CreateOauth2CredentialProvider(ctx, &api.CreateOauth2CredentialProviderRequest{Name: demoProvider, Vendor: demoVendor, Config: config})
	}
	if err != nil {
		return err
	}
	d.t.done("credential provider ", span{bold, demoProvider}, span{dim, "  " + made})
	d.t.done("authorization server ", span{accent, d.issuer})
	d.t.note("Its client secret rests sealed in the vault. The agent never sees it.")
	return nil
}

// request asks for the token, which needs consent.
func (d *demo) request(ctx context.Context) error {
	d.t.chapter("3", "The agent asks, acting for "+demoUser)
	var err error
	if d.wat, err = d.ask.workloadToken(ctx, d.c); err != nil {
		return err
	}
	d.t.done("workload access token", span{dim, fmt.Sprintf("  sealed, %d bytes: this agent, for this user", len(d.wat))})
	out, err := during(d.t, "asking for a token", func() (*api.GetResourceOauth2TokenResponse, error) {
		return d.c.GetResourceOauth2Token(ctx, d.ask.request(d.wat, d.point))
	})
	if err != nil {
		return err
	}
	if err := checkAuthorizationURL(out.AuthorizationURL); err != nil {
		return err
	}
	d.begun = out.SessionURI
	d.t.done("no token yet: " + demoUser + " is asked first")
	if d.browser == nil {
		d.t.note("Open this link in a browser on this machine, sign in" + ifSet(" as ", d.env.getenv("LANYARD_DEV_USERNAME")) + ifSet(" with password ", d.env.getenv("LANYARD_DEV_PASSWORD")) + ", and allow:")
	}
	d.t.line()
	d.t.line(span{accent, string(out.AuthorizationURL)})
	return d.visit(ctx, out.AuthorizationURL)
}

// visit plays the user, where nobody else does.
func (d *demo) visit(ctx context.Context, address api.Sensitive) error {
	d.t.line()
	if d.browser == nil {
		return nil
	}
	steps := []string{}
	stop := d.t.working("playing the browser")
	err := d.browser.visit(ctx, address, func(step string) { steps = append(steps, step) })
	stop()
	for _, s := range steps {
		d.t.done("the user " + s)
	}
	if len(steps) == 0 && err == nil {
		d.t.done("the user had allowed this before")
	}
	return err
}

// consent waits for the browser.
func (d *demo) consent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, consentTime)
	defer cancel()
	back, err := during(d.t, "waiting for you in the browser (Ctrl-C stops)", func() (arrival, error) { return d.point.wait(ctx) })
	if err != nil {
		return err
	}
	if back.failure != "" {
		d.t.refused("the consent ended with " + back.failure)
		return errors.New("nothing was granted, and nothing is kept. Run lanyard demo again to allow it")
	}
	d.t.done("the browser came back to the return URL")
	d.t.note("Lanyard holds the provider's code, sealed. It is worth nothing until the application says who came back.")
	d.back = back
	return nil
}
