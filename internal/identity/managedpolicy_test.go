package identity_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func TestVersionsOfAPolicy(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	arn := b.policy("mine", servertest.Allow("*", "a:One")).ARN()
	add := func(action string, setDefault bool) identity.PolicyVersion {
		t.Helper()
		v, err := s.CreatePolicyVersion(t.Context(), b.admin, arn, servertest.Allow("*", action), setDefault)
		check(t, err)
		return v
	}
	want(t, "second version", add("a:Two", false).ID, "v2")
	if v := add("a:Three", true); v.ID != "v3" || !v.Default {
		t.Errorf("the third version is %+v", v)
	}
	coded(t, s.DeletePolicyVersion(t.Context(), b.admin, arn, "v3"), identity.InUse, "v3 is the default version")
	check(t, s.DeletePolicyVersion(t.Context(), b.admin, arn, "v2"))
	coded(t, s.DeletePolicyVersion(t.Context(), b.admin, arn, "v2"), identity.NotFound, "no version v2")
	want(t, "version after one that was deleted", add("a:Four", false).ID, "v4")
	add("a:Five", false)
	add("a:Six", false)
	_, err := s.CreatePolicyVersion(t.Context(), b.admin, arn, servertest.Allow("*", "a:Seven"), true)
	coded(t, err, identity.LimitExceeded, "5 versions already")

	versions := all(t, func(p identity.Page) (identity.List[identity.PolicyVersion], error) {
		return s.ListPolicyVersions(t.Context(), b.admin, arn, p)
	})
	want(t, "versions", names(versions, func(v identity.PolicyVersion) string { return fmt.Sprint(v.ID, v.Default) }), "v1false v3true v4false v5false v6false")
	check(t, s.SetDefaultPolicyVersion(t.Context(), b.admin, arn, "v1"))
	v, err := s.GetPolicyVersion(t.Context(), b.admin, arn, "v1")
	check(t, err)
	if !v.Default || !strings.Contains(v.Document, "a:One") {
		t.Errorf("version v1 is %+v", v)
	}
	coded(t, s.SetDefaultPolicyVersion(t.Context(), b.admin, arn, "v99"), identity.NotFound, "no version v99")
	coded(t, s.DeletePolicy(t.Context(), b.admin, arn), identity.InUse, "5 versions")
}

// TestDefaultVersionDecides at once, for everybody to whom the policy is attached.
func TestDefaultVersionDecides(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	arn := b.policy("mine", servertest.Allow("*", "iam:GetRole")).ARN()
	b.role("agent")
	alice := b.user("alice", "")
	check(t, s.AttachUserPolicy(t.Context(), b.admin, "alice", arn))
	alice = b.again(alice)
	_, err := s.GetRole(t.Context(), alice, "agent")
	check(t, err)
	_, err = s.CreatePolicyVersion(t.Context(), b.admin, arn, servertest.AllowAllBut("iam:GetRole"), true)
	check(t, err)
	_, err = s.GetRole(t.Context(), b.again(alice), "agent")
	coded(t, err, identity.Denied, "explicit deny")
	check(t, s.DetachUserPolicy(t.Context(), b.admin, "alice", arn))
	_, err = s.GetRole(t.Context(), b.again(alice), "agent")
	coded(t, err, identity.Denied, "no identity-based policy allows")
}

