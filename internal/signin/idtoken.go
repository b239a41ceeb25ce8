package signin

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/json"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// skew is how far the issuer's clock may be off.
const skew = 5 * time.Minute

// identify verifies the session's new ID token as the answer to an attempt, and loads its claims.
func (g *Gate) identify(ctx context.Context, s *session, a *attempt) error {
	claims, err := g.verify(ctx, s)
	if err != nil {
		return err
	}
	nonce, _ := claims.Raw["nonce"].(string)
	if subtle.ConstantTimeCompare([]byte(nonce), []byte(a.Nonce)) != 1 {
		return fail(Provider, "the ID token's nonce is not that of this sign-in: it was made for another one (OpenID Connect Core 1.0 section 3.1.3.7)")
	}
	if claims.IssuedAt.Before(unix(a.StartedAt).Add(-skew)) {
		return fail(Provider, "the ID token was issued before this sign-in began: check both clocks")
	}
	return g.checkAuthTime(claims)
}

// verify holds an ID token to OpenID Connect Core 1.0 section 3.1.3.7: signature, issuer, audience and times by the
// verifier, and here what is particular to ID tokens.
func (g *Gate) verify(ctx context.Context, s *session) (*issuer.Claims, error) {
	claims, err := g.verifier.Verify(ctx, s.IDToken, func(iss string) (issuer.Trust, bool) {
		// An access token's typ (at+jwt) is not among the types: the issuer signs both with the same key (A61).
		return issuer.Trust{Issuer: g.cfg.Issuer, Audiences: []string{g.cfg.ClientID}, Types: []string{"", "JWT"}}, iss == g.cfg.Issuer
	})
	if err != nil {
		return nil, unverified(err)
	}
	if err := g.checkParties(claims); err != nil {
		return nil, err
	}
	if claims.IssuedAt.IsZero() {
		return nil, fail(Provider, "the ID token does not say when it was issued (iat)")
	}
	if err := checkAccessHash(claims, s.AccessToken); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, fail(Provider, "the ID token's claims are not usable: "+err.Error())
	}
	return claims, nil
}

// checkParties holds items 3 to 5 of section 3.1.3.7: with several audiences the token must say to which of them it was
// issued, and when it says so, that must be this client.
func (g *Gate) checkParties(claims *issuer.Claims) error {
	azp, present := claims.Raw["azp"]
	if !present && len(claims.Audience) > 1 {
		return fail(Provider, "the ID token has several audiences and no authorized party (azp)")
	}
	if present && azp != g.cfg.ClientID {
		return fail(Provider, "the ID token was issued to another client: its authorized party (azp) is not "+g.cfg.ClientID)
	}
	return nil
}

// checkAccessHash binds the access token to the ID token where the issuer did (section 3.1.3.6).
func checkAccessHash(claims *issuer.Claims, access string) error {
	v, present := claims.Raw["at_hash"]
	if !present {
		return nil
	}
	want := accessHash(claims.Algorithm, access)
	got, _ := v.(string)
	if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return fail(Provider, "the ID token was issued with another access token: its at_hash does not fit")
	}
	return nil
}

// accessHash is the left half of the hash that goes with a signature algorithm. Ed25519 signs with SHA-512 inside.
func accessHash(alg, access string) string {
	switch {
	case strings.HasSuffix(alg, "256"):
		sum := sha256.Sum256([]byte(access))
		return encode(sum[:16])
	case strings.HasSuffix(alg, "384"):
		sum := sha512.Sum384([]byte(access))
		return encode(sum[:24])
	case strings.HasSuffix(alg, "512"), alg == "EdDSA":
		sum := sha512.Sum512([]byte(access))
		return encode(sum[:32])
	}
	return ""
}

// checkAuthTime holds the issuer to max_age where it was asked for (section 3.1.2.1): otherwise anybody could drop the
// parameter from the browser's request.
func (g *Gate) checkAuthTime(claims *issuer.Claims) error {
	asked, ok := g.cfg.Parameters["max_age"]
	if !ok {
		return nil
	}
	at, _ := claims.Raw["auth_time"].(json.Number)
	seconds := wholeText(at.String())
	if seconds == 0 || g.ago(seconds) > time.Duration(wholeText(asked))*time.Second+skew {
		return fail(Provider, "the person authenticated longer ago than max_age asks, or the ID token does not say when (auth_time)")
	}
	return nil
}
