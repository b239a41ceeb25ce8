package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA41_UserMovesOnlyWhereItMay: policies and trust are written for paths, so who may change a user where it is must
// also be allowed to have it where it goes.
func TestA41_UserMovesOnlyWhereItMay(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	at := func(path string) string { return "arn:aws:iam::" + b.Account + ":user" + path }
	_, err := b.Identity.CreateRole(t.Context(), b.admin, identity.NewRole{Name: "powers", Trust: trusting(accountRoot, `{"ArnLike":{"aws:PrincipalArn":"`+at("/admins/*")+`"}}`)})
	check(t, err)
	mallory := b.user("mallory", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"},`+
		`{"Effect":"Allow","Action":"iam:UpdateUser","Resource":["`+at("/mallory")+`","`+at("/dev/*")+`"]}]}`)
	move := func(path string) error {
		_, err := b.Identity.UpdateUser(t.Context(), b.again(mallory), "mallory", identity.UserUpdate{NewPath: path})
		return err
	}
	coded(t, move("/admins/"), identity.Denied, "on resource: "+at("/admins/mallory"))
	_, err = b.Identity.AssumeRole(t.Context(), b.again(mallory), identity.AssumeRoleRequest{RoleARN: "arn:aws:iam::" + b.Account + ":role/powers", SessionName: "session"})
	coded(t, err, identity.Denied, "")
	check(t, move("/dev/"))
	coded(t, move("/admins/"), identity.Denied, "on resource: "+at("/admins/mallory"))
	check(t, move("/dev/a/"))
	r := b.Audit(t, identity.AuditFilter{Action: "iam:UpdateUser", Result: identity.AuditAllowed})
	if len(r) != 2 || !slices.Equal(r[1].Resources, []string{at("/dev/mallory"), at("/dev/a/mallory")}) {
		t.Errorf("audited as %+v", r)
	}
}

// TestA41_UserMovesWithItsTags: a condition on the user's tags holds for where it goes, too.
func TestA41_UserMovesWithItsTags(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	mover := b.user("mover", strings.Replace(servertest.Allow("*", "iam:UpdateUser"), `"Resource":"*"`, `"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}`, 1))
	for name, team := range map[string]string{"ours": "red", "theirs": "blue"} {
		_, err := b.Identity.CreateUser(t.Context(), b.admin, identity.NewUser{Name: name, Tags: map[string]string{"team": team}})
		check(t, err)
	}
	_, err := b.Identity.UpdateUser(t.Context(), mover, "ours", identity.UserUpdate{NewPath: "/x/"})
	check(t, err)
	_, err = b.Identity.UpdateUser(t.Context(), mover, "theirs", identity.UserUpdate{NewPath: "/x/"})
	coded(t, err, identity.Denied, "")
}

// together runs f n times at once and returns how many succeeded; the others must fail with the code.
func together(t *testing.T, n int, code identity.Code, f func(i int) error) int {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	done := 0
	for _, err := range errs {
		if e, ok := errors.AsType[*identity.Error](err); err != nil && (!ok || e.Code != code) {
			t.Errorf("error is %v, want %v", err, code)
		}
		if err == nil {
			done++
		}
	}
	return done
}

// TestInlinePoliciesAtTheSameMoment: the limit holds, and a principal at its limit is not shut out.
func TestInlinePoliciesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", servertest.Allow("*", "iam:GetUser")) // one policy
	b.role("agent")
	for owner, c := range map[string]struct {
		before int
		put    func(c *policy.Caller, name, document string) error
		list   func(p identity.Page) (identity.List[string], error)
	}{
		"user": {1, func(c *policy.Caller, name, document string) error {
			return b.Identity.PutUserPolicy(t.Context(), c, "alice", name, document)
		}, func(p identity.Page) (identity.List[string], error) {
			return b.Identity.ListUserPolicies(t.Context(), b.admin, "alice", p)
		}},
		"role": {0, func(c *policy.Caller, name, document string) error {
			return b.Identity.PutRolePolicy(t.Context(), c, "agent", name, document)
		}, func(p identity.Page) (identity.List[string], error) {
			return b.Identity.ListRolePolicies(t.Context(), b.admin, "agent", p)
		}},
	} {
		for i := c.before; i < 47; i++ {
			check(t, c.put(b.admin, fmt.Sprintf("p%02d", i), servertest.Allow("*", "a:B")))
		}
		if n := together(t, 12, identity.LimitExceeded, func(i int) error {
			return c.put(b.admin, fmt.Sprintf("q%02d", i), servertest.Allow("*", "a:B"))
		}); n != 3 {
			t.Errorf("%s: %d of 12 were put, want 3", owner, n)
		}
		if n := len(all(t, c.list)); n != 50 {
			t.Errorf("%s: %d are listed", owner, n)
		}
	}
	_, err := b.Identity.GetUser(t.Context(), b.again(alice), "")
	check(t, err)
}

