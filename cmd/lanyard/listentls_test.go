package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// writePair writes a certificate of the given serial number and its key.
func writePair(t *testing.T, c tlsConfig, serial int64, at time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: cert}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate that was renewed is shown without a restart, and only the protocols that the program speaks are offered.
func TestListenersTakeRenewedCertificates(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	c := tlsConfig{CertFile: filepath.Join(dir, "c"), KeyFile: filepath.Join(dir, "k")}
	writePair(t, c, 1, now)
	plain, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := c.wrap(plain, func() time.Time { return now }, slog.New(slog.DiscardHandler), "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, conn) // the handshake; then until the client leaves
			_ = conn.Close()
		}
	}()
	for serial := int64(1); serial <= 2; serial++ {
		writePair(t, c, serial, now)
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}) //nolint:gosec // the certificate itself is looked at
		if err != nil {
			t.Fatal(err)
		}
		state := conn.ConnectionState()
		if got := state.PeerCertificates[0].SerialNumber.Int64(); got != serial || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("certificate %d and %q; want %d", got, state.NegotiatedProtocol, serial)
		}
		_ = conn.Close()
		now = now.Add(time.Minute)
	}
}

// oneConn is a listener of one connection.
type oneConn struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A completion uses up the user's consent, so a stop lets it come to its end.
func TestSessionBindingFinishesCompletionsAtAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stop()
			select {
			case <-time.After(45 * time.Second): // what one may take
				w.WriteHeader(http.StatusNoContent)
			case <-r.Context().Done():
			}
		})
		here, there := net.Pipe()
		ln := &oneConn{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
		ln.conn <- there
		ended := make(chan error, 1)
		go func() { ended <- serveUntilDone(ctx, slog.New(slog.DiscardHandler), ln, h) }()
		client := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://binding.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Fatalf("the completion was broken off: %v", err)
		}
		_ = resp.Body.Close()
		client.CloseIdleConnections()
		if err := <-ended; err != nil || resp.StatusCode != http.StatusNoContent {
			t.Errorf("%d, %v", resp.StatusCode, err)
		}
	})
}
