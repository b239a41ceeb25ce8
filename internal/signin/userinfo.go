package signin

import (
	"context"
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// fetchUserInfo adds the userinfo's claims to a session whose ID token was verified, where they are wanted.
func (g *Gate) fetchUserInfo(ctx context.Context, md *metadata, s *session) error {
	if !g.cfg.UserInfo {
		return nil
	}
	req := request(http.MethodGet, md.UserInfo, http.Header{"Authorization": {"Bearer " + s.AccessToken}, "Accept": {"application/json"}}, "")
	resp, err := g.cfg.Fetcher.Do(ctx, req)
	if err != nil {
		return outbound(err)
	}
	if resp.Status != http.StatusOK {
		return userInfoRefusal(md.UserInfo, resp.Status)
	}
	members, err := parseObject(resp.Body)
	if err != nil {
		return failAt(Provider, md.UserInfo, "the userinfo is not usable: "+err.Error()+"; have the issuer answer it as plain JSON, not signed or encrypted")
	}
	// OpenID Connect Core 1.0 section 5.3.2: without this, an access token of another person would lend their claims.
	sub, _ := members["sub"].(string)
	if sub == "" || subtle.ConstantTimeCompare([]byte(sub), []byte(s.subject())) != 1 {
		return failAt(Provider, md.UserInfo, "the userinfo is about another subject than the ID token, or about none: its sub must be the same")
	}
	s.UserInfo, s.userInfo = resp.Body, members
	return nil
}

// userInfoRefusal explains the refusal that issuers with one audience for each access token give most.
func userInfoRefusal(endpoint string, status int) *Error {
	e := failAt(statusKind(status, Provider), endpoint, "the userinfo endpoint answered "+statusText(status))
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		e.Message += " to the access token that the issuer had just given: the token is probably for another audience. " +
			"Ask for scopes that the userinfo endpoint accepts, and leave out those of other APIs (at Microsoft Entra ID the userinfo endpoint is part of Microsoft Graph), " +
			"or take the claims from the ID token"
	}
	return e
}

// request is one outbound request. Its URL was checked when the endpoints were read; the guarded client refuses one that
// does not parse.
func request(method, rawURL string, header http.Header, body string) *http.Request {
	u, _ := url.Parse(rawURL)
	req := &http.Request{Method: method, URL: u, Header: header}
	if body != "" {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return req
}
