package identity

import (
	"context"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Performance is one operation of another part of this process (the user pools of the development authorization
// server) that must pass the choke point like every operation of the domain itself.
type Performance struct {
	Action    string   // "service:Operation", as policies write it
	Resources []string // ARNs, all of which must be allowed
	Durable   bool     // a change: its audit record is flushed to the disk before the answer
	// Tags are those that a resource is about to be made with; they are condition keys of the request.
	Tags map[string]string
}

// Perform authorises the caller, runs f, and writes the one audit record. A denied caller never reaches f, and an
// operation whose record cannot be written fails whatever f did. Errors of f are told to the caller: they must be safe
// to show, or no *Error.
func Perform[T any](ctx context.Context, s *Service, caller *policy.Caller, p Performance, f func(ctx context.Context) (T, error)) (T, error) {
	r := request{caller: caller, action: p.Action, durable: p.Durable, resources: onTagged(p.Resources, p.Tags)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (T, error) { return f(ctx) })
}

// PerformProven is Perform for an operation whose request carries its own proof (a password, a refresh token) in place
// of a signature: f checks the proof before it does anything, and the caller says whose it is. Nobody is authorised, the
// record is written.
func PerformProven[T any](ctx context.Context, s *Service, caller *policy.Caller, p Performance, f func(ctx context.Context) (T, error)) (T, error) {
	r := request{caller: caller, action: p.Action, durable: p.Durable, resources: on(p.Resources), decide: proven}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (T, error) { return f(ctx) })
}

// proven allows whoever has shown a proof of its own.
func proven(*policy.Caller, *policy.Request) policy.Decision {
	return policy.Decision{Allowed: true, Policy: "proof in the request"}
}
