package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// The browser's side of a consent. Nobody is authenticated here: what is believed is the session URI (random), the
// state (sealed by us) and the cookie that ties the browser that comes back to the one that went.

const (
	kindState = "oauth-state"
	codeMax   = 4096 // bytes of a provider's code
)

// Departure sends a browser to the provider.
type Departure struct {
	Location    string
	CookieName  string // without the __Host- prefix, which is the edge's to add
	CookieValue string
	ExpiresAt   time.Time
}

// Arrival ends the browser's visit to the provider: with a redirect to the return URL, or, where the session has none,
// with a page.
type Arrival struct {
	Location   string // "" for a page
	CookieName string // to delete
	Completed  bool   // the session was finished here (Config.InsecureFinishSessions)
	Refused    string // why the consent failed, "" when it did not
	Provider   string
	Workload   string
}

// PageError is a visit that cannot go on and leads nowhere: the browser gets a page.
type PageError struct {
	Kind    PageKind
	Message string // for the person
	Cause   error
}

// PageKind chooses the page.
type PageKind int

// Pages for visits that lead nowhere.
const (
	PageInvalid      PageKind = iota // the link is unknown or malformed
	PageExpired                      // the session is over
	PageOtherBrowser                 // another browser began it, or the answer was used before
	PageProvider                     // the provider's answer cannot be used
	PageFault                        // our fault, or the database's
)

// Error returns the message for the person.
func (e *PageError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *PageError) Unwrap() error { return e.Cause }

func page(kind PageKind, message string, cause error) *PageError {
	return &PageError{Kind: kind, Message: message, Cause: cause}
}

// cookieName is the session's own, so that consents in several tabs do not disturb each other.
func cookieName(row *Session) string { return "lanyard-consent-" + row.ID[:16] }

// Depart answers the authorization URL: it ties the browser to the session by a cookie and sends it to the provider.
// Any browser may open the link, and more than one; the first valid callback wins (A15). cookie reads the browser's.
func (s *Service) Depart(ctx context.Context, requestURI string, cookie func(name string) string) (*Departure, error) {
	if !strings.HasPrefix(requestURI, sessionURIPrefix) || len(requestURI) > 1024 {
		return nil, page(PageInvalid, "This link is not complete. Go back to your application and start again.", nil)
	}
	row, f, err := s.visited(ctx, sessionID(requestURI))
	if err != nil {
		return nil, err
	}
	if row.Status != SessionPending || s.expired(row) {
		return s.tooLate(row, f)
	}
	p, op, err := s.sessionProvider(ctx, row, f)
	if err != nil {
		return nil, providerPage(err)
	}
	nonce := cookie(cookieName(row))
	if len(nonce) != 43 { // the browser was not here before, or holds something else
		nonce = newToken(s.Rand)
	}
	state, err := s.sealState(ctx, row, f, nonce)
	if err != nil {
		return nil, err
	}
	location, err := s.authorizationURL(p, op, f, state)
	if err != nil {
		return nil, page(PageProvider, "The provider's configuration does not allow to go on: "+err.Error(), err)
	}
	return &Departure{Location: location, CookieName: cookieName(row), CookieValue: nonce, ExpiresAt: row.ExpiresAt}, nil
}

// authorizationURL is where the session's browser is sent.
func (s *Service) authorizationURL(p *Provider, op oauth.Provider, f *sessionFacts, state string) (string, error) {
	return oauth.AuthorizationURL(oauth.Authorization{Provider: op, CallbackURL: s.CallbackURL(p), State: state, Verifier: f.Verifier,
		Scopes: f.Scopes, Resources: f.Resources, Audiences: f.Audiences, Custom: f.Custom})
}

// tooLate answers a link that is over: with a redirect where the session has a return URL.
func (s *Service) tooLate(row *Session, f *sessionFacts) (*Departure, error) {
	if f.ReturnURL == "" {
		return nil, page(PageExpired, "This link has been used or has expired. Go back to your application and start again.", nil)
	}
	code := "session_expired"
	if row.Status != SessionPending {
		code = "session_used"
	}
	return &Departure{Location: withParams(f.ReturnURL, s.returnParams(f, code))}, nil
}

// visited finds the session of a browser's visit.
func (s *Service) visited(ctx context.Context, id string) (*Session, *sessionFacts, error) {
	row, err := s.Store.SessionByID(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, page(PageInvalid, "This link is not known here, or it is too old. Go back to your application and start again.", nil)
	}
	if err == nil {
		var f *sessionFacts
		if f, err = s.facts(ctx, &row); err == nil {
			return &row, f, nil
		}
	}
	return nil, nil, fault(err)
}

