package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const doorHelp = `Run the front door before an agent's web endpoints: people sign in at an OpenID Connect issuer, and the backend learns
who they are from x-amzn-oidc-data, signed as an Application Load Balancer with an OIDC action signs it.

Register PUBLIC_URL/oauth2/idpresponse as the callback URL at the identity provider. Applications verify the header with
the keys at PUBLIC_URL/oauth2/public-keys/KID, and compare signer, client and issuer; lanyard frontdoor check prints
all four. Pages of the front door's own: /oauth2/sign-in, /oauth2/sign-out, /oauth2/userinfo.

Several front doors of one name share keys.signing_file, keys.cookie_file and keys.ended_file, in a directory that all of
them can write; each has a state_dir of its own, and whatever stands before them keeps a browser with one of them, where
its refreshed tokens are known. A sign-out at one of them holds at all within a second.

The configuration, whole:

    listen: 0.0.0.0:8443
    keys_listen: ""                # serves /KID and /healthz in plain http, for inside a network
    public_urls: [https://app.example.com]
    state_dir: /var/lib/lanyard-frontdoor
    tls: {cert_file: "", key_file: ""}      # read again when the files change
    trusted_proxies: []            # whose X-Forwarded-For and -Proto is believed
    forwarded_host: false          # their X-Forwarded-Host too: only where the proxy sets it itself
    trusted_origins: []            # other sites whose pages may send requests with the user's cookie and read the answers
    strip_headers: []              # headers that clients may not send, beside the known ones that tell who somebody is
    signer: arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/frontdoor/1
    oidc:
      issuer: https://login.example.com
      client_id: CLIENT_ID
      client_secret_file: client.secret
      auth_method: ""              # client_secret_basic, client_secret_post or none; what the issuer offers when empty
      scopes: [openid]
      parameters: {}               # added to the authorization request
      userinfo: true               # claims from the userinfo endpoint too
      endpoints: {authorization: "", token: "", userinfo: "", jwks: "", end_session: ""}   # instead of discovery
      post_logout_url: ""
    session: {cookie_name: "", idle: 1h, absolute: 12h, login: 15m}
    keys: {signing_file: "", cookie_file: "", life: 720h,   # in state_dir when empty
      ended_file: ""}              # which sessions were ended; beside cookie_file when empty
    rules:                         # the longest path holds, on segments; one that names its hosts before one that does not
      - {path: /ping, backend: "http://127.0.0.1:8080", public: true}
      - path: /
        hosts: []                  # of public_urls; all of them when empty
        backend: http://127.0.0.1:8080
        unauthenticated: authenticate   # or allow (forwarded without identity), deny (401)
        access_token: false        # send x-amzn-oidc-accesstoken
        forward_jwt: ""            # access_token or id_token: sent as Authorization: Bearer, once it is good for that
        jwt_audiences: []          # whom it may be for; client_id when empty
        max_body_bytes: 10485760
    limits:
      per_address: {per_second: 50, burst: 200}
      per_user: {per_second: 50, burst: 200}
      streams_per_user: 100
      streams_per_address: 100     # of strangers
      connections: 10000
    backend: {ca_file: "", response_timeout: 5m}
    egress: {allow: [], insecure_http_hosts: [], ca_file: "", timeout: 10s}   # to the identity provider
    access_log: ""                 # a file; standard output when empty, off for none
    drain: 30s
    log: {level: info, format: json}
    insecure_http: false           # plain http on other addresses than loopback`

func frontDoorCommand(env *environment) *cobra.Command {
	var path string
	run := func(f func(context.Context, *environment, *doorConfig) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, _ []string) error {
			cfg, err := readDoorConfig(path)
			if err != nil {
				return err
			}
			return f(c.Context(), env, cfg)
		}
	}
	c := &cobra.Command{
		Use: "frontdoor", GroupID: "serve", Args: cobra.NoArgs,
		Short: "Sign users in before an agent's web endpoints, as a configuration file says",
		Long:  doorHelp, RunE: run(runFrontDoor),
	}
	c.PersistentFlags().StringVar(&path, "config", "frontdoor.yaml", "configuration file")
	c.AddCommand(&cobra.Command{
		Use: "check", Args: cobra.NoArgs,
		Short: "Check the configuration and ask the identity provider for its endpoints; writes nothing",
		RunE:  run(checkFrontDoor),
	})
	return c
}

func runFrontDoor(ctx context.Context, env *environment, cfg *doorConfig) error {
	log := newLogger(env.stderr, cfg.Log)
	for _, w := range cfg.weakenings() {
		log.Warn("a protection is weakened by configuration", "setting", w)
	}
	d, err := openDoor(env, cfg, log)
	if err != nil {
		return err
	}
	defer d.closeLogged()
	if err := d.listen(ctx); err != nil {
		return err
	}
	log.Info("ready", "listen", d.address(), "publicUrls", strings.Join(cfg.PublicURLs, " "), "signer", cfg.Signer, "version", env.version)
	return d.serve(ctx)
}

// checkFrontDoor makes the whole front door but its listeners, and writes nothing: it may run beside the service, as
// another user.
func checkFrontDoor(ctx context.Context, env *environment, cfg *doorConfig) error {
	d, err := inspectDoor(env, cfg)
	if err != nil {
		return err
	}
	defer d.closeLogged()
	if err := d.door.Check(ctx); err != nil {
		return fmt.Errorf("the configuration can be read, but the identity provider did not answer as it should: %w", err)
	}
	var out strings.Builder
	out.WriteString("The configuration is in order, and the identity provider answers.\n\n  Callback URLs to register at " + cfg.OIDC.Issuer + ":\n")
	for u := range strings.SplitSeq(cfg.callbackURLs(), ", ") {
		out.WriteString("    " + u + "\n")
	}
	out.WriteString("\n  " + cfg.settings("\n  ") + "\n")
	_, err = io.WriteString(env.stdout, out.String())
	return errors.Join(err)
}

// settings are what an application behind the front door has to know to verify its header.
func (c *doorConfig) settings(sep string) string {
	return strings.Join([]string{
		"Settings of the applications behind it:",
		"  keys     " + strings.TrimRight(c.PublicURLs[0], "/") + publicKeysPath,
		"  signer   " + c.Signer,
		"  client   " + c.OIDC.ClientID,
		"  issuer   " + c.OIDC.Issuer,
	}, sep)
}
