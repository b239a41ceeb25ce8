//go:build conformance

package conformance_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
)

// A shared issuer, which signs for anybody, cannot be trusted without saying whose subject it is.
func TestA61_SharedIssuerNeedsASubject(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.SharedDev(t))
	const gitHub, google = "https://token.actions.githubusercontent.com", "https://accounts.google.com"
	trusts := func(issuer string, conditions map[string]map[string]any) error {
		_, err := o.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("Shared"), AssumeRolePolicyDocument: trustIssuer(issuer, conditions)})
		return err
	}
	audience := map[string]any{"aud": "lanyard"}
	for name, c := range map[string]struct {
		issuer     string
		conditions map[string]map[string]any
	}{
		"nothing":              {gitHub, nil},
		"an audience":          {gitHub, map[string]map[string]any{"StringEquals": audience}},
		"any subject":          {gitHub, map[string]map[string]any{"StringEquals": audience, "StringLike": {"sub": "*"}}},
		"any repository":       {gitHub, map[string]map[string]any{"StringLike": {"sub": "repo:*"}}},
		"names that begin so":  {gitHub, map[string]map[string]any{"StringLike": {"sub": "repo:octo-org*"}}},
		"one of them anybody":  {gitHub, map[string]map[string]any{"StringLike": {"sub": []string{"repo:octo-org/agent:*", "*"}}}},
		"a subject if present": {gitHub, map[string]map[string]any{"StringLikeIfExists": {"sub": "repo:octo-org/agent:*"}}},
		"not a subject":        {gitHub, map[string]map[string]any{"StringNotLike": {"sub": "repo:mallory/*"}}},
		"a claim that is free": {gitHub, map[string]map[string]any{"StringEquals": {"actor": "octocat"}}},
		"everybody at Google":  {google, map[string]map[string]any{"StringEquals": {"aud": "lanyard", "email_verified": "true"}}},
	} {
		err := trusts(c.issuer, c.conditions)
		if malformed := new(types.MalformedPolicyDocumentException); !errors.As(err, &malformed) || !strings.Contains(err.Error(), "sub") {
			t.Errorf("a trust with %s: %v", name, err)
		}
	}
	check(t, trusts(gitHub, map[string]map[string]any{"StringEquals": audience, "StringLike": {"sub": "repo:octo-org/agent:*"}}))
	_, err := o.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("Shared"), PolicyDocument: trustIssuer(gitHub, nil)})
	refusedWith(t, err, "MalformedPolicyDocument")
}

// Who was blocked in Lanyard gets nothing by the tokens that its issuer still signs, nor by what it got before.
func TestA23_BlockedUserGetsNoSession(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.Dev(t))
	issuer := bench.Issuers().Issuer("blocking")
	o.oidcProvider(issuer.URL, roleAudience)
	const alice, bob = "spiffe://example.org/alice", "spiffe://example.org/bob"
	o.role("Blocking", trustIssuer(issuer.URL, map[string]map[string]any{"StringLike": {"sub": "spiffe://example.org/*"}}), agentPolicy())
	token := issuer.Sign(spiffe(alice))
	o.signsIn("Blocking", token)
	admin := func(verb string) {
		o.server.Admin(t, "user", verb, "--issuer", issuer.URL, "--subject", alice, "--data-dir", o.server.DataDir)
	}
	admin("block")
	eventually(t, "alice is blocked", func() bool { _, err := o.webIdentitySession("Blocking", token); return err != nil })
	for _, brought := range []string{token, issuer.Sign(spiffe(alice))} { // replayed, and new
		_, err := o.webIdentitySession("Blocking", brought)
		refusedWith(t, err, "AccessDenied")
	}
	_, err := o.webIdentitySession("Blocking", issuer.Sign(spiffe(bob)))
	check(t, err)
	admin("unblock")
	eventually(t, "alice is unblocked", func() bool { _, err := o.webIdentitySession("Blocking", token); return err == nil })
}