// sessionProvider finds the provider of a session, which must still be where it was when the session began: a code, a
// verifier and a secret never go to endpoints that the session was not begun for (A06, A56).
func (s *Service) sessionProvider(ctx context.Context, row *Session, f *sessionFacts) (*Provider, oauth.Provider, error) {
	st, err := s.state(ctx, row.Account, true)
	if err != nil {
		return nil, oauth.Provider{}, err
	}
	p, err := lookupID(ctx, s, st, row.Account, KindOAuth2Provider, f.ProviderID, decodeProvider)
	if errors.Is(err, ErrNotFound) {
		return nil, oauth.Provider{}, badSession("its credential provider was deleted; ask for a new one")
	}
	if err != nil {
		return nil, oauth.Provider{}, internal(err, "reading the session's provider")
	}
	op, err := s.endpoints(ctx, p)
	if err != nil {
		return nil, op, err
	}
	if op.TokenEndpoint != f.TokenEnd || op.Issuer != f.Issuer || op.AuthorizationEndpoint != f.AuthorizeEnd {
		return nil, op, badSession("credential provider " + p.Name + " names other endpoints than when the session began; ask for a new one")
	}
	return p, op, nil
}

// providerPage tells a person that the session's provider cannot be used.
func providerPage(err error) *PageError {
	switch codeOf(err) {
	case Internal:
		return fault(err)
	case Denied:
		return page(PageExpired, "The application's provider was changed or removed meanwhile. Go back to your application and start again.", err)
	default:
		return page(PageProvider, "The provider cannot be reached now. Try again in a moment.", err)
	}
}

func fault(err error) *PageError {
	return page(PageFault, "Something went wrong on our side. Try again in a moment.", err)
}

// sealState binds the provider's answer to the session, the provider and the browser (A01, A03, A05).
func (s *Service) sealState(ctx context.Context, row *Session, f *sessionFacts, nonce string) (string, error) {
	h := sha256.Sum256([]byte(nonce))
	state, err := s.Vault.SealToken(ctx, row.Account, kindState, appendTexts(nil, row.ID, f.ProviderID, string(h[:])))
	if err != nil {
		return "", fault(err)
	}
	return state, nil
}

// Arrive answers a provider's callback. The provider's code is kept sealed; it is exchanged only once the user was
// matched (CompleteSession). callbackID is the path's, cookie reads the browser's.
func (s *Service) Arrive(ctx context.Context, callbackID string, query url.Values, cookie func(name string) string) (*Arrival, error) {
	p, row, f, err := s.arriving(ctx, callbackID, query, cookie)
	if err != nil {
		if pe, ok := errors.AsType[*PageError](err); ok && pe.Kind == PageFault {
			return nil, err
		}
		// Nothing ties it to a session, so it is audited as a stranger's: forged, replayed, or of another browser.
		if aerr := s.RefuseStranger(ctx, Stranger{Action: "lanyard:AuthorizationCallback"}, err); aerr != err { //nolint:errorlint // the very error, or the audit's
			return nil, fault(aerr)
		}
		return nil, err
	}
	c := &call{caller: &policy.Caller{Account: row.Account}, rec: AuditRecord{Account: row.Account, RequestID: RequestID(ctx), Caller: "browser", Action: "lanyard:AuthorizationCallback", Resources: []string{s.OAuth2ProviderARN(row.Account, p.Name)},
		Provider: p.Name, User: f.User.Key(), SessionID: row.ID, Durable: true}}
	a := &Arrival{CookieName: cookieName(row), Provider: p.Name}
	a.Workload, _ = s.names(ctx, row.Account, f.WorkloadID, "")
	c.rec.Workload = a.Workload
	if aerr := s.finish(ctx, c, s.arrive(ctx, c, p, row, f, query, a)); aerr != nil {
		if pe, ok := errors.AsType[*PageError](aerr); ok {
			return nil, pe
		}
		if codeOf(aerr) == Denied && a.Location != "" { // a refused consent, told to the application
			return a, nil
		}
		if codeOf(aerr) == Denied {
			a.Refused = aerr.Error()
			return a, nil
		}
		return nil, page(PageFault, aerr.Error(), aerr)
	}
	return a, nil
}

