package egress

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// script is a resolver whose answers for a name follow one another; the last
// one repeats.
type script struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   []string
}

func (s *script) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, host)
	left := s.answers[host]
	if len(left) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(left) > 1 {
		s.answers[host] = left[1:]
	}
	var addrs []netip.Addr
	for _, a := range left[0] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

// names answers each name always alike.
func names(m map[string]string) *script {
	s := &script{answers: map[string][][]string{}}
	for host, ip := range m {
		s.answers[host] = [][]string{{ip}}
	}
	return s
}

// wire stands for the network behind the guard: it records each address that
// is dialled and connects it to the test's server.
type wire struct {
	mu     sync.Mutex
	dialed []string
	to     func(address string) (net.Conn, error)
}

func (w *wire) dial(_ context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, address)
	w.mu.Unlock()
	return w.to(address)
}

func (w *wire) addresses() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.dialed...)
}

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return client
}

// newPublic returns a client for which every permitted address leads to a TLS
// server with a certificate for example.com and its subdomains.
func newPublic(t *testing.T, r Resolver, h http.HandlerFunc) (*Client, *wire) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = quietLog
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := newClient(t, Config{CAFile: caFile(t, srv), Resolver: r})
	w := &wire{to: func(string) (net.Conn, error) { return net.Dial("tcp", srv.Listener.Addr().String()) }}
	c.dial = w.dial
	return c, w
}

func caFile(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// newScripted returns a client whose plain http host "peer.example" is played
// by serve over an in-memory connection, so that a test can break every rule
// of HTTP and run in a synctest bubble.
func newScripted(t *testing.T, c Config, serve func(conn net.Conn)) *Client {
	t.Helper()
	c.InsecureHTTPHosts = []string{"peer.example"}
	c.Resolver = names(map[string]string{"peer.example": "93.184.215.14"})
	client := newClient(t, c)
	var peers sync.WaitGroup
	t.Cleanup(func() { client.CloseIdle(); peers.Wait() })
	client.dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		peers.Go(func() {
			defer theirs.Close()
			if _, err := http.ReadRequest(bufio.NewReader(theirs)); err != nil {
				return
			}
			serve(theirs)
		})
		return ours, nil
	}
	return client
}

const peerURL = "http://peer.example/token"

// wantKind fails unless err is an *Error of that kind, and returns it.
func wantKind(t *testing.T, err error, kind Kind) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want an *Error of kind %v", err, err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("kind %v (%v, cause %v), want %v", e.Kind, err, e.cause, kind)
	}
	return e
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}
