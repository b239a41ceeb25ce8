package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// sessionURIPrefix begins every session URI (RFC 9126 section 2.2 has the form).
const sessionURIPrefix = "urn:ietf:params:oauth:request_uri:"

// sessionFacts is what decides in an authorization session: it rests sealed in the session's row, so that who may edit
// the database can neither redirect the browser nor change for whom the consent is.
type sessionFacts struct {
	URI          string            `json:"uri"`
	WorkloadID   string            `json:"workload"`
	ProviderID   string            `json:"provider"`
	User         User              `json:"user"`
	Scopes       []string          `json:"scopes"`
	Resources    []string          `json:"resources,omitempty"`
	Audiences    []string          `json:"audiences,omitempty"`
	ReturnURL    string            `json:"returnUrl,omitempty"`
	CustomState  string            `json:"customState,omitempty"`
	Custom       map[string]string `json:"custom,omitempty"`
	Verifier     string            `json:"verifier"` // PKCE
	Issuer       string            `json:"issuer,omitempty"`
	TokenEnd     string            `json:"tokenEndpoint"`
	AuthorizeEnd string            `json:"authorizationEndpoint"`
}

func (f *sessionFacts) rights() rights { return rights{f.Scopes, f.Resources, f.Audiences} }

func sessionPlace(s *Session, field string) vault.Place {
	return vault.Place{Account: s.Account, Table: "sessions", Row: s.ID, Field: field}
}

// sessionID is the row id of a session URI: a hash, so that reading the database gives no links that open sessions.
func sessionID(uri string) string {
	h := sha256.Sum256([]byte(strings.TrimPrefix(uri, sessionURIPrefix)))
	return hex.EncodeToString(h[:])
}

// beginSession opens an authorization session and returns the link at which the user consents.
func (s *Service) beginSession(ctx context.Context, c *call, a *ask) (ResourceToken, error) {
	if err := s.checkBegin(ctx, a); err != nil {
		return ResourceToken{}, err
	}
	op, err := s.endpoints(ctx, a.provider)
	if err != nil {
		return ResourceToken{}, err
	}
	if op.AuthorizationEndpoint == "" {
		return ResourceToken{}, invalid("oauth2Flow", "credential provider %s names no authorization endpoint, so no user can consent there; ask for M2M or update the provider", a.provider.Name)
	}
	verifier, err := oauth.NewVerifier(s.Rand)
	if err != nil {
		return ResourceToken{}, internal(err, "making a PKCE verifier")
	}
	f := &sessionFacts{
		URI: sessionURIPrefix + newToken(s.Rand), WorkloadID: a.workload.ID, ProviderID: a.provider.ID, User: a.user,
		Scopes: a.rights.scopes, Resources: a.rights.resources, Audiences: a.rights.audiences,
		ReturnURL: a.ReturnURL, CustomState: a.CustomState.RevealString(), Custom: a.CustomParameters, Verifier: verifier,
		Issuer: op.Issuer, TokenEnd: op.TokenEndpoint, AuthorizeEnd: op.AuthorizationEndpoint,
	}
	// What the provider cannot be asked for is refused here, where the developer sees it, not in the user's browser.
	if _, err := s.authorizationURL(a.provider, op, f, "state"); err != nil {
		return ResourceToken{}, invalid("scopes", "credential provider %s cannot be asked for this: %s", a.provider.Name, err.Error())
	}
	if err := s.storeSession(ctx, c, a, f); err != nil {
		return ResourceToken{}, err
	}
	return s.pending(f), nil
}

