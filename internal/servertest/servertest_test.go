package servertest_test

import (
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestServiceRunsAConsent: the parts are wired so that a consent comes to its token, on either replica.
func TestServiceRunsAConsent(t *testing.T) {
	s := servertest.New(t)
	a := s.NewAgent(t)
	token := a.Grant(t, "alice")
	if !a.IDP.Active(token) {
		t.Error("the token is not one that the provider issued")
	}
	if got := a.At(s.Replica(t), s.Root).Get(t, "alice"); got != token {
		t.Error("the other replica answers another token")
	}
	if len(s.Audit(t, identity.AuditFilter{Action: "bedrock-agentcore:CompleteResourceTokenAuth"})) != 2 {
		t.Error("a completion is audited by its intent and its result")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		servertest.New(b)
	}
}
