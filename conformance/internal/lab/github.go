package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"

	"github.com/lanyard-id/lanyard/conformance/githubtest"
)

// GitHub is the stand-in of package githubtest as a GitHub App: tokens expire and rotate.
type GitHub struct {
	*githubtest.Server
	url string
}

const (
	githubClientID     = "Iv1.lanyard"
	githubClientSecret = "github-lanyard-secret"
)

func (l *Lab) startGitHub(listen func(http.Handler) *httptest.Server) (*GitHub, error) {
	server := githubtest.New(githubtest.Config{ClientID: githubClientID, ClientSecret: githubClientSecret, GitHubApp: true})
	web := listen(server)
	l.onClose(web.Close)
	return &GitHub{Server: server, url: web.URL}, nil
}

// startSecureGitHub serves https with a certificate of the lab's own authority, as a company's GitHub does.
func (l *Lab) startSecureGitHub() (*GitHub, error) {
	ca, err := l.ca()
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(ca.certFile, ca.keyFile)
	if err != nil {
		return nil, err
	}
	return l.startGitHub(func(h http.Handler) *httptest.Server {
		web := httptest.NewUnstartedServer(h)
		web.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		web.StartTLS()
		return web
	})
}

// Info implements Provider.
func (g *GitHub) Info() ProviderInfo {
	return ProviderInfo{
		Name:         "github",
		Issuer:       g.url,
		AuthorizeURL: g.url + "/login/oauth/authorize",
		TokenURL:     g.url + "/login/oauth/access_token",
		UserInfoURL:  g.url + "/user",
		ClientID:     githubClientID,
		ClientSecret: githubClientSecret,
		UserScopes:   []string{"read:user", "repo"},
	}
}

// RegisterCallback implements Provider.
func (g *GitHub) RegisterCallback(_ context.Context, uri string) error {
	g.Server.RegisterCallback(uri)
	return nil
}

// UserToken implements Provider: GitHub is no OpenID provider.
func (g *GitHub) UserToken(context.Context, string) (string, error) {
	return "", errors.New("github issues no JWT")
}

// TokenRequests implements Provider.
func (g *GitHub) TokenRequests(context.Context) (map[string]int, error) {
	return g.Server.TokenRequests(), nil
}

func (g *GitHub) pages(user string, deny bool) []page {
	click := "#authorize"
	if deny {
		click = "#cancel"
	}
	return []page{{present: "form[action^='/login/oauth/authorize']", fill: map[string]string{"#login": user}, click: click}}
}
