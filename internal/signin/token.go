package signin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	maxTokenText = 64 << 10
	maxLifetime  = 10 * 365 * 24 * 3600 // seconds
)

// tokens are a token endpoint's answer (OpenID Connect Core 1.0 section 3.1.3.3). Nothing of it is verified yet.
type tokens struct {
	access, refresh, id string
	from, until         int64 // until is 0 when the issuer gave no lifetime
}

// onto returns the session with these tokens. A refresh answer may leave out what stays as it was.
func (t *tokens) onto(s session) *session {
	s.AccessToken, s.AccessFrom, s.AccessUntil = t.access, t.from, t.until
	if t.refresh != "" {
		s.RefreshToken = t.refresh
	}
	if t.id != "" {
		s.IDToken = t.id
	}
	return &s
}

// exchange trades the code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
func (g *Gate) exchange(ctx context.Context, md *metadata, code, verifier vault.Secret) (*tokens, error) {
	t, err := g.askTokens(ctx, md, url.Values{
		"grant_type": {"authorization_code"}, "code": {code.RevealString()},
		"redirect_uri": {g.cfg.RedirectURL}, "code_verifier": {verifier.RevealString()},
	}, code, verifier)
	if err != nil {
		return nil, err
	}
	if t.id == "" {
		return nil, failAt(Provider, md.Token, "the issuer gave no ID token: check that the client may ask for the scope openid")
	}
	return t, nil
}

// refresh trades the refresh token for new tokens (RFC 6749 section 6).
func (g *Gate) refresh(ctx context.Context, md *metadata, token vault.Secret) (*tokens, error) {
	return g.askTokens(ctx, md, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RevealString()}}, token)
}

func (g *Gate) askTokens(ctx context.Context, md *metadata, form url.Values, secrets ...vault.Secret) (*tokens, error) {
	now := g.cfg.Now().Unix() // a lifetime counts from before the answer, so that it never ends too late
	req := g.tokenRequest(md, form)
	resp, err := g.cfg.Fetcher.Do(ctx, req)
	if err != nil {
		return nil, outbound(err)
	}
	members, err := parseObject(resp.Body)
	if resp.Status != http.StatusOK || err == nil && members["error"] != nil {
		return nil, tokenRefusal(md.Token, resp, members, append(secrets, g.cfg.ClientSecret))
	}
	if err != nil {
		return nil, failAt(Provider, md.Token, "the answer is not usable: "+err.Error())
	}
	return readTokens(md.Token, members, now)
}

// tokenRequest proves the client in exactly one way (RFC 6749 section 2.3).
func (g *Gate) tokenRequest(md *metadata, form url.Values) *http.Request {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	switch md.method(&g.cfg) {
	case ClientSecretBasic:
		// RFC 6749 section 2.3.1: both are form-encoded before they are joined.
		req := http.Request{Header: header}
		req.SetBasicAuth(url.QueryEscape(g.cfg.ClientID), url.QueryEscape(g.cfg.ClientSecret.RevealString()))
	case ClientSecretPost:
		form.Set("client_id", g.cfg.ClientID)
		form.Set("client_secret", g.cfg.ClientSecret.RevealString())
	default:
		form.Set("client_id", g.cfg.ClientID)
	}
	return request(http.MethodPost, md.Token, header, form.Encode())
}

// tokenRefusal reads an error answer (RFC 6749 section 5.2).
func tokenRefusal(endpoint string, resp *egress.Response, members map[string]any, secrets []vault.Secret) *Error {
	code, _ := text(members, "error")
	why, _ := text(members, "error_description")
	e := failAt(statusKind(resp.Status, Provider), endpoint, "it answered "+statusText(resp.Status))
	if code == "temporarily_unavailable" || code == "slow_down" {
		e.Kind = Unreachable
	}
	if code != "" {
		e.Code = printable(describe(code, secrets...), maxCode)
		e.Message += ", " + e.Code
	}
	if why = describe(why, secrets...); why != "" {
		e.Message += ": " + why
	}
	if e.Code == "invalid_client" {
		e.Message += " (check the client id, its secret and how it is sent)"
	}
	return e
}

func readTokens(endpoint string, members map[string]any, now int64) (*tokens, error) {
	t := &tokens{from: now}
	for name, into := range map[string]*string{"access_token": &t.access, "refresh_token": &t.refresh, "id_token": &t.id} {
		value, ok := text(members, name)
		if !ok || value != "" && !isPrintable(value, maxTokenText) {
			return nil, failAt(Provider, endpoint, "the answer has an "+name+" that is not a usable text")
		}
		*into = value
	}
	if t.access == "" {
		return nil, failAt(Provider, endpoint, "the answer has no access_token")
	}
	if typ, _ := text(members, "token_type"); !strings.EqualFold(typ, "bearer") {
		return nil, failAt(Provider, endpoint, "the answer's token_type is "+printable(typ, maxCode)+", and only Bearer is understood")
	}
	if lifetime := min(whole(members["expires_in"]), maxLifetime); lifetime > 0 {
		t.until = now + lifetime
	}
	return t, nil
}

func statusText(status int) string { return "with status " + strconv.Itoa(status) }
