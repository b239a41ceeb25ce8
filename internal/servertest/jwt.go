package servertest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// Issuer is an OpenID provider that signs whatever claims a test wants.
type Issuer struct {
	URL   string
	key   *issuer.SigningKey
	clock *Clock
}

// NewIssuer starts an issuer that is closed with the test.
func (s *Service) NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	key, err := issuer.GenerateKey("ES256", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := issuer.PublicSet(key)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{key: key, clock: s.Clock}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/jwks"})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(keys)
	})
	server := httptest.NewServer(mux)
	i.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return i
}

// Mint signs a JWT of the subject for the audience "lanyard", with a lifetime and whatever further claims.
func (i *Issuer) Mint(t testing.TB, subject string, lifetime time.Duration, more map[string]any) string {
	t.Helper()
	now := i.clock.Now()
	claims := map[string]any{"iss": i.URL, "sub": subject, "aud": "lanyard", "iat": now.Unix(), "exp": now.Add(lifetime).Unix()}
	for name, v := range more {
		claims[name] = v
	}
	token, err := i.key.Sign("JWT", claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
