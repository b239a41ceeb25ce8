package frontdoor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

// pipes is a listener whose connections are pipes, so that time-outs pass in a bubble's own time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.conns <- there
	return here, nil
}

// onPipes serves the door in the bubble of the test that calls it.
func (w *world) onPipes(t *testing.T, protocols *http.Protocols) *pipes {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := w.door.Server()
	s.Protocols = protocols
	ended := make(chan error)
	go func() { ended <- s.Serve(p) }()
	t.Cleanup(func() {
		close(p.closed)
		<-ended
		s.Close()
	})
	return p
}

// answering is a world whose public path /own answers in this process.
func answering(t *testing.T, h http.HandlerFunc) *world {
	return newWorld(t, func(w *world) {
		w.cfg.Rules = append(w.cfg.Rules, frontdoor.Rule{Path: "/own", Public: true, Handler: h})
	})
}

// A stranger who promises a body and sends none holds no connection, whatever the answer is.
func TestA50_UnreadBodiesHoldNoConnection(t *testing.T) {
	w := answering(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "early") })
	for path, c := range map[string]struct {
		status           int
		answered, closed time.Duration
	}{"/a//b": {400, 0, 11 * time.Second}, "/oauth2/userinfo": {405, 0, 11 * time.Second}, "/x": {401, 0, 11 * time.Second},
		"/own": {200, time.Minute, 72 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			conn, err := w.onPipes(t, nil).dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begun := time.Now()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\n", path, w.host())
			r := bufio.NewReader(conn)
			line, err := r.ReadString('\n')
			if took := time.Since(begun); err != nil || !strings.HasPrefix(line, fmt.Sprintf("HTTP/1.1 %d ", c.status)) || took > c.answered {
				t.Errorf("%s: %q after %s, %v", path, line, took, err)
			}
			_, err = io.Copy(io.Discard, r)
			if took := time.Since(begun); err != nil || took > c.closed {
				t.Errorf("%s: the connection was held for %s, %v", path, took, err)
			}
		})
	}
}

// Who asks for much and reads nothing is given up.
func TestA50_ClientsThatDoNotReadAreGivenUp(t *testing.T) {
	var gone chan time.Duration // of the bubble
	w := answering(t, func(rw http.ResponseWriter, _ *http.Request) {
		begun := time.Now()
		for {
			if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
				gone <- time.Since(begun)
				return
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		gone = make(chan time.Duration, 1)
		conn, err := w.onPipes(t, nil).dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /own HTTP/1.1\r\nHost: %s\r\n\r\n", w.host())
		select {
		case after := <-gone:
			if after > 3*time.Minute {
				t.Errorf("given up after %s", after)
			}
		case <-time.After(time.Hour):
			t.Error("the stream goes on for ever")
		}
	})
}

// A stream that is merely silent goes on, on either protocol.
func TestSilentStreamsLast(t *testing.T) {
	w := answering(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for range 3 {
			fmt.Fprintln(rw, "event")
			if err := http.NewResponseController(rw).Flush(); err != nil {
				return
			}
			select {
			case <-time.After(20 * time.Minute):
			case <-r.Context().Done():
				return
			}
		}
	})
	for name, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) }, "HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		synctest.Test(t, func(t *testing.T) {
			protocols := new(http.Protocols)
			set(protocols)
			client := &http.Transport{Protocols: protocols, DialContext: w.onPipes(t, protocols).dial}
			defer client.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.site.URL+"/own", strings.NewReader("question"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.RoundTrip(req)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != "event\nevent\nevent\n" || resp.Proto != name {
				t.Errorf("%s: %s %q, %v", name, resp.Proto, got, err)
			}
		})
	}
}

func TestA50_StreamsPerAddressAreBounded(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cfg.Limits.StreamsPerAddress = 2
		w.cfg.Rules = append(w.cfg.Rules, frontdoor.Rule{Path: "/public", Public: true, Backend: mustURL(w.backend.URL)})
	})
	user := w.signedIn(t)
	ended := w.waiting()
	stranger := w.browser()
	first, second := stranger.stream(t, "/public"), stranger.stream(t, "/public")
	readLine(t, first.Body)
	readLine(t, second.Body)
	if got := w.browser().navigate(t, "/public"); got.Status != http.StatusTooManyRequests || !strings.Contains(got.Body, "This address") {
		t.Errorf("a third of one address: %d %s", got.Status, got.Body)
	}
	readLine(t, user.stream(t, "/").Body) // who is signed in has a limit of their own
	first.Body.Close()
	within(t, ended, "a stream that was closed goes on at the backend")
}

func TestA50_ConnectionsAreBounded(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.Limits.Connections = 1 })
	server := httptest.NewUnstartedServer(nil)
	server.Config = w.door.Server()
	server.Start()
	defer server.Close()
	var first net.Conn
	asked := func(name string) bool {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if first == nil {
			first = c
		}
		fmt.Fprintf(c, "GET /oauth2/lanyard.css HTTP/1.1\r\nHost: %s\r\n\r\n", w.host())
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d", name, resp.StatusCode)
		}
		return err == nil
	}
	if !asked("first") || asked("second") {
		t.Fatal("the first was refused, or the second was not")
	}
	first.Close()
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); { // its end is noticed a moment later
		if asked("third") {
			return
		}
	}
	t.Error("the place of a closed connection is not given to another")
}
