package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func TestRolesAreMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	for _, name := range []string{"zulu", "agent"} {
		_, err := s.CreateRole(t.Context(), b.admin, identity.NewRole{Name: name, Path: "/agents/", Description: "runs", Trust: trustAccount, MaxSession: 2 * time.Hour, Tags: map[string]string{"env": "prod"}})
		check(t, err)
	}
	b.role("plain")
	_, err := s.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "agent", Trust: trustAccount})
	coded(t, err, identity.Conflict, "a role named agent exists already")

	list := func(prefix string) string {
		return names(all(t, func(p identity.Page) (identity.List[*identity.Role], error) {
			return s.ListRoles(t.Context(), b.admin, prefix, p)
		}),
			func(r *identity.Role) string { return r.Name })
	}
	want(t, "all roles", list(""), "agent plain zulu")
	want(t, "roles of a path", list("/agents/"), "agent zulu")

	text, longest := "walks", 12*time.Hour
	_, err = s.UpdateRole(t.Context(), b.admin, "agent", identity.RoleUpdate{Description: &text, MaxSession: &longest})
	check(t, err)
	r, err := s.GetRole(t.Context(), b.admin, "agent")
	check(t, err)
	if r.Description != text || r.MaxSession != longest || r.Tags["env"] != "prod" || r.ARN() != "arn:aws:iam::"+b.Account+":role/agents/agent" || !strings.HasPrefix(r.ID, "AROA") {
		t.Errorf("the role is %+v", r)
	}
	for _, d := range []time.Duration{59 * time.Minute, 12*time.Hour + time.Second} {
		_, err = s.UpdateRole(t.Context(), b.admin, "agent", identity.RoleUpdate{MaxSession: &d})
		coded(t, err, identity.Invalid, "between 3600 and 43200 seconds")
	}

	check(t, s.PutRolePolicy(t.Context(), b.admin, "agent", "inline", servertest.Allow("*", "a:B")))
	coded(t, s.DeleteRole(t.Context(), b.admin, "agent"), identity.InUse, "inline policies")
	check(t, s.DeleteRolePolicy(t.Context(), b.admin, "agent", "inline"))
	check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", "arn:aws:iam::aws:policy/LanyardAudit"))
	coded(t, s.DeleteRole(t.Context(), b.admin, "agent"), identity.InUse, "managed policies attached")
	check(t, s.DetachRolePolicy(t.Context(), b.admin, "agent", "arn:aws:iam::aws:policy/LanyardAudit"))
	check(t, s.DeleteRole(t.Context(), b.admin, "agent"))
	_, err = s.GetRole(t.Context(), b.admin, "agent")
	coded(t, err, identity.NotFound, "there is no role agent")
}

// TestA41_TrustPolicies: a trust policy is read strictly when it is written, and says where it is wrong.
func TestA41_TrustPolicies(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	b.role("agent")
	statement := func(rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + rest + `}]}`
	}
	for name, c := range map[string]struct {
		trust, says string
		code        identity.Code
	}{
		"no JSON":              {"{", "line 1", identity.MalformedPolicy},
		"a resource":           {statement(`"Principal":"*","Action":"sts:AssumeRole","Resource":"*"`), "Resource", identity.MalformedPolicy},
		"no principal":         {statement(`"Action":"sts:AssumeRole"`), "Principal", identity.MalformedPolicy},
		"NotPrincipal":         {statement(`"NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"`), "NotPrincipal", identity.MalformedPolicy},
		"an identity's policy": {servertest.Allow("*", "*"), "", identity.MalformedPolicy},
		"nobody's user":        {statement(`"Principal":{"AWS":"arn:aws:iam::000000000000:user/ghost"},"Action":"sts:AssumeRole"`), "Invalid principal in policy", identity.MalformedPolicy},
		"nobody's role":        {statement(`"Principal":{"AWS":["arn:aws:iam::000000000000:role/ghost"]},"Action":"sts:AssumeRole"`), "there is no role", identity.MalformedPolicy},
		"a role's other path":  {statement(`"Principal":{"AWS":"arn:aws:iam::000000000000:role/other/agent"},"Action":"sts:AssumeRole"`), "check its path", identity.MalformedPolicy},
		"too long":             {statement(`"Sid":"` + strings.Repeat("x", 4096) + `","Principal":"*","Action":"sts:AssumeRole"`), "more than the 4096", identity.LimitExceeded},
	} {
		_, create := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "new", Trust: c.trust})
		update := b.Identity.UpdateTrustPolicy(t.Context(), b.admin, "agent", c.trust)
		t.Run(name, func(t *testing.T) {
			coded(t, create, c.code, c.says)
			coded(t, update, c.code, c.says)
		})
	}
	r, err := b.Identity.GetRole(t.Context(), b.admin, "agent")
	check(t, err)
	want(t, "the trust policy", r.Trust, trustAccount)
}

