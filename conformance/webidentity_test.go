//go:build conformance

package conformance_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
)

// refusedWith checks that a call failed with one of the error codes.
func refusedWith(t *testing.T, err error, codes ...string) {
	t.Helper()
	if e := smithy.APIError(nil); !errors.As(err, &e) || !slices.Contains(codes, e.ErrorCode()) {
		t.Errorf("answered with %v, want %v", err, codes)
	}
}

const roleAudience = "lanyard"

func spiffe(id string) issuertest.Token { return issuertest.SPIFFE(id, roleAudience) }

// platform is where an agent runs: an issuer that cannot be had here, in the documented shape of its tokens.
type platform struct {
	name, path string
	token      issuertest.Token
	// conditions is what the role's trust policy asks, by operator and claim.
	conditions map[string]map[string]any
	// others are tokens that the same issuer signs for somebody else.
	others []issuertest.Token
}

func platforms() []platform {
	const tenant, gitHub = "9122040d-6c67-4c5b-b112-36a304b66dad", "octo-org/agent"
	kubernetes := issuertest.Kubernetes("agents", "agent", roleAudience)
	actions := issuertest.GitHubActions(gitHub, "refs/heads/main", roleAudience)
	tags := map[string]string{"team": "agents"}
	return []platform{
		{"Kubernetes", "id/EXAMPLED539D4633E53DE1B716D3041E", kubernetes,
			map[string]map[string]any{"StringEquals": {"aud": roleAudience, "sub": "system:serviceaccount:agents:agent", "kubernetes.io/namespace": "agents",
				"kubernetes.io/serviceaccount/name": "agent"}},
			[]issuertest.Token{
				issuertest.Kubernetes("default", "agent", roleAudience), issuertest.Kubernetes("agents", "default", roleAudience),
				kubernetes.With("kubernetes.io", map[string]any{"namespace": "default", "serviceaccount": map[string]any{"name": "agent"}}),
				kubernetes.With("kubernetes.io", "agents"), kubernetes.With("kubernetes.io", nil),
			}},
		{"GitHub Actions", "actions", actions,
			map[string]map[string]any{"StringEquals": {"repository": gitHub, "repository_owner_id": "65"}, "StringLike": {"sub": "repo:" + gitHub + ":ref:refs/heads/*"}},
			[]issuertest.Token{
				issuertest.GitHubActions("octo-org/other", "refs/heads/main", roleAudience), issuertest.GitHubActions("octo-org/agent-evil", "refs/heads/main", roleAudience),
				issuertest.GitHubActions(gitHub, "refs/pull/1/merge", roleAudience), actions.With("repository_owner_id", "66"),
			}},
		{"SPIFFE", "spire", spiffe("spiffe://example.org/ns/agents/sa/agent"),
			map[string]map[string]any{"StringEquals": {"sub": "spiffe://example.org/ns/agents/sa/agent"}},
			[]issuertest.Token{spiffe("spiffe://example.org/ns/agents/sa/agent2"), spiffe("spiffe://example.net/ns/agents/sa/agent"), spiffe("SPIFFE://example.org/ns/agents/sa/agent")}},
		{"GCP", "google", issuertest.GCP("112010400000000710080", "agent@my-project.iam.gserviceaccount.com", roleAudience),
			map[string]map[string]any{"StringEquals": {"sub": "112010400000000710080", "aud": roleAudience, "google/compute_engine/project_id": "my-project"}},
			[]issuertest.Token{issuertest.GCP("112010400000000710081", "agent@my-project.iam.gserviceaccount.com", roleAudience)}},
		{"Azure", tenant + "/", issuertest.Azure(tenant, "8b0e5b3e-5b8d-4a2b-9f7e-2f2b8d1f8c11", roleAudience),
			map[string]map[string]any{"StringEquals": {"sub": "8b0e5b3e-5b8d-4a2b-9f7e-2f2b8d1f8c11", "tid": tenant}},
			[]issuertest.Token{issuertest.Azure(tenant, "00000000-5b8d-4a2b-9f7e-2f2b8d1f8c11", roleAudience),
				issuertest.Azure("00000000-6c67-4c5b-b112-36a304b66dad", "8b0e5b3e-5b8d-4a2b-9f7e-2f2b8d1f8c11", roleAudience)}},
		{"AWS", "aws-sts", issuertest.AWS("123456789012", "Agent", roleAudience, tags),
			map[string]map[string]any{"StringEquals": {"sub": "arn:aws:iam::123456789012:role/Agent", "https://sts.amazonaws.com/aws_account": "123456789012",
				"https://sts.amazonaws.com/principal_tags/team": "agents"}},
			[]issuertest.Token{issuertest.AWS("123456789012", "Other", roleAudience, tags), issuertest.AWS("210987654321", "Agent", roleAudience, tags),
				issuertest.AWS("123456789012", "Agent", roleAudience, map[string]string{"team": "others"}), issuertest.AWS("123456789012", "Agent", roleAudience, nil)}},
	}
}

