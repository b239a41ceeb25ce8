package frontdoor_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/frontdoor"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/signin"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	clientID     = "frontdoor-client"
	clientSecret = "s3cret-0123456789-0123456789"
	password     = "correct horse"
	subject      = "user-1"
	signerName   = "arn:aws:elasticloadbalancing:us-west-2:000000000000:loadbalancer/app/test/1"
)

// world is a front door between an identity provider, a backend and a clock that tests move.
type world struct {
	t       *testing.T
	dir     string
	idp     *httptest.Server
	backend *httptest.Server
	site    *httptest.Server
	door    *frontdoor.Door
	cfg     frontdoor.Config
	gate    signin.Config
	idpCfg  devidp.Config
	access  *buffer
	logs    *buffer
	keys    *frontdoor.Keys
	cookies *frontdoor.CookieKeys

	mu    sync.Mutex
	clock time.Time
	serve http.HandlerFunc // the backend
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// setup holds what is costly to make and the same for every test.
var setup = sync.OnceValue(func() (s struct {
	key  *issuer.SigningKey
	jwks []byte
	hash []byte
}) {
	var err error
	if s.key, err = issuer.GenerateKey("ES256", nil); err != nil {
		panic(err)
	}
	if s.jwks, err = issuer.PublicSet(s.key); err != nil {
		panic(err)
	}
	if s.hash, err = bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost); err != nil {
		panic(err)
	}
	return s
})

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) serving(h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serve = h
}

// late is a handler that is told after its server has an address.
type late struct {
	mu sync.Mutex
	h  http.Handler
}

func (l *late) set(h http.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h = h
}

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	h := l.h
	l.mu.Unlock()
	h.ServeHTTP(w, r)
}

func newWorld(t testing.TB, change ...func(*world)) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), clock: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), access: &buffer{}, logs: &buffer{}, serve: echo}
	w.t, _ = t.(*testing.T)
	door, idp := &late{}, &late{}
	w.site, w.idp = httptest.NewServer(door), httptest.NewServer(idp)
	w.backend = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		h := w.serve
		w.mu.Unlock()
		h(rw, r)
	}))
	t.Cleanup(func() {
		w.site.CloseClientConnections()
		w.site.Close()
		w.backend.Close()
		w.idp.Close()
	})
	w.configure(t)
	for _, c := range change {
		c(w)
	}
	idp.set(newIDP(t, w.idpCfg))
	w.open(t)
	door.set(w.door)
	return w
}

