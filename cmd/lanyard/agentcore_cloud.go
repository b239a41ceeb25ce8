package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/lanyard-id/lanyard/client"
)

// cloud is the instance that a verb works on: Lanyard's own client, and the AWS clients of the services beside it. It
// calls no endpoint that nobody named: a forgotten variable must not create roles in somebody's AWS account.
type cloud struct {
	*client.Client
	env    *environment
	region string
	cfg    aws.Config
	urls   map[string]string // of services, checked
}

// The services whose endpoints have variables of their own.
const (
	serviceIAM     = "IAM"
	serviceCognito = "COGNITO_IDENTITY_PROVIDER"
)

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
	c := &cloud{env: env, region: region, urls: map[string]string{}}
	if err := c.load(ctx); err != nil {
		return nil, explain(err)
	}
	return c, nil
}

func (c *cloud) load(ctx context.Context) error {
	opts := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(c.region), awsconfig.WithRetryer(patience)}
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
	for _, service := range []string{serviceIAM, serviceCognito} {
		// The client knows which URLs are safe to send a signature to.
		url := cmp.Or(c.env.getenv("AWS_ENDPOINT_URL_"+service), c.env.getenv("LANYARD_ENDPOINT"), c.env.getenv("AWS_ENDPOINT_URL"), c.Endpoint())
		checked, err := client.New(ctx, append(own, client.WithEndpoint(url))...)
		if err != nil {
			return fmt.Errorf("AWS_ENDPOINT_URL_%s: %w", service, err)
		}
		c.urls[service] = checked.Endpoint()
	}
	return nil
}

// patience is for somebody who looks at the screen: a few tries in about a second.
func patience() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 400 * time.Millisecond })
}

func (c *cloud) iam() *iam.Client {
	return iam.NewFromConfig(c.cfg, func(o *iam.Options) { o.BaseEndpoint = aws.String(c.urls[serviceIAM]) })
}

func (c *cloud) cognito() *cognitoidentityprovider.Client {
	return cognitoidentityprovider.NewFromConfig(c.cfg, func(o *cognitoidentityprovider.Options) { o.BaseEndpoint = aws.String(c.urls[serviceCognito]) })
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

// refusedAs tells an AWS client's refusal by its code.
func refusedAs(err error, codes ...string) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if e.ErrorCode() == code || e.ErrorCode() == code+"Exception" {
			return true
		}
	}
	return false
}

// inPlain says what an AWS client reports, without the client's own workings.
func (c *cloud) inPlain(what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		text := fmt.Sprintf("%s: %s: %s", what, e.ErrorCode(), cleanLines(e.ErrorMessage()))
		if r, ok := errors.AsType[interface {
			error
			ServiceRequestID() string
		}](err); ok && r.ServiceRequestID() != "" {
			text += " (request " + clean(r.ServiceRequestID()) + ")"
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
