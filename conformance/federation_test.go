//go:build conformance

package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awscreds "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
)

// account is that of a development instance.
const account = "000000000000"

// TestQuickstartFederation is the quickstart's identity part, with the unmodified SDK.
func TestQuickstartFederation(t *testing.T) {
	t.Parallel()
	bench.Python(t, bench.Dev(t), "federation.py")
}

// operator is the account's administrator, through the AWS SDK for Go.
type operator struct {
	t      *testing.T
	server *lab.Server
	cfg    aws.Config
	iam    *iam.Client
	sts    *sts.Client
}

func newOperator(t *testing.T, server *lab.Server) *operator {
	t.Helper()
	return as(t, server, server.Getenv("AWS_ACCESS_KEY_ID"), server.Getenv("AWS_SECRET_ACCESS_KEY"), "")
}

// as is anybody with credentials. Nothing comes from the environment, so that tests may run beside each other.
func as(t *testing.T, server *lab.Server, key, secret, session string) *operator {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-west-2"), config.WithBaseEndpoint(server.URL),
		config.WithCredentialsProvider(awscreds.NewStaticCredentialsProvider(key, secret, session)),
		config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}), config.WithRetryMaxAttempts(1))
	check(t, err)
	return &operator{t, server, cfg, iam.NewFromConfig(cfg), sts.NewFromConfig(cfg)}
}

// become is the operator as whoever the credentials are of.
func (o *operator) become(c *ststypes.Credentials) *operator {
	o.t.Helper()
	return as(o.t, o.server, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// document is a policy of statements, as JSON.
func document(statements ...map[string]any) *string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err) // a statement of a test that is no JSON
	}
	return aws.String(string(text))
}

func allow(actions ...string) map[string]any {
	return map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}
}

// role makes a role with a trust policy and an inline policy.
func (o *operator) role(name string, trust, policy *string) {
	o.t.Helper()
	_, err := o.iam.CreateRole(o.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust})
	check(o.t, err)
	o.putRolePolicy(name, policy)
}

func (o *operator) putRolePolicy(role string, policy *string) {
	o.t.Helper()
	_, err := o.iam.PutRolePolicy(o.t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("work"), PolicyDocument: policy})
	check(o.t, err)
}

// trustAccount trusts the account's own principals.
func trustAccount() *string {
	return document(map[string]any{"Effect": "Allow", "Action": []string{"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"},
		"Principal": map[string]string{"AWS": "arn:aws:iam::" + account + ":root"}})
}

func (o *operator) assume(role, session string) *ststypes.Credentials {
	o.t.Helper()
	out, err := o.sts.AssumeRole(o.t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(roleARN(role)), RoleSessionName: &session})
	check(o.t, err)
	return out.Credentials
}

func (o *operator) enableFederation() (issuer string) {
	o.t.Helper()
	out, err := o.iam.EnableOutboundWebIdentityFederation(o.t.Context(), &iam.EnableOutboundWebIdentityFederationInput{})
	check(o.t, err)
	return *out.IssuerIdentifier
}

func (o *operator) webIdentity(algorithm string, audiences ...string) string {
	o.t.Helper()
	out, err := o.sts.GetWebIdentityToken(o.t.Context(), &sts.GetWebIdentityTokenInput{Audience: audiences, SigningAlgorithm: &algorithm,
		Tags: []ststypes.Tag{{Key: aws.String("env"), Value: aws.String("prod")}}})
	check(o.t, err)
	return *out.WebIdentityToken
}

// eventually waits for what takes a moment, and no longer than a person would.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 seconds: %s", what)
		}
	}
}

// goOIDC verifies as the programs of lab.Verifiers do.
func goOIDC(t *testing.T, issuer, audience string, tokens []string) []string {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), issuer)
	check(t, err)
	var discovered struct {
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	check(t, provider.Claims(&discovered))
	verifier := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: discovered.Algorithms})
	lines := make([]string, len(tokens))
	for i, token := range tokens {
		lines[i] = goVerify(t.Context(), verifier, token)
	}
	return lines
}

func goVerify(ctx context.Context, verifier *oidc.IDTokenVerifier, token string) string {
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return "refused: " + err.Error()
	}
	var claims json.RawMessage
	if err := verified.Claims(&claims); err != nil {
		return "refused: " + err.Error()
	}
	return string(claims)
}

