package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// devWorld is `lanyard dev` in process: its configuration, its wiring, its listener.
type devWorld struct {
	*instance
	t     *testing.T
	pools *devidp.Pools
	root  *policy.Caller
}

func newDevWorld(t *testing.T) *devWorld {
	t.Helper()
	dir := t.TempDir()
	if err := prepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in, err := open(context.Background(), devConfig(dir, "127.0.0.1:0", "http://"+ln.Addr().String()), slog.New(slog.DiscardHandler), time.Now, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := in.identity.EnsureAccount(t.Context(), in.cfg.Account); err != nil {
		t.Fatal(err)
	}
	w := &devWorld{instance: in, t: t, root: &policy.Caller{Account: in.cfg.Account, ARN: "arn:aws:iam::" + in.cfg.Account + ":root", Kind: policy.KindRoot}}
	if w.pools, err = in.userPools(); err != nil {
		t.Fatal(err)
	}
	h, err := in.edge(server.Config{UserPools: w.pools, BrowserURL: w.pools.BrowserURL, Extra: map[string]http.Handler{devidp.PoolsPath: w.pools.Handler()}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	go s.Serve(ln)
	t.Cleanup(func() {
		s.Close()
		in.closeLogged()
	})
	return w
}

func ok[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const devUserPassword = "a-password-of-sixteen"

// quickstart makes what the quickstart's script makes, and a client for sign-in by API.
func (w *devWorld) quickstart() (pool string, client, direct api.UserPoolClient) {
	w.t.Helper()
	ctx := w.t.Context()
	pool = ok[*api.UserPoolResponse](w.t)(w.pools.CreateUserPool(ctx, w.root, &api.CreateUserPoolRequest{PoolName: "QuickStart"})).UserPool.ID
	ok[*api.CreateUserPoolDomainResponse](w.t)(w.pools.CreateUserPoolDomain(ctx, w.root, &api.CreateUserPoolDomainRequest{Domain: "quickstart-1", UserPoolID: pool}))
	client = ok[*api.UserPoolClientResponse](w.t)(w.pools.CreateUserPoolClient(ctx, w.root, &api.CreateUserPoolClientRequest{UserPoolID: pool, ClientName: "QuickStart", GenerateSecret: true,
		CallbackURLs: []string{"https://bedrock-agentcore.us-west-2.amazonaws.com/identities/oauth2/callback"}, AllowedOAuthFlows: []string{"code"},
		AllowedOAuthScopes: []string{"openid", "profile", "email"}, AllowOAuth: true})).UserPoolClient
	direct = ok[*api.UserPoolClientResponse](w.t)(w.pools.CreateUserPoolClient(ctx, w.root, &api.CreateUserPoolClientRequest{UserPoolID: pool, ClientName: "Inbound",
		ExplicitAuthFlows: []string{"ALLOW_USER_PASSWORD_AUTH"}})).UserPoolClient
	ok[*api.AdminCreateUserResponse](w.t)(w.pools.AdminCreateUser(ctx, w.root, &api.AdminCreateUserRequest{UserPoolID: pool, Username: "alice"}))
	ok[*api.Empty](w.t)(w.pools.AdminSetUserPassword(ctx, w.root, &api.AdminSetUserPasswordRequest{UserPoolID: pool, Username: "alice", Password: devUserPassword, Permanent: true}))
	return pool, client, direct
}

// TestDevStandsInForCognito walks the quickstart: an inbound JWT of the pool buys a workload access token, and a provider
// that is configured with Cognito's own names, by discovery or by endpoints, leads the user through the local pool.
func TestDevStandsInForCognito(t *testing.T) {
	t.Parallel()
	w := newDevWorld(t)
	pool, client, direct := w.quickstart()
	ctx := t.Context()
	signedIn := ok[*api.AuthResponse](t)(w.pools.InitiateAuth(ctx, &policy.Caller{SourceIP: "127.0.0.1"}, &api.InitiateAuthRequest{ClientID: direct.ClientID, AuthFlow: "USER_PASSWORD_AUTH",
		AuthParameters: map[string]api.Sensitive{"USERNAME": "alice", "PASSWORD": devUserPassword}}))
	ok[*identity.Workload](t)(w.identity.CreateWorkload(ctx, w.root, identity.NewWorkload{Name: "agent"}))
	wat := ok[vault.Secret](t)(w.identity.WorkloadTokenForJWT(ctx, w.root, "agent", vault.SecretString(string(signedIn.AuthenticationResult.AccessToken))))

	const hosted = "https://quickstart-1.auth.us-west-2.amazoncognito.com/oauth2/"
	issuer := "https://cognito-idp.us-west-2.amazonaws.com/" + pool
	for name, c := range map[string]identity.ProviderConfig{
		"by-discovery": {DiscoveryURL: issuer + "/.well-known/openid-configuration"},
		"by-endpoints": {Issuer: issuer, AuthorizationEndpoint: hosted + "authorize", TokenEndpoint: hosted + "token"},
	} {
		c.Vendor, c.ClientID = "CustomOauth2", client.ClientID
		ok[*identity.Provider](t)(w.identity.CreateProvider(ctx, w.root, identity.NewProvider{Name: name, Config: c, Secret: vault.SecretString(string(client.ClientSecret))}))
		ask := identity.ResourceTokenRequest{WorkloadToken: wat.RevealString(), Provider: name, Flow: identity.UserFederation, Scopes: []string{"openid"}}
		begun := ok[identity.ResourceToken](t)(w.identity.ResourceToken(ctx, w.root, ask))
		w.consent(begun.AuthorizationURL)
		if got := ok[identity.ResourceToken](t)(w.identity.ResourceToken(ctx, w.root, ask)); strings.Count(got.Access.RevealString(), ".") != 2 {
			t.Errorf("%s: no token after the consent", name)
		}
	}
}

// consent is alice in a browser of her own.
func (w *devWorld) consent(authorizationURL string) {
	w.t.Helper()
	jar := ok[http.CookieJar](w.t)(cookiejar.New(nil))
	alice := devidptest.Person{HTTP: &http.Client{Jar: jar}, Username: "alice", Password: devUserPassword}
	leaving := ok[*devidptest.Page](w.t)(alice.Open(w.t.Context(), authorizationURL))
	if !strings.HasPrefix(leaving.Leaves, w.cfg.PublicURL+devidp.PoolsPath) {
		w.t.Fatalf("the browser is sent to %q", leaving.Leaves)
	}
	callback := ok[string](w.t)(alice.Allow(w.t.Context(), leaving.Leaves))
	if end := ok[*devidptest.Page](w.t)(alice.Open(w.t.Context(), callback)); end.Status != http.StatusOK || !strings.Contains(end.Text(), "All set") {
		w.t.Fatalf("the consent ended with %d: %s", end.Status, end.Text())
	}
}

// TestServeStandsInForNobody: without what `lanyard dev` adds, names of Cognito are the world's.
func TestServeStandsInForNobody(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	if c.standIn != nil || c.standIn.aliases("https://lanyard.example.com") != nil || c.standIn.issuers() != nil {
		t.Error("lanyard serve claims names of Cognito")
	}
	in, err := open(t.Context(), devConfig(preparedDir(t), "127.0.0.1:0", "http://127.0.0.1:1"), slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now, "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.closeLogged()
	if in.cfg.standIn.issuers()(t.Context(), "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_abcdefghi") {
		t.Error("an issuer is claimed before there are pools")
	}
}

func preparedDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := prepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
