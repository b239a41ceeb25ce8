package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
)

// The user is named to Lanyard in one of two ways. A JWT from an issuer that Lanyard trusts proves the user to Lanyard
// itself; by user id Lanyard takes this agent's word, which is as good as the front door's signature that was verified
// before.

// errNoJWT says that the front door did not forward what the setting says it forwards.
var errNoJWT = errors.New("the request brings no JWT of the user: let the front door's rule forward it, or set WORKLOAD_TOKEN_BY=user-id")

// withWorkloadToken gets the workload access token of this agent acting for this user, for this one request. It rests in
// the request's context, where tools' HTTP clients find it, and comes nowhere near the model, a log or a page.
func (s *server) withWorkloadToken(ctx context.Context, r *http.Request, user *oidcdata.Claims) (context.Context, error) {
	name, get := user.Subject, func() (api.Sensitive, error) {
		return s.lanyard.GetWorkloadAccessTokenForUserId(ctx, s.config.Workload, user.Subject)
	}
	if s.config.WorkloadTokenBy == byJWT {
		jwt, err := bearer(r)
		if err == nil {
			name, err = sessionbinding.JWTUser(jwt)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoJWT, err)
		}
		get = func() (api.Sensitive, error) {
			return s.lanyard.GetWorkloadAccessTokenForJWT(ctx, s.config.Workload, api.Sensitive(jwt))
		}
	}
	token, err := get()
	if err != nil {
		return nil, err
	}
	if s.binding != nil {
		ctx = context.WithValue(ctx, bindingKey{}, s.binding.Issue(name))
	}
	ctx = context.WithValue(ctx, traceKey{}, clip(r.Header.Get("X-Amzn-Trace-Id"), maxTraceID))
	return client.WithWorkloadToken(ctx, token), nil
}

type traceKey struct{}

const maxTraceID = 256

// traceID names the request as the front door's access log does.
func traceID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

func clip(s string, most int) string { return s[:min(len(s), most)] }

// bearer is the user's JWT that the front door forwards (RFC 6750 section 2.1).
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", fmt.Errorf("there are %d Authorization headers", len(values))
	}
	scheme, jwt, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errors.New("the Authorization header has another scheme")
	}
	return jwt, nil
}

type bindingKey struct{}

// bindingState is the nonce that the session binding service checks after a consent of this request, "" without one.
func bindingState(ctx context.Context) string {
	state, _ := ctx.Value(bindingKey{}).(string)
	return state
}
