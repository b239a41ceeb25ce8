package client

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestIAMOfAService: what is written is read back by the service itself, from the user to what their key may do.
func TestIAMOfAService(t *testing.T) {
	l := newLive(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	user, err := l.c.CreateUser(ctx, &api.CreateUserRequest{UserName: "carol"})
	must(err)
	policy, err := l.c.CreatePolicy(ctx, &api.CreatePolicyRequest{PolicyName: "reader", Document: servertest.Allow("*", "bedrock-agentcore:ListWorkloadIdentities")})
	must(err)
	must(l.c.AttachUserPolicy(ctx, &api.UserAttachment{UserName: "carol", ARN: policy.Policy.ARN}))
	key, err := l.c.CreateAccessKey(ctx, &api.CreateAccessKeyRequest{UserName: "carol"})
	must(err)
	carol := newTestClient(t, l.Service.URL, WithRegion(l.Service.Region), WithClock(l.Service.Clock.Now),
		WithCredentials(credentials.NewStaticCredentialsProvider(key.AccessKey.AccessKeyID, string(key.AccessKey.SecretAccessKey), "")))
	must(list(ctx, carol))
	if _, err := carol.GetWorkloadIdentity(ctx, l.Workload); !Is(err, api.AccessDeniedException) {
		t.Errorf("carol may: %v", err)
	}
	would, err := l.c.SimulatePrincipalPolicy(ctx, &api.SimulatePrincipalPolicyRequest{SourceARN: user.User.ARN, Actions: []string{"bedrock-agentcore:ListWorkloadIdentities", "iam:CreateUser"}})
	must(err)
	if r := would.Results; len(r) != 2 || r[0].Decision != api.DecisionAllowed || r[1].Decision != api.DecisionImplicitDeny {
		t.Errorf("the simulation says %+v", r)
	}
	attached, err := l.c.ListPolicies(ctx, &api.ListPoliciesRequest{Scope: api.ScopeLocal, OnlyAttached: true})
	must(err)
	if len(attached.Policies) != 1 || attached.Policies[0].ARN != policy.Policy.ARN {
		t.Errorf("attached are %+v", attached.Policies)
	}
}
