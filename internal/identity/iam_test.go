package identity_test

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// iamBench is a service with its local administrator, for tests of IAM's use-cases.
type iamBench struct {
	*servertest.Service
	t     *testing.T
	admin *policy.Caller
}

func newIAM(t *testing.T) *iamBench {
	t.Helper()
	s := servertest.New(t)
	return &iamBench{s, t, identity.LocalAdmin(s.Account)}
}

// caller is the caller of the credentials, as authentication makes it.
func (b *iamBench) caller(c servertest.Credentials) *policy.Caller {
	b.t.Helper()
	caller, _, err := b.Identity.Authenticate(b.t.Context(), c.AccessKeyID, c.SessionToken)
	check(b.t, err)
	return caller
}

// user makes a user with the policy and returns it as a caller.
func (b *iamBench) user(name, document string) *policy.Caller {
	b.t.Helper()
	return b.caller(b.User(b.t, name, document))
}

// again is the caller with the policies that hold now.
func (b *iamBench) again(c *policy.Caller) *policy.Caller {
	b.t.Helper()
	b.Clock.Advance(1e9)
	return b.caller(servertest.Credentials{AccessKeyID: c.AccessKeyID})
}

const trustAccount = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}`

func (b *iamBench) role(name string) *identity.Role {
	b.t.Helper()
	r, err := b.Identity.CreateRole(b.t.Context(), b.admin, identity.NewRole{Name: name, Trust: trustAccount})
	check(b.t, err)
	return r
}

func (b *iamBench) policy(name, document string) *identity.ManagedPolicy {
	b.t.Helper()
	p, err := b.Identity.CreatePolicy(b.t.Context(), b.admin, identity.NewPolicy{Name: name, Document: document})
	check(b.t, err)
	return p
}

// all reads every page of a list, two items at a time.
func all[T any](t testing.TB, list func(identity.Page) (identity.List[T], error)) []T {
	t.Helper()
	var out []T
	for p := (identity.Page{Max: 2}); ; {
		l, err := list(p)
		check(t, err)
		if len(l.Items) > p.Max {
			t.Fatalf("a page of %d has %d items", p.Max, len(l.Items))
		}
		out = append(out, l.Items...)
		if p.Token = l.Next; p.Token == "" {
			return out
		}
	}
}

// names are the names of items, in order, separated by spaces.
func names[T any](items []T, name func(T) string) string {
	list := make([]string, len(items))
	for i, item := range items {
		list[i] = name(item)
	}
	return strings.Join(list, " ")
}

func want(t testing.TB, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: %q, want %q", what, got, wanted)
	}
}
