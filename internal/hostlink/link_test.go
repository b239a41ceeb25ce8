package hostlink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newPair(t *testing.T) *KeyPair {
	t.Helper()
	k, err := NewKeyPair("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// served is a listener of the link with a handler, and how its other side reaches it.
func served(t *testing.T, h http.Handler) Config {
	t.Helper()
	host, server := newPair(t), newPair(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.Serve(Listen(ln, host, server.Fingerprint())) }()
	t.Cleanup(func() { s.Close() })
	return Config{URL: "https://" + ln.Addr().String(), Own: server, Peer: host.Fingerprint()}
}

func dial(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestOnlyThePinnedPairsTalk(t *testing.T) {
	called := 0
	cfg := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { called++; WriteJSON(w, Health{Status: "ok"}) }))
	if h, err := dial(t, cfg).Health(t.Context()); err != nil || h.Status != "ok" {
		t.Fatal(h, err)
	}
	for what, wrong := range map[string]Config{
		"a stranger calls":   {URL: cfg.URL, Own: newPair(t), Peer: cfg.Peer},
		"a stranger answers": {URL: cfg.URL, Own: cfg.Own, Peer: newPair(t).Fingerprint()},
	} {
		_, err := dial(t, wrong).Health(t.Context())
		if _, ok := errors.AsType[*UnreachableError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
	if called != 1 {
		t.Errorf("the handler was called %d times", called)
	}
}

func TestOlderTLSAndNoCertificateAreRefused(t *testing.T) {
	cfg := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { t.Error("called") }))
	for what, c := range map[string]*tls.Config{
		"no certificate":                  {InsecureSkipVerify: true},
		"TLS 1.2":                         {InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cfg.Own.cert}},
		"a chain of two":                  {InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{cfg.Own.cert.Certificate[0], newPair(t).cert.Certificate[0]}, PrivateKey: cfg.Own.cert.PrivateKey}}},
		"its certificate without its key": {InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: cfg.Own.cert.Certificate, PrivateKey: newPair(t).cert.PrivateKey}}},
	} {
		transport := &http.Transport{TLSClientConfig: c}
		res, err := (&http.Client{Transport: transport}).Get(cfg.URL + PathHealth)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s was answered with %d", what, res.StatusCode)
		}
		transport.CloseIdleConnections()
	}
}

func TestKeyPairFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host.key")
	first, err := LoadKeyPair(path, "host", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	again, err := LoadKeyPair(path, "host", time.Now())
	if err != nil || again.Fingerprint() != first.Fingerprint() {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeyPair(path, "host", time.Now()); err == nil || !strings.Contains(err.Error(), "0640") {
		t.Errorf("a key that others may read: %v", err)
	}
	if err := os.WriteFile(path, []byte("PRIVATE hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeyPair(path, "host", time.Now()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestFingerprintsAndURLsAreChecked(t *testing.T) {
	good := newPair(t)
	for _, s := range []string{"", "sha256:", "sha256:xyz", strings.TrimPrefix(string(good.Fingerprint()), "sha256:"), "sha1:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("A", 64)} {
		if _, err := ParseFingerprint(s); err == nil {
			t.Errorf("%q is taken", s)
		}
		if _, err := Dial(Config{URL: "https://127.0.0.1:1", Own: good, Peer: Fingerprint(s)}); err == nil {
			t.Errorf("%q is dialled", s)
		}
	}
	for _, u := range []string{"", "http://127.0.0.1:1", "https://", "https://u:p@h:1", "https://h:1/path", "https://h:1/?q=1"} {
		if _, err := Dial(Config{URL: u, Own: good, Peer: good.Fingerprint()}); err == nil {
			t.Errorf("%q is taken", u)
		}
	}
}

func invocation(body string) *Invocation {
	return &Invocation{Spec: goodSpec(), SessionID: strings.Repeat("s", 33), UserKey: "alice", Body: strings.NewReader(body), ContentLength: int64(len(body))}
}

// scripted is a host that answers invocations by a script and takes specs and archives.
type scripted struct {
	calls, specs, archives int
	bodies                 []string
	answer                 func(n int, w http.ResponseWriter)
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, PathSpecs):
		s.specs++
	case strings.HasPrefix(r.URL.Path, PathArchives):
		s.archives++
		_, _ = io.Copy(io.Discard, r.Body)
	default:
		s.calls++
		rec := &deferredBody{w: w, r: r}
		s.answer(s.calls, rec)
		s.bodies = append(s.bodies, rec.body)
	}
}

// deferredBody reads the request's body once a good answer begins, as the host does.
type deferredBody struct {
	w    http.ResponseWriter
	r    *http.Request
	body string
}

func (d *deferredBody) Header() http.Header         { return d.w.Header() }
func (d *deferredBody) Write(p []byte) (int, error) { return d.w.Write(p) }
func (d *deferredBody) Unwrap() http.ResponseWriter { return d.w }
func (d *deferredBody) WriteHeader(status int) {
	if status == http.StatusOK {
		b, _ := io.ReadAll(d.r.Body)
		d.body = string(b)
	}
	d.w.WriteHeader(status)
}

func TestInvokeSuppliesWhatTheHostLacks(t *testing.T) {
	for _, size := range []int{10, replayable + 1} {
		s := &scripted{answer: func(n int, w http.ResponseWriter) {
			switch n {
			case 1:
				WriteError(w, Errorf(CodeUnknownSpec, "forgotten"))
			case 2:
				WriteError(w, Errorf(CodeUnknownArchive, "missing"))
			default:
				BeginAnswer(w, 200, http.Header{}).End("")
			}
		}}
		cfg := served(t, s)
		cfg.Archive = func(context.Context, string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("zip")), nil
		}
		in := invocation(strings.Repeat("b", size))
		in.Spec.Source = Source{Archive: strings.Repeat("0", 64)}
		res, err := dial(t, cfg).Invoke(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Error(err)
		}
		res.Body.Close()
		if s.specs != 2 || s.archives != 1 || s.calls != 3 || len(s.bodies[2]) != size {
			t.Errorf("size %d: %d specs, %d archives, %d calls, bodies of %d", size, s.specs, s.archives, s.calls, len(s.bodies[2]))
		}
	}
}

