package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

const (
	testSigner = "arn:aws:elasticloadbalancing:us-west-2:000000000000:loadbalancer/app/front-door/1"
	testClient = "front-door-client"
	testIssuer = "https://idp.example.com"
	testKID    = "0f1e2d3c-0000-4000-8000-000000000001"
)

// frontDoor signs headers, and publishes its key.
type frontDoor struct {
	*httptest.Server
	key *ecdsa.PrivateKey
}

func newFrontDoor(t testing.TB) *frontDoor {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	d := &frontDoor{key: key, Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+testKID {
			http.NotFound(w, r)
			return
		}
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}))}
	t.Cleanup(d.Close)
	return d
}

// sign makes the header of a user: padded segments, as load balancers write them.
func (d *frontDoor) sign(t testing.TB, user string) string {
	t.Helper()
	return d.signAs(t, user, testSigner, time.Now().Add(2*time.Minute))
}

func (d *frontDoor) signAs(t testing.TB, user, signer string, expires time.Time) string {
	t.Helper()
	segment := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.URLEncoding.EncodeToString(b)
	}
	signed := segment(map[string]any{"typ": "JWT", "kid": testKID, "alg": "ES256", "iss": testIssuer, "client": testClient, "signer": signer, "exp": expires.Unix()}) +
		"." + segment(map[string]any{"sub": user, "name": "User " + user, "email": user + "@example.com", "exp": expires.Unix(), "iss": testIssuer})
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, d.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.URLEncoding.EncodeToString(signature)
}