func (s *Service) storeSession(ctx context.Context, c *call, a *ask, f *sessionFacts) error {
	now := s.Now()
	row := Session{
		Account: a.workload.Account, ID: sessionID(f.URI), WorkloadID: f.WorkloadID, ProviderID: f.ProviderID, User: f.User.Key(),
		Scopes: f.Scopes, Status: SessionPending, RequestID: c.rec.RequestID, Version: 1, CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(s.cfg.SessionTTL),
	}
	c.rec.SessionID = row.ID
	plain, err := json.Marshal(f)
	if err != nil {
		return internal(err, "encoding a session")
	}
	if row.Sealed, err = s.Vault.Seal(ctx, sessionPlace(&row, "facts"), vault.NewSecret(plain)); err != nil {
		return internal(err, "sealing a session")
	}
	err = s.Store.InsertSession(ctx, row, s.cfg.MaxPendingSessions)
	if errors.Is(err, ErrTooMany) {
		return refuse(Throttled, "user and workload identity %s have %d authorization sessions open already. Poll the one you have with its sessionUri, or wait until they end (%s)", a.workload.Name, s.cfg.MaxPendingSessions, s.cfg.SessionTTL)
	}
	return internal(err, "storing a session")
}

func (s *Service) pending(f *sessionFacts) ResourceToken {
	return ResourceToken{SessionURI: f.URI, AuthorizationURL: s.hosted("authorize") + "?request_uri=" + strings.ReplaceAll(f.URI, ":", "%3A")}
}

// checkBegin refuses a return URL that is missing or not registered, and parameters that would override ours (A58).
func (s *Service) checkBegin(ctx context.Context, a *ask) error {
	for name := range a.CustomParameters {
		if oauth.ReservedParameter(name) {
			return invalid("customParameters", "customParameters may not set %s: Lanyard sets it, and its protections rest on it. Leave it out", name)
		}
	}
	if a.ReturnURL == "" {
		if s.cfg.InsecureFinishSessions {
			return nil
		}
		return s.unregistered(a.workload, "send resourceOauth2ReturnUrl with one of them")
	}
	if err := s.checkReturnURL("resourceOauth2ReturnUrl", a.ReturnURL); err != nil {
		return err
	}
	if s.returnURLAllowed(a.workload, a.ReturnURL) {
		return nil
	}
	w, err := s.workload(ctx, a.workload.Account, a.workload.Name, true) // it may have been registered elsewhere just now
	if err != nil {
		return err
	}
	if w.ID == a.workload.ID && s.returnURLAllowed(w, a.ReturnURL) {
		return nil
	}
	return s.unregistered(w, strconv.Quote(clip(a.ReturnURL))+" is not one of them")
}

// unregistered begins with the words that AWS uses, which people search for, and names the command that mends it.
func (s *Service) unregistered(w *Workload, what string) error {
	return invalid("resourceOauth2ReturnUrl", "You must register and use at least one ResourceOauth2ReturnUrl on your workload identity to use this flow. Workload identity %s has %d registered: %s. They are compared exactly. Register it with: aws bedrock-agentcore-control update-workload-identity --name %s --allowed-resource-oauth2-return-urls URL", w.Name, len(w.ReturnURLs), what, w.Name)
}

// badSession begins with the words that AWS uses, and tells the endings apart.
func badSession(why string) error {
	return refuse(Denied, "Invalid or expired session: %s", why)
}

// session opens the session of a URI, within the account.
func (s *Service) session(ctx context.Context, account, uri string) (*Session, *sessionFacts, error) {
	row, err := s.Store.SessionByID(ctx, sessionID(uri))
	if errors.Is(err, ErrNotFound) || err == nil && row.Account != account {
		return nil, nil, badSession("no session of that URI is open in this account; ask for a new one with GetResourceOauth2Token")
	}
	if err != nil {
		return nil, nil, internal(err, "reading a session")
	}
	f, err := s.facts(ctx, &row)
	return &row, f, err
}

func (s *Service) facts(ctx context.Context, row *Session) (*sessionFacts, error) {
	secret, err := s.Vault.Open(ctx, sessionPlace(row, "facts"), row.Sealed)
	if err != nil {
		return nil, internal(err, "opening a session")
	}
	f := &sessionFacts{}
	return f, internal(json.Unmarshal(secret.Reveal(), f), "decoding a session")
}

func (s *Service) expired(row *Session) bool { return !s.Now().Before(row.ExpiresAt) }

