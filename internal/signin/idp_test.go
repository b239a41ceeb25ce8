package signin

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// idp is an issuer that a test scripts. Left alone it is strict: codes and refresh tokens work once, and a refresh token
// used twice ends its grant.
type idp struct {
	t     testing.TB
	web   *httptest.Server
	clock *clock
	key   *issuer.SigningKey

	mu        sync.Mutex
	codes     map[string]code
	refreshes map[string]string // refresh token -> grant
	dead      map[string]bool   // grants
	count     map[string]int    // requests by path, and by grant_type for tokens
	serial    int
	form      url.Values  // of the last token request
	header    http.Header // of the last token request
	metadata  func(map[string]any)
	claims    func(map[string]any)               // changes an ID token
	answer    func(map[string]any)               // changes a token answer
	userInfo  func(map[string]any)               // changes a userinfo answer
	intercept map[string]http.HandlerFunc        // by path, instead of the issuer itself
	sign      func(claims map[string]any) string // signs otherwise
	lifetime  int
	noRefresh bool
}

type code struct{ nonce, challenge, redirect, client string }

var testKey = sync.OnceValue(func() *issuer.SigningKey {
	key, err := issuer.GenerateKey("ES256", nil)
	if err != nil {
		panic(err)
	}
	return key
})

func newIDP(t testing.TB, c *clock) *idp {
	t.Helper()
	p := &idp{t: t, clock: c, key: testKey(), codes: map[string]code{}, refreshes: map[string]string{}, dead: map[string]bool{},
		count: map[string]int{}, intercept: map[string]http.HandlerFunc{}, lifetime: 3600}
	p.web = httptest.NewServer(p)
	t.Cleanup(p.web.Close)
	return p
}

func (p *idp) script(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *idp) counted(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[what]
}

// at answers a path otherwise; nil ends that.
func (p *idp) at(path string, h http.HandlerFunc) {
	p.script(func() {
		if h == nil {
			delete(p.intercept, path)
			return
		}
		p.intercept[path] = h
	})
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.count[r.URL.Path]++
	h := p.intercept[r.URL.Path]
	p.mu.Unlock()
	if h != nil {
		h(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.Path {
	case issuer.DiscoveryPath:
		reply(w, 200, p.document())
	case "/jwks":
		set, err := issuer.PublicSet(p.key)
		if err != nil {
			p.t.Error(err)
		}
		_, _ = w.Write(set)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		p.info(w, r)
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (p *idp) document() map[string]any {
	doc := map[string]any{
		"issuer": p.web.URL, "authorization_endpoint": p.web.URL + "/authorize", "token_endpoint": p.web.URL + "/token",
		"userinfo_endpoint": p.web.URL + "/userinfo", "jwks_uri": p.web.URL + "/jwks", "end_session_endpoint": p.web.URL + "/logout",
	}
	if p.metadata != nil {
		p.metadata(doc)
	}
	return doc
}

// approve plays the person at the issuer: it reads the authorization URL and returns a fresh code.
func (p *idp) approve(authorizationURL string) string {
	p.t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		p.t.Fatalf("authorization request without code flow or PKCE S256: %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	c := "code-" + strconv.Itoa(p.serial) + "-of-the-issuer"
	p.codes[c] = code{q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri"), q.Get("client_id")}
	return c
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.t.Error(err)
	}
	p.form, p.header = r.PostForm, r.Header
	p.count[r.PostForm.Get("grant_type")]++
	var grant, nonce string
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		c, ok := p.codes[r.PostForm.Get("code")]
		delete(p.codes, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if !ok || encode(sum[:]) != c.challenge || r.PostForm.Get("redirect_uri") != c.redirect {
			reply(w, 400, map[string]any{"error": "invalid_grant", "error_description": "code " + r.PostForm.Get("code") + " is not known"})
			return
		}
		grant, nonce = "grant-"+strconv.Itoa(p.serial), c.nonce
	case "refresh_token":
		old := r.PostForm.Get("refresh_token")
		g, ok := p.refreshes[old]
		if !ok || p.dead[g] {
			reply(w, 400, map[string]any{"error": "invalid_grant"})
			return
		}
		p.refreshes[old] = "reused"
		p.dead["reused"] = true
		grant = g
	}
	reply(w, 200, p.tokens(grant, nonce))
}

func (p *idp) tokens(grant, nonce string) map[string]any {
	p.serial++
	n := strconv.Itoa(p.serial)
	access := "access-token-" + n
	now := p.clock.now().Unix()
	claims := map[string]any{"iss": p.web.URL, "sub": "user-1", "aud": clientID, "iat": now, "exp": now + 300, "email": "robin@example.com", "name": "From ID token"}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	sum := sha256.Sum256([]byte(access))
	claims["at_hash"] = encode(sum[:16])
	if p.claims != nil {
		p.claims(claims)
	}
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": p.lifetime, "id_token": p.signed(claims)}
	if !p.noRefresh {
		out["refresh_token"] = "refresh-token-" + n
		p.refreshes["refresh-token-"+n] = grant
	}
	if p.answer != nil {
		p.answer(out)
	}
	return out
}

func (p *idp) signed(claims map[string]any) string {
	if p.sign != nil {
		return p.sign(claims)
	}
	token, err := p.key.Sign("JWT", claims)
	if err != nil {
		p.t.Error(err)
	}
	return token
}

func (p *idp) info(w http.ResponseWriter, r *http.Request) {
	if len(r.Header.Get("Authorization")) < len("Bearer access-token-1") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	out := map[string]any{"sub": "user-1", "name": "From userinfo", "groups": []string{"a", "b"}, "serial": 9007199254740993}
	if p.userInfo != nil {
		p.userInfo(out)
	}
	reply(w, 200, out)
}
