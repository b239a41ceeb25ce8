package identity_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestPoliciesHaveALimit: a policy past the limit would never be read, and might hold a Deny, so it is refused.
func TestPoliciesHaveALimit(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.User(t, "collector", servertest.Allow("*", "*"))
	var err error
	for i := 0; err == nil && i < 100; i++ {
		err = s.Identity.PutUserPolicy(t.Context(), identity.LocalAdmin(s.Account), "collector", fmt.Sprintf("p%02d", i), servertest.Allow("*", "*"))
	}
	if err == nil || !strings.Contains(err.Error(), "policies already") {
		t.Fatalf("the limit answers %v", err)
	}
	if err := s.Identity.PutUserPolicy(t.Context(), identity.LocalAdmin(s.Account), "collector", "p00", servertest.Allow("*", "*")); err != nil {
		t.Errorf("replacing a policy at the limit: %v", err)
	}
}

// TestMachineTokensHangOnCustomParameters: they go to the token endpoint, so a token asked for with one set of them must
// not be handed to a request with another.
func TestMachineTokensHangOnCustomParameters(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	root := &policy.Caller{Account: s.Account, ARN: "arn:aws:iam::" + s.Account + ":root", Kind: policy.KindRoot}
	get := func(tenant string) string {
		t.Helper()
		in := identity.ResourceTokenRequest{WorkloadToken: a.Token(t, "alice"), Provider: a.Provider, Flow: identity.M2M, Scopes: []string{"read"}}
		if tenant != "" {
			in.CustomParameters = map[string]string{"tenant": tenant}
		}
		out, err := s.Identity.ResourceToken(t.Context(), root, in)
		if err != nil {
			t.Fatal(err)
		}
		return out.Access.RevealString()
	}
	plain, one, two := get(""), get("one"), get("two")
	if plain == one || one == two || one != get("one") || plain != get("") {
		t.Error("a machine token was handed out for other parameters than it was asked for")
	}
}

// TestA01_ForgedCallbacksAreAudited: what is tied to no session leaves a record all the same.
func TestA01_ForgedCallbacksAreAudited(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	callback := s.NewBrowser(t).Callback(t, *a.Begin(t, "alice").AuthorizationUrl)
	if p := s.NewBrowser(t).Open(t, callback); p.Status != http.StatusForbidden {
		t.Fatalf("another browser's callback answers %d", p.Status)
	}
	if r := s.Audit(t, identity.AuditFilter{Action: "lanyard:AuthorizationCallback", Result: identity.AuditDenied}); len(r) != 1 {
		t.Errorf("audited as %+v", r)
	}
}

// TestBackgroundRefreshIsOnRecord: every refresh shares the grant's id, also one that nobody asked for.
func TestBackgroundRefreshIsOnRecord(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	a := s.NewAgent(t)
	a.Grant(t, "alice")
	s.Clock.Advance(59*60*1e9 + 50*1e9)
	if n, err := s.Identity.RefreshDue(t.Context(), 60*1e9, 24*3600*1e9, 10); n != 1 || err != nil {
		t.Fatalf("%d refreshed, %v", n, err)
	}
	if err := s.Identity.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := s.Audit(t, identity.AuditFilter{Action: "lanyard:RefreshGrant", Result: identity.AuditAllowed})
	if len(r) != 1 || r[0].GrantID != s.Grants(t)[0].ID || r[0].Caller != "background" {
		t.Errorf("audited as %+v", r)
	}
}