// TestA41_WhoMayTagMayNotAttach: permissions to change a principal are apart from each other.
func TestA41_WhoMayTagMayNotAttach(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	b.role("agent")
	c := b.user("tagger", servertest.Allow("*", "iam:TagRole", "iam:Get*", "iam:List*", "iam:CreateRole", "iam:UpdateRole"))
	s, all := b.Identity, servertest.Allow("*", "*")
	check(t, s.TagRole(t.Context(), c, "agent", map[string]string{"a": "b"}))
	for action, err := range map[string]error{
		"PutUserPolicy":          s.PutUserPolicy(t.Context(), c, "tagger", "more", all),
		"AttachUserPolicy":       s.AttachUserPolicy(t.Context(), c, "tagger", "arn:aws:iam::aws:policy/LanyardIdentityAdministrator"),
		"PutRolePolicy":          s.PutRolePolicy(t.Context(), c, "agent", "more", all),
		"AttachRolePolicy":       s.AttachRolePolicy(t.Context(), c, "agent", "arn:aws:iam::aws:policy/LanyardAudit"),
		"UpdateAssumeRolePolicy": s.UpdateTrustPolicy(t.Context(), c, "agent", trustAccount),
		"UntagRole":              s.UntagRole(t.Context(), c, "agent", []string{"a"}),
	} {
		t.Run(action, func(t *testing.T) { coded(t, err, identity.Denied, "iam:"+action) })
	}
}

// TestA41_CreatingWithTagsIsTagging: who may not tag does not get round it by making a thing with tags.
func TestA41_CreatingWithTagsIsTagging(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	c := b.user("maker", servertest.Allow("*", "iam:Create*"))
	tags := map[string]string{"admin": "yes"}
	s := b.Identity
	_, user := s.CreateUser(t.Context(), c, identity.NewUser{Name: "x", Tags: tags})
	_, role := s.CreateRole(t.Context(), c, identity.NewRole{Name: "x", Trust: trustAccount, Tags: tags})
	_, managed := s.CreatePolicy(t.Context(), c, identity.NewPolicy{Name: "x", Document: servertest.Allow("*", "*"), Tags: tags})
	_, oidc := s.CreateOIDCProvider(t.Context(), c, identity.NewOIDCProvider{URL: "https://oidc.example.com", Tags: tags})
	coded(t, user, identity.Denied, "iam:TagUser")
	coded(t, role, identity.Denied, "iam:TagRole")
	coded(t, managed, identity.Denied, "iam:TagPolicy")
	coded(t, oidc, identity.Denied, "iam:TagOpenIDConnectProvider")
	_, err := s.CreateUser(t.Context(), c, identity.NewUser{Name: "x"})
	check(t, err)
}

