package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func TestUsersAreMadeListedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	for _, name := range []string{"carol", "alice", "bob"} {
		_, err := s.CreateUser(t.Context(), b.admin, identity.NewUser{Name: name, Path: "/team/", Tags: map[string]string{"Team": "red"}})
		check(t, err)
	}
	b.User(t, "dave", "")
	_, err := s.CreateUser(t.Context(), b.admin, identity.NewUser{Name: "alice"})
	coded(t, err, identity.Conflict, "a user named alice exists already")

	u, err := s.GetUser(t.Context(), b.admin, "alice")
	check(t, err)
	want(t, "ARN", u.ARN(), "arn:aws:iam::"+b.Account+":user/team/alice")
	list := func(prefix string) string {
		return names(all(t, func(p identity.Page) (identity.List[*identity.Principal], error) {
			return s.ListUsers(t.Context(), b.admin, prefix, p)
		}), func(u *identity.Principal) string { return u.Name })
	}
	want(t, "all users", list(""), "alice bob carol dave")
	want(t, "users of a path", list("/team/"), "alice bob carol")

	u, err = s.UpdateUser(t.Context(), b.admin, "alice", identity.UserUpdate{NewPath: "/other/"})
	check(t, err)
	want(t, "ARN after the move", u.ARN(), "arn:aws:iam::"+b.Account+":user/other/alice")
	_, err = s.UpdateUser(t.Context(), b.admin, "alice", identity.UserUpdate{NewName: "eve"})
	coded(t, err, identity.Invalid, "a user's name is fixed")

	coded(t, s.DeleteUser(t.Context(), b.admin, "dave"), identity.InUse, "access keys")
	check(t, s.DeleteUserWithAll(t.Context(), b.Account, "dave"))
	check(t, s.DeleteUser(t.Context(), b.admin, "alice"))
	coded(t, s.DeleteUser(t.Context(), b.admin, "alice"), identity.NotFound, "there is no user alice")
	want(t, "users left", list(""), "bob carol")
}

func TestNamesAndPathsAreHeldToTheirForm(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	for name, in := range map[string]identity.NewUser{
		"no name": {}, "space": {Name: "a b"}, "slash": {Name: "a/b"}, "long": {Name: strings.Repeat("a", 65)}, "unicode": {Name: "ä"},
		"path without end": {Name: "a", Path: "/x"}, "path with a star": {Name: "a", Path: "/*/"}, "path with nothing": {Name: "a", Path: "//"},
		"reserved tag":                 {Name: "a", Tags: map[string]string{"aws:x": "y"}},
		"tags that differ in case":     {Name: "a", Tags: map[string]string{"Team": "x", "team": "y"}},
		"tag with a control character": {Name: "a", Tags: map[string]string{"a\nb": "y"}},
	} {
		_, err := b.Identity.CreateUser(t.Context(), b.admin, in)
		t.Run(name, func(t *testing.T) { coded(t, err, identity.Invalid, "") })
	}
}

// TestGetUserWithoutAName is about the caller, and about nobody for callers that are no users.
func TestGetUserWithoutAName(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", servertest.Allow("*", "iam:GetUser"))
	u, err := b.Identity.GetUser(t.Context(), alice, "")
	check(t, err)
	want(t, "own user", u.Name, "alice")
	_, err = b.Identity.GetUser(t.Context(), b.admin, "")
	coded(t, err, identity.Invalid, "name the user")
}

// TestRefusalsDoNotTellWhatExists: who may not ask gets the same answer for a user that is there and one that is not.
func TestRefusalsDoNotTellWhatExists(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	nobody := b.user("nobody", "")
	b.User(t, "there", "")
	_, there := b.Identity.GetUser(t.Context(), nobody, "there")
	_, absent := b.Identity.GetUser(t.Context(), nobody, "absent")
	coded(t, there, identity.Denied, "iam:GetUser on resource: arn:aws:iam::"+b.Account+":user/there")
	want(t, "refusal of one that is absent", strings.ReplaceAll(absent.Error(), "absent", "there"), there.Error())
}