// The same for what agents get on the user's behalf: the JWT that proves the user is refused, and what was got by it.
func TestA23_BlockedUserGetsNoWorkloadAccessToken(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	caller, issuer := server.Caller(), bench.Issuers().Issuer("people")
	check(t, caller.Do(t.Context(), api.CreateWorkloadIdentity, map[string]string{"name": "agent"}, nil))
	check(t, caller.Do(t.Context(), api.CreateApiKeyCredentialProvider, map[string]string{"name": "key", "apiKey": "the-key"}, nil))
	jwt := func(user string) string {
		return issuer.Sign(issuertest.Token{Type: "JWT", Claims: map[string]any{"sub": user, "aud": "app"}})
	}
	exchange := func(jwt string) (wat string, answer lab.Answer) {
		answer, err := caller.Call(t.Context(), api.GetWorkloadAccessTokenForJWT, map[string]string{"workloadName": "agent", "userToken": jwt})
		check(t, err)
		var out struct{ WorkloadAccessToken string }
		check(t, json.Unmarshal(answer.Body, &out))
		return out.WorkloadAccessToken, answer
	}
	key := func(wat string) lab.Answer {
		answer, err := caller.Call(t.Context(), api.GetResourceApiKey, map[string]string{"workloadIdentityToken": wat, "resourceCredentialProviderName": "key"})
		check(t, err)
		return answer
	}
	alices := jwt("alice")
	wat, _ := exchange(alices)
	bobs, _ := exchange(jwt("bob"))
	for _, w := range []string{wat, bobs} {
		if a := key(w); a.Status != http.StatusOK {
			t.Fatalf("before the block: %s", a)
		}
	}
	server.Admin(t, "user", "block", "--issuer", issuer.URL, "--subject", "alice", "--data-dir", server.DataDir)
	eventually(t, "alice is blocked", func() bool { _, a := exchange(alices); return a.Exception != "" })
	for name, answer := range map[string]func() lab.Answer{
		"the JWT again": func() lab.Answer { _, a := exchange(alices); return a },
		"a new JWT":     func() lab.Answer { _, a := exchange(jwt("alice")); return a },
		"her old token": func() lab.Answer { return key(wat) },
	} {
		if a := answer(); a.Exception != "UnauthorizedException" && a.Exception != "AccessDeniedException" {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := key(bobs); a.Status != http.StatusOK {
		t.Errorf("bob after alice was blocked: %s", a)
	}
}

// After the sessions of a role were revoked, those that there are open nothing at any service; new ones do.
func TestA31_RevokedSessionsOpenNothing(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.Dev(t))
	issuer := bench.Issuers().Issuer("revoking")
	o.oidcProvider(issuer.URL, roleAudience)
	const subject = "spiffe://example.org/agent"
	o.role("Revoked", trustIssuer(issuer.URL, map[string]map[string]any{"StringEquals": {"sub": subject}}), document(allow("bedrock-agentcore:*", "iam:*", "sts:*")))
	creds, err := o.webIdentitySession("Revoked", issuer.Sign(spiffe(subject)))
	check(t, err)
	agent := o.become(creds)
	control, data := bedrockagentcorecontrol.NewFromConfig(agent.cfg), bedrockagentcore.NewFromConfig(agent.cfg)
	whoAmI := func(o *operator) error {
		_, err := o.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		return err
	}
	check(t, whoAmI(agent))
	o.server.Admin(t, "role", "revoke", "Revoked", "--data-dir", o.server.DataDir)
	eventually(t, "the session is refused", func() bool { return whoAmI(agent) != nil })

	refusedWith(t, whoAmI(agent), "InvalidClientTokenId", "ExpiredToken")
	_, err = agent.iam.ListUsers(t.Context(), &iam.ListUsersInput{})
	refusedWith(t, err, "InvalidClientTokenId", "ExpiredToken")
	_, err = control.ListWorkloadIdentities(t.Context(), &bedrockagentcorecontrol.ListWorkloadIdentitiesInput{})
	refusedWith(t, err, "UnrecognizedClientException", "ExpiredTokenException")
	_, err = data.GetWorkloadAccessToken(t.Context(), &bedrockagentcore.GetWorkloadAccessTokenInput{WorkloadName: aws.String("any")})
	refusedWith(t, err, "UnrecognizedClientException", "ExpiredTokenException")

	eventually(t, "a new session is accepted", func() bool {
		creds, err := o.webIdentitySession("Revoked", issuer.Sign(spiffe(subject)))
		check(t, err)
		return whoAmI(o.become(creds)) == nil
	})
}

// The tokens that an account issues for services elsewhere open no role here, even where the account lists its own issuer:
// a permission to get a token would be a way to every role.
func TestA61_OwnWebIdentityTokensOpenNoRole(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.Dev(t))
	own := o.enableFederation()
	o.role("Signer", trustAccount(), document(allow("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken")))
	token := o.become(o.assume("Signer", "one")).webIdentity("RS256", roleAudience)
	_, err := o.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &own, ClientIDList: []string{roleAudience}})
	if e := smithy.APIError(nil); err != nil && (!errors.As(err, &e) || e.ErrorCode() != "ValidationError") {
		t.Fatal(err)
	}
	_, err = o.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("Target"), AssumeRolePolicyDocument: trustIssuer(own, map[string]map[string]any{"StringEquals": {"sub": roleARN("Signer")}})})
	check(t, err)
	_, err = o.webIdentitySession("Target", token)
	refusedWith(t, err, "InvalidIdentityToken")
}

// A trust policy that names a role or an issuer opens nothing else: another role, another account, a role that is not there.
// The answers are the same, so that nobody learns by asking which roles there are (A11, A49).
func TestA49_StrangersLearnNothingOfRoles(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.SharedDev(t))
	issuer := bench.Issuers().Issuer("strangers")
	o.oidcProvider(issuer.URL, roleAudience)
	o.role("Closed", trustAccount(), agentPolicy())
	token := issuer.Sign(spiffe("spiffe://example.org/stranger"))
	var said []string
	for _, role := range []string{"Closed", "Absent"} {
		_, err := o.webIdentitySession(role, token)
		refusedWith(t, err, "AccessDenied")
		if e := smithy.APIError(nil); errors.As(err, &e) {
			said = append(said, strings.ReplaceAll(e.ErrorMessage(), role, "ROLE"))
		}
	}
	if len(said) != 2 || said[0] != said[1] {
		t.Errorf("the answers tell which role exists: %q", said)
	}
}
