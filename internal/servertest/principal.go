package servertest

import (
	"context"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// Credentials sign requests.
type Credentials struct{ Account, AccessKeyID, Secret, SessionToken string }

// RootOf makes the account if need be, and a key of its root.
func (s *Service) RootOf(t testing.TB, account string) Credentials {
	t.Helper()
	if err := s.Identity.EnsureAccount(context.Background(), account); err != nil {
		t.Fatal(err)
	}
	return s.key(t, account, "")
}

func (s *Service) key(t testing.TB, account, user string) Credentials {
	t.Helper()
	k, secret, err := s.Identity.CreateAccessKey(context.Background(), identity.LocalAdmin(account), user)
	if err != nil {
		t.Fatal(err)
	}
	return Credentials{Account: account, AccessKeyID: k.ID, Secret: secret.RevealString()}
}

// User makes a user with one policy ("" for none) and a key.
func (s *Service) User(t testing.TB, name, policy string) Credentials {
	t.Helper()
	if _, err := s.Identity.CreateUser(context.Background(), identity.LocalAdmin(s.Account), identity.NewUser{Name: name}); err != nil {
		t.Fatal(err)
	}
	if policy != "" {
		if err := s.Identity.PutUserPolicy(context.Background(), identity.LocalAdmin(s.Account), name, "policy", policy); err != nil {
			t.Fatal(err)
		}
	}
	return s.key(t, s.Account, name)
}

// Allow is a policy that allows the actions on the resources ("*" for all).
func Allow(resource string, actions ...string) string {
	return statement("Allow", resource, actions)
}

// AllowAllBut is a policy that allows everything and denies the actions.
func AllowAllBut(actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + one("Allow", "*", []string{"*"}) + `,` + one("Deny", "*", actions) + `]}`
}

func statement(effect, resource string, actions []string) string {
	return `{"Version":"2012-10-17","Statement":[` + one(effect, resource, actions) + `]}`
}

func one(effect, resource string, actions []string) string {
	return `{"Effect":"` + effect + `","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"` + resource + `"}`
}

// Records returns every record of one kind, straight from the store.
func (s *Service) Records(t testing.TB, account, kind string) []identity.Record {
	t.Helper()
	rows, err := s.raw.ListRecords(context.Background(), account, kind, "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Grants returns every grant of the account, straight from the store.
func (s *Service) Grants(t testing.TB) []identity.Grant {
	t.Helper()
	rows, err := s.raw.ListGrants(context.Background(), s.Account, identity.GrantFilter{}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
