package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lanyard-id/lanyard/api"
)

// WorkloadTokenSource is where a workload access token comes from. One source speaks for one workload and one user:
// whoever serves several has one for each, or puts the token into the context of each request.
type WorkloadTokenSource interface {
	WorkloadToken(ctx context.Context) (api.Sensitive, error)
}

// WorkloadTokenDropper is a source that keeps a token and is told when it was refused. The token is asked for anew, once.
type WorkloadTokenDropper interface {
	WorkloadTokenSource
	DropWorkloadToken(refused api.Sensitive)
}

// ErrNoWorkloadToken says that a source has no workload access token.
var ErrNoWorkloadToken = errors.New("there is no workload access token")

type workloadTokenKey struct{}

type returnURLKey struct{}

// WithWorkloadToken puts the workload access token of one request into its context. It replaces the one before, so that
// a request that has none can be given "" and does not act for the user of another.
func WithWorkloadToken(ctx context.Context, wat api.Sensitive) context.Context {
	return context.WithValue(ctx, workloadTokenKey{}, wat)
}

// WorkloadToken is the workload access token of the context.
func WorkloadToken(ctx context.Context) (api.Sensitive, bool) {
	wat, _ := ctx.Value(workloadTokenKey{}).(api.Sensitive)
	return wat, wat != ""
}

// WithReturnURL puts the return URL of one request into its context: consents go there that name no other.
func WithReturnURL(ctx context.Context, url string) context.Context {
	return context.WithValue(ctx, returnURLKey{}, url)
}

// ReturnURL is the return URL of the context.
func ReturnURL(ctx context.Context) (string, bool) {
	url, _ := ctx.Value(returnURLKey{}).(string)
	return url, url != ""
}

type contextSource struct{}

// FromContext takes the token that WithWorkloadToken put into the context. It is what a nil source stands for.
func FromContext() WorkloadTokenSource { return contextSource{} }

func (contextSource) WorkloadToken(ctx context.Context) (api.Sensitive, error) {
	if wat, ok := WorkloadToken(ctx); ok {
		return wat, nil
	}
	return "", fmt.Errorf("%w in the context. An agent has one if it was invoked for a user: with a JWT, or signed and with the header %s; "+
		"pass the invocation's context on to its tools. A service of another kind names its source: WorkloadTokenForUserID, WorkloadTokenForJWT, WorkloadTokenForSelf or, on a developer's machine, LocalDevelopment", ErrNoWorkloadToken, api.HeaderRuntimeUser)
}

// hidden is part of what holds a token in a field: fmt does not ask an unexported field how it wants to be printed.
type hidden struct{}

// Format prints no field.
func (hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[workload token source]") }

type fixedSource struct {
	hidden
	wat api.Sensitive
}

// FixedWorkloadToken is a token that the caller got in some other way.
func FixedWorkloadToken(wat api.Sensitive) WorkloadTokenSource { return fixedSource{wat: wat} }

func (s fixedSource) WorkloadToken(context.Context) (api.Sensitive, error) {
	if s.wat == "" {
		return "", fmt.Errorf("%w: FixedWorkloadToken was given an empty one", ErrNoWorkloadToken)
	}
	return s.wat, nil
}

type firstSource []WorkloadTokenSource

// FirstWorkloadToken asks the sources in turn until one has a token. A source that fails otherwise than by having none
// ends the search: nobody shall act as somebody else because a server was away.
//
//	client.FirstWorkloadToken(client.FromContext(), client.LocalDevelopment(c, ""))
func FirstWorkloadToken(sources ...WorkloadTokenSource) WorkloadTokenSource {
	return firstSource(sources)
}

func (s firstSource) WorkloadToken(ctx context.Context) (api.Sensitive, error) {
	err := ErrNoWorkloadToken
	for _, source := range s {
		var wat api.Sensitive
		if wat, err = source.WorkloadToken(ctx); !errors.Is(err, ErrNoWorkloadToken) {
			return wat, err
		}
	}
	return "", err
}

// DropWorkloadToken tells every source: each knows its own tokens.
func (s firstSource) DropWorkloadToken(refused api.Sensitive) {
	for _, source := range s {
		if d, ok := source.(WorkloadTokenDropper); ok {
			d.DropWorkloadToken(refused)
		}
	}
}

// withWorkload runs an operation with a token of the source, once more with a new one if the first was refused and the
// source can get another: it had expired, or was revoked with all others of before.
func withWorkload[Out any](ctx context.Context, src WorkloadTokenSource, operation func(wat api.Sensitive) (Out, error)) (Out, error) {
	if src == nil {
		src = FromContext()
	}
	var none Out
	wat, err := src.WorkloadToken(ctx)
	if err != nil {
		return none, err
	}
	out, err := operation(wat)
	keeper, keeps := src.(WorkloadTokenDropper)
	if !keeps || !workloadTokenRefused(err) {
		return out, err
	}
	keeper.DropWorkloadToken(wat)
	again, err2 := src.WorkloadToken(ctx)
	if err2 != nil {
		return none, err2
	}
	if again == wat {
		return out, err
	}
	return operation(again)
}

// workloadTokenRefused tells the exception with which a workload access token is refused. A policy's denial is another:
// a new token would not change it.
func workloadTokenRefused(err error) bool { return Is(err, api.UnauthorizedException) }
