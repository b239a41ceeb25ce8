package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// plainGet is a plain request, as a service elsewhere makes it.
func plainGet(t testing.TB, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	check(t, err)
	return r
}

// issuersAt configures where issuers are.
func issuersAt(t testing.TB, base string) servertest.Option {
	t.Helper()
	u, err := url.Parse(base)
	check(t, err)
	return servertest.Configure(func(c *identity.Config) { c.IssuerURL = u })
}

func TestFederationIsEnabledAndDisabled(t *testing.T) {
	s := servertest.New(t)
	root := rootCaller(s.Account)
	_, _, err := s.Identity.OutboundFederation(t.Context(), root)
	coded(t, err, identity.FederationDisabled, "FeatureDisabledException")
	coded(t, s.Identity.DisableOutboundFederation(t.Context(), root), identity.FederationDisabled, "FeatureDisabledException")

	first, err := s.Identity.EnableOutboundFederation(t.Context(), root)
	check(t, err)
	if !strings.HasPrefix(first, s.Public+"/issuer/") || len(first) != len(s.Public+"/issuer/")+36 {
		t.Errorf("the issuer is %s", first)
	}
	_, err = s.Identity.EnableOutboundFederation(t.Context(), root)
	coded(t, err, identity.FederationEnabled, first)
	again, enabled, err := s.Identity.OutboundFederation(t.Context(), root)
	if err != nil || !enabled || again != first {
		t.Errorf("info is %s %v %v", again, enabled, err)
	}

	check(t, s.Identity.DisableOutboundFederation(t.Context(), root))
	_, err = s.Identity.WebIdentityToken(t.Context(), root, wanting())
	coded(t, err, identity.FederationDisabled, "FeatureDisabledException")
	_, enabled, err = s.Identity.OutboundFederation(t.Context(), root)
	coded(t, err, identity.FederationDisabled, "")
	if enabled {
		t.Error("disabled federation shows as enabled")
	}
	if again, err = s.Identity.EnableOutboundFederation(t.Context(), root); err != nil || again != first {
		t.Errorf("enabled again as %s, want %s: %v", again, first, err)
	}
	if n := len(s.Records(t, s.Account, identity.KindSigningKey)); n != 2 {
		t.Errorf("there are %d keys", n)
	}
}

func TestFederationNeedsPermission(t *testing.T) {
	s := servertest.New(t)
	c := roleCaller(t, s, servertest.AllowAllBut("iam:*"))
	_, err := s.Identity.EnableOutboundFederation(t.Context(), c)
	coded(t, err, identity.Denied, "iam:EnableOutboundWebIdentityFederation")
	coded(t, s.Identity.DisableOutboundFederation(t.Context(), c), identity.Denied, "iam:DisableOutboundWebIdentityFederation")
	_, _, err = s.Identity.OutboundFederation(t.Context(), c)
	coded(t, err, identity.Denied, "iam:GetOutboundWebIdentityFederationInfo")
	if n := len(s.Records(t, s.Account, identity.KindFederation)) + len(s.Records(t, s.Account, identity.KindSigningKey)); n != 0 {
		t.Errorf("denied calls left %d records", n)
	}
}

// TestIssuerStaysWhereItWasEnabled: moving the server must not change iss in silence.
func TestIssuerStaysWhereItWasEnabled(t *testing.T) {
	s, first := federated(t, issuersAt(t, "https://tokens.example.com/i/"))
	if !strings.HasPrefix(first, "https://tokens.example.com/i/") || strings.Contains(first, "i//") {
		t.Fatalf("the issuer is %s", first)
	}
	moved := s.Replica(t, issuersAt(t, "https://elsewhere.example.com"))
	root := rootCaller(s.Account)
	if got, _, err := moved.Identity.OutboundFederation(t.Context(), root); err != nil || got != first {
		t.Errorf("after the move the issuer is %s, want %s: %v", got, first, err)
	}
	if got := part(t, mint(t, moved, root), 1)["iss"]; got != first {
		t.Errorf("after the move iss is %v, want %s", got, first)
	}
	check(t, moved.Identity.CheckIssuers(t.Context()))
	if log := moved.Logs(); !strings.Contains(log, first) || !strings.Contains(log, "https://elsewhere.example.com/") {
		t.Errorf("the log does not tell of both URLs: %s", log)
	}
	check(t, s.Identity.CheckIssuers(t.Context()))
	if strings.Contains(s.Logs(), "not the configured one") {
		t.Error("a replica that was not moved complains")
	}

	check(t, moved.Identity.DisableOutboundFederation(t.Context(), root))
	second, err := moved.Identity.EnableOutboundFederation(t.Context(), root)
	check(t, err)
	if want := "https://elsewhere.example.com" + first[len("https://tokens.example.com/i"):]; second != want {
		t.Errorf("moved on purpose to %s, want %s", second, want)
	}
}

