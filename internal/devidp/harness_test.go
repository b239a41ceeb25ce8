package devidp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/bcrypt"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/issuer"
)

const (
	clientID     = "lanyard-dev"
	clientSecret = "s3cret+with/odd=chars&more-0123456789"
	password     = "correct horse"
	callback     = "http://127.0.0.1:9999/identities/oauth2/callback/p1?keep=1"
	verifier     = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// world is one authorization server that can be killed and started again over its store.
type world struct {
	t     *testing.T
	web   *httptest.Server
	store *devidptest.Store
	cfg   devidp.Config
	logs  *lockedBuffer

	mu      sync.Mutex
	clock   time.Time
	handler http.Handler
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

func newWorld(t *testing.T, change ...func(*devidp.Config)) *world {
	return startWorld(t, httptest.NewUnstartedServer, (*httptest.Server).Start, change...)
}

func startWorld(t *testing.T, unstarted func(http.Handler) *httptest.Server, start func(*httptest.Server), change ...func(*devidp.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), logs: &lockedBuffer{}}
	w.store = devidptest.NewStore(w.now)
	w.web = unstarted(http.HandlerFunc(w.serve))
	start(w.web)
	t.Cleanup(w.web.Close)
	w.cfg = baseConfig(w.web.URL+"/devidp", w.store, w.now)
	w.cfg.Log = slog.New(slog.NewTextHandler(w.logs, nil))
	for _, c := range change {
		c(&w.cfg)
	}
	w.restart()
	return w
}

func baseConfig(iss string, store devidp.Store, now func() time.Time) devidp.Config {
	s := setup()
	return devidp.Config{
		Issuer:          iss,
		Client:          devidp.Client{ID: clientID, Name: "Lanyard", SecretHash: devidp.HashSecret(clientSecret)},
		CallbackAllowed: func(raw string) bool { return raw == callback },
		User:            devidp.User{Username: "dev", PasswordHash: s.hash, Subject: "user-1", Name: "Robin Dev", Email: "dev@example.com"},
		Key:             s.key, JWKS: s.jwks, Store: store, Now: now,
	}
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	h := w.handler
	w.mu.Unlock()
	h.ServeHTTP(rw, r)
}

// restart is a kill and a new start: only the store and the configuration survive.
func (w *world) restart() {
	w.t.Helper()
	s, err := devidp.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handler = s.Handler()
}

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

// person is somebody with a fresh browser.
func (w *world) person() devidptest.Person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return devidptest.Person{HTTP: &http.Client{Jar: jar, Transport: w.web.Client().Transport}, Username: "dev", Password: password}
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// query is a good authorization request.
func query() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callback},
		"scope": {"openid profile email repo"}, "state": {"st&te=1"}, "nonce": {"n-0S6"},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
}

func (w *world) authorizeURL(q url.Values) string { return w.cfg.Issuer + "/authorize?" + q.Encode() }

// consent walks a person through and returns the parameters of the authorization response.
func (w *world) consent(p devidptest.Person, q url.Values) url.Values {
	w.t.Helper()
	target, err := p.Allow(w.t.Context(), w.authorizeURL(q))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.response(target)
}

// response checks what every authorization response has in common and returns its parameters.
func (w *world) response(target string) url.Values {
	w.t.Helper()
	if !strings.HasPrefix(target, callback+"&") {
		w.t.Fatalf("browser was sent to %q, want the callback URL with its own query kept", target)
	}
	u, err := url.Parse(target)
	if err != nil {
		w.t.Fatal(err)
	}
	if got := u.Query().Get("iss"); got != w.cfg.Issuer {
		w.t.Fatalf("iss = %q in the authorization response, want %q", got, w.cfg.Issuer)
	}
	return u.Query()
}

// code is a fresh code of a fresh person.
func (w *world) code(q url.Values) string {
	w.t.Helper()
	code := w.consent(w.person(), q).Get("code")
	if code == "" {
		w.t.Fatal("no code in the authorization response")
	}
	return code
}

// reply is a JSON answer.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (r reply) text(name string) string {
	s, _ := r.body[name].(string)
	return s
}

// post calls a client endpoint with client_secret_post.
func (w *world) post(endpoint string, form url.Values) reply {
	w.t.Helper()
	full := url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}
	for name, values := range form {
		full[name] = values
	}
	return w.send(endpoint, full, nil)
}

func (w *world) send(endpoint string, form url.Values, change func(*http.Request)) reply {
	w.t.Helper()
	req := w.newRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(req)
	}
	return w.do(req)
}

func (w *world) newRequest(method, endpoint string, body io.Reader) *http.Request {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), method, w.cfg.Issuer+endpoint, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return req
}

func (w *world) do(req *http.Request) reply {
	w.t.Helper()
	resp, err := w.web.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	out := reply{status: resp.StatusCode, header: resp.Header}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out.body); err != nil {
		w.t.Fatalf("%s %s: status %d, body is not JSON: %q", req.Method, req.URL, resp.StatusCode, data)
	}
	return out
}

func codeForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// tokens is a whole consent, exchanged.
func (w *world) tokens(q url.Values) reply {
	w.t.Helper()
	return w.mustIssue(w.post("/token", codeForm(w.code(q))))
}

func (w *world) mustIssue(r reply) reply {
	w.t.Helper()
	if r.status != http.StatusOK || r.text("access_token") == "" {
		w.t.Fatalf("token endpoint: status %d, body %v", r.status, r.body)
	}
	return r
}

// wantError checks an RFC 6749 error answer.
func (w *world) wantError(r reply, status int, code string) {
	w.t.Helper()
	if r.status != status || r.text("error") != code {
		w.t.Fatalf("got status %d, body %v; want %d %s", r.status, r.body, status, code)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		w.t.Errorf("Cache-Control = %q, want no-store", got)
	}
	if r.text("error_description") == "" {
		w.t.Error("error_description is empty: the caller learns nothing")
	}
}

// claims verifies a token against the published keys and returns its claims.
func (w *world) claims(token, typ string) map[string]any {
	w.t.Helper()
	resp, err := w.web.Client().Get(w.cfg.Issuer + "/jwks")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		w.t.Fatal(err)
	}
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		w.t.Fatal(err)
	}
	header := signed.Signatures[0].Protected
	if header.ExtraHeaders["typ"] != typ {
		w.t.Fatalf("typ = %v, want %s", header.ExtraHeaders["typ"], typ)
	}
	payload, err := signed.Verify(set.Key(header.KeyID)[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims
}

// userinfo calls the userinfo endpoint.
func (w *world) userinfo(token string) reply {
	w.t.Helper()
	req := w.newRequest(http.MethodGet, "/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	return w.do(req)
}

func (w *world) active(token string) bool {
	w.t.Helper()
	r := w.post("/introspect", url.Values{"token": {token}})
	if r.status != http.StatusOK {
		w.t.Fatalf("introspection: status %d, body %v", r.status, r.body)
	}
	return r.body["active"] == true
}

// signInOrigin is the address whose cookies a browser holds.
func (w *world) signInOrigin() *url.URL {
	w.t.Helper()
	u, err := url.Parse(w.web.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}
