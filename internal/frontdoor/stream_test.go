package frontdoor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// stream opens a path and returns its body as it comes.
func (b *browser) stream(t testing.TB, path string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.w.site.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// The first event arrives before the second is written: the backend waits until the browser has it.
func TestEventsAreNotBuffered(t *testing.T) {
	w := newWorld(t)
	arrived := make(chan struct{})
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(rw, "data: one\n\n")
		rw.(http.Flusher).Flush()
		select {
		case <-arrived:
		case <-r.Context().Done():
			return
		}
		fmt.Fprint(rw, "data: two\n\n")
	})
	body := bufio.NewReader(w.signedIn(t).stream(t, "/events").Body)
	if line, err := body.ReadString('\n'); err != nil || line != "data: one\n" {
		t.Fatalf("first %q, %v", line, err)
	}
	close(arrived)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), "data: two") {
		t.Errorf("rest %q, %v", rest, err)
	}
}

// A raw stream without a length, as the agents of the text write it, is not buffered either.
func TestRawTextIsNotBuffered(t *testing.T) {
	w := newWorld(t)
	arrived := make(chan struct{})
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(rw, "Hel")
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-arrived:
		case <-r.Context().Done():
			return
		}
		fmt.Fprint(rw, "lo")
	})
	body := w.signedIn(t).stream(t, "/").Body
	three := make([]byte, 3)
	if _, err := io.ReadFull(body, three); err != nil || string(three) != "Hel" {
		t.Fatalf("first %q, %v", three, err)
	}
	close(arrived)
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "lo" {
		t.Errorf("rest %q, %v", rest, err)
	}
}

// waiting is a backend whose answers begin and then last until their request is broken off.
func (w *world) waiting() (ended chan struct{}) {
	ended = make(chan struct{}, 8)
	w.serving(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "begun\n")
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		ended <- struct{}{}
	})
	return ended
}

func readLine(t testing.TB, r io.Reader) {
	t.Helper()
	if line, err := bufio.NewReader(r).ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("%q, %v", line, err)
	}
}

func TestA44_SignOutEndsOpenStreams(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	ended := w.waiting()
	resp := b.stream(t, "/")
	readLine(t, resp.Body)
	if got := b.do(t, "POST", "/oauth2/sign-out", "", "Sec-Fetch-Site", "same-origin", "Accept", "text/html"); got.Status != http.StatusOK {
		t.Fatalf("sign-out: %d %s", got.Status, got.Body)
	}
	within(t, ended, "the backend's request outlived its session")
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the broken stream looks complete")
	}
}

func within(t testing.TB, c <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal(otherwise)
	}
}

func TestStreamsPerUserAreBounded(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.Limits.StreamsPerUser = 2 })
	b := w.signedIn(t)
	ended := w.waiting()
	first, second := b.stream(t, "/"), b.stream(t, "/")
	readLine(t, first.Body)
	readLine(t, second.Body)
	if got := b.navigate(t, "/"); got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("a third: %d, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
	}
	first.Body.Close()
	within(t, ended, "a stream that was closed goes on at the backend")
	w.serving(echo)
	for range 200 { // the end of the first is noticed a moment after the backend's
		if got := b.navigate(t, "/"); got.Status == http.StatusOK {
			return
		}
	}
	t.Error("the place of a closed stream is not given to another")
}

// A stop lets streams finish, and breaks them off when their time is over; meanwhile nothing new is admitted.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	ended := w.waiting()
	resp := b.stream(t, "/")
	readLine(t, resp.Body)
	stop, now := context.WithCancel(t.Context())
	drained := make(chan struct{}, 1)
	go func() {
		w.door.Drain(stop)
		drained <- struct{}{}
	}()
	select {
	case <-drained:
		t.Fatal("the stop did not wait for the stream")
	default:
	}
	now()
	within(t, drained, "the stop did not end")
	within(t, ended, "the stream was not broken off")
	if got := b.do(t, "GET", "/", ""); got.Status != http.StatusServiceUnavailable {
		t.Errorf("after the stop: %d", got.Status)
	}
}

