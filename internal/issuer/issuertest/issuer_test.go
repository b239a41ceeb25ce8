package issuertest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
)

const audience = "lanyard"

func shapes() map[string]issuertest.Token {
	return map[string]issuertest.Token{
		"kubernetes": issuertest.Kubernetes("agents", "agent", audience),
		"github":     issuertest.GitHubActions("octo-org/agent", "refs/heads/main", audience),
		"spiffe":     issuertest.SPIFFE("spiffe://example.org/agent", audience),
		"gcp":        issuertest.GCP("112010400000000710080", "agent@my-project.iam.gserviceaccount.com", audience),
		"azure/":     issuertest.Azure("9122040d-6c67-4c5b-b112-36a304b66dad", "8b0e5b3e-5b8d-4a2b-9f7e-2f2b8d1f8c11", audience),
		"aws":        issuertest.AWS("123456789012", "Agent", audience, map[string]string{"team": "agents"}),
	}
}

func verifier(t *testing.T) func(i *issuertest.Issuer, token string) error {
	t.Helper()
	out, err := egress.New(egress.Config{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	v := issuer.NewVerifier(out, time.Now)
	return func(i *issuertest.Issuer, token string) error {
		_, err := v.Verify(t.Context(), token, func(iss string) (issuer.Trust, bool) {
			return issuer.Trust{Issuer: iss, Audiences: []string{audience}, Types: []string{"", "JWT", "JOSE"}}, iss == i.URL
		})
		return err
	}
}

func TestEveryShapeVerifies(t *testing.T) {
	server, verify := issuertest.New(t), verifier(t)
	for name, shape := range shapes() {
		i := server.Issuer(name)
		if err := verify(i, i.Sign(shape)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if verify(i, server.Issuer("another").Sign(shape)) == nil {
			t.Errorf("%s: another issuer's token verified", name)
		}
	}
}

// The forged tokens are only worth something if the same token, signed by the issuer, verifies.
func TestNoHostileTokenVerifies(t *testing.T) {
	server, verify := issuertest.New(t), verifier(t)
	for name, shape := range shapes() {
		i := server.Issuer(name)
		if err := verify(i, i.Sign(shape)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		hostiles := i.Hostiles(shape)
		if len(hostiles) < 25 {
			t.Fatalf("%s: only %d hostile tokens", name, len(hostiles))
		}
		for _, h := range hostiles {
			if e := (*issuer.Error)(nil); !errors.As(verify(i, h.Token), &e) {
				t.Errorf("%s: %s was not refused", name, h.Name)
			}
		}
		if server.Misled(i) {
			t.Errorf("%s: the verifier fetched keys from where a token's header said", name)
		}
	}
}