// eachPlatform runs a test with a role that trusts the platform's tokens.
func eachPlatform(t *testing.T, test func(o *operator, p platform, issuer *issuertest.Issuer, role string)) {
	t.Helper()
	server := bench.Dev(t)
	for _, p := range platforms() {
		t.Run(p.name, func(t *testing.T) {
			o, role, issuer := newOperator(t, server), "On"+p.name[:3], bench.Issuers().Issuer(p.path)
			o.oidcProvider(issuer.URL, roleAudience)
			o.role(role, trustIssuer(issuer.URL, p.conditions), agentPolicy())
			test(o, p, issuer, role)
		})
	}
}

// On every platform an agent signs in by its platform's token, and only the one that the role's trust policy means.
func TestAgentsOnEveryPlatformNeedNoKey(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(o *operator, p platform, issuer *issuertest.Issuer, role string) {
		o.signsIn(role, issuer.Sign(p.token))
		for i, other := range p.others {
			if _, err := o.webIdentitySession(role, issuer.Sign(other)); !isDenied(err) {
				o.t.Errorf("somebody else's token %d: %v", i, err)
			}
		}
	})
}

// Without the issuer's signature no token opens a role that trusts the issuer: A17 alg none, A18 its public key as a secret,
// A19 kid and keys in the header, A21 times.
func TestA17_ForgedWebIdentityTokensOpenNoRole(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(o *operator, p platform, issuer *issuertest.Issuer, role string) {
		for _, h := range issuer.Hostiles(p.token) {
			_, err := o.webIdentitySession(role, h.Token)
			if e := smithy.APIError(nil); !errors.As(err, &e) || !slices.Contains([]string{"InvalidIdentityToken", "ExpiredTokenException"}, e.ErrorCode()) {
				o.t.Errorf("%s: %v", h.Name, err)
			}
		}
		if bench.Issuers().Misled(issuer) {
			o.t.Error("keys were fetched from where a token's header said")
		}
	})
}

// Neither does the same token by an issuer whose name is close, nor for another audience.
func TestA20_LookAlikeIssuersOpenNoRole(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(o *operator, p platform, _ *issuertest.Issuer, role string) { o.lookAlikes(role, p) })
}

func isDenied(err error) bool {
	e := smithy.APIError(nil)
	return errors.As(err, &e) && e.ErrorCode() == "AccessDenied"
}

// signsIn checks that the token opens the role, and that the session is the role's and may do what its policy allows.
func (o *operator) signsIn(role, token string) *operator {
	o.t.Helper()
	creds, err := o.webIdentitySession(role, token)
	check(o.t, err)
	agent := o.become(creds)
	who, err := agent.sts.GetCallerIdentity(o.t.Context(), &sts.GetCallerIdentityInput{})
	check(o.t, err)
	if *who.Arn != "arn:aws:sts::"+account+":assumed-role/"+role+"/agent" {
		o.t.Errorf("the agent is %s", *who.Arn)
	}
	control := bedrockagentcorecontrol.NewFromConfig(agent.cfg)
	_, err = control.CreateWorkloadIdentity(o.t.Context(), &bedrockagentcorecontrol.CreateWorkloadIdentityInput{Name: aws.String("of-" + role)})
	check(o.t, err)
	_, err = agent.iam.ListUsers(o.t.Context(), &iam.ListUsersInput{})
	refusedWith(o.t, err, "AccessDenied")
	return agent
}

// lookAlikes brings what the issuer's own token would open by other issuers, whose names are close (A20).
func (o *operator) lookAlikes(role string, p platform) {
	o.t.Helper()
	issuers := bench.Issuers()
	genuine := issuers.Issuer(p.path)
	for _, path := range []string{p.path + "-evil", p.path + "//", "x/" + p.path, p.path + "/.well-known/.."} {
		_, err := o.webIdentitySession(role, issuers.Issuer(path).Sign(p.token))
		refusedWith(o.t, err, "InvalidIdentityToken")
	}
	_, err := o.webIdentitySession(role, issuers.Issuer(p.path+"-evil").Sign(p.token.With("iss", genuine.URL)))
	refusedWith(o.t, err, "InvalidIdentityToken")
	other := issuertest.New(o.t).Issuer(p.path) // another port
	_, err = o.webIdentitySession(role, other.Sign(p.token))
	refusedWith(o.t, err, "InvalidIdentityToken")
	for _, audience := range []any{"another", []string{"another"}, "lanyard ", "LANYARD", issuertest.Missing()} {
		_, err = o.webIdentitySession(role, genuine.Sign(p.token.With("aud", audience).With("azp", nil)))
		refusedWith(o.t, err, "InvalidIdentityToken")
	}
}
