package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// cloud is the instance that a verb works on. It calls no endpoint that nobody named: a forgotten variable must not create
// roles in somebody's AWS account.
type cloud struct {
	*client.Client
	env    *environment
	region string
	cfg    aws.Config
}

// openCloud connects to the instance that the environment points at. The region given wins over the file's, and that over
// the environment's.
func openCloud(ctx context.Context, env *environment, region, fromFile string) (*cloud, error) {
	region = cmp.Or(region, fromFile)
	if region == "" {
		var err error
		if region, err = defaultRegion(ctx, env); err != nil {
			return nil, err
		}
	}
	c := &cloud{env: env, region: region}
	if err := c.load(ctx); err != nil {
		return nil, explain(err)
	}
	return c, nil
}

func (c *cloud) load(ctx context.Context) error {
	opts := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(c.region)}
	if id, secret := c.env.getenv("AWS_ACCESS_KEY_ID"), c.env.getenv("AWS_SECRET_ACCESS_KEY"); id != "" && secret != "" {
		opts = append(opts, awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, c.env.getenv("AWS_SESSION_TOKEN"))))
	}
	var err error
	if c.cfg, err = awsconfig.LoadDefaultConfig(ctx, opts...); err != nil {
		return fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	own := []client.Option{client.WithEnvironment(c.env.getenv), client.WithClock(c.env.now), client.WithCredentials(c.cfg.Credentials), client.WithRegion(c.region)}
	if c.env.getenv("LANYARD_INSECURE_HTTP") == "1" {
		own = append(own, client.WithInsecureHTTP())
	}
	if c.Client, err = client.New(ctx, own...); err != nil {
		return err
	}
	for _, service := range []api.Service{api.IAM, api.CognitoIDP} { // before anything is made that would have to be undone
		if _, err := c.ServiceEndpoint(service); err != nil {
			return err
		}
	}
	return nil
}

// account is the account of the credentials.
func (c *cloud) account(ctx context.Context) (string, error) {
	who, err := c.GetCallerIdentity(ctx)
	if err != nil {
		return "", explain(err)
	}
	return who.Account, nil
}

const noRegion = `No AWS region configured. Name one with --region, or set a default:

    aws configure set region us-west-2

For a development instance on this machine: eval "$(lanyard env)"`

// defaultRegion is what the AWS tools would take.
func defaultRegion(ctx context.Context, env *environment) (string, error) {
	if r := cmp.Or(env.getenv("AWS_REGION"), env.getenv("AWS_DEFAULT_REGION")); r != "" {
		return r, nil
	}
	home := env.getenv("HOME")
	files := cmp.Or(env.getenv("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config"))
	shared, err := awsconfig.LoadSharedConfigProfile(ctx, cmp.Or(env.getenv("AWS_PROFILE"), "default"), func(o *awsconfig.LoadSharedConfigOptions) {
		o.ConfigFiles = []string{files}
		o.CredentialsFiles = []string{cmp.Or(env.getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials"))}
	})
	if _, absent := errors.AsType[awsconfig.SharedConfigProfileNotExistError](err); err != nil && !absent {
		return "", fmt.Errorf("%s cannot be read: %w", files, err)
	}
	if shared.Region == "" {
		return "", errors.New(noRegion)
	}
	return shared.Region, nil
}

// refusedAs tells a refusal by its code.
func refusedAs(err error, codes ...api.ExceptionName) bool {
	return slices.ContainsFunc(codes, func(code api.ExceptionName) bool { return client.Is(err, code) || client.Is(err, code+"Exception") })
}

// inPlain says what the client reports, for somebody who looks at the screen.
func (c *cloud) inPlain(what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		text := what + ": " + cleanLines(e.Exception.Error())
		if e.RequestID != "" {
			text += " (request " + clean(e.RequestID) + ")"
		}
		if refusedAs(err, "InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "InvalidSignature") {
			text += ". The instance does not know these credentials. " + howToPoint
		}
		return errors.New(text)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: stopped", what)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: no answer from %s. Is it running? Start a development instance with: lanyard dev", what, c.Endpoint())
	}
	return explain(fmt.Errorf("%s: %w", what, err))
}

// cleanLines cleans a text of several lines, such as the end of an agent's log.
func cleanLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = clean(strings.ReplaceAll(lines[i], "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