// TestAccessKeysAtTheSameMoment: nobody comes to more than two keys, root included.
func TestAccessKeysAtTheSameMoment(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	_, err := b.Identity.CreateUser(t.Context(), b.admin, identity.NewUser{Name: "alice"})
	check(t, err)
	root := b.caller(b.Root) // has one key
	for user, c := range map[string]struct {
		caller *policy.Caller
		made   int
	}{"alice": {b.admin, 2}, "": {root, 1}} {
		if n := together(t, 12, identity.LimitExceeded, func(int) error {
			_, _, err := b.Identity.CreateAccessKey(t.Context(), c.caller, user)
			return err
		}); n != c.made {
			t.Errorf("%q: %d keys were made, want %d", user, n, c.made)
		}
		l, err := b.Identity.ListAccessKeys(t.Context(), c.caller, user, identity.Page{Max: 100})
		check(t, err)
		if len(l.Items) != 2 {
			t.Errorf("%q has %d keys", user, len(l.Items))
		}
	}
}

// TestFilteredListsReadInChunks: what a filter leaves out costs no query of its own.
func TestFilteredListsReadInChunks(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	for i := range 40 {
		_, err := b.Identity.CreateUser(t.Context(), b.admin, identity.NewUser{Name: fmt.Sprintf("u%02d", i), Path: []string{"/a/", "/b/"}[i/20]})
		check(t, err)
	}
	reads := 0
	b.OnStore(func(call string) error {
		if call == "ListRecords" {
			reads++
		}
		return nil
	})
	list := func(prefix, token string) identity.List[*identity.Principal] { // a page of one
		t.Helper()
		reads = 0
		l, err := b.Identity.ListUsers(t.Context(), b.admin, prefix, identity.Page{Max: 1, Token: token})
		check(t, err)
		if reads != 1 {
			t.Fatalf("%s: %d queries for a page of one", prefix, reads)
		}
		return l
	}
	if l := list("/none/", ""); len(l.Items) != 0 || l.Next != "" {
		t.Errorf("a path of nobody: %+v", l)
	}
	l := list("/b/", "")
	want(t, "first of a path", l.Items[0].Name, "u20")
	l = list("/b/", l.Next)
	want(t, "second of a path", l.Items[0].Name, "u21")
	token := ""
	for range 20 {
		l = list("/a/", token)
		token = l.Next
	}
	if l.Items[0].Name != "u19" || l.Next != "" {
		t.Errorf("the last of a path is %s, and its token %q", l.Items[0].Name, l.Next)
	}
}

// TestAttachmentCountsAreReadOnce: the accounts' users and roles are not read again until one changes.
func TestAttachmentCountsAreReadOnce(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	p := b.policy("mine", servertest.Allow("*", "a:B"))
	b.User(t, "alice", "")
	reads := 0
	b.OnStore(func(call string) error {
		if call == "ListRecords" {
			reads++
		}
		return nil
	})
	attached := func(wanted int) {
		t.Helper()
		got, err := b.Identity.GetPolicy(t.Context(), b.admin, p.ARN())
		check(t, err)
		if got.Attachments != wanted {
			t.Errorf("attached to %d, want %d", got.Attachments, wanted)
		}
	}
	attached(0)
	before := reads
	attached(0)
	if reads != before {
		t.Errorf("counting again took %d queries", reads-before)
	}
	check(t, b.Replica(t).Identity.AttachUserPolicy(t.Context(), b.admin, "alice", p.ARN()))
	attached(1)
	check(t, b.Identity.DetachUserPolicy(t.Context(), b.admin, "alice", p.ARN()))
	attached(0)
}