// pollSession answers for a session that was begun earlier by the same workload for the same user. It is reached only
// when no usable grant exists.
func (s *Service) pollSession(ctx context.Context, c *call, a *ask) (ResourceToken, error) {
	row, f, err := s.polled(ctx, c, a)
	if err != nil {
		return ResourceToken{}, err
	}
	return s.standing(row, f)
}

// ownConsent answers a poll that forces consent while its own session waits or has failed, and is empty when that one was
// completed for what is asked: then the grant, or a later consent's that replaced it, is looked for. What the user allowed
// in another session meanwhile is not the consent that this one asks for.
func (s *Service) ownConsent(ctx context.Context, c *call, a *ask) (ResourceToken, error) {
	row, f, err := s.polled(ctx, c, a)
	if err != nil {
		return ResourceToken{}, err
	}
	if row.Status == SessionCompleted && grantKey(f.WorkloadID, f.User.Key(), f.ProviderID, f.rights()) == a.key() {
		return ResourceToken{}, nil
	}
	return s.standing(row, f)
}

// polled is the session that a poll names, if it is of the same workload, user and provider.
func (s *Service) polled(ctx context.Context, c *call, a *ask) (*Session, *sessionFacts, error) {
	row, f, err := s.session(ctx, a.workload.Account, a.SessionURI)
	if err != nil {
		return nil, nil, err
	}
	c.rec.SessionID = row.ID
	if f.WorkloadID != a.workload.ID || f.User != a.user || f.ProviderID != a.provider.ID {
		return nil, nil, badSession("it was begun for another workload identity, user or provider; ask for one of your own")
	}
	return row, f, nil
}

// standing is where a session without a usable grant stands.
func (s *Service) standing(row *Session, f *sessionFacts) (ResourceToken, error) {
	switch {
	case row.Status == SessionFailed:
		return ResourceToken{}, refuse(Denied, "the consent failed: %s. Ask for a new session with GetResourceOauth2Token", row.Failure)
	case row.Status == SessionCompleted:
		return ResourceToken{}, badSession("it was completed, and its grant is of other scopes or is gone; ask for a new one")
	case s.expired(row):
		return ResourceToken{}, badSession("it expired at " + row.ExpiresAt.UTC().Format(time.RFC3339) + "; ask for a new one")
	}
	return s.pending(f), nil
}

// ListSessions lists authorization sessions, newest first. Their ids are hashes: they open nothing.
func (s *Service) ListSessions(ctx context.Context, caller *policy.Caller, p Page) (List[Session], error) {
	r := request{caller: caller, action: "lanyard:ListAuthorizationSessions", resources: on([]string{s.accountARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[Session], error) {
		before, beforeID := time.Time{}, ""
		if p.Token != "" {
			last, err := pageStart("session", p.Token)
			ms, id, _ := strings.Cut(last, " ")
			n, perr := strconv.ParseInt(ms, 10, 64)
			if err != nil || perr != nil {
				return List[Session]{}, invalid("nextToken", "nextToken is not one that this list answered; begin without it")
			}
			before, beforeID = time.UnixMilli(n), id
		}
		rows, err := s.Store.ListSessions(ctx, caller.Account, before, beforeID, p.Max+1)
		if err != nil {
			return List[Session]{}, internal(err, "listing sessions")
		}
		out := List[Session]{Items: rows}
		if len(rows) > p.Max {
			out.Items = rows[:p.Max]
			l := rows[p.Max-1]
			out.Next = pageToken("session", strconv.FormatInt(l.CreatedAt.UnixMilli(), 10)+" "+l.ID)
		}
		for i := range out.Items {
			row := &out.Items[i]
			row.WorkloadID, row.ProviderID = s.names(ctx, caller.Account, row.WorkloadID, row.ProviderID)
			if s.expired(row) && (row.Status == SessionPending || row.Status == SessionAuthorized) {
				row.Status, row.Failure = SessionFailed, "expired"
			}
		}
		return out, nil
	})
}
