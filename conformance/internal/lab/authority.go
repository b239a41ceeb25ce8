package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a certificate authority of this run, and one certificate for 127.0.0.1 that it signed.
type authority struct {
	caFile, certFile, keyFile string
}

func (l *Lab) newAuthority() (*authority, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Lanyard conformance"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:  []string{"public-keys.auth.elb.us-west-2.amazonaws.com"}, // where a load balancer's keys are looked for
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	a := &authority{
		caFile:   filepath.Join(l.tmp, "ca.pem"),
		certFile: filepath.Join(l.tmp, "cert.pem"),
		keyFile:  filepath.Join(l.tmp, "key.pem"),
	}
	return a, a.write(caDER, leafDER, keyDER)
}

func (a *authority) write(ca, leaf, key []byte) error {
	for _, f := range []struct {
		name, kind string
		der        []byte
	}{{a.caFile, "CERTIFICATE", ca}, {a.certFile, "CERTIFICATE", leaf}, {a.keyFile, "PRIVATE KEY", key}} {
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der})
		if err := os.WriteFile(f.name, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// serverConfig is the part of a configuration that lets lanyard serve https and trust the lab's providers.
func (a *authority) serverConfig() string {
	return fmt.Sprintf("tls: {cert_file: %q, key_file: %q}\negress: {ca_file: %q, allow: [127.0.0.1]}\n", a.certFile, a.keyFile, a.caFile)
}

// Client is an HTTP client that trusts the server's certificate.
func (s *Server) Client(t testing.TB) *http.Client {
	t.Helper()
	text, err := os.ReadFile(s.Getenv("AWS_CA_BUNDLE"))
	pool := x509.NewCertPool()
	if text = must(t, text, err); !pool.AppendCertsFromPEM(text) {
		t.Fatal("the authority's file holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// clientEnv points the AWS clients to the service and has every runtime trust the authority.
func (a *authority) clientEnv(url string) []string {
	return append(clientEnv(url), "AWS_CA_BUNDLE="+a.caFile, "SSL_CERT_FILE="+a.caFile, "NODE_EXTRA_CA_CERTS="+a.caFile)
}

// clientEnv is what an operator tells AWS clients of a service.
func clientEnv(url string) []string {
	env := []string{"AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2"}
	for _, service := range []string{"BEDROCK_AGENTCORE", "BEDROCK_AGENTCORE_CONTROL", "STS", "IAM", "COGNITO_IDENTITY_PROVIDER"} {
		env = append(env, "AWS_ENDPOINT_URL_"+service+"="+url)
	}
	return env
}
