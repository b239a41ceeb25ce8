package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"sync/atomic"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/egress"
)

// standIn lets the names of Cognito mean the user pools of `lanyard dev`: for outbound requests, for browsers that are
// sent on, and for the issuer of inbound JWTs. It is wired before the pools are, for they need the instance that it is a
// part of; until then, and always in `lanyard serve`, it stands for nothing.
type standIn struct{ pools atomic.Pointer[devidp.Pools] }

func (s *standIn) aliases(publicURL string) *egress.Aliases {
	if s == nil {
		return nil
	}
	return &egress.Aliases{Origin: publicURL, Local: func(ctx context.Context, u *url.URL) (string, bool) {
		if p := s.pools.Load(); p != nil {
			return p.Alias(ctx, u)
		}
		return "", false
	}}
}

// issuers reports whether an issuer is one of the pools.
func (s *standIn) issuers() func(ctx context.Context, issuer string) bool {
	if s == nil {
		return nil
	}
	return func(ctx context.Context, issuer string) bool {
		p := s.pools.Load()
		return p != nil && p.IsIssuer(ctx, issuer)
	}
}

// userPools returns the user pools of the instance, and lets the names of Cognito mean them.
func (in *instance) userPools() (*devidp.Pools, error) {
	pools, err := devidp.NewPools(devidp.PoolsConfig{Identity: in.identity, Region: in.cfg.Region, PublicURL: in.cfg.PublicURL,
		Store: in.store.DevRecords(), Now: in.now, Rand: rand.Reader, Log: in.log})
	if err == nil && in.cfg.standIn != nil {
		in.cfg.standIn.pools.Store(pools)
	}
	return pools, err
}
