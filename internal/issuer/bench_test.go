package issuer

import (
	"crypto"
	"crypto/elliptic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/lanyard-id/lanyard/internal/lru"
)

// BenchmarkVerify shows what remembering a signature saves.
func BenchmarkVerify(b *testing.B) {
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{
		jose.RS256: rsaKey(), jose.ES256: ecKey(elliptic.P256()), jose.ES384: ecKey(elliptic.P384()),
	} {
		p := newIDP(b, public("k1", key))
		token := sign(alg, key, nil, claimSet(map[string]any{"email": "user@example.com", "groups": []string{"a", "b", "c"}}))
		p.wantAccepted(token)
		b.Run(string(alg)+"/first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.verifier.verified = lru.New[[32]byte, verifiedToken](1)
				p.wantAccepted(token)
			}
		})
		b.Run(string(alg)+"/remembered", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.wantAccepted(token)
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256", "ES384"} {
		key := must(GenerateKey(alg, nil))
		claims := claimSet(nil)
		b.Run(alg, func(b *testing.B) {
			for b.Loop() {
				must(key.Sign("JWT", claims))
			}
		})
	}
}
