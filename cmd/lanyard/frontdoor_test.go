package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/issuer"
)

const doorPassword = "correct horse"

// doorSigner is the signer of the tests' front door.
const doorSigner = "arn:aws:elasticloadbalancing:us-west-2:000000000000:loadbalancer/app/test/1"

// doorIDP is an identity provider for a front door at an address.
func doorIDP(t *testing.T, site string) *httptest.Server {
	t.Helper()
	key, err := issuer.GenerateKey("ES256", nil)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := issuer.PublicSet(key)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(doorPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	var h http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	idp, err := devidp.New(devidp.Config{Issuer: server.URL + "/idp", Client: devidp.Client{ID: "app", SecretHash: devidp.HashSecret("MARKER-secret")},
		CallbackAllowed: func(u string) bool { return u == site+"/oauth2/idpresponse" },
		User:            devidp.User{Username: "dev", PasswordHash: hash, Subject: "u-1", Name: "Robin"}, Key: key, JWKS: jwks, Store: devidptest.NewStore(time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	h = idp.Handler()
	return server
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// writeDoorConfig writes a configuration file whose paths are relative to it.
func writeDoorConfig(t *testing.T, listen, issuer, backend, more string) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`listen: %s
public_urls: [http://%s]
state_dir: state
signer: %s
oidc: {issuer: "%s", client_id: app, client_secret_file: client.secret, scopes: [openid, profile]}
rules: [{path: /, backend: "%s"}, {path: /ping, backend: "%s", public: true}]
egress: {allow: [127.0.0.1], insecure_http_hosts: [127.0.0.1]}
access_log: access.log
drain: 1s
%s`, listen, listen, doorSigner, issuer, backend, backend, more)
	for name, content := range map[string]string{"frontdoor.yaml": text, "client.secret": "MARKER-secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "frontdoor.yaml")
}

// doorOutput is what a program that runs writes.
type doorOutput struct {
	mu sync.Mutex
	b  strings.Builder
	on chan struct{} // closed once the wanted text is there
	is string
}

func (o *doorOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	had := strings.Contains(o.b.String(), o.is)
	n, err := o.b.Write(p)
	if !had && strings.Contains(o.b.String(), o.is) {
		close(o.on)
	}
	return n, err
}

func (o *doorOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startDoor runs a command until it is stopped or the test ends, and returns when its output has a text.
func startDoor(t *testing.T, ready string, args ...string) (out *doorOutput, stop func()) {
	t.Helper()
	out = &doorOutput{on: make(chan struct{}), is: ready}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	env := testEnvironment(nil, out, out, args...)
	env.now = time.Now // browsers and the identity provider go by it too
	go func() { ended <- run(ctx, env) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
	t.Cleanup(stop)
	select {
	case <-out.on:
	case code := <-ended:
		ended <- code
		t.Fatalf("it ended at once: %s", out)
	case <-time.After(30 * time.Second):
		t.Fatalf("not ready: %s", out)
	}
	return out, stop
}

func behindDoor(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = json.NewEncoder(w).Encode(r.Header) }))
	t.Cleanup(s.Close)
	return s
}

// visitDoor signs a person in at a front door and returns the headers that the backend saw.
func visitDoor(t *testing.T, site, username, password string) http.Header {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	person := devidptest.Person{HTTP: &http.Client{Jar: jar}, Username: username, Password: password}
	html := func(url string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		resp, err := (&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	back, err := person.Allow(t.Context(), html(site+"/page").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if resp := html(back); resp.Header.Get("Location") != "/page" {
		t.Fatalf("callback: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	resp := html(site + "/page")
	body, err := io.ReadAll(resp.Body)
	var h http.Header
	if err != nil || json.Unmarshal(body, &h) != nil {
		t.Fatalf("%d %s, %v", resp.StatusCode, body, err)
	}
	return h
}

func TestFrontDoor(t *testing.T) {
	listen := freeAddress(t)
	site := "http://" + listen
	idp, backend := doorIDP(t, site), behindDoor(t)
	path := writeDoorConfig(t, listen, idp.URL+"/idp", backend.URL, "")
	var out, errOut strings.Builder
	if code := run(t.Context(), testEnvironment(nil, &out, &errOut, "frontdoor", "check", "--config", path)); code != 0 {
		t.Fatalf("check: %d %s", code, errOut.String())
	}
	for _, want := range []string{site + "/oauth2/idpresponse", site + "/oauth2/public-keys", doorSigner, "client   app"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("check does not tell %s:\n%s", want, out.String())
		}
	}
	logs, stop := startDoor(t, `"msg":"ready"`, "frontdoor", "--config", path)
	if h := visitDoor(t, site, "dev", doorPassword); h.Get("X-Amzn-Oidc-Identity") != "u-1" || h.Get("X-Amzn-Oidc-Data") == "" {
		t.Errorf("the backend saw %v", h)
	}
	stop() // the lines of what was answered are written by then
	access, err := os.ReadFile(filepath.Join(filepath.Dir(path), "access.log"))
	if err != nil || !strings.Contains(string(access), `"elb_status_code":200`) || strings.Contains(string(access), `"level"`) {
		t.Errorf("access log %s, %v", access, err)
	}
	if all := logs.String() + string(access); strings.Contains(all, "MARKER") {
		t.Error("the client secret is in a log")
	}
	for _, name := range []string{"state/signing-keys.json", "state/cookie-keys.json", "state/ended-sessions", "access.log"} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600 (A63)", name, info, err)
		}
	}
}

func TestFrontDoorInsideDev(t *testing.T) {
	backend := behindDoor(t)
	data := t.TempDir()
	out, _ := startDoor(t, "return URL for consent", "dev", "--listen", "127.0.0.1:0", "--data-dir", data, "--front-door-backend", backend.URL, "--front-door-listen", "127.0.0.1:0")
	d, err := readDevData(data)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(out.String(), "front door before your application is at ")
	site, _, _ := strings.Cut(rest, "\n")
	h := visitDoor(t, site, d.Username, d.Password)
	if h.Get("X-Amzn-Oidc-Identity") != d.Subject || h.Get("X-Amzn-Oidc-Data") == "" {
		t.Errorf("the backend saw %v", h)
	}
	resp, err := http.Get(site + "/oauth2/session-binding?session_id=x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("session binding without a session: %d", resp.StatusCode)
	}
}

func TestFrontDoorConfigIsRefused(t *testing.T) {
	good := writeDoorConfig(t, "127.0.0.1:1", "http://127.0.0.1:1/idp", "http://127.0.0.1:2", "")
	if cfg, err := readDoorConfig(good); err != nil || cfg.OIDC.ClientSecretFile != filepath.Join(filepath.Dir(good), "client.secret") {
		t.Fatalf("%+v, %v", cfg, err)
	}
	for name, c := range map[string]struct {
		change func(*doorConfig)
		want   string
	}{
		"open to the network":  {func(c *doorConfig) { c.Listen = "0.0.0.0:80" }, "neither a certificate"},
		"listen":               {func(c *doorConfig) { c.Listen = "80" }, "host:port"},
		"plain http":           {func(c *doorConfig) { c.PublicURLs = []string{"http://app.example.com"} }, "is not https"},
		"no public url":        {func(c *doorConfig) { c.PublicURLs = nil }, "public_urls: is missing"},
		"half a certificate":   {func(c *doorConfig) { c.TLS.CertFile = "x" }, "both cert_file and key_file"},
		"proxy":                {func(c *doorConfig) { c.TrustedProxies = []string{"proxy.example.com"} }, "trusted_proxies[0]"},
		"no signer":            {func(c *doorConfig) { c.Signer = "" }, "signer: is missing"},
		"no issuer":            {func(c *doorConfig) { c.OIDC.Issuer = "" }, "/oauth2/idpresponse"},
		"no rules":             {func(c *doorConfig) { c.Rules = nil }, "rules: there is none"},
		"no state":             {func(c *doorConfig) { c.StateDir = "" }, "state_dir"},
		"drain":                {func(c *doorConfig) { c.Drain = -1 }, "drain"},
		"level":                {func(c *doorConfig) { c.Log.Level = "loud" }, "log.level"},
		"format":               {func(c *doorConfig) { c.Log.Format = "jsno" }, "log.format"},
		"host of no proxy":     {func(c *doorConfig) { c.ForwardedHost = true }, "forwarded_host"},
		"keys without address": {func(c *doorConfig) { c.KeysListen = "9000" }, "keys_listen"},
	} {
		cfg, err := readDoorConfig(good)
		if err != nil {
			t.Fatal(err)
		}
		c.change(cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want something of %q", name, err, c.want)
		}
	}
	misspelt := writeDoorConfig(t, "127.0.0.1:1", "http://127.0.0.1:1/idp", "http://127.0.0.1:2", "trusted_proxy: [10.0.0.0/8]\n")
	if _, err := readDoorConfig(misspelt); err == nil || !strings.Contains(err.Error(), "trusted_proxy") {
		t.Errorf("an unknown key: %v", err)
	}
	var errOut strings.Builder
	if code := run(t.Context(), testEnvironment(nil, io.Discard, &errOut, "frontdoor", "check", "--config", good)); code != 1 || !strings.Contains(errOut.String(), "identity provider did not answer") {
		t.Errorf("check of an issuer that is not there: %d %s", code, errOut.String())
	}
}