// handshake opens a WebSocket by hand.
func handshake(w *world, headers ...string) []string {
	return append([]string{"GET /ws HTTP/1.1", "Host: " + w.host(), "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, headers...)
}

// echoSocket is a backend that switches protocols and then sends back what it gets.
func echoSocket(rw http.ResponseWriter, r *http.Request) {
	user := r.Header.Get("X-Amzn-Oidc-Identity")
	c, buf, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-User: %s\r\n\r\n", user)
	_, _ = io.Copy(c, buf)
}

func TestWebSocketEcho(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn(t)
	w.serving(echoSocket)
	c := w.dial(t)
	fmt.Fprint(c, strings.Join(handshake(w, "Origin: "+w.site.URL, "Cookie: "+b.cookies(t)), "\r\n")+"\r\n\r\n")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("X-User") != subject {
		t.Fatalf("%v, %v", resp, err)
	}
	for _, text := range []string{"one\n", "two\n"} {
		fmt.Fprint(c, text)
		if got, err := r.ReadString('\n'); err != nil || got != text {
			t.Errorf("sent %q, got %q, %v", text, got, err)
		}
	}
	// A sign-out closes it.
	if got := b.do(t, "POST", "/oauth2/sign-out", "", "Sec-Fetch-Site", "same-origin"); got.Status != http.StatusOK {
		t.Fatalf("sign-out: %d", got.Status)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("the WebSocket outlived its session")
	}
}

func TestA62_WebSocketsNeedASessionAndThisOrigin(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.TrustedOrigins = []string{"https://studio.example.com"} })
	cookie := "Cookie: " + w.signedIn(t).cookies(t)
	w.serving(echoSocket)
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"no session":        {[]string{"Origin: " + w.site.URL}, 401},
		"no origin":         {[]string{cookie}, 403},
		"other origin":      {[]string{cookie, "Origin: https://evil.example"}, 403},
		"null origin":       {[]string{cookie, "Origin: null"}, 403},
		"https of the same": {[]string{cookie, "Origin: https://" + w.host()}, 403},
		"look-alike":        {[]string{cookie, "Origin: " + w.site.URL + ".evil.example"}, 403},
		"two origins":       {[]string{cookie, "Origin: " + w.site.URL, "Origin: https://evil.example"}, 403},
		"trusted origin":    {[]string{cookie, "Origin: https://studio.example.com"}, 101},
		"own origin":        {[]string{cookie, "Origin: " + w.site.URL}, 101},
	} {
		c1 := w.dial(t)
		fmt.Fprint(c1, strings.Join(handshake(w, c.headers...), "\r\n")+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c1), nil)
		if err != nil || resp.StatusCode != c.status {
			t.Errorf("%s: %v, %v; want %d", name, resp, err, c.status)
		}
		c1.Close()
	}
}

// Other protocols than WebSocket are not switched to: behind an h2c connection no rule would be asked.
func TestNoOtherProtocolIsSwitchedTo(t *testing.T) {
	w := newWorld(t)
	cookie := "Cookie: " + w.signedIn(t).cookies(t)
	resp, body := w.raw(t, "GET / HTTP/1.1", "Host: "+w.host(), "Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", cookie)
	h := backendHeader(t, body)
	if resp.StatusCode != 200 || h.Get("Upgrade") != "" || h.Get("Http2-Settings") != "" {
		t.Errorf("%d, the backend was asked to switch: %v", resp.StatusCode, h)
	}
}

// No stream outlives its session's absolute end, whatever it sends meanwhile.
func TestA44_StreamsEndWithTheirSession(t *testing.T) {
	w := newWorld(t, func(w *world) { w.cfg.SessionEnd = 50 * time.Millisecond }) // the clock of the tests stands still
	b := w.signedIn(t)
	ended := w.waiting()
	resp := b.stream(t, "/")
	readLine(t, resp.Body)
	within(t, ended, "the stream outlived its session")
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the broken stream looks complete")
	}
}