func TestAttachmentsAreListedBoundedAndGuarded(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	arn := b.policy("mine", servertest.Allow("*", "a:B")).ARN()
	b.role("agent")
	b.User(t, "alice", "")
	for range 2 { // attaching again changes nothing
		check(t, s.AttachUserPolicy(t.Context(), b.admin, "alice", arn))
		check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", arn))
	}
	holders := all(t, func(p identity.Page) (identity.List[identity.PolicyHolder], error) {
		return s.ListEntitiesForPolicy(t.Context(), b.admin, arn, identity.HolderFilter{}, p)
	})
	want(t, "holders", names(holders, func(h identity.PolicyHolder) string { return h.Kind + ":" + h.Name }), "Role:agent User:alice")
	only, err := s.ListEntitiesForPolicy(t.Context(), b.admin, arn, identity.HolderFilter{Kind: "User"}, identity.Page{Max: 5})
	check(t, err)
	if len(only.Items) != 1 || only.Items[0].Name != "alice" {
		t.Errorf("users are %v", only.Items)
	}
	p, err := s.GetPolicy(t.Context(), b.admin, arn)
	check(t, err)
	if p.Attachments != 2 {
		t.Errorf("attached to %d", p.Attachments)
	}
	coded(t, s.DeletePolicy(t.Context(), b.admin, arn), identity.InUse, "is attached to arn:aws:iam::"+b.Account+":user/alice")
	check(t, s.DetachUserPolicy(t.Context(), b.admin, "alice", arn))
	coded(t, s.DetachUserPolicy(t.Context(), b.admin, "alice", arn), identity.NotFound, "is not attached")

	for i := range 19 {
		check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", b.policy(fmt.Sprintf("p%02d", i), servertest.Allow("*", "a:B")).ARN()))
	}
	coded(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", "arn:aws:iam::aws:policy/LanyardAudit"), identity.LimitExceeded, "20 policies attached already")
	attached := all(t, func(p identity.Page) (identity.List[identity.AttachedPolicy], error) {
		return s.ListAttachedRolePolicies(t.Context(), b.admin, "agent", "/", p)
	})
	if len(attached) != 20 || attached[0].Name != "mine" || attached[1].Name != "p00" {
		t.Errorf("attached are %v", attached)
	}
	coded(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", "arn:aws:iam::"+b.Account+":policy/absent"), identity.NotFound, "there is no policy")
}

// TestAttachingAtTheSameMoment: tools attach a role's policies all at once, and none may be lost.
func TestAttachingAtTheSameMoment(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	b.role("agent")
	var arns []string
	for i := range 8 {
		arns = append(arns, b.policy(fmt.Sprintf("p%d", i), servertest.Allow("*", "a:B")).ARN())
	}
	var wg sync.WaitGroup
	errs := make([]error, len(arns))
	for i, arn := range arns {
		wg.Go(func() { errs[i] = b.Identity.AttachRolePolicy(t.Context(), b.admin, "agent", arn) })
	}
	wg.Wait()
	for _, err := range errs {
		check(t, err)
	}
	l, err := b.Identity.ListAttachedRolePolicies(t.Context(), b.admin, "agent", "", identity.Page{Max: 100})
	check(t, err)
	if len(l.Items) != len(arns) {
		t.Errorf("%d of %d are attached", len(l.Items), len(arns))
	}
}

// TestDeletingAPolicyThatIsBeingAttached: whatever comes first, nothing stays attached that is gone, which would shut its
// holder out of everything.
func TestDeletingAPolicyThatIsBeingAttached(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	role := b.role("agent")
	for i := range 10 {
		arn := b.policy(fmt.Sprintf("p%d", i), servertest.Allow("*", "a:B")).ARN()
		var wg sync.WaitGroup
		wg.Go(func() { _ = b.Identity.AttachRolePolicy(t.Context(), b.admin, "agent", arn) })
		wg.Go(func() { _ = b.Identity.DeletePolicy(t.Context(), b.admin, arn) })
		wg.Wait()
		if got := b.simulate(role.ARN(), identity.Simulation{Actions: []string{"a:B"}}); len(got) != 1 {
			t.Fatalf("the role answers %v", got)
		}
	}
}

func TestPoliciesAreListed(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	b.policy("beta", servertest.Allow("*", "a:B"))
	_, err := s.CreatePolicy(t.Context(), b.admin, identity.NewPolicy{Name: "alpha", Path: "/team/", Document: servertest.Allow("*", "a:B")})
	check(t, err)
	b.role("agent")
	check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", "arn:aws:iam::aws:policy/LanyardReadOnly"))
	list := func(f identity.PolicyFilter) string {
		return names(all(t, func(p identity.Page) (identity.List[*identity.ManagedPolicy], error) {
			return s.ListPolicies(t.Context(), b.admin, f, p)
		}), func(p *identity.ManagedPolicy) string { return p.Name })
	}
	const supplied = "LanyardAudit LanyardGrantAdministrator LanyardIdentityAdministrator LanyardReadOnly LanyardSessionBinding LanyardWebIdentity LanyardWorkloadTokens LanyardWorkloadTokensForUserId"
	want(t, "all", list(identity.PolicyFilter{}), supplied+" alpha beta")
	want(t, "supplied", list(identity.PolicyFilter{Scope: "AWS"}), supplied)
	want(t, "own", list(identity.PolicyFilter{Scope: "Local"}), "alpha beta")
	want(t, "of a path", list(identity.PolicyFilter{PathPrefix: "/team/"}), "alpha")
	want(t, "attached", list(identity.PolicyFilter{OnlyAttached: true}), "LanyardReadOnly")
	_, err = s.ListPolicies(t.Context(), b.admin, identity.PolicyFilter{}, identity.Page{Max: 1, Token: "not one of ours"})
	coded(t, err, identity.Invalid, "begin without it")
}

func TestPolicyDocumentsAreHeldToTheirForm(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	b.User(t, "alice", "")
	long := servertest.Allow("arn:aws:s3:::"+strings.Repeat("x", 1500), "a:B")
	long = strings.Replace(long, `"Resource":"`, `"Resource":["`+strings.Repeat(`arn:aws:s3:::`+strings.Repeat("y", 1400)+`","`, 4), 1)
	long = strings.Replace(long, `"}]}`, `"]}]}`, 1)
	for name, err := range map[string]error{
		"managed": second(s.CreatePolicy(t.Context(), b.admin, identity.NewPolicy{Name: "p", Document: `{"x":1}`})),
		"inline":  s.PutUserPolicy(t.Context(), b.admin, "alice", "p", `{"x":1}`),
	} {
		t.Run(name, func(t *testing.T) {
			coded(t, err, identity.MalformedPolicy, "policy p is refused: policy \"p\", line 1")
		})
	}
	_, err := s.CreatePolicy(t.Context(), b.admin, identity.NewPolicy{Name: "p", Document: long})
	coded(t, err, identity.LimitExceeded, "more than the 6144")
	coded(t, s.PutUserPolicy(t.Context(), b.admin, "alice", "p/q", servertest.Allow("*", "*")), identity.Invalid, "a policy's name has")
	_, err = s.GetUserPolicy(t.Context(), b.admin, "alice", "p")
	coded(t, err, identity.NotFound, "user alice has no policy named p")
}

func second[T any](_ T, err error) error { return err }

func suppliedDocuments(t *testing.T, b *iamBench) map[string]*policy.Document {
	t.Helper()
	l, err := b.Identity.ListPolicies(t.Context(), b.admin, identity.PolicyFilter{Scope: "AWS"}, identity.Page{Max: 100})
	check(t, err)
	docs := map[string]*policy.Document{}
	for _, p := range l.Items {
		d, err := policy.Parse(p.Name, []byte(p.Versions[0].Document))
		check(t, err)
		// Acting for any user id is what the one policy is for, and a trap in any other.
		if trap := policy.Lint(d); p.Description == "" || p.Default == "" || (len(trap) > 0) != (p.Name == "LanyardWorkloadTokensForUserId") {
			t.Errorf("%s: %q, version %q, %v", p.Name, p.Description, p.Default, trap)
		}
		docs[p.Name] = d
	}
	if len(docs) < 7 {
		t.Fatalf("only %d policies are supplied", len(docs))
	}
	return docs
}

// allows asks one document about an action on every resource of the data plane.
func allows(d *policy.Document, action string) bool {
	resources := map[string][]string{
		"bedrock-agentcore": {"arn:aws:bedrock-agentcore:us-west-2:000000000000:workload-identity-directory/default/workload-identity/agent",
			"arn:aws:bedrock-agentcore:us-west-2:000000000000:workload-identity-directory/default", "arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default",
			"arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/oauth2credentialprovider/github"},
		"lanyard": {"arn:aws:lanyard:us-west-2:000000000000:*"},
	}
	service, _, _ := strings.Cut(action, ":")
	on := resources[service]
	if on == nil {
		on = []string{"*"}
	}
	c := &policy.Caller{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/alice", UserID: "AIDA", Name: "alice", Kind: policy.KindUser, Policies: []*policy.Document{d}}
	return policy.Evaluate(c, &policy.Request{Action: action, Resources: on}).Allowed
}

// TestA53_NoSuppliedPolicyAsksAndCompletes: an agent that may ask for tokens and finish the consent could stand in for
// the user. Neither does any of them write IAM, which would come to the same.
func TestA53_NoSuppliedPolicyAsksAndCompletes(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	asks := []string{"GetWorkloadAccessToken", "GetWorkloadAccessTokenForJWT", "GetWorkloadAccessTokenForUserId", "GetResourceOauth2Token", "GetResourceApiKey", "GetResourcePaymentToken"}
	completing := 0
	for name, d := range suppliedDocuments(t, b) {
		completes := allows(d, "bedrock-agentcore:CompleteResourceTokenAuth")
		if completes {
			completing++
		}
		for _, a := range asks {
			if completes && allows(d, "bedrock-agentcore:"+a) {
				t.Errorf("%s completes sessions and allows %s", name, a)
			}
			if allows(d, "bedrock-agentcore:"+a) && !strings.HasPrefix(name, "LanyardWorkloadTokens") {
				t.Errorf("%s allows %s", name, a)
			}
		}
		for _, action := range []string{"PutUserPolicy", "PutRolePolicy", "AttachUserPolicy", "AttachRolePolicy", "CreatePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion",
			"UpdateAssumeRolePolicy", "CreateAccessKey", "CreateUser", "CreateRole", "TagUser", "TagRole", "CreateOpenIDConnectProvider", "DeleteUserPolicy", "DetachRolePolicy"} {
			if allows(d, "iam:"+action) {
				t.Errorf("%s allows iam:%s", name, action)
			}
		}
		if allows(d, "sts:AssumeRole") {
			t.Errorf("%s allows sts:AssumeRole", name)
		}
	}
	if completing != 1 {
		t.Errorf("%d policies complete sessions", completing)
	}
}

// TestA54_SuppliedPolicyForVerifiedUsersOnly: LanyardWorkloadTokens gets tokens for users whom a JWT proves, and for no user id.
func TestA54_SuppliedPolicyForVerifiedUsersOnly(t *testing.T) {
	t.Parallel()
	docs := suppliedDocuments(t, newIAM(t))
	for action, wanted := range map[string][2]bool{
		"GetWorkloadAccessToken": {true, true}, "GetWorkloadAccessTokenForJWT": {true, true}, "GetResourceOauth2Token": {true, true}, "GetResourceApiKey": {true, true},
		"GetWorkloadAccessTokenForUserId": {false, true},
	} {
		for i, name := range []string{"LanyardWorkloadTokens", "LanyardWorkloadTokensForUserId"} {
			if got := allows(docs[name], "bedrock-agentcore:"+action); got != wanted[i] {
				t.Errorf("%s allows %s: %v", name, action, got)
			}
		}
	}
}

// TestSuppliedPoliciesWorkAndStay: they hold where they are attached, cannot be changed, and those of Amazon's that join
// what is split here do not exist.
func TestSuppliedPoliciesWorkAndStay(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	const arn = "arn:aws:iam::aws:policy/LanyardReadOnly"
	alice := b.user("alice", "")
	check(t, s.AttachUserPolicy(t.Context(), b.admin, "alice", arn))
	alice = b.again(alice)
	_, err := s.ListUsers(t.Context(), alice, "", identity.Page{Max: 10})
	check(t, err)
	_, err = s.CreateUser(t.Context(), alice, identity.NewUser{Name: "x"})
	coded(t, err, identity.Denied, "iam:CreateUser")
	for _, err := range []error{
		s.DeletePolicy(t.Context(), b.admin, arn), s.TagPolicy(t.Context(), b.admin, arn, map[string]string{"a": "b"}), s.SetDefaultPolicyVersion(t.Context(), b.admin, arn, "v1"),
		second(s.CreatePolicyVersion(t.Context(), b.admin, arn, servertest.Allow("*", "*"), true)), s.DeletePolicyVersion(t.Context(), b.admin, arn, "v1"),
	} {
		coded(t, err, identity.Invalid, "comes with Lanyard and cannot be changed")
	}
	err = s.AttachUserPolicy(t.Context(), b.admin, "alice", "arn:aws:iam::aws:policy/BedrockAgentCoreFullAccess")
	coded(t, err, identity.NotFound, "LanyardSessionBinding, LanyardWebIdentity, LanyardWorkloadTokens")
}
