package oidcdata

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Headers that a front door sets. Only HeaderData is signed; believe the others only after it was verified, and
// HeaderIdentity only through Claims.Subject.
const (
	HeaderData        = "X-Amzn-Oidc-Data"
	HeaderIdentity    = "X-Amzn-Oidc-Identity"
	HeaderAccessToken = "X-Amzn-Oidc-Accesstoken"
)

// ErrNoHeader says that a request did not come through the front door, or was altered on its way.
var ErrNoHeader = errors.New("the request has no " + HeaderData + " header: it did not come through the front door, or the rule of its path does not authenticate")

type claimsKey struct{}

// NewContext returns a context that carries claims, as Middleware does: for tests of an application.
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, claimsKey{}, c)
}

// FromContext tells the user whom Middleware let through.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(claimsKey{}).(*Claims)
	return c, ok && c != nil
}

// VerifyRequest verifies the request's header. There must be exactly one, and the unsigned identity header must not say
// otherwise: a request with two opinions was put together by somebody on the way (A42).
func (v *Verifier) VerifyRequest(r *http.Request) (*Claims, error) {
	values := r.Header[HeaderData]
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return nil, ErrNoHeader
	case len(values) > 1:
		return nil, errors.New("the request has " + HeaderData + " more than once: a client added its own, and what stands before this service does not remove it")
	}
	c, err := v.Verify(r.Context(), values[0])
	if err != nil {
		return nil, err
	}
	for _, identity := range r.Header[HeaderIdentity] {
		if identity != c.Subject {
			return nil, errors.New(HeaderIdentity + " names another user than " + HeaderData + ": a client added its own, and what stands before this service does not remove it")
		}
	}
	return c, nil
}

// Middleware lets requests of verified users through, with their claims in the context. It answers all others itself: 401,
// or 503 where the public key cannot be had.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := v.VerifyRequest(r)
		if err != nil {
			refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), c)))
	})
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusUnauthorized
	h := w.Header()
	if errors.Is(err, ErrKeysUnavailable) {
		status = http.StatusServiceUnavailable
		h.Set("Retry-After", "5")
	} else {
		h.Set("WWW-Authenticate", HeaderData) // RFC 9110 section 11.6.1 wants a scheme; only a front door can answer it
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": err.Error()}) // the client hung up; there is nobody left to tell
}
