package signin

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	clientID     = "app"
	clientSecret = "s3cret/with+odd=chars&more:0123456789"
	site         = "https://app.example.com"
	callbackURL  = site + "/oauth2/idpresponse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is one gate, its issuer and a clock.
type world struct {
	*idp
	t    testing.TB
	cfg  Config
	gate *Gate
	logs *lockedBuffer
	net  *egress.Client
}

func testBytes(b byte) []byte { return bytes.Repeat([]byte{b}, keySize) }

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	c := newClock()
	w := &world{idp: newIDP(t, c), t: t, logs: &lockedBuffer{}}
	var err error
	if w.net, err = egress.New(egress.Config{Loopback: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.net.CloseIdle)
	w.cfg = Config{
		Issuer: w.web.URL, ClientID: clientID, ClientSecret: vault.SecretString(clientSecret), RedirectURL: callbackURL,
		Keys: [][]byte{testBytes(1)}, UserInfo: true, Ended: NewEndedMemory(c.now), Fetcher: w.net, Now: c.now,
		Log: slog.New(slog.NewJSONHandler(w.logs, nil)),
	}
	for _, f := range change {
		f(&w.cfg)
	}
	w.restart()
	return w
}

// restart makes the gate anew: only the configuration and what it names survive.
func (w *world) restart() {
	w.t.Helper()
	g, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gate = g
}

// browser keeps cookies as a browser does, but for their age.
type browser struct {
	cookies map[string]string
	extra   []string // sent as they are, behind the others
}

func newBrowser() *browser { return &browser{cookies: map[string]string{}} }

func (b *browser) copy() *browser {
	out := newBrowser()
	for name, value := range b.cookies {
		out.cookies[name] = value
	}
	return out
}

func (b *browser) request(target string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for _, c := range b.extra {
		r.Header.Set("Cookie", strings.TrimPrefix(r.Header.Get("Cookie")+"; "+c, "; "))
	}
	return r
}

func (b *browser) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
}

// begin starts a sign-in and returns the authorization URL.
func (w *world) begin(b *browser, returnTo string) string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	if err := w.gate.Begin(rec, b.request(site+"/"), returnTo); err != nil {
		w.t.Fatal(err)
	}
	b.take(rec)
	if rec.Code != http.StatusFound {
		w.t.Fatalf("Begin answered %d, want 302", rec.Code)
	}
	return rec.Header().Get("Location")
}

func query(raw string) url.Values {
	u, err := url.Parse(raw)
	if err != nil {
		panic(err)
	}
	return u.Query()
}

// answered is the issuer's answer to an authorization URL.
func (w *world) answered(authorizationURL string) url.Values {
	w.t.Helper()
	return url.Values{"state": {query(authorizationURL).Get("state")}, "code": {w.approve(authorizationURL)}}
}

// callback brings an answer to the gate.
func (w *world) callback(b *browser, q url.Values) (*httptest.ResponseRecorder, error) {
	rec := httptest.NewRecorder()
	err := w.gate.Callback(rec, b.request(callbackURL+"?"+q.Encode()))
	b.take(rec)
	return rec, err
}

// signIn is a whole sign-in.
func (w *world) signIn(b *browser) *httptest.ResponseRecorder {
	w.t.Helper()
	rec, err := w.callback(b, w.answered(w.begin(b, "/start?x=1")))
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

func (w *world) session(b *browser) (*Session, error) {
	rec := httptest.NewRecorder()
	s, err := w.gate.Session(rec, b.request(site+"/page"))
	b.take(rec)
	return s, err
}

func (w *world) mustSession(b *browser) *Session {
	w.t.Helper()
	s, err := w.session(b)
	if err != nil {
		w.t.Fatalf("Session: %v", err)
	}
	return s
}

func (w *world) mustNot(b *browser, why string) {
	w.t.Helper()
	if s, err := w.session(b); err != ErrNoSession || s != nil {
		w.t.Fatalf("%s: Session = %v, %v; want ErrNoSession", why, s, err)
	}
}

func wantKind(t *testing.T, err error, kind Kind, status int, says string) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok || e.Kind != kind || e.Status() != status || !strings.Contains(e.Error(), says) {
		t.Fatalf("error = %v (kind %q), want kind %s, status %d, a text with %q", err, KindOf(err), kind, status, says)
	}
}
