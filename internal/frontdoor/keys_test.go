package frontdoor_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

var kidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// kid is the name of the key that signed a header.
func (b *browser) kid(t testing.TB) (kid, data string) {
	t.Helper()
	data = b.navigate(t, "/").seen(t).Header.Get("X-Amzn-Oidc-Data")
	m := regexp.MustCompile(`"kid":"([^"]+)"`).FindStringSubmatch(decodeSegment(t, strings.Split(data, ".")[0]))
	if m == nil || !kidPattern.MatchString(m[1]) {
		t.Fatalf("the kid is no UUID: %v", m)
	}
	return m[1], data
}

func TestSigningKeyRotation(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.gate.Idle, w.gate.Absolute, w.cfg.SessionEnd = 90*24*time.Hour, 90*24*time.Hour, 90*24*time.Hour
		w.idpCfg.RefreshTokenTTL = 90 * 24 * time.Hour
	})
	b := w.signedIn(t)
	maintain := func() {
		t.Helper()
		if err := w.door.Maintain(); err != nil {
			t.Fatal(err)
		}
	}
	old, _ := b.kid(t)
	w.advance(frontdoor.DefaultKeyLife - 30*time.Minute)
	maintain() // the next key is published from now on
	during, _ := b.kid(t)
	if during != old {
		t.Error("a key signed as soon as it was made: other replicas do not know it yet")
	}
	file, err := os.ReadFile(filepath.Join(w.dir, "keys"))
	if err != nil || bytes.Count(file, []byte(`"kid"`)) != 2 {
		t.Fatalf("the next key is not in the file: %v", err)
	}
	w.advance(59 * time.Minute)
	_, lastData := b.kid(t)
	w.advance(2 * time.Minute)
	next, data := b.kid(t)
	if next == old {
		t.Error("the next key does not sign though its time has come")
	}
	for _, h := range []string{lastData, data} {
		at := func() time.Time { return w.now().Add(-2 * time.Minute) }
		if _, err := w.verifier(t, at).Verify(t.Context(), h); err != nil {
			t.Errorf("after the rotation: %v", err)
		}
	}
	w.advance(2 * time.Hour)
	maintain()
	if got := b.do(t, "GET", frontdoor.PublicKeysPath+"/"+old, ""); got.Status != 404 {
		t.Errorf("the old key is still published: %d", got.Status)
	}
	if got := b.do(t, "GET", frontdoor.PublicKeysPath+"/"+next, ""); got.Status != 200 {
		t.Errorf("the key in use is not published: %d", got.Status)
	}
}

func TestPublicKeys(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	kid, _ := b.kid(t)
	hosted := httptest.NewServer(w.door.PublicKeys())
	t.Cleanup(hosted.Close)
	resp, err := http.Get(hosted.URL + "/" + kid)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var buf bytes.Buffer
	_, _ = buf.ReadFrom(resp.Body)
	got := w.browser().do(t, "GET", frontdoor.PublicKeysPath+"/"+kid, "")
	if got.Body != buf.String() {
		t.Errorf("the two places differ: %q and %q", got.Body, buf.String())
	}
	block, _ := pem.Decode([]byte(got.Body))
	if block == nil || block.Type != "PUBLIC KEY" || strings.Contains(got.Body, "PRIVATE") {
		t.Fatalf("no public key in PEM: %s", got.Body)
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"..%2fkeys", "00000000-0000-4000-8000-000000000000", kid + "x", strings.ToUpper(kid), "", "a/b"} {
		if got := w.browser().do(t, "GET", frontdoor.PublicKeysPath+"/"+bad, ""); got.Status != 404 && got.Status != 400 {
			t.Errorf("kid %q: %d", bad, got.Status)
		}
	}
}

// Replicas that share the file sign and publish alike, whoever made the key.
func TestReplicasShareSigningKeys(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	path := filepath.Join(t.TempDir(), "keys")
	one, err := frontdoor.OpenKeys(path, 0, clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := frontdoor.OpenKeys(path, 0, clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(frontdoor.DefaultKeyLife)
	if err := one.Maintain(); err != nil {
		t.Fatal(err)
	}
	if err := two.Maintain(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kids := regexp.MustCompile(`"kid": "([^"]+)"`).FindAllStringSubmatch(string(file), -1)
	if len(kids) != 2 {
		t.Fatalf("two replicas made %d keys, want 2", len(kids))
	}
	for _, kid := range kids {
		a, ok1 := one.PublicPEM(kid[1])
		b, ok2 := two.PublicPEM(kid[1])
		if !ok1 || !ok2 || !bytes.Equal(a, b) {
			t.Errorf("key %s is not published alike", kid[1])
		}
	}
}

func TestKeyFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	for name, open := range map[string]func(string) error{
		"signing": func(p string) error { _, err := frontdoor.OpenKeys(p, 0, time.Now, nil); return err },
		"cookie":  func(p string) error { _, err := frontdoor.OpenCookieKeys(p, 0, time.Hour, time.Now, nil); return err },
	} {
		path := filepath.Join(dir, name)
		if err := open(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s keys have mode %v, %v", name, info.Mode(), err)
		}
		for _, mode := range []os.FileMode{0o644, 0o620, 0o602} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if err := open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("%s keys of mode %o: %v", name, mode, err)
			}
		}
		if err := os.WriteFile(path, []byte(`{"keys":[]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a file of no keys: %v", err)
		}
	}
}

// A cookie that the key before sealed still opens, is sealed anew, and is worth nothing once that key is gone.
func TestCookieKeyRotation(t *testing.T) {
	w := newWorld(t)
	maintain := func() {
		t.Helper()
		if err := w.door.Maintain(); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(frontdoor.DefaultKeyLife - time.Minute)
	maintain()
	b := w.signedIn(t)
	before := b.cookies(t)
	w.advance(2 * time.Minute)
	maintain() // the new key only opens as yet
	if got := b.navigate(t, "/"); got.Status != 200 || b.cookies(t) != before {
		t.Fatalf("%d, and the cookie was sealed by a key that other replicas may not know", got.Status)
	}
	w.advance(11 * time.Minute)
	maintain()
	if got := b.navigate(t, "/"); got.Status != 200 || b.cookies(t) == before {
		t.Errorf("%d, and the cookie is still under the old key", got.Status)
	}
	if got := w.browser().do(t, "GET", "/", "", "Cookie", before); got.Status != 200 {
		t.Errorf("a cookie of the old key: %d", got.Status)
	}
	if len(w.cookies.Keys()) != 2 {
		t.Fatalf("%d keys", len(w.cookies.Keys()))
	}
	w.advance(14 * time.Hour)
	maintain()
	if len(w.cookies.Keys()) != 1 {
		t.Error("the old key is kept though its last session is over")
	}
}
