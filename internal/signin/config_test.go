package signin

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestConfigThatIsRefused(t *testing.T) {
	good := newWorld(t).cfg
	whole := Endpoints{Authorization: "https://idp.example/a", Token: "https://idp.example/t", UserInfo: "https://idp.example/u", JWKS: "https://idp.example/k"}
	for name, tc := range map[string]struct {
		change func(c *Config)
		says   string
	}{
		"no issuer":            {func(c *Config) { c.Issuer = "" }, "Issuer"},
		"issuer in clear":      {func(c *Config) { c.Issuer = "http://idp.example" }, "https"},
		"issuer with query":    {func(c *Config) { c.Issuer += "?a=b" }, "query"},
		"no client":            {func(c *Config) { c.ClientID = "" }, "ClientID"},
		"a method, unknown":    {func(c *Config) { c.AuthMethod = "private_key_jwt" }, "AuthMethod"},
		"none with a secret":   {func(c *Config) { c.AuthMethod = None }, "contradict"},
		"post without one":     {func(c *Config) { c.AuthMethod, c.ClientSecret = ClientSecretPost, vault.Secret{} }, "contradict"},
		"scopes lack openid":   {func(c *Config) { c.Scopes = []string{"email"} }, "openid"},
		"scopes in one":        {func(c *Config) { c.Scopes = []string{"openid", "a b"} }, "one by one"},
		"redirect in clear":    {func(c *Config) { c.RedirectURL = "http://app.example.com/cb" }, "RedirectURL is not https"},
		"redirect, relative":   {func(c *Config) { c.RedirectURL = "/cb" }, "RedirectURL"},
		"redirect with query":  {func(c *Config) { c.RedirectURL += "?a=b" }, "query"},
		"redirect, fragment":   {func(c *Config) { c.RedirectURL += "#a" }, "fragment"},
		"redirect with user":   {func(c *Config) { c.RedirectURL = "https://a@app.example.com/cb" }, "user information"},
		"sign-out in clear":    {func(c *Config) { c.PostLogoutURL = "http://www.example.com" }, "PostLogoutURL is not https"},
		"cookie with prefix":   {func(c *Config) { c.CookieName = "__Host-X" }, "prefix"},
		"cookie with space":    {func(c *Config) { c.CookieName = "a b" }, "CookieName"},
		"cookie, endless":      {func(c *Config) { c.CookieName = strings.Repeat("a", 65) }, "CookieName"},
		"no keys":              {func(c *Config) { c.Keys = nil }, "Keys"},
		"a short key":          {func(c *Config) { c.Keys = [][]byte{testBytes(1), testBytes(2)[:16]} }, "Keys[1]"},
		"a key of zeros":       {func(c *Config) { c.Keys = [][]byte{make([]byte, 32)} }, "Keys[0]"},
		"negative time":        {func(c *Config) { c.Login = -time.Second }, "positive"},
		"no record":            {func(c *Config) { c.Ended = nil }, "Ended"},
		"no fetcher":           {func(c *Config) { c.Fetcher = nil }, "Fetcher"},
		"endpoints, half":      {func(c *Config) { c.Endpoints = &Endpoints{Token: whole.Token} }, "authorization and a token"},
		"no userinfo":          {func(c *Config) { e := whole; e.UserInfo = ""; c.Endpoints = &e }, "UserInfo"},
		"keys in clear":        {func(c *Config) { e := whole; e.JWKS = "http://idp.example/k"; c.Endpoints = &e }, "https"},
		"max_age, no number":   {func(c *Config) { c.Parameters = map[string]string{"max_age": "1h"} }, "seconds"},
		"parameter, endless":   {func(c *Config) { c.Parameters = map[string]string{"a": strings.Repeat("a", 2000)} }, "characters"},
		"parameter with space": {func(c *Config) { c.Parameters = map[string]string{"a b": "c"} }, "printable"},
	} {
		c := good
		tc.change(&c)
		g, err := New(c)
		if err == nil || g != nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.says)
		}
		if err != nil && strings.Contains(err.Error(), clientSecret) {
			t.Errorf("%s: the error has the secret", name)
		}
	}
}

func TestA58_ReservedParameters(t *testing.T) {
	good := newWorld(t).cfg
	for _, name := range append(reservedParameters(), "State", " nonce", "client.id", "redirect-uri", "scope[]", "code_challenge\x00x", "RESPONSE_MODE") {
		c := good
		c.Parameters = map[string]string{name: "x"}
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), "reserved") {
			t.Errorf("parameter %q: %v", name, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := newWorld(t, func(c *Config) { c.Absolute = 5 * time.Minute }).gate.cfg
	if c.Idle != 5*time.Minute || c.Login != 15*time.Minute || c.CookieName != "LanyardFrontDoor" || len(c.Scopes) != 1 {
		t.Fatalf("%v, %v, %q, %v", c.Idle, c.Login, c.CookieName, c.Scopes)
	}
	cfg := newWorld(t).cfg
	cfg.Now, cfg.Log, cfg.Rand = nil, nil, nil
	g, err := New(cfg)
	if err != nil || g.cfg.Now == nil || g.cfg.Log == nil || g.cfg.Rand == nil || g.cfg.Absolute != 12*time.Hour || g.cfg.Idle != time.Hour {
		t.Fatalf("%+v, %v", g, err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"localhost.example.com": false, "notlocalhost": false, "10.0.0.1": false, "0.0.0.0": false, "": false, "127.0.0.1.example.com": false} {
		if isLoopback(host) != want {
			t.Errorf("isLoopback(%q) = %v", host, !want)
		}
	}
}

func TestNothingIsBegunWithoutRandomness(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Rand = io.LimitReader(bytes.NewReader(make([]byte, 100)), 40) })
	err := w.tryBegin()
	wantKind(t, err, Internal, 500, "no randomness")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cause = %v", errors.Unwrap(err))
	}
}