func (w *world) configure(t testing.TB) {
	t.Helper()
	s := setup()
	w.idpCfg = devidp.Config{
		Issuer:          w.idp.URL + "/idp",
		Client:          devidp.Client{ID: clientID, Name: "App", SecretHash: devidp.HashSecret(clientSecret)},
		CallbackAllowed: func(raw string) bool { return raw == w.site.URL+frontdoor.CallbackPath },
		User:            devidp.User{Username: "dev", PasswordHash: s.hash, Subject: subject, Name: "Robin Dev", Email: "dev@example.com"},
		Key:             s.key, JWKS: s.jwks, Store: devidptest.NewStore(w.now), Now: w.now,
	}
	out, err := egress.New(egress.Config{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.CloseIdle)
	w.gate = signin.Config{Issuer: w.idpCfg.Issuer, ClientID: clientID, ClientSecret: vault.SecretString(clientSecret), Scopes: []string{"openid", "profile", "email"},
		RedirectURL: w.site.URL + frontdoor.CallbackPath, UserInfo: true, Ended: signin.NewEndedMemory(w.now), Fetcher: out, Now: w.now, Log: slog.New(slog.NewTextHandler(w.logs, nil))}
	w.cfg = frontdoor.Config{Rules: []frontdoor.Rule{{Backend: mustURL(w.backend.URL)}}, Signer: signerName, ClientID: clientID, Issuer: w.idpCfg.Issuer,
		Access: slog.New(slog.NewJSONHandler(w.access, nil)), Log: slog.New(slog.NewTextHandler(w.logs, nil)), Now: w.now}
}

func (w *world) open(t testing.TB) {
	t.Helper()
	var err error
	if w.keys, err = frontdoor.OpenKeys(filepath.Join(w.dir, "keys"), 0, w.now, nil); err != nil {
		t.Fatal(err)
	}
	if w.cookies, err = frontdoor.OpenCookieKeys(filepath.Join(w.dir, "cookie-keys"), 0, 12*time.Hour, w.now, nil); err != nil {
		t.Fatal(err)
	}
	w.cfg.Keys, w.cfg.CookieKeys = w.keys, w.cookies
	w.cfg.Sites = append([]frontdoor.Site{{PublicURL: mustURL(w.site.URL), NewGate: func(keys [][]byte) (*signin.Gate, error) {
		c := w.gate
		c.Keys = keys
		return signin.New(c)
	}}}, w.cfg.Sites...)
	if w.door, err = frontdoor.New(w.cfg); err != nil {
		t.Fatal(err)
	}
}

func newIDP(t testing.TB, c devidp.Config) http.Handler {
	t.Helper()
	s, err := devidp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// seen is what the backend saw.
type seen struct {
	Method, Path, RawPath, Host, Query, Body string
	Header                                   http.Header
}

func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(seen{r.Method, r.URL.Path, r.URL.EscapedPath(), r.Host, r.URL.RawQuery, string(b), r.Header})
}

// browser is a person's browser at the front door.
type browser struct {
	w    *world
	http *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	return &browser{w: w, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedIn is a browser after a whole sign-in.
func (w *world) signedIn(t testing.TB) *browser {
	t.Helper()
	b := w.browser()
	b.signIn(t, "/start?a=1")
	return b
}

func (b *browser) signIn(t testing.TB, path string) {
	t.Helper()
	resp := b.navigate(t, path)
	if resp.Status != http.StatusFound {
		t.Fatalf("opening %s: %d %s; want a redirect to the sign-in", path, resp.Status, resp.Body)
	}
	person := devidptest.Person{HTTP: b.http, Username: "dev", Password: password}
	back, err := person.Allow(t.Context(), resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	resp = b.navigate(t, strings.TrimPrefix(back, b.w.site.URL))
	if resp.Status != http.StatusFound || resp.Header.Get("Location") != path {
		t.Fatalf("callback: %d to %q %s; want 302 to %s", resp.Status, resp.Header.Get("Location"), resp.Body, path)
	}
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// seen decodes the echo of the backend.
func (a answer) seen(t testing.TB) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(a.Body), &s); err != nil {
		t.Fatalf("status %d, no echo of the backend: %s", a.Status, a.Body)
	}
	return s
}

func (b *browser) navigate(t testing.TB, path string) answer {
	t.Helper()
	return b.do(t, http.MethodGet, path, "", "Accept", "text/html,*/*", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "none")
}

// do sends a request with headers given as name, value, …; Host sets the host.
func (b *browser) do(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, b.w.site.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// verifier verifies headers as an application does.
func (w *world) verifier(t testing.TB, now func() time.Time) *oidcdata.Verifier {
	t.Helper()
	v, err := oidcdata.New(oidcdata.Config{Signer: signerName, Client: clientID, Issuer: w.cfg.Issuer, KeysURL: w.site.URL + frontdoor.PublicKeysPath, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// finish walks through the sign-in at the identity provider and returns where the front door then sends the browser.
func (b *browser) finish(t testing.TB, authorizationURL string) string {
	t.Helper()
	back, err := devidptest.Person{HTTP: b.http, Username: "dev", Password: password}.Allow(t.Context(), authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	resp := b.navigate(t, strings.TrimPrefix(back, b.w.site.URL))
	if resp.Status != http.StatusFound {
		t.Fatalf("callback: %d %s", resp.Status, resp.Body)
	}
	return resp.Header.Get("Location")
}

type ruleT = frontdoor.Rule

func rule(path string, backend *url.URL, change func(*ruleT)) frontdoor.Rule {
	r := frontdoor.Rule{Path: path, Backend: backend}
	if change != nil {
		change(&r)
	}
	return r
}

func trustLoopback(w *world) {
	w.cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// otherSite is a second site of the same front door.
func (w *world) otherSite(origin string) frontdoor.Site {
	return frontdoor.Site{PublicURL: mustURL(origin), NewGate: func(keys [][]byte) (*signin.Gate, error) {
		c := w.gate
		c.Keys, c.RedirectURL = keys, origin+frontdoor.CallbackPath
		return signin.New(c)
	}}
}

func decodeSegment(t testing.TB, s string) string {
	t.Helper()
	b, err := base64.URLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (b *browser) person() devidptest.Person {
	return devidptest.Person{HTTP: b.http, Username: "dev", Password: password}
}
