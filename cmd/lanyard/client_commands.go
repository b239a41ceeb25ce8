package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

// clientCommands are the verbs that use a running instance, as any client does: over the wire, signed, authorised and
// audited like everybody else's calls.
func clientCommands(env *environment) []*cobra.Command {
	list := []*cobra.Command{
		demoCommand(env), tokenCommand(env), auditCommand(env), whyCommand(env),
		sessionsCommand(env), grantsCommand(env), keysCommand(env), doctorCommand(env),
	}
	for _, c := range list {
		c.GroupID = "use"
	}
	return list
}

const howToPoint = `For a development instance on this machine:

    eval "$(lanyard env)"

Then try again; lanyard doctor says what is missing.`

// connect returns a client of the instance that the environment points at. Keys in the environment come first, as in
// the default AWS chain; without any, that chain is asked.
func connect(ctx context.Context, env *environment) (*client.Client, error) {
	opts := []client.Option{client.WithEnvironment(env.getenv), client.WithClock(env.now)}
	if id, secret := env.getenv("AWS_ACCESS_KEY_ID"), env.getenv("AWS_SECRET_ACCESS_KEY"); id != "" && secret != "" {
		opts = append(opts, client.WithCredentials(credentials.NewStaticCredentialsProvider(id, secret, env.getenv("AWS_SESSION_TOKEN"))))
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region := env.getenv(name); region != "" {
			opts = append(opts, client.WithRegion(region))
			break
		}
	}
	if env.getenv("LANYARD_INSECURE_HTTP") == "1" {
		opts = append(opts, client.WithInsecureHTTP())
	}
	return client.New(ctx, opts...)
}

// verb is the body of a command that has a connection.
type verb func(ctx context.Context, c *client.Client, args []string) error

// connected runs a verb, and explains the failures that every verb may meet.
func connected(env *environment, run verb) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := connect(cmd.Context(), env)
		if err == nil {
			err = run(cmd.Context(), c, args)
		}
		return explain(err)
	}
}

// explain adds to an error what mends it.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, client.ErrNoEndpoint):
		return fmt.Errorf("no endpoint is set, so it is not known which Lanyard to call. %s\n\nFor another instance set LANYARD_ENDPOINT and AWS credentials", howToPoint)
	case errors.Is(err, client.ErrNoCredentials):
		return fmt.Errorf("%w. %s", client.ErrNoCredentials, howToPoint)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w. Is it running? Start a development instance with: lanyard dev", err)
	case client.Is(err, api.UnrecognizedClient), client.Is(err, api.InvalidSignature):
		return fmt.Errorf("%w. The instance does not know these credentials. %s", err, howToPoint)
	}
	return err
}

// understood makes a usage error of a complaint about arguments.
func understood(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return misused(c, "%s", err)
		}
		return nil
	}
}

// misused is a command line that cannot be right.
func misused(c *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Errorf("%s; see: %s --help", fmt.Sprintf(format, args...), c.CommandPath())}
}

// writeJSONLine writes one value as one line.
func writeJSONLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// userKey spells a user as the audit and the grants know it: a bare name is a user id.
func userKey(user string) string {
	if user == "" || strings.HasPrefix(user, "userid:") || strings.HasPrefix(user, "jwt:") {
		return user
	}
	return "userid:" + user
}