func TestInvokeGivesUpOnAForgetfulHost(t *testing.T) {
	s := &scripted{answer: func(_ int, w http.ResponseWriter) { WriteError(w, Errorf(CodeUnknownSpec, "forgotten")) }}
	_, err := dial(t, served(t, s)).Invoke(t.Context(), invocation("x"))
	if CodeOf(err) != CodeInternal || s.calls > 3 {
		t.Error(err, s.calls)
	}
}

func TestAnswerThatBreaksOffIsNoEnd(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(*Answer)
		want Code
	}{
		"complete":        {func(a *Answer) { a.End("") }, ""},
		"crashed":         {func(a *Answer) { a.End(CodeCrashed) }, CodeCrashed},
		"stopped":         {func(a *Answer) { a.End(CodeSessionEnded) }, CodeSessionEnded},
		"shut down":       {func(a *Answer) { a.End(CodeStopping) }, CodeStopping},
		"no outcome":      {func(*Answer) {}, CodeCrashed},
		"connection lost": {func(*Answer) { panic(http.ErrAbortHandler) }, CodeCrashed},
	} {
		s := &scripted{answer: func(_ int, w http.ResponseWriter) {
			a := BeginAnswer(w, 207, http.Header{"Content-Type": {"text/plain"}, "Set-Cookie": {"a=b"}})
			fmt.Fprint(a, "part")
			_ = a.Flush()
			c.end(a)
		}}
		res, err := dial(t, served(t, s)).Invoke(t.Context(), invocation("x"))
		if err != nil {
			t.Fatal(what, err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(b) != "part" || res.Status != 207 || len(res.Header) != 1 {
			t.Errorf("%s: %q %d %v", what, b, res.Status, res.Header)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || CodeOf(err) != c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestErrorsTravelWhole(t *testing.T) {
	sent := &Error{Code: CodeBackoff, Message: "crashed twice", Log: "panic: x\n", RetryAfter: 1500 * time.Millisecond}
	s := &scripted{answer: func(_ int, w http.ResponseWriter) { WriteError(w, sent) }}
	_, err := dial(t, served(t, s)).Invoke(t.Context(), invocation("x"))
	got, ok := errors.AsType[*Error](err)
	if !ok || *got != *sent {
		t.Errorf("%+v", err)
	}
}

func TestUnknownErrorsSayNothing(t *testing.T) {
	s := &scripted{answer: func(_ int, w http.ResponseWriter) { WriteError(w, errors.New("open /secret: denied")) }}
	_, err := dial(t, served(t, s)).Invoke(t.Context(), invocation("x"))
	if CodeOf(err) != CodeInternal || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestA50_BodiesAreBounded(t *testing.T) {
	in := invocation("")
	in.Body, in.ContentLength = bytes.NewReader(nil), MaxBody+1
	s := &scripted{answer: func(int, http.ResponseWriter) { t.Error("called") }}
	c := dial(t, served(t, s))
	if _, err := c.Invoke(t.Context(), in); CodeOf(err) != CodeTooLarge {
		t.Error(err)
	}
	in.ContentLength = 10
	if _, err := c.Invoke(t.Context(), in); CodeOf(err) != CodeInvalid {
		t.Error("a body that ends early:", err)
	}
}

// answers implements Upstream.
type answers struct{}

func (answers) Credentials(_ context.Context, p Process) (Credentials, error) {
	if p.RuntimeID != "agent-a1b2c3d4e5" {
		return Credentials{}, Errorf(CodeInvalid, "no such runtime")
	}
	return Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s", Expiration: time.Unix(1, 0).UTC()}, nil
}

func (answers) ModelAccess(_ context.Context, c ModelCall) error {
	if c.Service != "bedrock-runtime" {
		return Errorf(CodeInvalid, "denied by policy")
	}
	return nil
}

func TestUpstream(t *testing.T) {
	cfg := served(t, UpstreamHandler(answers{}))
	up, err := DialUpstream(cfg.URL, cfg.Own, cfg.Peer)
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	c, err := up.Credentials(t.Context(), Process{RuntimeID: "agent-a1b2c3d4e5"})
	if err != nil || c.AccessKeyID != "ASIA" || c.SecretAccessKey != "s" || !c.Expiration.Equal(time.Unix(1, 0)) {
		t.Error(c.AccessKeyID, err)
	}
	if _, err := up.Credentials(t.Context(), Process{}); CodeOf(err) != CodeInvalid {
		t.Error(err)
	}
	if err := up.ModelAccess(t.Context(), ModelCall{Service: "bedrock-runtime"}); err != nil {
		t.Error(err)
	}
	if err := up.ModelAccess(t.Context(), ModelCall{Service: "s3"}); err == nil || err.Error() != "denied by policy" {
		t.Error(err)
	}
	stranger, err := DialUpstream(cfg.URL, newPair(t), cfg.Peer)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Credentials(t.Context(), Process{RuntimeID: "agent-a1b2c3d4e5"}); err == nil {
		t.Error("a stranger was given credentials")
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := Credentials{AccessKeyID: "ASIA", SecretAccessKey: "hunter2", Token: "hunter2"}
	if s := fmt.Sprintf("%v %+v %#v %s", c, c, c, &c); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}
