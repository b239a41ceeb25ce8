//go:build !quick

package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store/storetest/pgtest"
)

func openPostgresTest(t *testing.T) *Store {
	t.Helper()
	return openConfig(t, Config{PostgresURL: pgtest.Start(t)})
}

// blocked tells whether a transaction of this database waits for another's lock.
func blocked(t *testing.T, s *Store) bool {
	t.Helper()
	var n int
	err := s.engine.read(t.Context()).one(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, nil, &n)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestDeleteWaitsForCompletion stops a consent between its grant and its commit and deletes its provider meanwhile: the
// deletion waits and takes the grant along.
func TestDeleteWaitsForCompletion(t *testing.T) {
	s := openPostgresTest(t)
	ctx := t.Context()
	session := identity.Session{Account: "a", ID: "s", ProviderID: "p", Status: identity.SessionPending, Version: 1}
	for _, err := range []error{
		s.InsertAccount(ctx, identity.Account{ID: "a"}),
		s.InsertRecord(ctx, identity.Record{Account: "a", Kind: identity.KindOAuth2Provider, ID: "p", Name: "p", Version: 1}, 0),
		s.InsertSession(ctx, session, 1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stored, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := s.engine.write(ctx, func(h handle) error {
			if err := updateSession(h, &session); err != nil {
				return err
			}
			if err := putGrant(h, &identity.Grant{Account: "a", ID: "g", ProviderID: "p"}); err != nil {
				return err
			}
			close(stored)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-stored
	all.Go(func() {
		if err := s.DeleteRecord(ctx, "a", identity.KindOAuth2Provider, "p"); err != nil {
			t.Error(err)
		}
	})
	await(t, func() bool { return blocked(t, s) })
	close(release)
	all.Wait()
	if list, err := s.ListGrants(ctx, "a", identity.GrantFilter{}, "", 10); err != nil || len(list) != 0 {
		t.Errorf("%d grants of the deleted provider are left (%v)", len(list), err)
	}
}

// TestCancelledWhileWaiting: a caller who gives up while the database makes him wait leaves nothing behind.
func TestCancelledWhileWaiting(t *testing.T) {
	s := openPostgresTest(t)
	if err := s.InsertAccount(t.Context(), identity.Account{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	var all sync.WaitGroup
	holding := make(chan struct{})
	all.Go(func() {
		err := s.engine.write(t.Context(), func(h handle) error {
			if err := countChange(h, "a"); err != nil {
				return err
			}
			close(holding)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	ctx, cancel := context.WithCancel(t.Context())
	all.Go(func() {
		if err := s.RaiseAccountEpoch(ctx, "a", time.UnixMilli(1)); err == nil {
			t.Error("a cancelled change succeeded")
		}
	})
	await(t, func() bool { return blocked(t, s) })
	cancel()
	await(t, func() bool { return !blocked(t, s) })
	close(release)
	all.Wait()
	a, err := s.Account(t.Context(), "a")
	if err != nil || !a.Epoch.IsZero() || a.Version != 1 {
		t.Errorf("the account is %+v (%v)", a, err)
	}
}
