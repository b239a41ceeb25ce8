package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// consentTime is how long a person may take: the instance ends a session after ten minutes, unless configured otherwise.
const consentTime = 10 * time.Minute

// tokenAsk is a resource token that somebody at this terminal wants.
type tokenAsk struct {
	workload, provider, user string
	flow                     string
	scopes                   []string
	force                    bool
}

// workloadToken gets the workload access token that the ask needs.
func (a *tokenAsk) workloadToken(ctx context.Context, c *client.Client) (api.Sensitive, error) {
	if a.flow == api.FlowM2M {
		return c.GetWorkloadAccessToken(ctx, a.workload)
	}
	return c.GetWorkloadAccessTokenForUserId(ctx, a.workload, a.user)
}

// request is the call for a resource token that returns the browser to p, which may be nil.
func (a *tokenAsk) request(wat api.Sensitive, p *returnPoint) *api.GetResourceOauth2TokenRequest {
	in := &api.GetResourceOauth2TokenRequest{WorkloadToken: wat, ProviderName: a.provider, Scopes: a.scopes, Flow: a.flow, ForceAuthentication: a.force}
	if p != nil {
		in.ReturnURL, in.CustomState = &p.URL, &p.State
	}
	return in
}

// registerReturnURL adds a return URL to the workload's and returns what takes it off again.
func registerReturnURL(ctx context.Context, c *client.Client, workload, url string) (remove func() error, err error) {
	change := func(ctx context.Context, edit func([]string) []string) error {
		w, err := c.GetWorkloadIdentity(ctx, workload)
		if err != nil {
			return err
		}
		_, err = c.UpdateWorkloadIdentity(ctx, &api.UpdateWorkloadIdentityRequest{Name: workload, ReturnURLs: edit(w.ReturnURLs)})
		return err
	}
	if err := change(ctx, func(list []string) []string { return append(list, url) }); err != nil {
		return nil, fmt.Errorf("registering the return URL %s: %w", url, err)
	}
	return func() error {
		// Also after an interruption: a loopback address must not stay registered for whoever listens there next.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err := change(ctx, func(list []string) []string {
			return slices.DeleteFunc(list, func(u string) bool { return u == url })
		})
		if err != nil {
			return fmt.Errorf("the return URL %s could not be taken off workload identity %s again; do it with update-workload-identity: %w", url, workload, err)
		}
		return nil
	}, nil
}

// bind finishes a consent: the browser that came back must bring the session that was begun here, and the user named is
// the one at this terminal.
func bind(ctx context.Context, c *client.Client, begun string, a arrival, user string) error {
	if a.failure != "" {
		return fmt.Errorf("nothing was granted: the consent ended with %s", clean(a.failure))
	}
	if subtle.ConstantTimeCompare([]byte(begun), []byte(a.sessionURI)) != 1 {
		return errors.New("the browser came back with another session than the one begun here; nothing was completed. Run the command again")
	}
	return c.CompleteResourceTokenAuth(ctx, &api.CompleteResourceTokenAuthRequest{User: api.UserIdentifier{UserID: &user}, SessionURI: a.sessionURI})
}

// missesReturnURL tells the refusal of a return URL that is not registered.
func missesReturnURL(err error) bool {
	ex, ok := errors.AsType[*api.Exception](err)
	return ok && ex.Name == api.ValidationException && slices.ContainsFunc(ex.Fields, func(f api.FieldProblem) bool { return f.Name == "resourceOauth2ReturnUrl" })
}
