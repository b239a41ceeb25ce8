package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// HTTP is the guarded client for everything outbound; *egress.Client is one. It
// decides which hosts may be reached and bounds each answer in size and time.
type HTTP interface {
	// Check refuses a URL that could not be requested, without the network.
	Check(rawURL string) (*url.URL, error)
	// Get follows redirects under the same guard.
	Get(ctx context.Context, rawURL string, header http.Header) (*egress.Response, error)
	// Do follows none, since what it sends holds credentials.
	Do(ctx context.Context, req *http.Request) (*egress.Response, error)
}

// Engine talks to providers. It is safe for concurrent use and keeps nothing but
// a cache of discovery documents.
type Engine struct {
	http      HTTP
	now       func() time.Time
	discovery discoveryCache
}

// New returns an Engine that reaches the network through h alone.
func New(h HTTP, now func() time.Time) *Engine {
	return &Engine{http: h, now: now, discovery: newDiscoveryCache()}
}

// Exchange trades an authorization code for tokens (RFC 6749 section 4.1.3). The
// PKCE verifier is always sent, unless the provider is marked NoPKCE.
func (e *Engine) Exchange(ctx context.Context, p Provider, code, verifier vault.Secret, callbackURL string, resources, audiences []string) (Token, error) {
	const op = "code exchange"
	if code.Empty() {
		return Token{}, misconfigured(op, p.TokenEndpoint, "there is no authorization code to exchange")
	}
	form := url.Values{
		"grant_type":   {string(GrantAuthorizationCode)},
		"code":         {code.RevealString()},
		"redirect_uri": {callbackURL},
	}
	if !p.NoPKCE {
		if !validVerifier(verifier.RevealString()) {
			return Token{}, misconfigured(op, p.TokenEndpoint, "the session has no valid PKCE code verifier; only a provider marked as refusing PKCE goes without")
		}
		form.Set("code_verifier", verifier.RevealString())
	}
	if err := addTargets(op, form, resources, audiences); err != nil {
		return Token{}, err
	}
	return e.token(ctx, p, tokenRequest{op: op, grant: GrantAuthorizationCode, form: form, secrets: []vault.Secret{code, verifier}})
}

// Refresh trades a refresh token for new tokens (RFC 6749 section 6). An answer
// without a refresh token means that the old one stays in use. After an error
// with Sent set, the old one may have been used up.
func (e *Engine) Refresh(ctx context.Context, p Provider, refresh vault.Secret, scopes, resources, audiences []string) (Token, error) {
	const op = "refresh"
	if refresh.Empty() {
		return Token{}, misconfigured(op, p.TokenEndpoint, "the grant has no refresh token; ask for consent again")
	}
	form := url.Values{
		"grant_type":    {string(GrantRefreshToken)},
		"refresh_token": {refresh.RevealString()},
	}
	row, err := p.row(op)
	if err != nil {
		return Token{}, err
	}
	if err := addRights(op, row, form, row.refreshScopes(scopes), resources, audiences); err != nil {
		return Token{}, err
	}
	return e.token(ctx, p, tokenRequest{op: op, grant: GrantRefreshToken, form: form, secrets: []vault.Secret{refresh}})
}

// ClientCredentials obtains a token for the client itself (RFC 6749 section 4.4).
// Custom parameters are added to the form; a reserved one is refused.
func (e *Engine) ClientCredentials(ctx context.Context, p Provider, scopes, resources, audiences []string, custom map[string]string) (Token, error) {
	const op = "client credentials"
	form := url.Values{"grant_type": {string(GrantClientCredentials)}}
	row, err := p.row(op)
	if err != nil {
		return Token{}, err
	}
	if err := addRights(op, row, form, scopes, resources, audiences); err != nil {
		return Token{}, err
	}
	if err := addCustom(op, row, form, custom); err != nil {
		return Token{}, err
	}
	return e.token(ctx, p, tokenRequest{op: op, grant: GrantClientCredentials, form: form})
}

func addRights(op string, row Row, form url.Values, scopes, resources, audiences []string) error {
	if err := addScopes(op, row, form, scopes); err != nil {
		return err
	}
	return addTargets(op, form, resources, audiences)
}

// tokenRequest is one call of a token endpoint, before the client's proof.
type tokenRequest struct {
	op      string
	grant   GrantType
	form    url.Values
	secrets []vault.Secret // never to appear in an error
}

func (e *Engine) token(ctx context.Context, p Provider, r tokenRequest) (Token, error) {
	row, err := p.row(r.op)
	if err != nil {
		return Token{}, err
	}
	header := http.Header{"Accept": {"application/json"}}
	if err := authenticate(r.op, p, p.authMethod(row, r.grant), r.form, header); err != nil {
		return Token{}, err
	}
	// A lifetime counts from before the request: late by the network's delay
	// would mean handing out a token that has just died.
	asked := e.now()
	a := answer{op: r.op, url: p.TokenEndpoint, row: row, grant: r.grant, redact: newRedactor(p, r.secrets...), at: asked}
	encode := formRequest
	if row.JSONRequests {
		encode = jsonRequest
	}
	req, err := encode(ctx, r.op, p.TokenEndpoint, r.form, header)
	if err != nil {
		return Token{}, err
	}
	resp, err := e.http.Do(ctx, req)
	if err != nil {
		return Token{}, a.transportError(err)
	}
	return a.token(resp)
}

func formRequest(ctx context.Context, op, rawURL string, form url.Values, header http.Header) (*http.Request, error) {
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return newRequest(ctx, op, http.MethodPost, rawURL, form.Encode(), header)
}

// jsonRequest sends the same parameters as members of a JSON object; one that
// comes several times is an array.
func jsonRequest(ctx context.Context, op, rawURL string, form url.Values, header http.Header) (*http.Request, error) {
	header.Set("Content-Type", "application/json")
	members := make(map[string]any, len(form))
	for name, values := range form {
		members[name] = values
		if len(values) == 1 {
			members[name] = values[0]
		}
	}
	body, _ := json.Marshal(members) // strings always encode
	return newRequest(ctx, op, http.MethodPost, rawURL, string(body), header)
}

// newRequest hides the parser's error, which would repeat the whole URL.
func newRequest(ctx context.Context, op, method, rawURL, body string, header http.Header) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, rawURL, strings.NewReader(body))
	if err != nil {
		return nil, misconfigured(op, "", "the endpoint is not a valid URL; correct it in the credential provider")
	}
	req.Header = header
	return req, nil
}
