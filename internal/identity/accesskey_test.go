package identity_test

import (
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestLastUseSurvivesAMove: the audit knows a key by its id, whatever path its user had then.
func TestLastUseSurvivesAMove(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", servertest.Allow("*", "iam:*"))
	b.Clock.Advance(time.Hour)
	at := b.Clock.Now()
	_, err := b.Identity.GetUser(t.Context(), alice, "")
	check(t, err)
	_, err = b.Identity.UpdateUser(t.Context(), b.admin, "alice", identity.UserUpdate{NewPath: "/moved/"})
	check(t, err)
	use, err := b.Identity.AccessKeyLastUsed(t.Context(), b.admin, alice.AccessKeyID)
	check(t, err)
	if d := use.At.Sub(at); d.Abs() > time.Second || use.Service != "iam" || use.UserName != "alice" {
		t.Errorf("used %s after it was: %+v", d, use)
	}
}

// TestStrangersDoNotUseAKey: who names a key without its secret has not used it.
func TestStrangersDoNotUseAKey(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	alice := b.user("alice", "")
	why := &identity.Error{Code: identity.Unrecognized, Message: "the signature does not match"}
	if err := b.Identity.RefuseStranger(t.Context(), identity.Stranger{Action: "iam:GetUser", AccessKeyID: alice.AccessKeyID}, why); err == nil {
		t.Fatal("a stranger was not refused")
	}
	if r := b.Audit(t, identity.AuditFilter{Action: "iam:GetUser"}); len(r) != 1 || r[0].AccessKey != alice.AccessKeyID {
		t.Fatalf("audited as %+v", r)
	}
	use, err := b.Identity.AccessKeyLastUsed(t.Context(), b.admin, alice.AccessKeyID)
	check(t, err)
	if !use.At.IsZero() {
		t.Errorf("a key that was only named counts as used: %+v", use)
	}
}