func TestAccessKeysOfOneUserAreNotAnothers(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::` + b.Account + `:user/alice"}]}`
	alice, bob := b.user("alice", own), b.user("bob", "")

	key, secret, err := s.CreateAccessKey(t.Context(), alice, "")
	check(t, err)
	if len(secret.Reveal()) != 40 || key.UserID != alice.UserID {
		t.Fatalf("the key is %+v", key)
	}
	_, _, err = s.CreateAccessKey(t.Context(), alice, "")
	coded(t, err, identity.LimitExceeded, "2 access keys already")
	_, _, err = s.CreateAccessKey(t.Context(), alice, "bob")
	coded(t, err, identity.Denied, "iam:CreateAccessKey")
	coded(t, s.DeleteAccessKey(t.Context(), alice, "", bob.AccessKeyID), identity.NotFound, "user alice has no access key")
	coded(t, s.UpdateAccessKey(t.Context(), alice, "alice", bob.AccessKeyID, false), identity.NotFound, "user alice has no access key")

	check(t, s.UpdateAccessKey(t.Context(), alice, "", key.ID, false))
	listed := all(t, func(p identity.Page) (identity.List[*identity.AccessKey], error) {
		return s.ListAccessKeys(t.Context(), alice, "", p)
	})
	if len(listed) != 2 {
		t.Fatalf("alice has %d keys", len(listed))
	}
	for _, k := range listed {
		if k.Active == (k.ID == key.ID) {
			t.Errorf("key %s is active: %v", k.ID, k.Active)
		}
	}
	_, _, err = s.Authenticate(t.Context(), key.ID, "")
	coded(t, err, identity.Unrecognized, "no active access key")
	check(t, s.DeleteAccessKey(t.Context(), alice, "", key.ID))
}

// TestAccessKeyLastUsed is read from the audit, so that it is true after a restart.
func TestAccessKeyLastUsed(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", servertest.Allow("*", "iam:*"))
	use, err := b.Identity.AccessKeyLastUsed(t.Context(), b.admin, alice.AccessKeyID)
	check(t, err)
	if !use.At.IsZero() || use.UserName != "alice" {
		t.Errorf("a key that was never used: %+v", use)
	}
	b.Clock.Advance(time.Hour)
	at := b.Clock.Now()
	_, err = b.Identity.GetUser(t.Context(), alice, "")
	check(t, err)
	b.Clock.Advance(time.Hour)
	for _, replica := range []*servertest.Service{b.Service, b.Replica(t)} { // the first commits what others are to see
		use, err = replica.Identity.AccessKeyLastUsed(t.Context(), b.admin, alice.AccessKeyID)
		check(t, err)
		if d := use.At.Sub(at); d.Abs() > time.Second || use.Service != "iam" || use.Region != b.Region {
			t.Errorf("used %s after %s: %+v", d, at, use)
		}
	}
	nobody := b.user("nobody", "")
	_, err = b.Identity.AccessKeyLastUsed(t.Context(), nobody, alice.AccessKeyID)
	coded(t, err, identity.Denied, "iam:GetAccessKeyLastUsed")
	_, err = b.Identity.AccessKeyLastUsed(t.Context(), b.admin, "AKIAAAAAAAAAAAAAAAAA")
	coded(t, err, identity.NotFound, "there is no access key")
}

// TestA11_OtherAccountsUsersRolesAndPolicies: the account is a wall for names, ARNs and key ids.
func TestA11_OtherAccountsUsersRolesAndPolicies(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	alice := b.user("alice", "")
	role, managed := b.role("agent"), b.policy("mine", servertest.Allow("*", "*"))
	provider, err := s.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: "https://oidc.example.com", ClientIDs: []string{"sts"}})
	check(t, err)

	const other = "111111111111"
	check(t, s.EnsureAccount(t.Context(), other))
	root := identity.LocalAdmin(other)
	missing := func(what string, err error) {
		t.Helper()
		t.Run(what, func(t *testing.T) { coded(t, err, identity.NotFound, "") })
	}
	_, err = s.GetUser(t.Context(), root, "alice")
	missing("user", err)
	_, err = s.GetRole(t.Context(), root, role.Name)
	missing("role", err)
	_, err = s.GetPolicy(t.Context(), root, managed.ARN())
	missing("policy", err)
	missing("policy deleted", s.DeletePolicy(t.Context(), root, managed.ARN()))
	_, err = s.GetOIDCProvider(t.Context(), root, provider.ARN())
	missing("provider", err)
	_, err = s.AccessKeyLastUsed(t.Context(), root, alice.AccessKeyID)
	missing("key", err)
	missing("key deleted", s.DeleteAccessKey(t.Context(), root, "", alice.AccessKeyID))
	_, err = s.SimulatePrincipalPolicy(t.Context(), root, role.ARN(), identity.Simulation{Actions: []string{"iam:GetUser"}}, identity.Page{Max: 1})
	missing("simulated", err)

	_, err = s.CreateUser(t.Context(), root, identity.NewUser{Name: "zoe"})
	check(t, err)
	missing("attached", s.AttachUserPolicy(t.Context(), root, "zoe", managed.ARN()))
	if l, err := s.ListUsers(t.Context(), root, "", identity.Page{Max: 10}); err != nil || len(l.Items) != 1 {
		t.Errorf("the other account has %d users, %v", len(l.Items), err)
	}
}

