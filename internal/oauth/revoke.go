package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
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
// beside an error. A token that is already dead is a success (RFC 7009 section
// 2.2), also where the vendor calls it an error; the receipt keeps the status. A
// vendor that revokes by access token takes no refresh token.
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
	switch a.row.Revocation {
	case RevokeDeleteGrant:
		return a.deleteGrantRequest(ctx, p, token, hint)
	case RevokeTokenAlone:
		return formRequest(ctx, a.op, a.url, url.Values{"token": {token.RevealString()}}, http.Header{"Accept": {"application/json"}})
	case RevokeBearer:
		return a.bearerRequest(ctx, p, token, hint)
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
	if err := a.byAccessToken(p, hint); err != nil {
		return nil, err
	}
	header := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}}
	if err := authenticate(a.op, p, ClientSecretBasic, nil, header); err != nil {
		return nil, err
	}
	body, _ := json.Marshal(map[string]string{"access_token": token.RevealString()}) // strings always encode
	return newRequest(ctx, a.op, http.MethodDelete, a.url, string(body), header)
}

// bearerRequest puts the token where it authorises the request. A refresh token
// there would reach logs that are not made for one.
func (a answer) bearerRequest(ctx context.Context, p Provider, token vault.Secret, hint string) (*http.Request, error) {
	if err := a.byAccessToken(p, hint); err != nil {
		return nil, err
	}
	if !inRange(token.RevealString(), 0x21, 0x7e, maxToken) {
		return nil, misconfigured(a.op, a.url, "the token has characters that no bearer token may have (RFC 6750 section 2.1)")
	}
	header := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + token.RevealString()}}
	return formRequest(ctx, a.op, a.url, url.Values{}, header)
}

func (a answer) byAccessToken(p Provider, hint string) error {
	if hint != HintRefreshToken {
		return nil
	}
	return misconfigured(a.op, a.url, "vendor %s takes a grant back by its access token, not by its refresh token", p.Vendor)
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
	if problem := a.problem(resp, members); problem != nil {
		if problem.Kind != Transient && slices.Contains(a.row.RevokedCodes, problem.Code) {
			return nil
		}
		return problem
	}
	if a.row.Revocation == RevokeBearer && members["revoked"] != true {
		return a.fail(Malformed, resp.Status, "the provider does not say that the token is revoked")
	}
	return nil
}

// ByAccessToken reports that the vendor takes a grant back by a living access
// token and by nothing else.
func (f RevocationForm) ByAccessToken() bool { return f == RevokeDeleteGrant || f == RevokeBearer }

// EndsEverything reports that the vendor ends, with one token, all that its user
// granted to the client.
func (f RevocationForm) EndsEverything() bool { return f == RevokeDeleteGrant }
