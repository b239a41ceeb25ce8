package devidp

import (
	"context"
	"net/url"
	"path"
	"strings"
)

// Where the clients of Cognito look for a pool, by names that the world resolves to somebody else. Only pools and domains
// that exist here are claimed, only by exact names, and only for this process and for browsers that it sends on.

const (
	idpHost    = "cognito-idp."
	idpSuffix  = ".amazonaws.com"
	authSuffix = ".amazoncognito.com"
)

// issuer is the iss of a pool's tokens: clients compare it with what they know of Cognito.
func (p *Pools) issuer(poolID string) string {
	return "https://" + idpHost + p.cfg.Region + idpSuffix + "/" + poolID
}

// Alias gives the local path that stands for a URL of a pool or domain which exists here, without its query. Every other
// URL has none.
func (p *Pools) Alias(ctx context.Context, u *url.URL) (localPath string, ok bool) {
	rest := u.EscapedPath()
	if u.Scheme != "https" || u.User != nil || u.Port() != "" || strings.Contains(rest, "%") || rest != "" && path.Clean(rest) != rest {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	if host == idpHost+p.cfg.Region+idpSuffix {
		id, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		_, err := p.poolByID(ctx, id)
		return strings.TrimSuffix(p.publicPath(), "/") + rest, err == nil
	}
	domain, ok := strings.CutSuffix(host, ".auth."+p.cfg.Region+authSuffix)
	if !ok {
		return "", false
	}
	id, err := p.poolOfDomain(ctx, domain)
	return p.publicPath() + id + rest, err == nil
}

// BrowserURL is the address to which a browser is sent in place of a URL that only this process resolves.
func (p *Pools) BrowserURL(ctx context.Context, rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	local, ok := p.Alias(ctx, u)
	if !ok {
		return rawURL
	}
	public, err := url.Parse(p.cfg.PublicURL)
	if err != nil {
		return rawURL
	}
	return (&url.URL{Scheme: public.Scheme, Host: public.Host, Path: local, RawQuery: u.RawQuery}).String()
}

// IsIssuer reports whether an iss is exactly that of a pool which exists here.
func (p *Pools) IsIssuer(ctx context.Context, iss string) bool {
	id, ok := strings.CutPrefix(iss, p.issuer(""))
	if !ok {
		return false
	}
	_, err := p.poolByID(ctx, id)
	return err == nil
}

// callbackPath begins every callback URL of this instance.
const callbackPath = "/identities/oauth2/callback"

// standInCallback is what scripts register before they know the callback URL of the credential provider that they are
// going to make: the one address which all of them had once.
func (p *Pools) standInCallback() string {
	return "https://bedrock-agentcore." + p.cfg.Region + idpSuffix + callbackPath
}

// instanceCallback reports whether a URL is the callback URL of a credential provider of this instance: its path, a
// UUID, and nothing more.
func (p *Pools) instanceCallback(rawURL string) bool {
	id, ok := strings.CutPrefix(rawURL, p.cfg.PublicURL+callbackPath+"/")
	return ok && isUUID(id)
}

// isUUID holds to the text form of RFC 9562, 4, in lower case.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hexDigit := strings.IndexByte("0123456789abcdef", text[i]) >= 0
		if dash != (text[i] == '-') || !dash && !hexDigit {
			return false
		}
	}
	return true
}
