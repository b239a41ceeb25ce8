package signin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// maxAttempts bounds the sign-ins that one browser has open, one for each tab.
	maxAttempts = 5
	// attemptLength is of the hexadecimal name of an attempt.
	attemptLength = 16
	maxReturnTo   = 1024
)

// attempt is what a login cookie holds: one sign-in that was begun in this browser.
type attempt struct {
	State     string `json:"state"`
	Nonce     string `json:"nonce"`
	Verifier  string `json:"verifier"`
	ReturnTo  string `json:"to"`
	StartedAt int64  `json:"at"`
}

// attemptName is what a login cookie is named after. The state itself goes through the issuer, so the name, which shows in
// places that values do not, tells nothing of it.
func attemptName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])[:attemptLength]
}

// Begin sends the browser to the issuer and remembers in a cookie of its own what the answer must match. returnTo is where
// the browser goes afterwards: a path on this site, and the root instead of anything else. When it returns an error,
// nothing was written.
func (g *Gate) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	md, err := g.provider.metadata(r.Context())
	if err != nil {
		return err
	}
	a, err := g.newAttempt(returnTo)
	if err != nil {
		return err
	}
	target, err := g.authorizationURL(md, a)
	if err != nil {
		return err
	}
	name := g.jar.login(attemptName(a.State))
	value, err := g.sealAttempt(name, a)
	if err != nil {
		return err
	}
	g.makeRoom(w, r)
	g.jar.set(w, name, value, g.cfg.Login)
	redirect(w, target)
	return nil
}

func (g *Gate) newAttempt(returnTo string) (*attempt, error) {
	a := &attempt{ReturnTo: g.localPath(returnTo), StartedAt: g.cfg.Now().Unix()}
	for _, into := range []*string{&a.State, &a.Nonce, &a.Verifier} {
		var err error
		if *into, err = g.token(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (g *Gate) sealAttempt(name string, a *attempt) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a); err != nil {
		return "", &Error{Kind: Internal, Message: "the sign-in cannot be encoded", cause: err}
	}
	return g.sealer.seal(purposeLogin, name, b.Bytes()), nil
}

// openAttempt reads a login cookie by its name.
func (g *Gate) openAttempt(r *http.Request, name string) (*attempt, bool) {
	value, ok := g.jar.one(r, name)
	if !ok {
		return nil, false
	}
	plain, _, ok := g.sealer.open(purposeLogin, name, value)
	if !ok {
		return nil, false
	}
	a := new(attempt)
	return a, json.Unmarshal(plain, a) == nil && a.State != ""
}

// makeRoom clears login cookies that nobody can use any more, and the oldest ones beyond the number that may be open, so
// that a browser with many tabs never sends more cookies than a server takes.
func (g *Gate) makeRoom(w http.ResponseWriter, r *http.Request) {
	type open struct {
		name string
		at   int64
	}
	var opened []open
	for _, name := range g.jar.attempts(r) {
		a, ok := g.openAttempt(r, name)
		if !ok || g.lapsed(a) {
			g.jar.clear(w, name)
			continue
		}
		opened = append(opened, open{name, a.StartedAt})
	}
	slices.SortStableFunc(opened, func(a, b open) int { return int(b.at - a.at) })
	for _, o := range opened[min(len(opened), maxAttempts-1):] {
		g.jar.clear(w, o.name)
	}
}

func (g *Gate) lapsed(a *attempt) bool {
	return !g.cfg.Now().Before(unix(a.StartedAt).Add(g.cfg.Login))
}

// authorizationURL is the authentication request (OpenID Connect Core 1.0 section 3.1.2.1) with PKCE S256 (RFC 7636).
func (g *Gate) authorizationURL(md *metadata, a *attempt) (string, error) {
	u, err := url.Parse(md.Authorization)
	if err != nil {
		return "", failAt(Misconfigured, md.Authorization, "the authorization endpoint is not a URL")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", failAt(Misconfigured, md.Authorization, "the authorization endpoint's query cannot be read")
	}
	challenge := sha256.Sum256([]byte(a.Verifier))
	add := map[string]string{
		"response_type": "code", "client_id": g.cfg.ClientID, "redirect_uri": g.cfg.RedirectURL,
		"scope": strings.Join(g.cfg.Scopes, " "), "state": a.State, "nonce": a.Nonce,
		"code_challenge": encode(challenge[:]), "code_challenge_method": "S256",
	}
	for name, value := range g.cfg.Parameters {
		add[name] = value
	}
	for name, value := range add {
		if query.Has(name) { // RFC 6749 section 3.1: none may come twice
			return "", failAt(Misconfigured, md.Authorization, "the authorization endpoint's own query has the parameter "+printable(name, maxCode)+", which is set here")
		}
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// localPath lets a browser return to a path on this site and nowhere else (A12). It does not try to mend what it refuses.
// Browsers drop tabs and line breaks inside a URL and read a backslash as a slash, so none of them is let through.
func (g *Gate) localPath(to string) string {
	const home = "/"
	if len(to) > maxReturnTo || !isVisible(to) || strings.ContainsAny(to, "\\\"<>") {
		return home
	}
	if to[0] != '/' || strings.HasPrefix(to, "//") {
		return home
	}
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return home
	}
	if g.home+u.EscapedPath() == g.cfg.RedirectURL {
		return home // the callback would only say that the sign-in is over
	}
	return to
}

// redirect writes the target as it is, which http.Redirect would clean. What is on this page's URL goes nowhere else.
func redirect(w http.ResponseWriter, target string) {
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// ago is how long ago something happened, in seconds since 1970.
func (g *Gate) ago(seconds int64) time.Duration { return g.cfg.Now().Sub(unix(seconds)) }
