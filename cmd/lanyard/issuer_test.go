package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// administered is a data directory with an account, and a way to run commands on it.
func administered(t *testing.T) func(line string) (code int, stdout, stderr string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := prepareDataDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := (&devData{dir: dir, Endpoint: "http://127.0.0.1:8585"}).save(); err != nil {
		t.Fatal(err)
	}
	on := func(line string) (int, string, string) {
		return command(t, append(strings.Fields(line), "--data-dir", dir)...)
	}
	if code, _, stderr := on("admin account create 000000000000"); code != 0 {
		t.Fatal(stderr)
	}
	return on
}

func TestIssuerCommands(t *testing.T) {
	on := administered(t)
	if code, _, stderr := on("issuer show"); code != 1 || !strings.Contains(stderr, "lanyard issuer enable --data-dir") {
		t.Errorf("show of a disabled issuer: exit %d, %s", code, stderr)
	}
	code, iss, stderr := on("issuer enable")
	iss = strings.TrimSpace(iss)
	if code != 0 || !strings.HasPrefix(iss, "http://127.0.0.1:8585/issuer/") {
		t.Fatalf("enable: exit %d, %s%s", code, iss, stderr)
	}
	if code, _, stderr := on("admin account set --web-identity-subject session"); code != 0 {
		t.Errorf("set: exit %d, %s", code, stderr)
	}
	_, shown, _ := on("issuer show")
	for _, want := range []string{iss, "enabled", "session", "ES384", "RS256", "signing"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show does not say %s:\n%s", want, shown)
		}
	}
	if _, rotated, _ := on("issuer rotate"); strings.Count(rotated, "published") != 2 || strings.Count(rotated, "signing") != 2 {
		t.Errorf("after a rotation the keys are\n%s", rotated)
	}
	if _, rotated, _ := on("issuer rotate --compromised"); strings.Count(rotated, "signing") != 2 || strings.Contains(rotated, "published") || strings.Contains(rotated, "retired") {
		t.Errorf("after a rotation of compromised keys they are\n%s", rotated)
	}
	if code, _, stderr := on("issuer disable"); code != 0 {
		t.Errorf("disable: exit %d, %s", code, stderr)
	}
	if code, _, stderr := on("issuer export " + t.TempDir()); code != 1 || !strings.Contains(stderr, "issuer enable") {
		t.Errorf("export of a disabled issuer: exit %d, %s", code, stderr)
	}
}

func TestIssuerExportIsForAStaticHost(t *testing.T) {
	on := administered(t)
	_, iss, _ := on("issuer enable")
	iss = strings.TrimSpace(iss)
	dir := filepath.Join(t.TempDir(), "public")
	for range 2 { // again, over what is there
		code, said, stderr := on("issuer export " + dir)
		if code != 0 || !strings.Contains(said, iss+"/.well-known/jwks.json") || !strings.Contains(said, "once a day") {
			t.Fatalf("export: exit %d, %s%s", code, said, stderr)
		}
	}
	var names []string
	for _, name := range []string{"openid-configuration", "jwks.json"} {
		path := filepath.Join(dir, ".well-known", name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o644 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		b, err := os.ReadFile(path)
		if err != nil || !json.Valid(b) || strings.Contains(string(b), `"d":`) {
			t.Errorf("%s is %s: %v", name, b, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, ".well-known"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, []string{"jwks.json", "openid-configuration"}) {
		t.Errorf("the directory holds %v", names)
	}
}

func TestAccountSetSaysWhatCanBeSet(t *testing.T) {
	on := administered(t)
	if code, _, stderr := on("admin account set"); code != 2 || !strings.Contains(stderr, "--web-identity-subject") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := on("admin account set --web-identity-subject user"); code != 1 || !strings.Contains(stderr, "not one of") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestIssuerConfiguration(t *testing.T) {
	sound := func() config {
		c := defaultConfig()
		c.PublicURL, c.Database.SQLite, c.RootKey.File, c.Proxies = "https://lanyard.example.com", "data", "root.key", []string{"10.0.0.1"}
		return c
	}
	for name, c := range map[string]struct {
		edit func(*config)
		key  string
	}{
		"nothing":         {func(*config) {}, ""},
		"a host":          {func(c *config) { c.IssuerURL = "https://tokens.example.com" }, ""},
		"a path":          {func(c *config) { c.IssuerURL = "https://tokens.example.com/a" }, ""},
		"http":            {func(c *config) { c.IssuerURL = "http://tokens.example.com" }, "issuer_url"},
		"a query":         {func(c *config) { c.IssuerURL = "https://tokens.example.com/?a" }, "issuer_url"},
		"a user":          {func(c *config) { c.IssuerURL = "https://u@tokens.example.com" }, "issuer_url"},
		"a pattern":       {func(c *config) { c.IssuerURL = "https://tokens.example.com/{x}" }, "issuer_url"},
		"no URL":          {func(c *config) { c.IssuerURL = "tokens" }, "issuer_url"},
		"subject session": {func(c *config) { c.WebIdentitySubject = "session" }, ""},
		"other subject":   {func(c *config) { c.WebIdentitySubject = "user" }, "web_identity_subject"},
		"key life":        {func(c *config) { c.SigningKeyLife = 30 * 24 * time.Hour }, ""},
		"short key life":  {func(c *config) { c.SigningKeyLife = 25 * time.Hour }, "signing_key_life"},
	} {
		cfg := sound()
		c.edit(&cfg)
		err := cfg.Validate()
		if (err == nil) != (c.key == "") || err != nil && !strings.HasPrefix(err.Error(), c.key+":") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