// TestA41_ConditionsOnIAM: policies can say which tags and which policies.
func TestA41_ConditionsOnIAM(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	statement := func(action, condition string) string {
		return `{"Effect":"Allow","Action":"` + action + `","Resource":"*","Condition":` + condition + `}`
	}
	c := b.user("narrow", `{"Version":"2012-10-17","Statement":[`+strings.Join([]string{
		statement("iam:AttachRolePolicy", `{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/LanyardAudit"}}`),
		statement("iam:TagRole", `{"StringEquals":{"aws:RequestTag/team":"red","aws:ResourceTag/team":"red"}}`),
		statement("iam:UntagRole", `{"ForAllValues:StringEquals":{"aws:TagKeys":["colour"]},"Null":{"aws:TagKeys":"false"}}`),
		statement("iam:GetRole", `{"StringEquals":{"aws:ResourceTag/team":"red"}}`),
	}, ",")+`]}`)
	for role, team := range map[string]string{"red": "red", "blue": "blue"} {
		_, err := s.CreateRole(t.Context(), b.admin, identity.NewRole{Name: role, Trust: trustAccount, Tags: map[string]string{"team": team}})
		check(t, err)
	}
	check(t, s.AttachRolePolicy(t.Context(), c, "red", "arn:aws:iam::aws:policy/LanyardAudit"))
	coded(t, s.AttachRolePolicy(t.Context(), c, "red", "arn:aws:iam::aws:policy/LanyardIdentityAdministrator"), identity.Denied, "iam:AttachRolePolicy")
	check(t, s.TagRole(t.Context(), c, "red", map[string]string{"team": "red", "colour": "x"}))
	coded(t, s.TagRole(t.Context(), c, "red", map[string]string{"team": "blue"}), identity.Denied, "iam:TagRole")
	coded(t, s.TagRole(t.Context(), c, "blue", map[string]string{"team": "red"}), identity.Denied, "iam:TagRole")
	check(t, s.UntagRole(t.Context(), c, "red", []string{"colour"}))
	coded(t, s.UntagRole(t.Context(), c, "red", []string{"colour", "team"}), identity.Denied, "iam:UntagRole")
	_, err := s.GetRole(t.Context(), c, "red")
	check(t, err)
	_, err = s.GetRole(t.Context(), c, "blue")
	coded(t, err, identity.Denied, "iam:GetRole")
}

// TestA59_RecreatedPrincipalsInheritNothing: a user, role or policy that is made again under its old name has none of
// what the old one had.
func TestA59_RecreatedPrincipalsInheritNothing(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	old := b.role("agent")
	managed := b.policy("mine", servertest.Allow("*", "*"))
	check(t, s.PutRolePolicy(t.Context(), b.admin, "agent", "inline", servertest.Allow("*", "*")))
	check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", managed.ARN()))
	check(t, s.TagRole(t.Context(), b.admin, "agent", map[string]string{"a": "b"}))
	check(t, s.DeleteRoleWithAll(t.Context(), b.Account, "agent"))
	again := b.role("agent")
	if again.ID == old.ID || len(again.Tags) != 0 {
		t.Errorf("the new role is %+v", again)
	}
	inline, err := s.ListRolePolicies(t.Context(), b.admin, "agent", identity.Page{Max: 10})
	check(t, err)
	attached, err := s.ListAttachedRolePolicies(t.Context(), b.admin, "agent", "", identity.Page{Max: 10})
	check(t, err)
	if len(inline.Items)+len(attached.Items) != 0 {
		t.Errorf("the new role has %v and %v", inline.Items, attached.Items)
	}

	check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", managed.ARN()))
	check(t, s.DetachRolePolicy(t.Context(), b.admin, "agent", managed.ARN()))
	check(t, s.DeletePolicy(t.Context(), b.admin, managed.ARN()))
	b.policy("mine", servertest.Allow("*", "*"))
	holders, err := s.ListEntitiesForPolicy(t.Context(), b.admin, managed.ARN(), identity.HolderFilter{}, identity.Page{Max: 10})
	check(t, err)
	if len(holders.Items) != 0 {
		t.Errorf("the new policy is attached to %v", holders.Items)
	}
}

