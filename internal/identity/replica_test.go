package identity_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestA39_OneRefreshForAll: two replicas on one database, a thousand callers on one expired grant: the provider, which
// takes a second use of a refresh token for theft, sees exactly one, and no caller fails.
func TestA39_OneRefreshForAll(t *testing.T) {
	t.Parallel()
	oneRefreshForAll(t, servertest.New(t))
}

func oneRefreshForAll(t *testing.T, s *servertest.Service) {
	t.Helper()
	a := s.NewAgent(t)
	old := a.Grant(t, "alice")
	other := s.Replica(t)
	token := a.Token(t, "alice")
	s.Clock.Advance(59*time.Minute + 55*time.Second)
	root := &policy.Caller{Account: s.Account, ARN: "arn:aws:iam::" + s.Account + ":root", Kind: policy.KindRoot}
	ask := identity.ResourceTokenRequest{WorkloadToken: token, Provider: a.Provider, Flow: identity.UserFederation, Scopes: []string{"read"}, ReturnURL: servertest.ReturnURL}
	hold := a.IDP.HoldTokens()
	var all sync.WaitGroup
	var failed, stale atomic.Int32
	var begun atomic.Int32
	crowd := make(chan struct{})
	for i := range 1000 {
		replica := []*servertest.Service{s, other}[i%2]
		all.Go(func() {
			if begun.Add(1) == 1000 {
				close(crowd)
			}
			out, err := replica.Identity.ResourceToken(context.Background(), root, ask)
			if err != nil || out.Access.Empty() {
				failed.Add(1)
			} else if out.Access.RevealString() == old {
				stale.Add(1)
			}
		})
	}
	<-hold.Arrived()
	<-crowd
	hold.Release()
	all.Wait()
	if n := a.IDP.Count("refresh_token"); n != 1 || failed.Load() != 0 || stale.Load() != 0 {
		t.Errorf("%d refreshes reached the provider, %d callers failed, %d got the old token", n, failed.Load(), stale.Load())
	}
	if !a.IDP.Active(a.Get(t, "alice")) {
		t.Error("the grant was lost")
	}
}

// TestReplicasSeeEachOthersChanges: what one replica changes holds on the other, at the latest after the window.
func TestReplicasSeeEachOthersChanges(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	other := s.Replica(t)
	b := a.At(other, s.Root)
	b.Token(t, "alice")
	user := s.User(t, "late", "")
	_, err := a.At(other, user).Ask(a.Token(t, "alice"))
	if err == nil {
		t.Fatal("a user without a policy may ask")
	}
	check(t, s.Identity.PutUserPolicy(t.Context(), identity.LocalAdmin(s.Account), "late", "all", servertest.Allow("*", "*")))
	a.At(other, user).Begin(t, "alice") // a refusal never rests on a cached policy
	a.CreateWorkload(t, "fresh", "https://fresh.example.com/cb")
	c := *b
	c.Workload = "fresh"
	c.Begin(t, "alice", returnTo("https://fresh.example.com/cb"))
	check(t, s.Identity.DeleteUserPolicy(t.Context(), identity.LocalAdmin(s.Account), "late", "all"))
	s.Clock.Advance(250 * time.Millisecond)
	if _, err := a.At(other, user).Ask(a.Token(t, "alice")); err == nil {
		t.Error("a policy that was taken away still holds on the other replica")
	}
	// The consent begun at one replica is finished at the other.
	begun := a.Begin(t, "carol")
	back := other.Consent(t, *begun.AuthorizationUrl)
	check(t, b.Complete(servertest.SessionURI(t, back), "carol"))
	a.Get(t, "carol")
}
