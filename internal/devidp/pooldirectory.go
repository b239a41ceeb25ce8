package devidp

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// poolDirectory is the directory of a pool.
type poolDirectory struct {
	pools *Pools
	pool  *pool
}

func (d poolDirectory) clientByID(ctx context.Context, id string) (client, bool, error) {
	c, err := d.pools.clientByID(ctx, id)
	if errors.Is(err, identity.ErrNotFound) || err == nil && c.record.Parent != d.pool.id() {
		return client{}, false, nil
	}
	if err != nil {
		return client{}, false, err
	}
	out, err := d.pools.oauthClient(ctx, c)
	return out, err == nil, err
}

// oauthClient is a registered client as the OAuth endpoints know it.
func (p *Pools) oauthClient(ctx context.Context, c *poolClient) (client, error) {
	secret, err := p.shelf.Secret(ctx, c.record)
	if err != nil {
		return client{}, err
	}
	r := &c.data
	out := client{id: c.id(), name: r.ClientName, public: secret.Empty(), noPKCE: !secret.Empty(),
		redirects: func(raw string) bool { return p.redirectsTo(r, raw) },
		grants:    grantsOf(c), scopes: func(asked []string, grant string) ([]string, error) { return allowedScopes(r, asked, grant) },
		keepRefresh: r.RefreshTokenRotation == nil || r.RefreshTokenRotation.Feature != "ENABLED"}
	if !out.public {
		out.secretHash = sha256.Sum256(secret.Reveal())
	}
	out.accessTTL, out.idTTL, out.refreshTTL = lifetimes(r)
	return out, nil
}

// redirectsTo compares with every registered URL exactly. The one stand-in among them means the callback URLs of this
// instance, whose providers did not exist when it was registered, and no other URL below it.
func (p *Pools) redirectsTo(r *registration, raw string) bool {
	if slices.Contains(r.CallbackURLs, raw) && raw != p.standInCallback() {
		return true
	}
	return slices.Contains(r.CallbackURLs, p.standInCallback()) && p.instanceCallback(raw)
}

func grantsOf(c *poolClient) []string {
	grants := []string{}
	if c.allows("ALLOW_REFRESH_TOKEN_AUTH", "USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH") {
		grants = append(grants, grantRefresh)
	}
	if !c.data.AllowOAuth {
		return grants
	}
	if slices.Contains(c.data.AllowedOAuthFlows, api.OAuthCode) {
		grants = append(grants, grantCode)
	}
	if slices.Contains(c.data.AllowedOAuthFlows, api.OAuthClientCredentials) {
		grants = append(grants, grantClient)
	}
	return grants
}

// allowedScopes gives a request without scopes all that the client may have, and refuses one for more.
func allowedScopes(r *registration, asked []string, grant string) ([]string, error) {
	allowed := slices.Clone(r.AllowedOAuthScopes)
	if grant == grantClient {
		allowed = slices.DeleteFunc(allowed, func(s string) bool { return slices.Contains(userScopes, s) })
	}
	if len(asked) == 0 {
		asked = allowed
	}
	if len(asked) == 0 || !covers(allowed, asked) {
		return nil, &authorizationError{"invalid_scope", "the client is not registered for a scope that was asked for: see AllowedOAuthScopes"}
	}
	return asked, nil
}

func (d poolDirectory) userBySubject(ctx context.Context, subject string) (User, bool, error) {
	u, err := d.pools.userBySubject(ctx, d.pool, subject)
	if errors.Is(err, identity.ErrNotFound) {
		return User{}, false, nil
	}
	if err != nil || u.data.Disabled {
		return User{}, false, err
	}
	return u.oidc(), true, nil
}

func (d poolDirectory) verify(ctx context.Context, username, password string) (User, verdict, error) {
	u, err := d.pools.userNamed(ctx, d.pool, username)
	known := err == nil
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return User{}, verdictWrong, err
	}
	var sealed []byte
	if known {
		secret, err := d.pools.shelf.Secret(ctx, u.record)
		if err != nil {
			return User{}, verdictWrong, err
		}
		sealed = secret.Reveal()
	}
	right, err := d.pools.passwordMatches(ctx, sealed, password)
	switch {
	case err != nil || !right || !known || u.data.Disabled:
		return User{}, verdictWrong, err
	case u.data.Status != statusMustChange:
		return u.oidc(), verdictRight, nil
	case d.pools.cfg.Now().After(u.data.TemporaryUntil):
		return u.oidc(), verdictOutdated, nil
	}
	return u.oidc(), verdictMustSet, nil
}
