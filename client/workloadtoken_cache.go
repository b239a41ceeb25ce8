package client

import (
	"context"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

const (
	// longestWorkloadTokenAge is the life of a workload access token where no other is configured at the server. The
	// token is opaque and does not tell its own.
	longestWorkloadTokenAge = time.Hour
	// usualWorkloadTokenAge leaves room for a clock that is off and work that takes its time.
	usualWorkloadTokenAge = 45 * time.Minute
)

// WithWorkloadTokenAge has the client's sources keep a workload access token for that long: an hour at most, not at all
// if zero. A token that is refused earlier is dropped then.
func WithWorkloadTokenAge(age time.Duration) Option {
	return func(o *options) { o.tokenAge = min(max(age, 0), longestWorkloadTokenAge) }
}

// WorkloadTokenForSelf gets tokens of the workload acting for itself, for M2M and API keys. The source keeps a token for
// a part of its life (see WithWorkloadTokenAge).
func (c *Client) WorkloadTokenForSelf(workload string) WorkloadTokenSource {
	return c.cached(func(ctx context.Context) (api.Sensitive, error) { return c.GetWorkloadAccessToken(ctx, workload) })
}

// WorkloadTokenForUserID gets tokens of the workload acting for a user that the caller vouches for. The user id must come
// from a sign-in that the caller has verified, never from the request's text. The source keeps a token, as
// WorkloadTokenForSelf does, and is for this user alone.
func (c *Client) WorkloadTokenForUserID(workload, userID string) WorkloadTokenSource {
	return c.cached(func(ctx context.Context) (api.Sensitive, error) {
		return c.GetWorkloadAccessTokenForUserId(ctx, workload, userID)
	})
}

// WorkloadTokenForJWT gets tokens of the workload acting for the user that the JWT proves. The source keeps a token, as
// WorkloadTokenForSelf does, and is for this user alone; it fails once the JWT has expired.
func (c *Client) WorkloadTokenForJWT(workload string, jwt api.Sensitive) WorkloadTokenSource {
	return c.cached(func(ctx context.Context) (api.Sensitive, error) {
		return c.GetWorkloadAccessTokenForJWT(ctx, workload, jwt)
	})
}

func (c *Client) cached(get func(context.Context) (api.Sensitive, error)) WorkloadTokenSource {
	return &cachedSource{get: get, now: c.now, age: c.tokenAge}
}

// cachedSource keeps one token. Requests that find none each ask for their own: a lock held over the network would let
// one slow answer stop them all.
type cachedSource struct {
	hidden
	get func(context.Context) (api.Sensitive, error)
	now func() time.Time
	age time.Duration

	mu    sync.Mutex
	wat   api.Sensitive
	until time.Time
}

// WorkloadToken answers the kept token, or gets one.
func (s *cachedSource) WorkloadToken(ctx context.Context) (api.Sensitive, error) {
	if wat := s.kept(); wat != "" {
		return wat, nil
	}
	asked := s.now() // the token's life began at the earliest here
	wat, err := s.get(ctx)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wat, s.until = wat, asked.Add(s.age)
	return wat, nil
}

func (s *cachedSource) kept() api.Sensitive {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(s.until) {
		s.wat = ""
	}
	return s.wat
}

// DropWorkloadToken forgets the token that was refused, unless another has taken its place.
func (s *cachedSource) DropWorkloadToken(refused api.Sensitive) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wat == refused {
		s.wat = ""
	}
}