// arriving checks what ties a callback to its session, before anything is believed or written.
func (s *Service) arriving(ctx context.Context, callbackID string, query url.Values, cookie func(string) string) (*Provider, *Session, *sessionFacts, error) {
	forged := page(PageOtherBrowser, "This answer does not belong to a consent that this browser began. Go back to your application and start again in this browser.", nil)
	r, err := s.Store.RecordByID(ctx, KindOAuth2Provider, providerIDPrefix+strings.ReplaceAll(callbackID, "-", ""))
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil, page(PageInvalid, "No provider has this callback URL. If you run the application: register the callbackUrl of the credential provider at the authorization server.", nil)
	}
	if err != nil {
		return nil, nil, nil, fault(err)
	}
	states := query["state"]
	if len(states) != 1 {
		return nil, nil, nil, forged
	}
	payload, err := s.Vault.OpenToken(ctx, r.Account, kindState, states[0])
	if errors.Is(err, vault.ErrKeySource) {
		return nil, nil, nil, fault(err)
	}
	var id, providerID, nonceHash string
	if err != nil || readTexts(payload, &id, &providerID, &nonceHash) != nil || providerID != r.ID {
		return nil, nil, nil, forged
	}
	row, f, err := s.visited(ctx, id)
	if err != nil {
		return nil, nil, nil, err
	}
	h := sha256.Sum256([]byte(cookie(cookieName(row))))
	if row.Account != r.Account || f.ProviderID != r.ID || subtle.ConstantTimeCompare(h[:], []byte(nonceHash)) != 1 {
		return nil, nil, nil, forged
	}
	p, err := decode(ctx, s, r, decodeProvider)
	if err != nil {
		return nil, nil, nil, fault(err)
	}
	return p, row, f, nil
}

// arrive stores what the provider answered and fills where the browser goes next.
func (s *Service) arrive(ctx context.Context, c *call, p *Provider, row *Session, f *sessionFacts, query url.Values, a *Arrival) error {
	if row.Status != SessionPending || s.expired(row) { // a replay, or the second browser (A02, A15)
		return page(PageExpired, "This consent has been answered already or has expired. If it was you, go back to your application; if in doubt, start again there.", badSession("the callback came twice or too late"))
	}
	_, op, err := s.sessionProvider(ctx, row, f)
	if err != nil {
		return providerPage(err)
	}
	code, err := oauth.CheckCallback(op, query)
	switch oauth.KindOf(err) {
	case 0:
		if err != nil {
			return internal(err, "reading the provider's answer")
		}
		return s.arrivedWithCode(ctx, c, row, f, code, a)
	case oauth.Malformed: // wrong or missing iss, doubled parameters: it proves nothing, so the session stays (A07)
		return page(PageProvider, "The provider's answer cannot be trusted: "+err.Error(), &Error{Code: Denied, Message: err.Error(), Cause: err})
	default:
		return s.arrivedRefused(ctx, p, row, f, err, a)
	}
}

func (s *Service) arrivedWithCode(ctx context.Context, c *call, row *Session, f *sessionFacts, code vault.Secret, a *Arrival) error {
	if len(code.Reveal()) > codeMax {
		return page(PageProvider, "The provider's answer is too long to be used.", nil)
	}
	sealed, err := s.Vault.Seal(ctx, sessionPlace(row, "code"), code)
	if err != nil {
		return internal(err, "sealing a code")
	}
	row.Status, row.SealedCode, row.UpdatedAt = SessionAuthorized, sealed, s.Now()
	err = s.Store.UpdateSession(ctx, *row)
	if errors.Is(err, ErrVersion) {
		return page(PageExpired, "This consent has been answered already. Go back to your application.", badSession("two callbacks came at once"))
	}
	if err != nil {
		return internal(err, "storing a session")
	}
	row.Version++
	if f.ReturnURL != "" {
		a.Location = withParams(f.ReturnURL, s.returnParams(f, ""))
		return nil
	}
	if !s.cfg.InsecureFinishSessions {
		return page(PageInvalid, "This consent has no application to return to. Go back to your application and start again.", nil)
	}
	if err := s.exchange(ctx, c, row, f); err != nil {
		return err
	}
	a.Completed = true
	return nil
}

// arrivedRefused ends the session: the user, or the provider, said no.
func (s *Service) arrivedRefused(ctx context.Context, p *Provider, row *Session, f *sessionFacts, cause error, a *Arrival) error {
	code, description := "server_error", ""
	if e, ok := errors.AsType[*oauth.Error](cause); ok {
		code, description = e.Code, e.Description
	}
	row.Status, row.UpdatedAt = SessionFailed, s.Now()
	row.Failure = "provider " + p.Name + " answered " + code
	if code == "access_denied" {
		row.Failure = "the user refused consent at provider " + p.Name + " (access_denied)"
	}
	if description != "" {
		row.Failure += ": " + description
	}
	if err := s.Store.UpdateSession(ctx, *row); err != nil && !errors.Is(err, ErrVersion) {
		return internal(err, "storing a session")
	}
	if f.ReturnURL != "" {
		a.Location = withParams(f.ReturnURL, s.returnParams(f, code))
	}
	return refuse(Denied, "%s", row.Failure)
}

// returnParams are what a return URL is given: the session, the application's own state, and an error where there is one.
func (s *Service) returnParams(f *sessionFacts, code string) [][2]string {
	params := [][2]string{{"session_id", f.URI}}
	if f.CustomState != "" {
		params = append(params, [2]string{"state", f.CustomState})
	}
	if code != "" {
		params = append(params, [2]string{"error", code})
	}
	return params
}
