package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Outbound web identity federation: an account is an issuer of JWTs that services elsewhere accept in place of a secret.
// It starts disabled everywhere, because from the moment it is on, a permission inside Lanyard opens doors outside.

// SubjectForm says whom the subject of a role session's web identity token names.
type SubjectForm string

// Forms of the subject.
const (
	SubjectRole    SubjectForm = "role"    // the role's ARN: one subject for all its sessions
	SubjectSession SubjectForm = "session" // the assumed-role ARN, with the session's name
)

// Federation is an account's outbound web identity federation.
type Federation struct {
	Account, IssuerID string
	Enabled           bool
	Subject           SubjectForm
	DisabledAt        time.Time // when it was last disabled; zero when it never was, or is enabled

	// pinned is the issuer URL under which it was enabled; empty where the URL follows the configuration.
	pinned string
	record Record
}

type federationData struct {
	identified
	Enabled    bool        `json:"enabled"`
	Subject    SubjectForm `json:"subject"`
	IssuerURL  string      `json:"issuerUrl,omitempty"`
	DisabledAt int64       `json:"disabledAt,omitempty"` // unix milliseconds
}

// federationName is the one name of a federation record: an account has one.
const federationName = "outbound"

func (f *Federation) data() federationData {
	d := federationData{identified: identified{Name: federationName}, Enabled: f.Enabled, Subject: f.Subject, IssuerURL: f.pinned}
	if !f.DisabledAt.IsZero() {
		d.DisabledAt = f.DisabledAt.UnixMilli()
	}
	return d
}

func decodeFederation(r Record) (*Federation, error) {
	var d federationData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding the outbound federation of account "+r.Account)
	}
	f := &Federation{Account: r.Account, IssuerID: r.ID, Enabled: d.Enabled, Subject: d.Subject, pinned: d.IssuerURL, record: r}
	if d.DisabledAt != 0 {
		f.DisabledAt = time.UnixMilli(d.DisabledAt)
	}
	return f, nil
}

// federation returns the account's federation, nil when nobody ever touched it.
func (s *Service) federation(ctx context.Context, st *accountState, account string) (*Federation, error) {
	f, err := lookup(ctx, s, st, account, KindFederation, "", federationName, decodeFederation)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return f, internal(err, "reading the outbound federation of account "+account)
}

// enabledFederation returns the account's federation, or says how to enable it. A refusal never rests on the cache.
func (s *Service) enabledFederation(ctx context.Context, account string) (*Federation, error) {
	for _, fresh := range []bool{false, true} {
		st, err := s.state(ctx, account, fresh)
		if err != nil {
			return nil, err
		}
		f, err := s.federation(ctx, st, account)
		if err != nil || f != nil && f.Enabled {
			return f, err
		}
	}
	return nil, s.federationDisabled(account)
}

// federationDisabled begins with the word by which tools that were written for AWS recognise this refusal.
func (s *Service) federationDisabled(account string) error {
	return refuse(FederationDisabled, "FeatureDisabledException: outbound web identity federation is disabled in account %s, so it issues no web identity tokens. Enable it with: aws iam enable-outbound-web-identity-federation (or on the server's machine: %s)", account, s.command("issuer enable"))
}

// issuerBase is the URL below which every account has its issuer.
func (s *Service) issuerBase() string {
	if s.cfg.IssuerURL != nil {
		return strings.TrimSuffix(s.cfg.IssuerURL.String(), "/")
	}
	return strings.TrimSuffix(s.cfg.PublicURL.String(), "/") + "/issuer"
}

// IssuerPath is the path below which the edge serves issuers, without a slash at its end.
func (s *Service) IssuerPath() string {
	u, err := url.Parse(s.issuerBase())
	if err != nil {
		return "/issuer"
	}
	return u.EscapedPath()
}

// issuerURL is the account's issuer. Services elsewhere have been told to trust this very string, so moving the server
// must not change it in silence: the URL under which federation was enabled stays until it is disabled and enabled
// again. Only plain http is never kept: it is a development instance's, whose port may be another at the next start.
func (s *Service) issuerURL(f *Federation) string {
	if f.pinned != "" {
		return f.pinned
	}
	return s.issuerBase() + "/" + f.IssuerID
}

func (s *Service) pinIssuer(f *Federation) {
	f.pinned = ""
	if u := s.issuerURL(f); strings.HasPrefix(u, "https://") {
		f.pinned = u
	}
}

func onAccount() resources { return on([]string{"*"}) }

