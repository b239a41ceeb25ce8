package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Token type hints of RFC 7009 section 2.1.
const (
	HintAccessToken  = "access_token"
	HintRefreshToken = "refresh_token"
)

// Receipt is the provider's own answer to a revocation, to be kept as evidence.
type Receipt struct {
	URL    string // where it was asked, without query
	Status int    // 0: there was no answer
	At     time.Time
}

// Revoke asks the provider to take a token back, and returns its answer also
// beside an error. RFC 7009 section 2.2 makes a token that is already dead a
// success. A vendor that revokes by access token takes no refresh token.
func (e *Engine) Revoke(ctx context.Context, p Provider, token vault.Secret, hint string) (Receipt, error) {
	const op = "revocation"
	row, err := p.row(op)
	if err != nil {
		return Receipt{}, err
	}
	if p.RevocationEndpoint == "" {
		missing := misconfigured(op, "", "%s; the user ends the consent in the provider's own settings", ErrNoRevocation)
		missing.cause = ErrNoRevocation
		return Receipt{}, missing
	}
	a := answer{op: op, url: p.RevocationEndpoint, row: row, redact: newRedactor(p, token), at: e.now()}
	req, err := a.revocationRequest(ctx, p, token, hint)
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{URL: bareURL(p.RevocationEndpoint)}
	resp, err := e.http.Do(ctx, req)
	receipt.At = e.now()
	if err != nil {
		return receipt, a.transportError(err)
	}
	receipt.Status = resp.Status
	if refusal := a.revocationRefusal(resp); refusal != nil {
		return receipt, refusal
	}
	return receipt, nil
}

func (a answer) revocationRequest(ctx context.Context, p Provider, token vault.Secret, hint string) (*http.Request, error) {
	if token.Empty() {
		return nil, misconfigured(a.op, a.url, "there is no token to revoke")
	}
	if a.row.Revocation == RevokeDeleteGrant {
		return a.deleteGrantRequest(ctx, p, token, hint)
	}
	form := url.Values{"token": {token.RevealString()}}
	if hint != "" {
		form.Set("token_type_hint", hint)
	}
	header := http.Header{"Accept": {"application/json"}}
	if err := authenticate(a.op, p, p.authMethod(a.row, GrantRefreshToken), form, header); err != nil {
		return nil, err
	}
	return formRequest(ctx, a.op, a.url, form, header)
}

func (a answer) deleteGrantRequest(ctx context.Context, p Provider, token vault.Secret, hint string) (*http.Request, error) {
	if hint == HintRefreshToken {
		return nil, misconfigured(a.op, a.url, "vendor %s takes a grant back by its access token, not by its refresh token", p.Vendor)
	}
	header := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}}
	if err := authenticate(a.op, p, ClientSecretBasic, nil, header); err != nil {
		return nil, err
	}
	body, _ := json.Marshal(map[string]string{"access_token": token.RevealString()}) // strings always encode
	return newRequest(ctx, a.op, http.MethodDelete, a.url, string(body), header)
}

// revocationRefusal goes by the status (RFC 7009 section 2.2); a body counts only
// where it can be read and tells of an error.
func (a answer) revocationRefusal(resp *egress.Response) *Error {
	unknown := resp.Status == http.StatusNotFound || resp.Status == http.StatusUnprocessableEntity
	if a.row.Revocation == RevokeDeleteGrant && unknown {
		return a.fail(Rejected, resp.Status, "the provider does not know this access token; it may have ended, while the grant lives on")
	}
	members, err := tokenMembers(resp)
	if err != nil {
		members = nil
	}
	return a.problem(resp, members)
}
