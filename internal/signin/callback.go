package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"

	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	maxCallbackQuery = 16 << 10
	maxText          = 8192 // of a code
)

// Callback finishes a sign-in: it matches the issuer's answer to the attempt that this browser began, exchanges the code,
// checks who it is, sets the session cookie and sends the browser on. When it returns an error, no body was written; the
// attempt's cookie is cleared then too.
func (g *Gate) Callback(w http.ResponseWriter, r *http.Request) error {
	query, err := readCallback(r)
	if err != nil {
		return err
	}
	a, err := g.match(w, r, query.Get("state"))
	if err != nil {
		return err
	}
	s, err := g.finish(r.Context(), query, a)
	if err == nil {
		_, err = g.write(w, r, s)
	}
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.ReturnTo = a.ReturnTo
		}
		return err
	}
	g.cfg.Log.InfoContext(r.Context(), "signed in", "issuer", g.cfg.Issuer, "subject", printable(s.subject(), maxDescription))
	redirect(w, a.ReturnTo)
	return nil
}

// readCallback accepts a query that no two parsers read differently. Whoever holds the browser wrote it.
func readCallback(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodGet {
		return nil, fail(Malformed, "the issuer's answer comes by GET: have it use the query for response_mode")
	}
	if len(r.URL.RawQuery) > maxCallbackQuery {
		return nil, fail(Malformed, "the callback's query is larger than 16 KiB")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(Malformed, "the callback's query cannot be read")
	}
	for _, name := range []string{"state", "code", "iss", "error", "error_description"} {
		if len(query[name]) > 1 { // RFC 6749 section 3.1
			return nil, fail(Malformed, "the callback has the parameter "+name+" more than once")
		}
	}
	if query.Get("state") == "" {
		return nil, fail(Malformed, "the callback has no state, so it answers nothing that was asked here: begin at the page you want to see")
	}
	return query, nil
}

// match finds the attempt of a state in this browser and uses it up, whatever comes of it.
func (g *Gate) match(w http.ResponseWriter, r *http.Request, state string) (*attempt, error) {
	name := g.jar.login(attemptName(state))
	if len(r.CookiesNamed(name)) > 0 {
		g.jar.clear(w, name)
	}
	a, ok := g.openAttempt(r, name)
	if !ok || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return nil, fail(Stale, "this sign-in was not begun in this browser, took longer than "+g.cfg.Login.String()+
			", or was finished before; begin again, and allow cookies if it keeps failing")
	}
	if g.lapsed(a) {
		return nil, &Error{Kind: Stale, Message: "the sign-in took longer than " + g.cfg.Login.String() + ": begin again", ReturnTo: a.ReturnTo}
	}
	if !g.used.use(state, g.cfg.Now(), unix(a.StartedAt).Add(g.cfg.Login)) {
		return nil, &Error{Kind: Stale, Message: "this sign-in was finished before: begin again", ReturnTo: a.ReturnTo}
	}
	return a, nil
}

// finish turns a matched answer into a session with an id of its own, so that none that was there before the sign-in, or
// was planted, is ever the signed-in one (A44).
func (g *Gate) finish(ctx context.Context, query url.Values, a *attempt) (*session, error) {
	md, err := g.provider.metadata(ctx)
	if err != nil {
		return nil, err
	}
	code, err := g.judge(md, query)
	if err != nil {
		return nil, err
	}
	t, err := g.exchange(ctx, md, code, vault.SecretString(a.Verifier))
	if err != nil {
		return nil, err
	}
	now := g.cfg.Now()
	s := t.onto(session{SignedInAt: now.Unix(), EndsAt: now.Add(g.cfg.Absolute).Unix(), SealedAt: now.Unix()})
	if s.ID, err = g.token(); err != nil {
		return nil, err
	}
	if err := g.identify(ctx, s, a); err != nil {
		return nil, err
	}
	return s, g.fetchUserInfo(ctx, md, s)
}

// judge holds the answer to RFC 9207 section 2.4, errors too, and returns its code.
func (g *Gate) judge(md *metadata, query url.Values) (vault.Secret, error) {
	if query.Has("iss") && query.Get("iss") != g.cfg.Issuer {
		return vault.Secret{}, fail(Provider, "the callback comes from the issuer "+describe(query.Get("iss"), secretsOf(query)...)+", not from "+g.cfg.Issuer+" (RFC 9207)")
	}
	if md.issPromised && !query.Has("iss") {
		return vault.Secret{}, fail(Provider, "the callback has no iss, which "+g.cfg.Issuer+" announces for every answer (RFC 9207)")
	}
	if query.Has("error") {
		return vault.Secret{}, refused(query)
	}
	code := query.Get("code")
	if !isPrintable(code, maxText) {
		return vault.Secret{}, fail(Malformed, "the callback has neither a usable code nor an error")
	}
	return vault.SecretString(code), nil
}

// refused is the issuer's refusal (OpenID Connect Core 1.0 section 3.1.2.6).
func refused(query url.Values) *Error {
	secrets := secretsOf(query)
	code := printable(describe(query.Get("error"), secrets...), maxCode)
	if code == "" || query.Get("code") != "" {
		return fail(Malformed, "the callback has an error without a name, or an error beside an authorization code")
	}
	kind := Provider
	switch query.Get("error") {
	case "access_denied":
		kind = Denied
	case "temporarily_unavailable":
		kind = Unreachable
	}
	message := "the issuer ended the sign-in with " + code
	if why := describe(query.Get("error_description"), secrets...); why != "" {
		message += ": " + why
	}
	return &Error{Kind: kind, Code: code, Message: message}
}

// secretsOf are the values of a callback that no message may repeat (A63).
func secretsOf(query url.Values) []vault.Secret {
	return []vault.Secret{vault.SecretString(query.Get("state")), vault.SecretString(query.Get("code"))}
}

// isPrintable is the alphabet of codes and tokens (RFC 6749 appendix A).
func isPrintable(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