// EnableOutboundFederation makes the account an issuer and returns its URL.
func (s *Service) EnableOutboundFederation(ctx context.Context, caller *policy.Caller) (string, error) {
	r := request{caller: caller, action: "iam:EnableOutboundWebIdentityFederation", durable: true, resources: onAccount()}
	return do(ctx, s, r, func(ctx context.Context, c *call) (string, error) {
		f, err := s.ownFederation(ctx, caller.Account)
		if err != nil {
			return "", err
		}
		if f.Enabled {
			return "", refuse(FederationEnabled, "FeatureEnabledException: outbound web identity federation is enabled already in account %s. Its issuer is %s", f.Account, s.issuerURL(f))
		}
		// Keys first: what is enabled can sign.
		if err := s.ensureSigningKeys(ctx, f.Account); err != nil {
			return "", err
		}
		f.Enabled, f.DisabledAt = true, time.Time{}
		s.pinIssuer(f)
		c.rec.Reason = "issuer " + s.issuerURL(f)
		return s.issuerURL(f), s.storeFederation(ctx, f)
	})
}

// DisableOutboundFederation ends the issuing of tokens. Those that were issued stay good until they expire, so the keys
// that verify them stay published as long.
func (s *Service) DisableOutboundFederation(ctx context.Context, caller *policy.Caller) error {
	r := request{caller: caller, action: "iam:DisableOutboundWebIdentityFederation", durable: true, resources: onAccount()}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) {
		f, err := s.ownFederation(ctx, caller.Account)
		if err != nil {
			return struct{}{}, err
		}
		if !f.Enabled {
			return struct{}{}, s.federationDisabled(f.Account)
		}
		f.Enabled, f.DisabledAt = false, s.Now()
		return struct{}{}, s.storeFederation(ctx, f)
	})
	return err
}

// OutboundFederation returns the account's issuer URL. While federation is disabled that is the refusal which says how
// to enable it, so that enabled is true whenever there is no error.
func (s *Service) OutboundFederation(ctx context.Context, caller *policy.Caller) (issuerURL string, enabled bool, err error) {
	r := request{caller: caller, action: "iam:GetOutboundWebIdentityFederationInfo", resources: onAccount()}
	issuerURL, err = do(ctx, s, r, func(ctx context.Context, _ *call) (string, error) {
		f, err := s.enabledFederation(ctx, caller.Account)
		if err != nil {
			return "", err
		}
		return s.issuerURL(f), nil
	})
	return issuerURL, err == nil, err
}

// SetWebIdentitySubject is the account's setting web_identity_subject.
func (s *Service) SetWebIdentitySubject(ctx context.Context, account string, form SubjectForm) error {
	_, err := admin(ctx, s, account, "SetWebIdentitySubject", func(ctx context.Context) (struct{}, error) {
		if form != SubjectRole && form != SubjectSession {
			return struct{}{}, invalid("web_identity_subject", "web_identity_subject %q is not one of %s (the role's ARN) and %s (the assumed-role ARN with the session's name)", clip(string(form)), SubjectRole, SubjectSession)
		}
		f, err := s.ownFederation(ctx, account)
		if err != nil {
			return struct{}{}, err
		}
		f.Subject = form
		return struct{}{}, s.storeFederation(ctx, f)
	})
	return err
}

// ownFederation returns a copy of the account's federation to change, made on the spot when there is none. The issuer
// id in it is random and never changes: two accounts, or the same one made anew, are never the same issuer.
func (s *Service) ownFederation(ctx context.Context, account string) (*Federation, error) {
	st, err := s.state(ctx, account, true)
	if err != nil {
		return nil, err
	}
	f, err := s.federation(ctx, st, account)
	if err != nil {
		return nil, err
	}
	if f != nil {
		own := *f
		return &own, nil
	}
	own := &Federation{Account: account, IssuerID: newUUID(s.Rand), Subject: SubjectRole}
	if s.cfg.WebIdentitySubject != "" {
		own.Subject = s.cfg.WebIdentitySubject
	}
	own.record = Record{Account: account, Kind: KindFederation, ID: own.IssuerID, Name: federationName}
	err = s.insert(ctx, &own.record, own.data(), vault.Secret{})
	if errors.Is(err, ErrExists) { // another replica was faster: its issuer id is the account's
		return s.ownFederation(ctx, account)
	}
	return own, internal(err, "storing the outbound federation of account "+account)
}

func (s *Service) storeFederation(ctx context.Context, f *Federation) error {
	err := s.replace(ctx, &f.record, f.data(), vault.Secret{})
	if errors.Is(err, ErrVersion) {
		return refuse(Conflict, "the outbound web identity federation of account %s was changed by somebody else at the same moment; look at it and try again", f.Account)
	}
	return internal(err, "storing the outbound federation of account "+f.Account)
}

