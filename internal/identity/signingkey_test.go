package identity_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

const day = 24 * time.Hour

// published are the key ids of the issuer's key set, as anybody sees it.
func published(t testing.TB, s *servertest.Service, iss string) []string {
	t.Helper()
	a := fetch(t, s, iss+issuer.KeysPath)
	if a.Status != http.StatusOK {
		t.Fatalf("the keys answer %d %s", a.Status, a.Body)
	}
	var set struct {
		Keys []struct{ Kid string }
	}
	a.Into(t, &set)
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// signing is the key that signs now.
func signing(t testing.TB, s *servertest.Service, alg string) string {
	t.Helper()
	return part(t, mint(t, s, rootCaller(s.Account), signedBy(alg)), 0)["kid"].(string)
}

// TestKeysRotateOnline: the next key is published a day before it signs, the last one until its last token has expired,
// and at every moment the token just issued verifies, also with the key set of a day before.
func TestKeysRotateOnline(t *testing.T) {
	s, iss := federated(t)
	first := map[string]string{"ES384": signing(t, s, "ES384"), "RS256": signing(t, s, "RS256")}
	s.Clock.Advance(88 * day)
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	if n := len(published(t, s, iss)); n != 2 {
		t.Fatalf("%d keys are published before any is due", n)
	}

	s.Clock.Advance(day + time.Hour)
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	check(t, s.Identity.RotateSigningKeys(t.Context())) // and nothing more
	before := published(t, s, iss)
	if len(before) != 4 {
		t.Fatalf("%d keys are published", len(before))
	}
	s.Clock.Advance(23 * time.Hour)
	var tokens []string
	for alg, kid := range first {
		if got := signing(t, s, alg); got != kid {
			t.Errorf("the new %s key signs before its day is over", alg)
		}
		tokens = append(tokens, mint(t, s, rootCaller(s.Account), signedBy(alg), lasting(time.Hour)))
	}

	s.Clock.Advance(59 * time.Minute)
	v := outside(t, s)
	s.Clock.Advance(time.Minute)
	for alg, kid := range first {
		got := signing(t, s, alg)
		if got == kid || !slices.Contains(before, got) {
			t.Errorf("%s signs with %s, and %v was published a day before", alg, got, before)
		}
	}
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	for _, token := range tokens {
		if _, err := verify(t, v, token, iss, audienceURL); err == nil {
			t.Error("a token of an hour lives longer")
		}
	}
	if n := len(published(t, s, iss)); n != 4 {
		t.Errorf("%d keys are published while tokens of the old ones may live", n)
	}

	s.Clock.Advance(71 * time.Minute)
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	left := published(t, s, iss)
	if len(left) != 2 || slices.Contains(left, first["ES384"]) || slices.Contains(left, first["RS256"]) {
		t.Errorf("published are %v", left)
	}
	if _, err := verify(t, v, mint(t, s, rootCaller(s.Account)), iss, audienceURL); err != nil {
		t.Error(err)
	}
}

// TestRetiredKeyVerifiesItsLastToken: issued in the last second of the key, it lives for its whole hour.
func TestRetiredKeyVerifiesItsLastToken(t *testing.T) {
	s, iss := federated(t, servertest.Configure(func(c *identity.Config) { c.SigningKeyLife = 48 * time.Hour }))
	s.Clock.Advance(day)
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	s.Clock.Advance(day - time.Second)
	old := signing(t, s, "ES384")
	token := mint(t, s, rootCaller(s.Account), lasting(time.Hour))
	s.Clock.Advance(59 * time.Minute)
	if signing(t, s, "ES384") == old {
		t.Fatal("the key was not rotated")
	}
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	if _, err := verify(t, outside(t, s), token, iss, audienceURL); err != nil {
		t.Error(err)
	}
}

// TestReplicasRotateOnce: two that rotate at once make one key of each kind, and sign with the same.
func TestReplicasRotateOnce(t *testing.T) {
	s, iss := federated(t)
	r := s.Replica(t)
	s.Clock.Advance(89 * day)
	var both sync.WaitGroup
	for _, replica := range []*servertest.Service{s, r} {
		both.Go(func() {
			if err := replica.Identity.RotateSigningKeys(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	s.Clock.Advance(day)
	for _, alg := range []string{"ES384", "RS256"} {
		if a, b := signing(t, s, alg), signing(t, r, alg); a != b {
			t.Errorf("%s: replicas sign with %s and %s", alg, a, b)
		}
	}
	if n := len(published(t, s, iss)); n != 4 {
		t.Errorf("%d keys are published", n)
	}
}

func TestRotationOnDemand(t *testing.T) {
	s, _ := federated(t)
	for range 2 { // asked twice, the second time there is a successor on its way
		keys, err := s.Identity.RotateIssuer(t.Context(), s.Account, false)
		check(t, err)
		var states []string
		for _, k := range keys {
			states = append(states, k.Algorithm+" "+k.Describe(s.Clock.Now()))
		}
		if got := strings.Join(states, ", "); got != "ES384 signing, ES384 published, RS256 signing, RS256 published" {
			t.Errorf("the keys are %s", got)
		}
	}
	s.Clock.Advance(day)
	st, err := s.Identity.Issuer(t.Context(), s.Account)
	check(t, err)
	if k := st.Keys[0]; k.Describe(s.Clock.Now()) != "retired" || k.RetiredAt != st.Keys[1].ActiveAt {
		t.Errorf("the old key is %s since %v", k.Describe(s.Clock.Now()), k.RetiredAt)
	}
}

// TestCompromisedKeysAreGoneAtOnce: theirs are the tokens that must not verify any more, on any replica.
func TestCompromisedKeysAreGoneAtOnce(t *testing.T) {
	s, iss := federated(t)
	r := s.Replica(t)
	_, err := s.Identity.RotateIssuer(t.Context(), s.Account, false) // its successors are as compromised
	check(t, err)
	old, stolen := published(t, s, iss), mint(t, r, rootCaller(s.Account))
	_, err = s.Identity.RotateIssuer(t.Context(), s.Account, true)
	check(t, err)
	s.Clock.Advance(250 * time.Millisecond)
	for _, replica := range []*servertest.Service{s, r} {
		now := published(t, replica, replica.URL+iss[len(s.URL):])
		if len(now) != 2 || slices.ContainsFunc(now, func(kid string) bool { return slices.Contains(old, kid) }) {
			t.Errorf("published are %v, before %v", now, old)
		}
		if kid := signing(t, replica, "ES384"); !slices.Contains(now, kid) {
			t.Errorf("%s signs", kid)
		}
	}
	_, err = verify(t, outside(t, s), stolen, iss, audienceURL)
	refusedFor(t, err, issuer.UnknownKey)
	if n := len(s.Audit(t, identity.AuditFilter{Action: "lanyard:DeleteSigningKey"})); n != 4 {
		t.Errorf("%d deletions are on record", n)
	}
}

func TestRotationWithoutKeysSaysHowToBegin(t *testing.T) {
	s := servertest.New(t)
	_, err := s.Identity.RotateIssuer(t.Context(), s.Account, false)
	coded(t, err, identity.FederationDisabled, "FeatureDisabledException")
	_, err = s.Identity.Issuer(t.Context(), s.Account)
	coded(t, err, identity.FederationDisabled, "FeatureDisabledException")
	check(t, s.Identity.RotateSigningKeys(t.Context()))
	if n := len(s.Records(t, s.Account, identity.KindSigningKey)); n != 0 {
		t.Errorf("background work made %d keys that nobody asked for", n)
	}
}

// TestDataKeyRotationKeepsSigning: the keys' ciphertexts are wrapped anew with everything else.
func TestDataKeyRotationKeepsSigning(t *testing.T) {
	s, iss := federated(t)
	kid := signing(t, s, "ES384")
	_, err := s.Identity.RotateKeys(t.Context(), rootCaller(s.Account))
	check(t, err)
	r := s.Replica(t) // has to open them
	if got := signing(t, r, "ES384"); got != kid {
		t.Errorf("%s signs, want %s", got, kid)
	}
	if _, err := verify(t, outside(t, s), mint(t, s, rootCaller(s.Account)), iss, audienceURL); err != nil {
		t.Error(err)
	}
}

// TestA64_SigningKeyOfTheDatabasesWriterIsRefused: neither a public key nor a private one can be put in another's place.
func TestA64_SigningKeyOfTheDatabasesWriterIsRefused(t *testing.T) {
	for name, statement := range map[string]string{
		"public half": `UPDATE records SET data = replace(data, '"kty":"EC"', '"kty":"oct"') WHERE kind = 'signing-key' AND name LIKE 'ES384%'`,
		"private half (A32)": `UPDATE records SET sealed = (SELECT sealed FROM records o WHERE o.kind = 'signing-key' AND o.name LIKE 'RS256%')
			WHERE kind = 'signing-key' AND name LIKE 'ES384%'`,
		"times": `UPDATE records SET data = replace(data, '"activeAt":', '"activeAt":1') WHERE kind = 'signing-key' AND name LIKE 'ES384%'`,
		"name":  `UPDATE records SET name = 'ES384-000007' WHERE kind = 'signing-key' AND name LIKE 'ES384%'`,
	} {
		t.Run(name, func(t *testing.T) {
			s, iss := federated(t)
			edit(t, s, statement)
			r := s.Replica(t) // has nothing cached
			_, err := r.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting())
			coded(t, err, identity.Internal, "changed outside Lanyard")
			if a := fetch(t, r, r.URL+iss[len(s.URL):]+issuer.KeysPath); a.Status != http.StatusServiceUnavailable {
				t.Errorf("the keys answer %d %s", a.Status, a.Body)
			}
		})
	}
}

// TestSigningKeysAreSealed: nothing of a private half is in the database, an answer or a log.
func TestSigningKeysAreSealed(t *testing.T) {
	s, _ := federated(t)
	for _, r := range s.Records(t, s.Account, identity.KindSigningKey) {
		var d struct{ Public map[string]any }
		check(t, json.Unmarshal(r.Data, &d))
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			if _, there := d.Public[member]; there {
				t.Errorf("%s has %s in clear", r.Name, member)
			}
		}
		if _, err := issuer.ParsePrivate(r.Sealed); err == nil || len(r.Sealed) == 0 {
			t.Errorf("%s is not sealed", r.Name)
		}
	}
}
