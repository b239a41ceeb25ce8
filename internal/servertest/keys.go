package servertest

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// spares are the RSA keys of all services of a test binary, made when they are first needed: under the race detector one
// takes longer than most tests. They are dealt out in turn, so that one after another is another.
var spares struct {
	next atomic.Uint32
	keys [4]struct {
		once sync.Once
		key  *issuer.SigningKey
		err  error
	}
}

// spareKey generates a signing key, or deals out one of the spare RSA keys.
func spareKey(alg string, rnd io.Reader) (*issuer.SigningKey, error) {
	if alg != "RS256" {
		return issuer.GenerateKey(alg, rnd)
	}
	spare := &spares.keys[spares.next.Add(1)%uint32(len(spares.keys))]
	spare.once.Do(func() { spare.key, spare.err = issuer.GenerateKey(alg, rnd) })
	return spare.key, spare.err
}