// CheckIssuers warns of accounts whose issuer is not where the configuration now puts issuers: their tokens go on naming
// the old URL, which has to go on answering.
func (s *Service) CheckIssuers(ctx context.Context) error {
	accounts, err := s.Store.Accounts(ctx)
	if err != nil {
		return internal(err, "reading the accounts")
	}
	for _, a := range accounts {
		st, err := s.state(ctx, a.ID, false)
		if err != nil {
			return err
		}
		f, err := s.federation(ctx, st, a.ID)
		if err != nil {
			return err
		}
		if f == nil || !f.Enabled || f.pinned == "" || f.pinned == s.issuerBase()+"/"+f.IssuerID {
			continue
		}
		s.Log.WarnContext(ctx, "tokens of this account name an issuer URL that is not the configured one; keep the old URL answering, or move by disabling and enabling federation", "account", a.ID, "issuer", f.pinned, "configured", s.issuerBase()+"/"+f.IssuerID)
	}
	return nil
}

// IssuerDocuments are what an issuer publishes. They are public and the same for everybody, so reading them takes no
// caller, no policy decision and no audit record.
type IssuerDocuments struct {
	URL             string
	Discovery, Keys []byte
}

// noIssuer says no more than that: who asks for documents is unknown.
func noIssuer() error { return refuse(NotFound, "there is no such issuer") }

// IssuerDocuments returns the documents of the issuer of that id. After federation was disabled they stay until the last
// token has expired.
func (s *Service) IssuerDocuments(ctx context.Context, issuerID string) (*IssuerDocuments, error) {
	account, err := s.issuerAccount(ctx, issuerID)
	if err != nil {
		return nil, err
	}
	st, err := s.state(ctx, account, false)
	if err != nil {
		return nil, err
	}
	f, err := s.federation(ctx, st, account)
	if err != nil {
		return nil, err
	}
	if f == nil || f.IssuerID != issuerID || !f.Enabled && !s.Now().Before(f.DisabledAt.Add(tokensGone)) {
		return nil, noIssuer()
	}
	return s.issuerDocuments(ctx, st, f)
}

// AccountIssuer returns the documents of the account's issuer, for the administrator.
func (s *Service) AccountIssuer(ctx context.Context, account string) (*IssuerDocuments, error) {
	return admin(ctx, s, account, "ExportIssuer", func(ctx context.Context) (*IssuerDocuments, error) {
		f, err := s.enabledFederation(ctx, account)
		if err != nil {
			return nil, err
		}
		return s.IssuerDocuments(ctx, f.IssuerID)
	})
}

// issuerAccount finds the account of an issuer id. Ids that were found are remembered, for a JWKS is asked for by
// everybody; ids that were not are asked for anew, and those that cannot be ids never reach the database.
func (s *Service) issuerAccount(ctx context.Context, issuerID string) (string, error) {
	if !isUUID(issuerID) {
		return "", noIssuer()
	}
	if account, ok := s.minting.accounts.Load(issuerID); ok {
		return account.(string), nil
	}
	r, err := s.Store.RecordByID(ctx, KindFederation, issuerID)
	if errors.Is(err, ErrNotFound) {
		return "", noIssuer()
	}
	if err != nil {
		return "", internal(err, "reading an issuer")
	}
	f, err := decode(ctx, s, r, decodeFederation)
	if err != nil {
		return "", err
	}
	s.minting.accounts.Store(issuerID, f.Account)
	return f.Account, nil
}

const documentsKey = "issuer-documents\x00"

// issuerDocuments are made once for each version of the account.
func (s *Service) issuerDocuments(ctx context.Context, st *accountState, f *Federation) (*IssuerDocuments, error) {
	if v, ok := st.get(documentsKey); ok {
		return v.(*IssuerDocuments), nil
	}
	keys, err := s.signingKeys(ctx, st, f.Account)
	if err != nil {
		return nil, err
	}
	public := make([]json.RawMessage, len(keys))
	for i, k := range keys {
		public[i] = k.public
	}
	d := &IssuerDocuments{URL: s.issuerURL(f)}
	if d.Discovery, err = issuer.Discovery(d.URL); err == nil {
		d.Keys, err = issuer.KeySet(public)
	}
	if err != nil {
		return nil, internal(err, "encoding an issuer's documents")
	}
	st.put(documentsKey, d)
	return d, nil
}

// isUUID tells whether s is an id as newUUID writes it.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	hexDigit := func(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' }
	for i := range len(s) {
		if dash := slices.Contains([]int{8, 13, 18, 23}, i); dash != (s[i] == '-') || !dash && !hexDigit(s[i]) {
			return false
		}
	}
	return true
}

// ownIssuer tells whether an issuer's URL is that of an account here, under the configured base or the one that its
// federation was enabled under. Doubt counts as yes: it keeps a token of ours from being taken for a stranger's.
func (s *Service) ownIssuer(ctx context.Context, issuerURL string) bool {
	if strings.HasPrefix(issuerURL, s.issuerBase()+"/") {
		return true
	}
	id := issuerURL[strings.LastIndexByte(issuerURL, '/')+1:]
	_, err := s.issuerAccount(ctx, id)
	return err == nil || codeOf(err) != NotFound
}
