package devidp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/issuer"
)

var _ devidp.Signer = (*issuer.SigningKey)(nil)

func TestNewRefusesWhatCannotBeSafe(t *testing.T) {
	other, err := issuer.GenerateKey("ES256", nil)
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "k", Algorithm: "HS256"}}})
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ec, KeyID: "k", Algorithm: "ES256"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*devidp.Config)
		says   string
	}{
		"no store":               {func(c *devidp.Config) { c.Store = nil }, "Store"},
		"no key":                 {func(c *devidp.Config) { c.Key = nil }, "Key"},
		"no callback rule":       {func(c *devidp.Config) { c.CallbackAllowed = nil }, "CallbackAllowed"},
		"no client id":           {func(c *devidp.Config) { c.Client.ID = "" }, "Client.ID"},
		"no client secret":       {func(c *devidp.Config) { c.Client.SecretHash = [32]byte{} }, "Client.SecretHash"},
		"empty client secret":    {func(c *devidp.Config) { c.Client.SecretHash = devidp.HashSecret("") }, "Client.SecretHash"},
		"no user name":           {func(c *devidp.Config) { c.User.Username = "" }, "User.Username"},
		"no subject":             {func(c *devidp.Config) { c.User.Subject = "" }, "User.Subject"},
		"subject is the client":  {func(c *devidp.Config) { c.User.Subject = clientID }, "User.Subject equals Client.ID"},
		"password in clear":      {func(c *devidp.Config) { c.User.PasswordHash = []byte(password) }, "bcrypt"},
		"no password":            {func(c *devidp.Config) { c.User.PasswordHash = nil }, "bcrypt"},
		"negative lifetime":      {func(c *devidp.Config) { c.AccessTokenTTL = -1 }, "lifetimes"},
		"relative issuer":        {func(c *devidp.Config) { c.Issuer = "/devidp" }, "Issuer"},
		"issuer with user":       {func(c *devidp.Config) { c.Issuer = "http://a@b/devidp" }, "Issuer"},
		"issuer with query":      {func(c *devidp.Config) { c.Issuer = "http://b/devidp?x" }, "query"},
		"issuer with slash":      {func(c *devidp.Config) { c.Issuer = "http://b/" }, "slash"},
		"issuer with wildcard":   {func(c *devidp.Config) { c.Issuer = "http://b/{x}" }, "plain path"},
		"no key set":             {func(c *devidp.Config) { c.JWKS = nil }, "JWKS"},
		"another key's set":      {func(c *devidp.Config) { c.Key = other }, "public half"},
		"set with a shared key":  {func(c *devidp.Config) { c.JWKS = symmetric }, "public key"},
		"set with a private key": {func(c *devidp.Config) { c.JWKS = private }, "public key"},
		"no randomness at start": {func(c *devidp.Config) { c.Rand = iotest.ErrReader(errors.New("dry")) }, "dry"},
	} {
		cfg := baseConfig("http://127.0.0.1/devidp", devidptest.NewStore(time.Now), time.Now)
		c.change(&cfg)
		_, err := devidp.New(cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error holds the password", name)
		}
	}
}

// TestNoRandomnessMeansNoCode: when randomness fails after the start, nothing guessable is issued.
func TestNoRandomnessMeansNoCode(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	page := w.consentPage(p)
	w.cfg.Rand = bytes.NewReader(make([]byte, 32)) // enough for the start alone
	w.restart()
	next := w.submit(p, page, map[string][]string{"decision": {"allow"}})
	if next.Status != http.StatusInternalServerError || next.Leaves != "" {
		t.Errorf("status %d, leaves for %q; want a page with 500", next.Status, next.Leaves)
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	r := w.do(w.newRequest(http.MethodGet, "/.well-known/openid-configuration", nil))
	for name, want := range map[string]string{
		"issuer": "", "authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks",
		"userinfo_endpoint": "/userinfo", "revocation_endpoint": "/revoke", "introspection_endpoint": "/introspect", "end_session_endpoint": "/logout",
	} {
		if got := r.text(name); got != w.cfg.Issuer+want {
			t.Errorf("%s = %q, want %q", name, got, w.cfg.Issuer+want)
		}
	}
	for name, want := range map[string]string{
		"code_challenge_methods_supported": `["S256"]`, "response_types_supported": `["code"]`, "id_token_signing_alg_values_supported": `["ES256"]`,
		"authorization_response_iss_parameter_supported": `true`, "token_endpoint_auth_methods_supported": `["client_secret_basic","client_secret_post"]`,
		"grant_types_supported": `["authorization_code","refresh_token","client_credentials"]`,
	} {
		if got, err := json.Marshal(r.body[name]); err != nil || string(got) != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
}

// TestA63_SecretsNeverRestOrShow: neither the store nor the log ever sees a code, token, cookie, password or client secret.
func TestA63_SecretsNeverRestOrShow(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.try(p, "dev", "a-wrong-password")
	code := w.consent(p, query()).Get("code")
	tokens := w.mustIssue(w.post("/token", codeForm(code)))
	again := w.mustIssue(w.post("/token", refreshForm(tokens.text("refresh_token"))))
	w.post("/token", refreshForm(tokens.text("refresh_token")))
	w.post("/token", codeForm(code))
	if _, err := p.Open(t.Context(), w.authorizeURL(map[string][]string{"state": {"marker-state"}})); err != nil {
		t.Fatal(err)
	}
	markers := map[string]string{"code": code, "verifier": verifier, "password": password, "wrong password": "a-wrong-password", "client secret": clientSecret,
		"state": "marker-state", "access token": again.text("access_token"), "ID token": tokens.text("id_token"),
		"refresh token": tokens.text("refresh_token"), "next refresh token": again.text("refresh_token")}
	at := w.signInOrigin()
	for _, cookie := range p.HTTP.Jar.Cookies(at) {
		markers["cookie "+cookie.Name] = cookie.Value
	}
	if len(markers) < 12 {
		t.Fatal("the cookies were not found: the test sees nothing")
	}
	for where, text := range map[string]string{"store": w.store.Dump(), "log": w.logs.String()} {
		if text == "" {
			t.Fatalf("the %s is empty: the test sees nothing", where)
		}
		for name, secret := range markers {
			if strings.Contains(text, secret) {
				t.Errorf("the %s holds the %s in clear", where, name)
			}
		}
	}
}