// Services in four languages verify our tokens by discovery alone, and refuse what is not for them, altered or forged.
func TestServicesElsewhereVerifyWebIdentityTokens(t *testing.T) {
	t.Parallel()
	const audience = "https://api.example.com"
	o := newOperator(t, bench.Dev(t))
	issuer := o.enableFederation()
	o.role("Signer", trustAccount(), document(allow("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken")))
	agent := o.become(o.assume("Signer", "one"))
	good := []string{
		agent.webIdentity("ES384", audience), agent.webIdentity("RS256", audience),
		agent.webIdentity("ES384", "https://other.example.com", audience), agent.webIdentity("RS256", audience, "https://other.example.com"),
	}
	o.server.Admin(t, "account", "set", "--web-identity-subject", "session", "--data-dir", o.server.DataDir)
	eventually(t, "the subject is the session", func() bool { // the server learns of another process's change in a moment
		token := agent.webIdentity("ES384", audience)
		claims, err := lab.Claims(token)
		check(t, err)
		if claims["sub"] != roleARN("Signer") {
			good = append(good, token)
		}
		return len(good) == 5
	})
	bad := append(forgeries(t, issuer, audience, good[:2]), agent.webIdentity("ES384", "https://other.example.com"))

	verifiers := maps.Clone(bench.Verifiers())
	verifiers["go-oidc"] = goOIDC
	for name, verify := range verifiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := verify(t, issuer, audience, slices.Concat(good, bad))
			for i, token := range good {
				checkVerified(t, lines[i], token, issuer)
			}
			subjects := []string{roleARN("Signer"), "arn:aws:sts::" + account + ":assumed-role/Signer/one"}
			for i, subject := range map[int]string{0: subjects[0], 4: subjects[1]} {
				if !strings.Contains(lines[i], subject) {
					t.Errorf("token %d is not of %s: %s", i, subject, lines[i])
				}
			}
			for i, line := range lines[len(good):] {
				if !strings.HasPrefix(line, "refused: ") {
					t.Errorf("bad token %d was accepted: %s", i, line)
				}
			}
		})
	}
}

// checkVerified compares what a verifier read with what the token says.
func checkVerified(t *testing.T, line, token, issuer string) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Errorf("a good token was refused: %s", line)
		return
	}
	want, err := lab.Claims(token)
	check(t, err)
	if !reflect.DeepEqual(got["https://sts.amazonaws.com/"], want["https://sts.amazonaws.com/"]) || got["iss"] != issuer || got["sub"] != want["sub"] {
		t.Errorf("the verifier read %v, and the token says %v", got, want)
	}
	about, _ := got["https://sts.amazonaws.com/"].(map[string]any)
	if tags, _ := about["request_tags"].(map[string]any); tags["env"] != "prod" || about["aws_account"] != account {
		t.Errorf("the claims are %v", about)
	}
}

// forgeries are altered tokens of ours, and tokens that another issuer signed in our name.
func forgeries(t *testing.T, issuer, audience string, tokens []string) []string {
	t.Helper()
	var forged []string
	for _, token := range tokens {
		part := strings.Split(token, ".")
		other := strings.Split(tokens[0], ".")
		if token == tokens[0] {
			other = strings.Split(tokens[1], ".")
		}
		forged = append(forged, part[0]+"."+other[1]+"."+part[2], part[0]+"."+part[1]+"."+other[2], part[0]+"."+part[1]+".")
	}
	impostor := issuertest.New(t).Issuer("impostor")
	claims := issuertest.Token{Type: "JWT", Claims: map[string]any{"iss": issuer, "aud": audience, "sub": roleARN("Signer"), "jti": "x"}}
	forged = append(forged, impostor.Sign(claims))
	for _, h := range impostor.Hostiles(claims) {
		if strings.Count(h.Token, ".") == 2 {
			forged = append(forged, h.Token)
		}
	}
	return forged
}

// A session cannot get a token that outlives it, by whatever it asks.
func TestWebIdentityTokenOutlivesNoSession(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.Dev(t))
	o.enableFederation()
	o.role("Short", trustAccount(), document(allow("sts:GetWebIdentityToken")))
	out, err := o.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(roleARN("Short")), RoleSessionName: aws.String("short"), DurationSeconds: aws.Int32(900)})
	check(t, err)
	agent := o.become(out.Credentials)
	ask := &sts.GetWebIdentityTokenInput{Audience: []string{"a"}, SigningAlgorithm: aws.String("ES384"), DurationSeconds: aws.Int32(901)}
	_, err = agent.sts.GetWebIdentityToken(t.Context(), ask)
	if escalation := new(ststypes.SessionDurationEscalationException); !errors.As(err, &escalation) {
		t.Errorf("a token that outlives its session: %v", err)
	}
	ask.DurationSeconds = aws.Int32(600)
	token, err := agent.sts.GetWebIdentityToken(t.Context(), ask)
	check(t, err)
	if token.Expiration.After(*out.Credentials.Expiration) || time.Until(*token.Expiration) > 10*time.Minute {
		t.Errorf("the token ends at %v, the session at %v", token.Expiration, out.Credentials.Expiration)
	}
}
