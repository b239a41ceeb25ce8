//go:build linux

package host

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// BenchmarkHostAdds measures what the host adds to a request: the way through the link and the host, beside the agent
// called directly. Its figure p50-added-us is the difference of the medians.
func BenchmarkHostAdds(b *testing.B) {
	agent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})}
	go func() { _ = server.Serve(agent) }()
	defer server.Close()
	through, stop := benchHost(b, agent.Addr().String())
	defer stop()
	body, err := json.Marshal(ask{Text: "hello"})
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	direct := func() error {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+agent.Addr().String()+"/invocations", bytes.NewReader(body))
		if err != nil {
			return err
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	var with, without []time.Duration
	for b.Loop() {
		with = append(with, took(b, func() error { return through(body) }))
		without = append(without, took(b, direct))
	}
	b.ReportMetric(float64(median(with)-median(without))/float64(time.Microsecond), "p50-added-us")
}

func took(b *testing.B, f func() error) time.Duration {
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// benchHost is a host with one session whose agent is at an address, and a call through it.
func benchHost(b *testing.B, agent string) (func([]byte) error, func()) {
	h, err := New(b.Context(), hostConfig(b), Deps{Upstream: &fakeUpstream{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	server, own := pair(b), pair(b)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: h.Handler()}
	go func() { _ = s.Serve(hostlink.Listen(ln, own, server.Fingerprint())) }()
	c, err := hostlink.Dial(hostlink.Config{URL: "https://" + ln.Addr().String(), Own: server, Peer: own.Fingerprint()})
	if err != nil {
		b.Fatal(err)
	}
	spec := &hostlink.Spec{RuntimeARN: "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-a1b2c3d4e5", RuntimeID: "agent-a1b2c3d4e5", Version: "1",
		Source: hostlink.Source{Directory: b.TempDir()}, EntryPoint: []string{"x"}}
	put(b, h, spec, agent)
	call := func(body []byte) error {
		res, err := c.Invoke(b.Context(), &hostlink.Invocation{Spec: spec, SessionID: sessionA, UserKey: "alice", Body: bytes.NewReader(body), ContentLength: int64(len(body))})
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	return call, func() { c.Close(); _ = s.Close(); _ = h.Close() }
}

// put makes a session whose process is ready at an address.
func put(b *testing.B, h *Host, spec *hostlink.Spec, agent string) {
	s, err := h.session(spec, hostlink.Call{SessionID: sessionA, UserKey: "alice"})
	if err != nil {
		b.Fatal(err)
	}
	s.leave()
	var d net.Dialer
	s.process = &process{host: h, session: s, spec: spec, settled: make(chan struct{}), gone: make(chan struct{}), exited: make(chan struct{})}
	close(s.process.settled)
	s.process.transport = &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "tcp", agent) }}
	s.state = hostlink.SessionReady
}
