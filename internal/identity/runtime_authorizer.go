package identity

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// ScopeError is a JWT that proves its user and lacks a scope, which its bearer may ask for (RFC 6750 section 3.1).
type ScopeError struct {
	Scopes []string // any one of them would do
	Err    *Error
}

// Error says which scopes are allowed.
func (e *ScopeError) Error() string { return e.Err.Message }

// Unwrap returns the refusal.
func (e *ScopeError) Unwrap() error { return e.Err }

// allows checks all that the authorizer demands of a verified JWT: audience, client, scopes and claims, each for itself.
func (a *JWTAuthorizer) allows(c *issuer.Claims) error {
	refused := func(what string) error {
		return refuse(Denied, "the token is one of %s, but its %s is none that the runtime's authorizer allows. Get one that is meant for this runtime", a.Issuer, what)
	}
	switch {
	case len(a.Audiences) > 0 && !overlap(a.Audiences, c.Audience):
		return refused("audience (aud)")
	case len(a.Clients) > 0 && !slices.Contains(a.Clients, c.ClientID):
		return refused("client (client_id)")
	case len(a.Scopes) > 0 && !overlap(a.Scopes, strings.Fields(c.Scope)):
		return &ScopeError{Scopes: a.advertised(), Err: refuse(Denied, "the token has none of the scopes that the runtime's authorizer allows: %s", strings.Join(a.advertised(), " "))}
	}
	for _, rule := range a.Claims {
		if !rule.holds(c.Raw[rule.Name]) {
			return refused("claim " + rule.Name)
		}
	}
	return nil
}

// advertised are the allowed scopes under the names by which clients ask for them.
func (a *JWTAuthorizer) advertised() []string {
	out := make([]string, len(a.Scopes))
	for i, scope := range a.Scopes {
		out[i] = scope
		if name, ok := a.AdvertisedScopes[scope]; ok {
			out[i] = name
		}
	}
	return out
}

// holds compares a claim. One of another type than was configured never holds.
func (r *ClaimRule) holds(claim any) bool {
	if !r.List {
		text, ok := claim.(string)
		return ok && text != "" && slices.Contains(r.Values, text)
	}
	list, ok := claim.([]any)
	return ok && slices.ContainsFunc(list, func(v any) bool {
		text, ok := v.(string)
		return ok && slices.Contains(r.Values, text)
	})
}

func overlap(allowed, has []string) bool {
	return slices.ContainsFunc(has, func(s string) bool { return s != "" && slices.Contains(allowed, s) })
}

// runtimeTokenFault says what is wrong with a JWT that was brought to a runtime.
func runtimeTokenFault(a *JWTAuthorizer, err error) error {
	e, ok := errors.AsType[*issuer.Error](err)
	if !ok {
		return internal(err, "verifying a token")
	}
	switch e.Reason {
	case issuer.KeysUnavailable:
		return &Error{Code: Unavailable, Message: e.Error() + ". The issuer cannot be reached now; try again", Cause: err}
	case issuer.UntrustedIssuer:
		return &Error{Code: Unauthorized, Message: "token refused: its issuer is not " + a.Issuer + ", whose tokens alone this runtime takes", Cause: err}
	default:
		return &Error{Code: Unauthorized, Message: e.Error(), Cause: err}
	}
}

// ProtectedResource is what clients are told of a runtime that takes JWTs (RFC 9728 section 2).
type ProtectedResource struct {
	AuthorizationServers []string
	Scopes               []string
}

// ProtectedResource describes a runtime's authorizer to anybody who asks; false when it takes no JWTs, which says the
// same of a runtime that does not exist (A49).
func (s *Service) ProtectedResource(ctx context.Context, t RuntimeTarget) (ProtectedResource, bool, error) {
	_, v, err := s.invoked(ctx, t)
	switch {
	case err != nil && codeOf(err) == NotFound, err == nil && v.Config.Authorizer == nil:
		return ProtectedResource{}, false, nil
	case err != nil:
		return ProtectedResource{}, false, err
	}
	a := v.Config.Authorizer
	return ProtectedResource{AuthorizationServers: []string{a.Issuer}, Scopes: a.advertised()}, true, nil
}