// TestA59_TrustNamesThePrincipalOfItsDay: a role that trusts a user by its ARN does not trust who takes the name next.
func TestA59_TrustNamesThePrincipalOfItsDay(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	allowed := servertest.Allow("*", "sts:AssumeRole")
	alice := b.user("alice", allowed)
	trust := strings.ReplaceAll(trustAccount, ":root", ":user/alice")
	role, err := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "agent", Trust: trust})
	check(t, err)
	assume := func(c *policy.Caller) error {
		_, err := b.Identity.AssumeRole(t.Context(), c, identity.AssumeRoleRequest{RoleARN: role.ARN(), SessionName: "session"})
		return err
	}
	check(t, assume(alice))
	check(t, b.Identity.DeleteUserWithAll(t.Context(), b.Account, "alice"))
	impostor := b.user("alice", allowed)
	coded(t, assume(impostor), identity.Denied, "trusts an earlier arn:aws:iam::"+b.Account+":user/alice")
	check(t, b.Identity.UpdateTrustPolicy(t.Context(), b.admin, "agent", trust))
	check(t, assume(impostor))
}

// TestA31_RevokedSessionsOfARole: sessions from before are refused, and the mark never moves back.
func TestA31_RevokedSessionsOfARole(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	b.role("agent")
	now := b.Clock.Now()
	check(t, b.Identity.RevokeRoleSessions(t.Context(), b.Account, "agent", now))
	check(t, b.Identity.RevokeRoleSessions(t.Context(), b.Account, "agent", now.Add(-time.Hour)))
	r, err := b.Identity.GetRole(t.Context(), b.admin, "agent")
	check(t, err)
	if d := now.Sub(r.RevokedBefore); d.Abs() > time.Millisecond {
		t.Errorf("revoked before %s, want %s", r.RevokedBefore, now)
	}
	coded(t, b.Identity.RevokeRoleSessions(t.Context(), b.Account, "absent", now), identity.NotFound, "there is no role absent")
}

// TestA64_EditedRolesAndPolicies: what was written behind Lanyard's back decides nothing.
func TestA64_EditedRolesAndPolicies(t *testing.T) {
	t.Parallel()
	replace := func(from, to, kind string) string {
		return `UPDATE records SET data = CAST(REPLACE(CAST(data AS TEXT), '` + from + `', '` + to + `') AS BLOB) WHERE kind = '` + kind + `'`
	}
	for name, query := range map[string]string{
		"trust policy":       replace("000000000000:root", "111111111111:root", "role"),
		"attachments":        `UPDATE records SET data = CAST(REPLACE(CAST(data AS TEXT), '"trust"', '"attached":["arn:aws:iam::aws:policy/LanyardIdentityAdministrator"],"trust"') AS BLOB) WHERE kind = 'role'`,
		"role's name":        `UPDATE records SET name = 'other' WHERE kind = 'role'`,
		"managed policy":     replace("a:B", "*", "managed-policy"),
		"default version":    replace(`"default":"v1"`, `"default":"v2"`, "managed-policy"),
		"inline policy":      replace("a:B", "*", "policy"),
		"provider's clients": replace("audience", "anything", "oidc-provider"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newIAM(t)
			s := b.Identity
			b.role("agent")
			managed := b.policy("mine", servertest.Allow("*", "a:B"))
			check(t, s.AttachRolePolicy(t.Context(), b.admin, "agent", managed.ARN()))
			check(t, s.PutRolePolicy(t.Context(), b.admin, "agent", "inline", servertest.Allow("*", "a:B")))
			provider, err := s.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: "https://oidc.example.com", ClientIDs: []string{"audience"}})
			check(t, err)
			edit(t, b.Service, query)
			forget(t, b.Service)
			role := "agent"
			if name == "role's name" {
				role = "other"
			}
			_, err = s.SimulatePrincipalPolicy(t.Context(), b.admin, "arn:aws:iam::"+b.Account+":role/"+role, identity.Simulation{Actions: []string{"a:B"}}, identity.Page{Max: 1})
			if name == "provider's clients" {
				check(t, err)
				_, err = s.GetOIDCProvider(t.Context(), b.admin, provider.ARN())
			}
			coded(t, err, identity.Internal, "was changed outside Lanyard and is refused")
		})
	}
}
