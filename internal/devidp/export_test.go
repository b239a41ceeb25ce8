package devidp

import (
	"io"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// Cheapen makes password hashes cost next to nothing, and gives every pool the same key.
func (p *Pools) Cheapen(key *issuer.SigningKey) {
	p.cost = hashCost{Passes: 1, Memory: 8}
	p.newKey = func(io.Reader) (*issuer.SigningKey, error) { return key, nil }
}
