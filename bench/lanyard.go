package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// Names of what the benchmark asks for. The floor program knows the same.
const (
	account        = "000000000000"
	region         = "us-west-2"
	workloadName   = "bench-agent"
	oauth2Provider = "bench-oauth2"
	apiKeyProvider = "bench-key"
	returnURL      = "https://app.example.test/return"
	firstUser      = "user-00000000"

	webIdentityAudience = "https://api.example.com"
)

var scopes = []string{"files.read", "openid"}

// instance is a Lanyard with its own data: `lanyard serve` as an operator runs it, audit and metrics on.
type instance struct {
	program, dir, addr  string
	sqlite, postgresURL string // one of them
	root, user          sigv4.Credentials
	process             *process
}

const configuration = `listen: %[1]s
public_url: http://%[1]s
insecure_http: true
database:
  %[2]s: %[3]q
root_key:
  file: root.key
egress:
  allow: [127.0.0.1]
  insecure_http_hosts: [%[4]q]
tokens:
  workload_ttl: 24h
`

// userPolicy is like one that an operator writes for an agent: what it needs, on what it is for.
const userPolicy = `{"Version":"2012-10-17","Statement":[
{"Sid":"Mint","Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessToken*","Resource":["arn:aws:bedrock-agentcore:*:000000000000:workload-identity-directory/default","arn:aws:bedrock-agentcore:*:000000000000:workload-identity-directory/default/workload-identity/bench-*"]},
{"Sid":"Read","Effect":"Allow","Action":["bedrock-agentcore:GetResourceOauth2Token","bedrock-agentcore:GetResourceApiKey","bedrock-agentcore:CompleteResourceTokenAuth"],"Resource":["arn:aws:bedrock-agentcore:*:000000000000:workload-identity-directory/default*","arn:aws:bedrock-agentcore:*:000000000000:token-vault/default*"]},
{"Sid":"Web","Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"sts:IdentityTokenAudience":"https://api.example.com"},"NumericLessThanEquals":{"sts:DurationSeconds":"300"}}},
{"Sid":"NeverDelete","Effect":"Deny","Action":["bedrock-agentcore:Delete*","bedrock-agentcore:Update*"],"Resource":"*"}]}`

// newInstance makes an instance with a user who may do what is measured, a workload identity, two credential providers
// and one grant, which a consent through the hosted endpoints made. It is left stopped.
func newInstance(ctx context.Context, program, dir, postgresURL string) (*instance, error) {
	p, err := startProvider(ctx)
	if err != nil {
		return nil, err
	}
	defer p.close()
	in := &instance{program: program, dir: dir, postgresURL: postgresURL}
	if in.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	kind, where := "postgres", postgresURL
	if postgresURL == "" {
		in.sqlite = filepath.Join(dir, "data")
		kind, where = "sqlite", in.sqlite
	}
	text := fmt.Sprintf(configuration, in.addr, kind, where, p.host())
	if postgresURL != "" { // as the chart writes it
		text += "audit:\n  journal: journal\n"
	}
	if err := os.WriteFile(in.config(), []byte(text), 0o600); err != nil {
		return nil, err
	}
	if err := in.administer(ctx); err != nil {
		return nil, err
	}
	if err := in.start(ctx); err != nil {
		return nil, err
	}
	defer in.stop()
	return in, in.seed(ctx, p)
}

func (in *instance) config() string  { return filepath.Join(in.dir, "lanyard.yaml") }
func (in *instance) rootKey() string { return filepath.Join(in.dir, "root.key") }

func (in *instance) start(ctx context.Context) (err error) {
	in.process, err = start(ctx, in.addr, in.program, "serve", "--config", in.config())
	return err
}

func (in *instance) stop() {
	if in.process != nil {
		in.process.stop()
		in.process = nil
	}
}

// administer makes the root key, the user, its policy and the access keys.
func (in *instance) administer(ctx context.Context) error {
	policy := filepath.Join(in.dir, "policy.json")
	if err := os.WriteFile(policy, []byte(userPolicy), 0o600); err != nil {
		return err
	}
	for _, step := range []struct {
		args []string
		keys *sigv4.Credentials
	}{
		{args: []string{"root-key", "create", in.rootKey()}},
		{args: []string{"bootstrap"}, keys: &in.root},
		{args: []string{"user", "create", "bench"}},
		{args: []string{"policy", "put", "--user", "bench", "--name", "agent", "--file", policy}},
		{args: []string{"key", "create", "--user", "bench"}, keys: &in.user},
	} {
		out, err := in.admin(ctx, step.args...)
		if err == nil && step.keys != nil {
			*step.keys, err = parseKeys(out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (in *instance) admin(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, in.program, append([]string{"admin", "--config", in.config()}, args...)...) //nolint:gosec // our own program
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("lanyard admin %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out), nil
}

// parseKeys reads the two lines that admin prints.
func parseKeys(out string) (c sigv4.Credentials, err error) {
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "AWS_ACCESS_KEY_ID":
			c.AccessKeyID = value
		case "AWS_SECRET_ACCESS_KEY":
			c.SecretAccessKey = value
		}
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return c, errors.New("lanyard admin printed no access key")
	}
	return c, nil
}

// newRequest makes a signed request of an operation.
// encode writes a JSON value, or a form.
func encode(in any) (body []byte, contentType string, err error) {
	if form, ok := in.(url.Values); ok {
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	}
	body, err = json.Marshal(in)
	return body, "application/json", err
}

// newRequest signs a request of an operation: a JSON value, or a form of the AWS Query protocol.
func newRequest(ctx context.Context, addr string, op api.Operation, in any, keys sigv4.Credentials) (*http.Request, error) {
	body, contentType, err := encode(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+op.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	sigv4.Sign(r, body, keys, region, cmp.Or(strings.TrimSuffix(string(op.Service), "lanyard"), "bedrock-agentcore"), time.Now())
	return r, nil
}

// call calls an operation and decodes its JSON answer.
func call(ctx context.Context, client *http.Client, addr string, op api.Operation, keys sigv4.Credentials, in, out any) error {
	r, err := newRequest(ctx, addr, op, in, keys)
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s: %s", op.Name, resp.Status, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
