package frontdoor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

// writeCertificate writes a new self-signed certificate for localhost, made at a time that the files then have too.
func writeCertificate(t *testing.T, dir string, serial int64, at time.Time) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := errors.Join(os.WriteFile(name, pem.EncodeToMemory(block), 0o600), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) {
		t.Fatal("the certificate cannot be read")
	}
	return certFile, keyFile, pool
}

func TestHTTPS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	origin := "https://localhost:" + port
	w := newWorld(t, func(w *world) { w.cfg.Sites = append(w.cfg.Sites, w.otherSite(origin)) })
	certFile, keyFile, pool := writeCertificate(t, t.TempDir(), 1, time.Now())
	cert, err := frontdoor.LoadCertificate(certFile, keyFile, w.now, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	server := w.door.Server()
	served := make(chan error, 1)
	go func() { served <- server.Serve(tls.NewListener(ln, cert.TLS())) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cookie := resp.Header.Get("Set-Cookie")
	if resp.StatusCode != 302 || resp.ProtoMajor != 2 || !strings.HasPrefix(cookie, "__Host-") || !strings.Contains(cookie, "; Secure") || !strings.Contains(cookie, "; HttpOnly") {
		t.Errorf("%d by HTTP/%d, cookie %q", resp.StatusCode, resp.ProtoMajor, cookie)
	}
	if resp.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security %q", resp.Header.Get("Strict-Transport-Security"))
	}
	if !strings.Contains(resp.Header.Get("Location"), "redirect_uri=https%3A%2F%2Flocalhost%3A"+port) {
		t.Errorf("Location %q", resp.Header.Get("Location"))
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	clock := func() time.Time { return now }
	var failures []error
	certFile, keyFile, _ := writeCertificate(t, dir, 1, now)
	c, err := frontdoor.LoadCertificate(certFile, keyFile, clock, func(err error) { failures = append(failures, err) })
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := c.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	writeCertificate(t, dir, 2, now.Add(time.Second))
	if serial() != 1 {
		t.Error("the files are looked at more often than every ten seconds")
	}
	now = now.Add(11 * time.Second)
	if serial() != 2 {
		t.Error("the new certificate is not used")
	}
	if err := os.WriteFile(certFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(11 * time.Second)
	if serial() != 2 || len(failures) != 1 {
		t.Errorf("with a broken file: certificate %d, failures %v", serial(), failures)
	}
}

// A backend's certificate is verified; one that nobody vouches for is not talked to.
func TestBackendCertificateIsVerified(t *testing.T) {
	certFile, keyFile, pool := writeCertificate(t, t.TempDir(), 1, time.Now())
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	backend := &http.Server{Handler: http.HandlerFunc(echo)}
	go func() { _ = backend.Serve(ln) }()
	t.Cleanup(func() { backend.Close() })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for name, c := range map[string]struct {
		cas    *x509.CertPool
		host   string
		status int
	}{"vouched for": {pool, "localhost", 200}, "unknown authority": {x509.NewCertPool(), "localhost", 502}, "another name": {pool, "127.0.0.1", 502}} {
		w := newWorld(t, func(w *world) {
			w.cfg.BackendCAs = c.cas
			w.cfg.Rules = []frontdoor.Rule{rule("/", mustURL("https://"+c.host+":"+port), func(r *ruleT) { r.Public = true })}
		})
		if got := w.browser().do(t, "GET", "/", ""); got.Status != c.status {
			t.Errorf("%s: %d %s; want %d", name, got.Status, got.Body, c.status)
		}
	}
}

// A handler of this process gets what a backend gets.
func TestHandlerRule(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.Rules = append(w.cfg.Rules, frontdoor.Rule{Path: "/oauth2/session-binding", Handler: http.HandlerFunc(echo)})
	})
	got := w.signedIn(t).do(t, "GET", "/oauth2/session-binding?session_id=urn", "", "X_Amzn_Oidc_Data", "mallory", "Connection", "X-Amzn-Oidc-Data").seen(t)
	if got.Header.Get("X-Amzn-Oidc-Identity") != subject || got.Header.Get("X-Amzn-Oidc-Data") == "" || got.Query != "session_id=urn" || len(got.Header["X_Amzn_Oidc_Data"]) > 0 {
		t.Errorf("%+v", got)
	}
	if got := w.browser().do(t, "GET", "/oauth2/session-binding", ""); got.Status != 401 {
		t.Errorf("without a session: %d", got.Status)
	}
}
