package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Gate signs people in at one issuer for one site. It is safe for concurrent use.
type Gate struct {
	cfg      Config
	home     string // this site's origin
	jar      jar
	sealer   *sealer
	provider *provider
	verifier *issuer.Verifier
	used     *usedStates
	renewals *renewals
}

// Session is one person's sign-in, as of now.
type Session struct {
	ID              string
	Issuer, Subject string
	// Claims are the ID token's with the userinfo's laid over them; what the issuer said about the token itself stays.
	// Numbers are json.Number. Values nested inside are shared with other requests and must not be changed.
	Claims map[string]any
	// UserInfo are the userinfo's alone; nil when it was not asked.
	UserInfo             map[string]any
	IDToken, AccessToken vault.Secret
	AccessTokenExpiresAt time.Time // zero when the issuer did not say
	SignedInAt           time.Time
	ExpiresAt            time.Time // unless it is used before, and then at most Absolute after SignedInAt
}

// Format keeps session id and claims out of every printed form.
func (s Session) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "session of "+printable(s.Subject, maxDescription)+" at "+s.Issuer)
}

// LogValue does the same for structured logs.
func (s Session) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// New checks the configuration. It reaches no network: the issuer is asked when somebody signs in.
func New(c Config) (*Gate, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	sealer, err := newSealer(&c)
	if err != nil {
		return nil, fmt.Errorf("signin: Keys: %w", err)
	}
	home, err := url.Parse(c.RedirectURL)
	if err != nil {
		return nil, fmt.Errorf("signin: RedirectURL: %w", err)
	}
	g := &Gate{
		cfg: c, home: home.Scheme + "://" + home.Host, jar: newJar(&c), sealer: sealer,
		provider: newProvider(&c), used: newUsedStates(), renewals: newRenewals(),
	}
	g.verifier = issuer.NewVerifier(g.provider, c.Now)
	return g, nil
}

// WithKeys returns the gate with other keys for its cookies. It shares everything else, so that a rotation forgets neither
// a used state nor a refresh.
func (g *Gate) WithKeys(keys [][]byte) (*Gate, error) {
	next := *g
	next.cfg.Keys = keys
	if err := next.cfg.checkKeys(); err != nil {
		return nil, err
	}
	var err error
	if next.sealer, err = newSealer(&next.cfg); err != nil {
		return nil, fmt.Errorf("signin: Keys: %w", err)
	}
	return &next, nil
}

// OwnsCookie reports a cookie of this gate. It is nobody else's business: what is behind the gate should not get it.
func (g *Gate) OwnsCookie(name string) bool { return g.jar.owns(name) }

// Verifier verifies other JWTs of this issuer, with the keys that its configured or discovered endpoints name.
func (g *Gate) Verifier() *issuer.Verifier { return g.verifier }

// Session returns who is signed in, or ErrNoSession. The issuer's tokens are refreshed when they are due. Cookies that
// change are set on w, so ask before anything is written; an answer that sets a cookie must not be cached by others.
func (g *Gate) Session(w http.ResponseWriter, r *http.Request) (*Session, error) {
	s, current, err := g.signedIn(r)
	if err == nil {
		return g.keep(w, r, s, current)
	}
	if errors.Is(err, ErrNoSession) {
		g.jar.clearSession(w, r)
	}
	return nil, err
}

// keep refreshes what is due and writes the cookie anew when it changed, is half way to its idle end, or is under an
// older key.
func (g *Gate) keep(w http.ResponseWriter, r *http.Request, s *session, current bool) (*Session, error) {
	now := g.cfg.Now()
	fresh, err := g.renew(r.Context(), s)
	if errors.Is(err, errSuperseded) {
		return nil, ErrNoSession // its browser may have the newer cookie by now: nothing is cleared
	}
	if err != nil {
		if errors.Is(err, ErrNoSession) {
			g.jar.clearSession(w, r)
		}
		return nil, err
	}
	if fresh != s || !current || !now.Before(unix(s.SealedAt).Add(g.cfg.Idle/2)) {
		if fresh, err = g.write(w, r, fresh); err != nil {
			return nil, err
		}
	}
	return g.public(fresh), nil
}

// Peek returns whose session the browser has, without refreshing or writing anything, so that a page about a sign-out does
// not spend what it is about to end. A session that was idle for too long is there still: a copy of its cookie may not have
// been, and can be ended.
func (g *Gate) Peek(r *http.Request) (*Session, error) {
	s, _, ok := g.open(r)
	if !ok || !g.cfg.Now().Before(unix(s.EndsAt)) {
		return nil, ErrNoSession
	}
	if err := g.Alive(r.Context(), s.ID); err != nil {
		return nil, err
	}
	return g.public(s), nil
}

// signedIn opens the session cookie and holds it against the clock and the record of ended sessions.
func (g *Gate) signedIn(r *http.Request) (s *session, current bool, err error) {
	s, current, ok := g.open(r)
	if !ok || !g.cfg.Now().Before(g.expiry(s)) {
		return nil, false, ErrNoSession
	}
	return s, current, g.Alive(r.Context(), s.ID)
}

// Alive returns ErrNoSession when the session was ended since Session returned it. It fails closed: a session that may have
// been ended is none (A44).
func (g *Gate) Alive(ctx context.Context, id string) error {
	ended, err := g.cfg.Ended.Ended(ctx, id)
	if err != nil {
		return &Error{Kind: Internal, Message: "the record of ended sessions cannot be read, so nobody is let in", cause: err}
	}
	if ended {
		return ErrNoSession
	}
	return nil
}

func (g *Gate) open(r *http.Request) (s *session, current, ok bool) {
	text, ok := g.jar.readSession(r)
	if !ok {
		return nil, false, false
	}
	plain, current, ok := g.sealer.open(purposeSession, g.jar.name, text)
	if !ok {
		return nil, false, false
	}
	s, ok = parseSession(plain)
	return s, current, ok
}

// write seals the session as of now and sets its cookies.
func (g *Gate) write(w http.ResponseWriter, r *http.Request, s *session) (*session, error) {
	now := g.cfg.Now()
	sealed := *s
	sealed.SealedAt = now.Unix()
	plain, err := sealed.marshal()
	if err != nil {
		return nil, err
	}
	g.jar.writeSession(w, r, g.sealer.seal(purposeSession, g.jar.name, plain), g.expiry(&sealed).Sub(now))
	return &sealed, nil
}

// expiry is sliding for the idle end and fixed for the absolute one.
func (g *Gate) expiry(s *session) time.Time {
	return earliest(unix(s.SealedAt).Add(g.cfg.Idle), unix(s.SignedInAt).Add(g.cfg.Absolute), unix(s.EndsAt))
}

func earliest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.Before(first) {
			first = t
		}
	}
	return first
}

func (g *Gate) public(s *session) *Session {
	out := &Session{
		ID: s.ID, Issuer: g.cfg.Issuer, Subject: s.subject(), Claims: s.merged(), UserInfo: maps.Clone(s.userInfo),
		IDToken: vault.SecretString(s.IDToken), AccessToken: vault.SecretString(s.AccessToken),
		SignedInAt: unix(s.SignedInAt), ExpiresAt: g.expiry(s),
	}
	if s.AccessUntil != 0 {
		out.AccessTokenExpiresAt = unix(s.AccessUntil)
	}
	return out
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// token draws 256 random bits in base64url.
func (g *Gate) token() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(g.cfg.Rand, b[:]); err != nil {
		return "", &Error{Kind: Internal, Message: "no randomness", cause: err}
	}
	return encode(b[:]), nil
}