// TestEveryUseCaseIsDeniedToNobody: no operation of IAM works without a policy that allows it, and each refusal is
// audited under the operation's own name.
func TestEveryUseCaseIsDeniedToNobody(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	nobody := b.user("nobody", "")
	role, managed := b.role("agent"), b.policy("mine", servertest.Allow("*", "*"))
	for action, call := range everyUseCase(b, nobody, role.Name, managed.ARN()) {
		err := call()
		t.Run(action, func(t *testing.T) {
			coded(t, err, identity.Denied, "is not authorized to perform: iam:"+action)
			if r := b.Audit(t, identity.AuditFilter{Action: "iam:" + action, Result: identity.AuditDenied}); len(r) != 1 || r[0].Caller != nobody.ARN || len(r[0].Resources) == 0 {
				t.Errorf("audited as %+v", r)
			}
		})
	}
}

func everyUseCase(b *iamBench, c *policy.Caller, role, arn string) map[string]func() error {
	s, ctx, page := b.Identity, b.t.Context(), identity.Page{Max: 10}
	document := servertest.Allow("*", "*")
	oidc := "arn:aws:iam::" + b.Account + ":oidc-provider/oidc.example.com"
	tags, keys := map[string]string{"a": "b"}, []string{"a"}
	one := func(_ any, err error) error { return err }
	return map[string]func() error{
		"CreateUser":   func() error { return one(s.CreateUser(ctx, c, identity.NewUser{Name: "x"})) },
		"GetUser":      func() error { return one(s.GetUser(ctx, c, "")) },
		"ListUsers":    func() error { return one(s.ListUsers(ctx, c, "", page)) },
		"UpdateUser":   func() error { return one(s.UpdateUser(ctx, c, "nobody", identity.UserUpdate{NewPath: "/x/"})) },
		"DeleteUser":   func() error { return s.DeleteUser(ctx, c, "nobody") },
		"TagUser":      func() error { return s.TagUser(ctx, c, "nobody", tags) },
		"UntagUser":    func() error { return s.UntagUser(ctx, c, "nobody", keys) },
		"ListUserTags": func() error { return one(s.ListUserTags(ctx, c, "nobody", page)) },
		"CreateAccessKey": func() error {
			_, _, err := s.CreateAccessKey(ctx, c, "")
			return err
		},
		"ListAccessKeys":           func() error { return one(s.ListAccessKeys(ctx, c, "", page)) },
		"UpdateAccessKey":          func() error { return s.UpdateAccessKey(ctx, c, "", c.AccessKeyID, true) },
		"DeleteAccessKey":          func() error { return s.DeleteAccessKey(ctx, c, "", c.AccessKeyID) },
		"GetAccessKeyLastUsed":     func() error { return one(s.AccessKeyLastUsed(ctx, c, c.AccessKeyID)) },
		"PutUserPolicy":            func() error { return s.PutUserPolicy(ctx, c, "nobody", "p", document) },
		"GetUserPolicy":            func() error { return one(s.GetUserPolicy(ctx, c, "nobody", "p")) },
		"ListUserPolicies":         func() error { return one(s.ListUserPolicies(ctx, c, "nobody", page)) },
		"DeleteUserPolicy":         func() error { return s.DeleteUserPolicy(ctx, c, "nobody", "p") },
		"AttachUserPolicy":         func() error { return s.AttachUserPolicy(ctx, c, "nobody", arn) },
		"DetachUserPolicy":         func() error { return s.DetachUserPolicy(ctx, c, "nobody", arn) },
		"ListAttachedUserPolicies": func() error { return one(s.ListAttachedUserPolicies(ctx, c, "nobody", "", page)) },
		"ListGroupsForUser":        func() error { return s.ListGroupsForUser(ctx, c, "nobody") },
		"ListAccountAliases":       func() error { return s.ListAccountAliases(ctx, c) },

		"CreateRole":                  func() error { return one(s.CreateRole(ctx, c, identity.NewRole{Name: "x", Trust: trustAccount})) },
		"GetRole":                     func() error { return one(s.GetRole(ctx, c, role)) },
		"ListRoles":                   func() error { return one(s.ListRoles(ctx, c, "", page)) },
		"UpdateRole":                  func() error { return one(s.UpdateRole(ctx, c, role, identity.RoleUpdate{})) },
		"UpdateRoleDescription":       func() error { return one(s.UpdateRoleDescription(ctx, c, role, "x")) },
		"UpdateAssumeRolePolicy":      func() error { return s.UpdateTrustPolicy(ctx, c, role, trustAccount) },
		"DeleteRole":                  func() error { return s.DeleteRole(ctx, c, role) },
		"TagRole":                     func() error { return s.TagRole(ctx, c, role, tags) },
		"UntagRole":                   func() error { return s.UntagRole(ctx, c, role, keys) },
		"ListRoleTags":                func() error { return one(s.ListRoleTags(ctx, c, role, page)) },
		"PutRolePolicy":               func() error { return s.PutRolePolicy(ctx, c, role, "p", document) },
		"GetRolePolicy":               func() error { return one(s.GetRolePolicy(ctx, c, role, "p")) },
		"ListRolePolicies":            func() error { return one(s.ListRolePolicies(ctx, c, role, page)) },
		"DeleteRolePolicy":            func() error { return s.DeleteRolePolicy(ctx, c, role, "p") },
		"AttachRolePolicy":            func() error { return s.AttachRolePolicy(ctx, c, role, arn) },
		"DetachRolePolicy":            func() error { return s.DetachRolePolicy(ctx, c, role, arn) },
		"ListAttachedRolePolicies":    func() error { return one(s.ListAttachedRolePolicies(ctx, c, role, "", page)) },
		"ListInstanceProfilesForRole": func() error { return s.ListInstanceProfilesForRole(ctx, c, role) },

		"CreatePolicy":            func() error { return one(s.CreatePolicy(ctx, c, identity.NewPolicy{Name: "x", Document: document})) },
		"GetPolicy":               func() error { return one(s.GetPolicy(ctx, c, arn)) },
		"ListPolicies":            func() error { return one(s.ListPolicies(ctx, c, identity.PolicyFilter{}, page)) },
		"DeletePolicy":            func() error { return s.DeletePolicy(ctx, c, arn) },
		"CreatePolicyVersion":     func() error { return one(s.CreatePolicyVersion(ctx, c, arn, document, true)) },
		"GetPolicyVersion":        func() error { return one(s.GetPolicyVersion(ctx, c, arn, "v1")) },
		"ListPolicyVersions":      func() error { return one(s.ListPolicyVersions(ctx, c, arn, page)) },
		"SetDefaultPolicyVersion": func() error { return s.SetDefaultPolicyVersion(ctx, c, arn, "v1") },
		"DeletePolicyVersion":     func() error { return s.DeletePolicyVersion(ctx, c, arn, "v1") },
		"ListEntitiesForPolicy":   func() error { return one(s.ListEntitiesForPolicy(ctx, c, arn, identity.HolderFilter{}, page)) },
		"TagPolicy":               func() error { return s.TagPolicy(ctx, c, arn, tags) },
		"UntagPolicy":             func() error { return s.UntagPolicy(ctx, c, arn, keys) },
		"ListPolicyTags":          func() error { return one(s.ListPolicyTags(ctx, c, arn, page)) },

		"CreateOpenIDConnectProvider": func() error {
			return one(s.CreateOIDCProvider(ctx, c, identity.NewOIDCProvider{URL: "https://oidc.example.com"}))
		},
		"GetOpenIDConnectProvider":                func() error { return one(s.GetOIDCProvider(ctx, c, oidc)) },
		"ListOpenIDConnectProviders":              func() error { return one(s.ListOIDCProviders(ctx, c)) },
		"DeleteOpenIDConnectProvider":             func() error { return s.DeleteOIDCProvider(ctx, c, oidc) },
		"AddClientIDToOpenIDConnectProvider":      func() error { return s.AddClientID(ctx, c, oidc, "x") },
		"RemoveClientIDFromOpenIDConnectProvider": func() error { return s.RemoveClientID(ctx, c, oidc, "x") },
		"UpdateOpenIDConnectProviderThumbprint":   func() error { return s.UpdateThumbprints(ctx, c, oidc, nil) },
		"TagOpenIDConnectProvider":                func() error { return s.TagOIDCProvider(ctx, c, oidc, tags) },
		"UntagOpenIDConnectProvider":              func() error { return s.UntagOIDCProvider(ctx, c, oidc, keys) },
		"ListOpenIDConnectProviderTags":           func() error { return one(s.ListOIDCProviderTags(ctx, c, oidc, page)) },

		"SimulatePrincipalPolicy": func() error {
			return one(s.SimulatePrincipalPolicy(ctx, c, c.ARN, identity.Simulation{Actions: []string{"a:B"}}, page))
		},
		"SimulateCustomPolicy": func() error {
			return one(s.SimulateCustomPolicy(ctx, c, identity.Simulation{Actions: []string{"a:B"}, Policies: []string{document}}, page))
		},
		"GetContextKeysForPrincipalPolicy": func() error { return one(s.ContextKeys(ctx, c, c.ARN, nil)) },
	}
}
