package identity_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func (a *jwtAgent) forUserID(c servertest.Credentials, user string) error {
	_, err := a.Service.Client(c).Data.GetWorkloadAccessTokenForUserId(context.Background(), &data.GetWorkloadAccessTokenForUserIdInput{WorkloadName: &a.Workload, UserId: &user})
	return err
}

// TestA54_VerifiedUsersOnly: a workload held to verified users gets no token for a user id, and one for a JWT.
func TestA54_VerifiedUsersOnly(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	check(t, a.forUserID(a.Service.Root, "victim"))
	_, err := a.Service.Identity.SetWorkload(context.Background(), a.Service.Account, a.Workload, identity.WorkloadSettings{VerifiedUsersOnly: aws.Bool(true)})
	check(t, err)
	refused(t, a.forUserID(a.Service.Root, "victim"), api.AccessDeniedException, "verified users only")
	_, err = a.token(a.iss.Mint(t, "alice", time.Hour, nil))
	check(t, err)
}

// TestA54_SweepingUsers: a workload that walks through users is stopped, and goes on with those it acts for already.
func TestA54_SweepingUsers(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	_, err := a.Service.Identity.SetWorkload(context.Background(), a.Service.Account, a.Workload, identity.WorkloadSettings{UsersPerMinute: aws.Int(3)})
	check(t, err)
	a.Service.Clock.Advance(time.Minute - time.Duration(a.Service.Clock.Now().Second())*time.Second) // a minute's beginning
	for i := range 3 {
		check(t, a.forUserID(a.Service.Root, fmt.Sprint("user", i)))
	}
	refused(t, a.forUserID(a.Service.Root, "user3"), api.ThrottlingException, "at most 3 different users")
	check(t, a.forUserID(a.Service.Root, "user1"))
	a.Service.Clock.Advance(time.Minute)
	check(t, a.forUserID(a.Service.Root, "user3"))
}

// TestA54_ConditionsOnUsers: policy decides by the user id and by the claims of the verified JWT.
func TestA54_ConditionsOnUsers(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessTokenForUserId","Resource":"*","Condition":{"StringLike":{"bedrock-agentcore:userid":"team-*"}}},
		{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessTokenForJWT","Resource":"*","Condition":{"StringEquals":{"bedrock-agentcore:InboundJwtClaim/iss":"` + a.iss.URL + `","bedrock-agentcore:InboundJwtClaim/sub":"alice","bedrock-agentcore:InboundJwtClaim/client_id":"app"}}}]}`
	user := a.Service.User(t, "agent", policy)
	check(t, a.forUserID(user, "team-1"))
	refused(t, a.forUserID(user, "boss"), api.AccessDeniedException, "GetWorkloadAccessTokenForUserId")
	as := &jwtAgent{a.At(a.Service, user), a.iss}
	_, err := as.token(a.iss.Mint(t, "alice", time.Hour, map[string]any{"client_id": "app"}))
	check(t, err)
	for _, claims := range []map[string]any{nil, {"client_id": "other"}, {"azp": "app"}} {
		_, err = as.token(a.iss.Mint(t, "alice", time.Hour, claims))
		refused(t, err, api.AccessDeniedException, "GetWorkloadAccessTokenForJWT")
	}
	_, err = as.token(a.iss.Mint(t, "bob", time.Hour, map[string]any{"client_id": "app"}))
	refused(t, err, api.AccessDeniedException, "")
}

// TestScopesAndTagsAsConditions: policy decides by the scopes asked for, and by the tags of workload and provider.
func TestScopesAndTagsAsConditions(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["bedrock-agentcore:GetWorkloadAccessTokenForUserId"],"Resource":"*"},
		{"Effect":"Allow","Action":"bedrock-agentcore:GetResourceOauth2Token","Resource":"*","Condition":{"ForAllValues:StringEquals":{"lanyard:Scopes":["read"]},"Null":{"lanyard:Scopes":"false"}}}]}`
	as := a.At(a.Service, a.Service.User(t, "agent", policy))
	token := as.Token(t, "alice")
	_, err := as.Ask(token, scopes("read"))
	check(t, err)
	_, err = as.Ask(token, scopes("read", "write"))
	refused(t, err, api.AccessDeniedException, "GetResourceOauth2Token")
	_, err = as.Ask(token, scopes())
	refused(t, err, api.AccessDeniedException, "GetResourceOauth2Token")
}

// TestA54_DenyUnlessTheClaimIsRight: a Deny for whoever has not the right claim must see the claim before it decides, for
// a claim that is not there yet is not the right one.
func TestA54_DenyUnlessTheClaimIsRight(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock-agentcore:*","Resource":"*"},
		{"Effect":"Deny","Action":["bedrock-agentcore:GetWorkloadAccessTokenForJWT","bedrock-agentcore:CompleteResourceTokenAuth"],"Resource":"*",
		"Condition":{"StringNotEquals":{"bedrock-agentcore:InboundJwtClaim/sub":"alice"}}}]}`
	as := &jwtAgent{a.At(a.Service, a.Service.User(t, "agent", policy)), a.iss}
	token, err := as.token(a.iss.Mint(t, "alice", time.Hour, nil))
	check(t, err)
	_, err = as.token(a.iss.Mint(t, "bob", time.Hour, nil))
	refused(t, err, api.AccessDeniedException, "explicit deny")
	begun, err := as.Ask(token)
	check(t, err)
	back := servertest.SessionURI(t, a.Service.Consent(t, *begun.AuthorizationUrl))
	refused(t, as.complete(back, a.iss.Mint(t, "bob", time.Hour, nil)), api.AccessDeniedException, "explicit deny")
	check(t, as.complete(back, a.iss.Mint(t, "alice", time.Hour, nil)))
}