// TestLoopbackIssuerFollowsThePort of a development instance.
func TestLoopbackIssuerFollowsThePort(t *testing.T) {
	s, first := federated(t)
	moved := s.Replica(t, issuersAt(t, "http://127.0.0.1:1/issuer"))
	got, _, err := moved.Identity.OutboundFederation(t.Context(), rootCaller(s.Account))
	if want := "http://127.0.0.1:1/issuer/" + first[len(first)-36:]; err != nil || got != want {
		t.Errorf("the issuer is %s, want %s: %v", got, want, err)
	}
}

// TestReplicasEnableOneIssuer: whatever two replicas do at once, the account has one issuer id and one key of each kind.
func TestReplicasEnableOneIssuer(t *testing.T) {
	s := servertest.New(t)
	replicas := []*servertest.Service{s, s.Replica(t), s.Replica(t)}
	var all sync.WaitGroup
	for _, r := range replicas {
		all.Go(func() {
			if _, err := r.Identity.EnableOutboundFederation(t.Context(), rootCaller(s.Account)); err != nil && !told(err, identity.FederationEnabled, identity.Conflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(s.Records(t, s.Account, identity.KindFederation)); n != 1 {
		t.Errorf("there are %d federations", n)
	}
	if n := len(s.Records(t, s.Account, identity.KindSigningKey)); n != 2 {
		t.Errorf("there are %d keys", n)
	}
	for _, r := range replicas {
		iss, _, err := r.Identity.OutboundFederation(t.Context(), rootCaller(s.Account))
		check(t, err)
		if got := part(t, mint(t, r, rootCaller(s.Account)), 1)["iss"]; got.(string)[len(r.Public):] != iss[len(r.Public):] {
			t.Errorf("iss is %v, want %s", got, iss)
		}
	}
}

func told(err error, codes ...identity.Code) bool {
	e, ok := err.(*identity.Error)
	for _, c := range codes {
		if ok && e.Code == c {
			return true
		}
	}
	return false
}

// TestEnabledElsewhereIsEnabledHere: a refusal never rests on what a replica has cached.
func TestEnabledElsewhereIsEnabledHere(t *testing.T) {
	s := servertest.New(t)
	r := s.Replica(t)
	_, err := r.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting())
	coded(t, err, identity.FederationDisabled, "")
	_, err = s.Identity.EnableOutboundFederation(t.Context(), rootCaller(s.Account))
	check(t, err)
	mint(t, r, rootCaller(s.Account))

	check(t, s.Identity.DisableOutboundFederation(t.Context(), rootCaller(s.Account)))
	s.Clock.Advance(250 * time.Millisecond)
	_, err = r.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting())
	coded(t, err, identity.FederationDisabled, "")
}

// TestDocumentsOutliveFederationByATokensLife and no longer.
func TestDocumentsOutliveFederationByATokensLife(t *testing.T) {
	s, iss := federated(t)
	v, token := outside(t, s), mint(t, s, rootCaller(s.Account), lasting(time.Hour))
	check(t, s.Identity.DisableOutboundFederation(t.Context(), rootCaller(s.Account)))
	s.Clock.Advance(59 * time.Minute)
	if _, err := verify(t, v, token, iss, audienceURL); err != nil {
		t.Errorf("a token that was issued before: %v", err)
	}
	s.Clock.Advance(12 * time.Minute)
	for _, path := range []string{issuer.DiscoveryPath, issuer.KeysPath} {
		if a := fetch(t, s, iss+path); a.Status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, a.Status)
		}
	}
	_, err := s.Identity.AccountIssuer(t.Context(), s.Account)
	coded(t, err, identity.FederationDisabled, "")
}

// TestA64_EditedFederationIsRefused: who can write the database cannot enable federation or move an issuer.
func TestA64_EditedFederationIsRefused(t *testing.T) {
	s, _ := federated(t)
	check(t, s.Identity.DisableOutboundFederation(t.Context(), rootCaller(s.Account)))
	edit(t, s, `UPDATE records SET data = replace(data, '"enabled":false', '"enabled":true'), version = version WHERE kind = 'federation'`)
	edit(t, s, `UPDATE accounts SET version = version + 1`)
	s.Clock.Advance(time.Second)
	_, err := s.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting())
	coded(t, err, identity.Internal, "changed outside Lanyard")
}
