//go:build conformance

package conformance_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKillBetweenSteps kills the service between any two steps of a consent. Each step was answered, so nothing of it
// may be lost: the next one works at the restarted service as if nothing had happened.
func TestKillBetweenSteps(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	provider, err := bench.StartOIDCProvider()
	check(t, err)
	kills := len((&story{}).steps()) - 1
	for after := range kills {
		s := atOIDCProvider(t, provider, fmt.Sprintf("agent-%d", after), server.Caller)
		for i, step := range s.steps() {
			step.run()
			if i == after {
				server.Kill()
				server.Start(t)
			}
		}
		if user := newRelyingParty(t, provider).user(s.token); user != "alice" {
			t.Errorf("killed after %q: the token is %q's", s.steps()[after].name, user)
		}
	}
	counts, err := provider.TokenRequests(t.Context())
	check(t, err)
	if diff := cmp.Diff(map[string]int{"authorization_code": kills, "failed": 0}, counts); diff != "" {
		t.Errorf("token requests at the provider (-want +got):\n%s", diff)
	}
}
