package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
	"github.com/spf13/cobra"
)

const sessionBindingHelp = `Run the page to which browsers come back after consent: GET /oauth2/session-binding behind a front door that signs
users in. It tells Lanyard who is signed in, and only if that is the user who asked does the consent count.

Register the page's URL as a return URL of the workload identity, and let the front door authenticate
/oauth2/session-binding* and nobody reach the page around it. GET /ping answers its health checks.

Credentials come from the default AWS chain, keyless ones included. Give it a role or user of its own with the policy
LanyardSessionBinding (arn:aws:iam::aws:policy/LanyardSessionBinding; --print-policy shows the least there is), and
nothing beside: who asks for tokens and also completes sessions could consent in everybody's name.

The configuration, whole:

    listen: 127.0.0.1:8587        # plain http elsewhere only with insecure_http: true
    tls: {cert_file: "", key_file: ""}
    endpoint: https://lanyard.example.com   # else the variables of AWS clients
    region: us-west-2
    user: user_id                 # or jwt, from the header jwt_header
    jwt_header: ""
    signer: arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/front/50dc6c495c0c9188
    client: CLIENT_ID             # with which the front door signs users in
    issuer: https://login.example.com
    aws_region: us-west-2         # of the load balancer; or keys_url, of another front door
    success_page: done.html       # instead of the built-in page: static HTML without scripts
    state_key_file: state.key     # then customState is required and checked
    environment: production       # told by /ping
    log: {level: info, format: json}`

// bindingPolicy is the least that the page needs.
const bindingPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "bedrock-agentcore:CompleteResourceTokenAuth",
      "Resource": [
        "arn:aws:bedrock-agentcore:*:*:workload-identity-directory/*",
        "arn:aws:bedrock-agentcore:*:*:token-vault/*"
      ]
    }
  ]
}
`

func sessionBindingCommand(env *environment) *cobra.Command {
	var path string
	var policy bool
	c := &cobra.Command{
		Use: "session-binding", GroupID: "serve", Args: cobra.NoArgs,
		Short: "Run the page that finishes consents for users of a front door",
		Long:  sessionBindingHelp,
		RunE: func(c *cobra.Command, _ []string) error {
			if policy {
				_, err := io.WriteString(env.stdout, bindingPolicy)
				return err
			}
			cfg, err := readBindingConfig(path)
			if err != nil {
				return err
			}
			return explain(runSessionBinding(c.Context(), env, cfg))
		},
	}
	c.Flags().StringVar(&path, "config", "session-binding.yaml", "configuration file")
	c.Flags().BoolVar(&policy, "print-policy", false, "print the IAM policy that the page needs, and end")
	c.MarkFlagsMutuallyExclusive("config", "print-policy")
	return c
}

func runSessionBinding(ctx context.Context, env *environment, cfg *bindingConfig) error {
	log := newLogger(env.stderr, cfg.Log)
	for _, w := range cfg.weakenings() {
		log.Warn("a protection is weakened by configuration", "setting", w)
	}
	for _, w := range cfg.advice() {
		log.Warn("a check is left out", "why", w)
	}
	h, err := cfg.handler(ctx, env, log)
	if err != nil {
		return err
	}
	ln, err := cfg.listen(ctx, env.now, log)
	if err != nil {
		return err
	}
	log.Info("ready", "listen", ln.Addr().String(), "path", sessionbinding.Path, "version", env.version)
	return serveUntilDone(ctx, log, ln, h)
}

func (c *bindingConfig) weakenings() []string {
	if c.InsecureHTTP {
		return []string{"insecure_http"}
	}
	return nil
}

// advice are checks that the configuration could ask for.
func (c *bindingConfig) advice() []string {
	var out []string
	if c.Signer != "" && c.Client == "" {
		out = append(out, "client is not set: users who signed in at another application of the same load balancer are believed")
	}
	if c.Signer != "" && c.Issuer == "" {
		out = append(out, "issuer is not set: users of another identity provider of the same load balancer are believed")
	}
	if c.StateKeyFile == "" {
		out = append(out, "state_key_file is not set: a state that comes back is ignored, so only Lanyard's check of the user is made")
	}
	return out
}

func (c *bindingConfig) handler(ctx context.Context, env *environment, log *slog.Logger) (http.Handler, error) {
	user, err := c.user(env.now)
	if err != nil {
		return nil, err
	}
	out := sessionbinding.Config{User: user, Environment: c.Environment, Log: log}
	if c.StateKeyFile != "" {
		key, err := readStateKey(c.StateKeyFile)
		if err != nil {
			return nil, err
		}
		if out.State, err = sessionbinding.NewState(key, env.now); err != nil {
			return nil, err
		}
	}
	if c.SuccessPage != "" {
		if out.SuccessPage, err = os.ReadFile(c.SuccessPage); err != nil {
			return nil, fmt.Errorf("success_page: %w", err)
		}
	}
	cl, err := connect(ctx, c.pointed(env))
	if err != nil {
		return nil, err
	}
	out.Client = cl
	return sessionbinding.New(out)
}

// pointed is the environment in which endpoint and region are those of the configuration, where it has them.
func (c *bindingConfig) pointed(env *environment) *environment {
	out := *env
	out.getenv = func(name string) string {
		switch {
		case c.Endpoint != "" && slices.Contains(planes, name):
			return c.Endpoint
		case c.Region != "" && name == "AWS_REGION":
			return c.Region
		}
		return env.getenv(name)
	}
	return &out
}

// user is how a request tells its user. Where a signer is configured, its header must be good in either case.
func (c *bindingConfig) user(now func() time.Time) (sessionbinding.UserFunc, error) {
	var byJWT sessionbinding.UserFunc
	if c.User == userByJWT {
		byJWT = sessionbinding.FromJWT(c.JWTHeader)
	}
	if c.Signer == "" {
		return byJWT, nil
	}
	keys, err := c.keysURL()
	if err != nil {
		return nil, err
	}
	v, err := oidcdata.New(oidcdata.Config{Signer: c.Signer, Client: c.Client, Issuer: c.Issuer, KeysURL: keys, Now: now})
	if err != nil {
		return nil, fmt.Errorf("the front door's header cannot be verified: %w", err)
	}
	if byJWT == nil {
		return sessionbinding.FromOIDCData(v), nil
	}
	return func(r *http.Request) (api.UserIdentifier, error) {
		if _, err := v.VerifyRequest(r); err != nil {
			return api.UserIdentifier{}, err
		}
		return byJWT(r)
	}, nil
}

func (c *bindingConfig) listen(ctx context.Context, now func() time.Time, log *slog.Logger) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address", err)
	}
	return c.TLS.wrap(ln, now, log, "http/1.1")
}

// bindingWriteTimeout is longer than one completion takes, also one that a stop would break off: the user's consent is used
// up by it.
const bindingWriteTimeout = time.Minute

// serveUntilDone answers until the context ends, then lets what is at work finish.
func serveUntilDone(ctx context.Context, log *slog.Logger, ln net.Listener, h http.Handler) error {
	s := &http.Server{Handler: http.MaxBytesHandler(h, 0), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: bindingWriteTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the listener ended: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: letting requests finish")
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), bindingWriteTimeout)
	defer done()
	err := s.Shutdown(stop)
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}
