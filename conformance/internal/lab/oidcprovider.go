package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// OIDCProvider is the npm package oidc-provider.
type OIDCProvider struct {
	issuer       string
	admin        string
	clientID     string
	clientSecret string
	workload     struct{ ID, Secret string }
	stop         func()
}

// StartOIDCProvider starts another oidc-provider than the shared one, with arguments of its own, such as
// --access-token-ttl 2.
func (l *Lab) StartOIDCProvider(args ...string) (*OIDCProvider, error) {
	node, err := systemProgram("node")
	if err != nil {
		return nil, err
	}
	if _, err := l.component("node", "node_modules", "oidc-provider"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(l.tmp, "oidc-provider-") // its own, since the ready line is read from the log in it
	if err != nil {
		return nil, err
	}
	script := filepath.Join(l.dir, "providers", "oidc-provider.mjs")
	cmd := exec.Command(node, append([]string{script}, args...)...)
	cmd.Env = cleanEnv(l.tmp)
	p, err := startProcess("oidc-provider", filepath.Join(dir, "log"), cmd)
	if err != nil {
		return nil, err
	}
	stop := sync.OnceFunc(p.kill)
	l.onClose(stop)
	line, err := p.readyLine(l.ctx, "ready ")
	if err != nil {
		return nil, err
	}
	var ready struct {
		Issuer, Admin, ClientID, ClientSecret string
		Workload                              struct{ ID, Secret string }
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		return nil, fmt.Errorf("oidc-provider's ready line: %w", err)
	}
	return &OIDCProvider{
		issuer: ready.Issuer, admin: ready.Admin, clientID: ready.ClientID, clientSecret: ready.ClientSecret, workload: ready.Workload, stop: stop,
	}, nil
}

// Info implements Provider.
func (o *OIDCProvider) Info() ProviderInfo {
	return ProviderInfo{
		Name:            "oidc-provider",
		Issuer:          o.issuer,
		DiscoveryURL:    o.issuer + "/.well-known/openid-configuration",
		UserInfoURL:     o.issuer + "/me",
		ClientID:        o.clientID,
		ClientSecret:    o.clientSecret,
		UserScopes:      []string{"openid", "email", "offline_access"},
		MachineScopes:   []string{"files:read"},
		Audience:        "agent-app",
		InboundClientID: "agent-app",
	}
}

// RegisterCallback implements Provider.
func (o *OIDCProvider) RegisterCallback(ctx context.Context, uri string) error {
	return callJSON(ctx, "POST", o.admin+"/redirect-uris", "", map[string]string{"uri": uri}, nil)
}

// UserToken implements Provider.
func (o *OIDCProvider) UserToken(ctx context.Context, user string) (string, error) {
	var answer struct{ Token string }
	err := callJSON(ctx, "POST", o.admin+"/user-token", "", map[string]string{"sub": user, "audience": "agent-app"}, &answer)
	return answer.Token, err
}

// TokenRequests implements Provider.
func (o *OIDCProvider) TokenRequests(ctx context.Context) (map[string]int, error) {
	var counts map[string]int
	err := callJSON(ctx, "GET", o.admin+"/token-requests", "", nil, &counts)
	return counts, err
}

// WorkloadToken implements WorkloadIssuer: it is the client's own, for an audience that oidc-provider calls a resource.
func (o *OIDCProvider) WorkloadToken(ctx context.Context) (WorkloadToken, error) {
	return workloadToken(ctx, o.issuer+"/token", url.Values{
		"client_id": {o.workload.ID}, "client_secret": {o.workload.Secret}, "scope": {"files:read"}, "resource": {workloadAudience},
	})
}

// Federate implements Federation. This provider asks that issuer and client id be one (RFC 7523 section 3, point 1 and
// 2B), and finds the client by the subject: so the client's own id is the issuer, and the subject is another name of it.
func (o *OIDCProvider) Federate(ctx context.Context, c FederatedClient) error {
	return callJSON(ctx, "POST", o.admin+"/federated-clients", "", map[string]string{"id": c.ID, "issuer": c.Issuer}, nil)
}

// RegisterFederatedCallback implements Federation.
func (o *OIDCProvider) RegisterFederatedCallback(ctx context.Context, client, uri string) error {
	return callJSON(ctx, "POST", o.admin+"/redirect-uris", "", map[string]string{"uri": uri, "client": client}, nil)
}

// ClientAssertions are the tokens by which federated clients proved themselves, oldest first.
func (o *OIDCProvider) ClientAssertions(ctx context.Context) ([]string, error) {
	var assertions []string
	err := callJSON(ctx, "GET", o.admin+"/client-assertions", "", nil, &assertions)
	return assertions, err
}

// SetAccessTokenTTL changes how long the access tokens of later answers live.
func (o *OIDCProvider) SetAccessTokenTTL(ctx context.Context, seconds int) error {
	return callJSON(ctx, "POST", o.admin+"/access-token-ttl", "", map[string]int{"seconds": seconds}, nil)
}

func (o *OIDCProvider) pages(user string, deny bool) []page {
	consent := page{present: "input[name=prompt][value=consent]", click: "button[type=submit]"}
	if deny {
		consent.click = ".login-help a"
	}
	return []page{
		{
			present: "input[name=prompt][value=login]",
			fill:    map[string]string{"input[name=login]": user, "input[name=password]": user + "-password"},
			click:   "button[type=submit]",
		},
		consent,
	}
}
