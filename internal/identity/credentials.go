package identity

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Temporary credentials: an access key whose secret rests in the session token itself, sealed under a key of the
// account, so that every replica can verify a request and none has to store it.

const (
	kindSessionToken   = "session-token"
	sessionTokenPrefix = "LYST1." // then the account, then the sealed part
	// maxSessionToken is the longest that a signed request may carry (package sigv4).
	maxSessionToken = 8 << 10
)

// TemporaryCredentials are an access key that ends by itself.
type TemporaryCredentials struct {
	AccessKeyID     string
	SecretAccessKey vault.Secret
	SessionToken    vault.Secret
	ExpiresAt       time.Time
}

// sessionClaims is what a session token says, sealed: whose session it is, and what narrows it.
type sessionClaims struct {
	AccessKeyID string `json:"akid"`
	Secret      string `json:"secret"`
	UserID      string `json:"user,omitempty"` // whose policies hold; or the role's
	RoleID      string `json:"role,omitempty"`
	SessionName string `json:"session"`
	IssuedAt    int64  `json:"iat"` // unix milliseconds
	ExpiresAt   int64  `json:"exp"`

	SourceIdentity string            `json:"source,omitempty"`
	Provider       string            `json:"idp,omitempty"`    // ARN of the OIDC provider that vouched
	Person         string            `json:"person,omitempty"` // whom it vouched for; kept by every role assumed from here
	Tags           map[string]string `json:"tags,omitempty"`
	TransitiveTags []string          `json:"transitive,omitempty"`
	Policy         string            `json:"policy,omitempty"`   // session policy
	PolicyIDs      []string          `json:"policies,omitempty"` // managed policies that limit the session
}

// MintTemporaryCredentials makes credentials that act as the user, until they end.
func (s *Service) MintTemporaryCredentials(ctx context.Context, account, userID, sessionName string, ttl time.Duration) (TemporaryCredentials, error) {
	return s.mintCredentials(ctx, account, sessionClaims{UserID: userID, SessionName: sessionName}, ttl)
}

// mintCredentials makes a key for the session and seals it with the session's claims.
func (s *Service) mintCredentials(ctx context.Context, account string, cl sessionClaims, ttl time.Duration) (TemporaryCredentials, error) {
	now := s.Now()
	cl.AccessKeyID, cl.Secret = newIAMID(s.Rand, "ASIA"), newSecretKey(s.Rand)
	cl.IssuedAt, cl.ExpiresAt = now.UnixMilli(), now.Add(ttl).UnixMilli()
	b, err := json.Marshal(cl)
	if err != nil {
		return TemporaryCredentials{}, internal(err, "encoding a session token")
	}
	sealed, err := s.Vault.SealToken(ctx, account, kindSessionToken, b)
	if err != nil {
		return TemporaryCredentials{}, internal(err, "sealing a session token")
	}
	token := sessionTokenPrefix + account + "." + sealed
	if len(token) > maxSessionToken {
		return TemporaryCredentials{}, refuse(TooLarge, "tags and session policies make a session token of %d bytes, more than the %d that requests may carry; leave some out", len(token), maxSessionToken)
	}
	return TemporaryCredentials{AccessKeyID: cl.AccessKeyID, SecretAccessKey: vault.SecretString(cl.Secret),
		SessionToken: vault.SecretString(token), ExpiresAt: time.UnixMilli(cl.ExpiresAt)}, nil
}

func invalidSessionToken() error {
	return refuse(Unrecognized, "The security token included in the request is invalid: this account did not issue it, it was revoked, or it belongs to another access key. Sign in again")
}

// authenticateSession opens a session token. The access key id of the request must be the one sealed in it (A26).
func (s *Service) authenticateSession(ctx context.Context, accessKeyID, token string) (*policy.Caller, vault.Secret, error) {
	account, sealed, ok := strings.Cut(strings.TrimPrefix(token, sessionTokenPrefix), ".")
	if !ok || !strings.HasPrefix(token, sessionTokenPrefix) || len(account) != 12 {
		return nil, vault.Secret{}, invalidSessionToken()
	}
	if _, err := s.state(ctx, account, false); err != nil {
		if codeOf(err) == NotFound {
			return nil, vault.Secret{}, invalidSessionToken()
		}
		return nil, vault.Secret{}, err
	}
	b, err := s.Vault.OpenToken(ctx, account, kindSessionToken, sealed)
	if errors.Is(err, vault.ErrKeySource) {
		return nil, vault.Secret{}, internal(err, "the root key source")
	}
	var cl sessionClaims
	if err != nil || json.Unmarshal(b, &cl) != nil || subtle.ConstantTimeCompare([]byte(cl.AccessKeyID), []byte(accessKeyID)) != 1 {
		return nil, vault.Secret{}, invalidSessionToken()
	}
	if s.Now().UnixMilli() >= cl.ExpiresAt {
		return nil, vault.Secret{}, refuse(Expired, "The security token included in the request is expired: it ended at %s. Sign in again", time.UnixMilli(cl.ExpiresAt).UTC().Format(time.RFC3339))
	}
	caller, err := s.sessionCaller(ctx, account, &cl)
	return caller, vault.SecretString(cl.Secret), err
}

// sessionPrefix begins the keys of an account's cached sessions. What is cached is who the caller is, never the secret.
const sessionPrefix = "session\x00"

type sessionEntry struct {
	caller *policy.Caller
	claims *sessionClaims // without the secret
}

// sessionCaller returns the session's caller, from the cache while the account has not changed: a role that was
// deleted, whose sessions were revoked, or a person who was blocked is a change.
func (s *Service) sessionCaller(ctx context.Context, account string, cl *sessionClaims) (*policy.Caller, error) {
	st, err := s.state(ctx, account, false)
	if err != nil {
		return nil, err
	}
	if v, ok := st.get(sessionPrefix + cl.AccessKeyID); ok {
		return v.(sessionEntry).caller, nil
	}
	if st, err = s.state(ctx, account, true); err != nil {
		return nil, err
	}
	kept := *cl
	kept.Secret = ""
	e := sessionEntry{claims: &kept}
	if cl.RoleID != "" {
		e.caller, err = s.roleCaller(ctx, account, st, &kept)
	} else {
		e.caller, err = s.userSession(ctx, account, &kept)
	}
	if err != nil {
		return nil, err
	}
	st.put(sessionPrefix+cl.AccessKeyID, e)
	return e.caller, nil
}

func (s *Service) userSession(ctx context.Context, account string, cl *sessionClaims) (*policy.Caller, error) {
	c, err := s.userCaller(ctx, account, cl.UserID, cl.AccessKeyID)
	if err != nil {
		return nil, err
	}
	c.Session = &policy.Session{Name: cl.SessionName, IssuedAt: time.UnixMilli(cl.IssuedAt), ExpiresAt: time.UnixMilli(cl.ExpiresAt)}
	return c, nil
}

// roleCaller is the caller of a role's session. The role is read anew: one that is gone, was made again, or whose
// sessions of that time were revoked has none (A31, A59).
func (s *Service) roleCaller(ctx context.Context, account string, st *accountState, cl *sessionClaims) (*policy.Caller, error) {
	issued := time.UnixMilli(cl.IssuedAt)
	if err := s.personMay(ctx, account, st, cl.Person, issued); err != nil {
		return nil, err
	}
	role, docs, err := s.sessionRole(ctx, account, cl.RoleID, issued)
	if err != nil {
		return nil, err
	}
	limits, err := s.sessionLimits(ctx, account, cl)
	if err != nil {
		return nil, err
	}
	c := &policy.Caller{Account: account, ARN: sessionARN(role, cl.SessionName), UserID: role.ID + ":" + cl.SessionName, Name: role.Name,
		Kind: policy.KindRoleSession, AccessKeyID: cl.AccessKeyID, Policies: docs, Limits: limits, Tags: sessionTags(role.Tags, cl.Tags),
		Session: &policy.Session{RoleARN: role.ARN(), RoleID: role.ID, Name: cl.SessionName, IssuedAt: issued, ExpiresAt: time.UnixMilli(cl.ExpiresAt),
			SourceIdentity: cl.SourceIdentity, FederatedProvider: cl.Provider, Person: cl.Person,
			TagKeys: slices.Sorted(maps.Keys(cl.Tags)), TransitiveTagKeys: cl.TransitiveTags}}
	return c, nil
}

// sessionTags are the role's with the session's own, which win: keys compare without case.
func sessionTags(role, session map[string]string) map[string]string {
	tags := make(map[string]string, len(role)+len(session))
	for k, v := range role {
		if !hasTag(session, k) {
			tags[k] = v
		}
	}
	maps.Copy(tags, session)
	return tags
}

// personMay refuses the session of somebody who is blocked, or was since it began (A23).
func (s *Service) personMay(ctx context.Context, account string, st *accountState, person string, issued time.Time) error {
	if person == "" {
		return nil
	}
	if err := s.checkBlocked(ctx, account, st, person); err != nil {
		if codeOf(err) == Denied {
			return invalidSessionToken()
		}
		return err
	}
	epoch, err := s.epochOf(ctx, account, st, person)
	if err == nil && issued.Before(epoch) {
		return invalidSessionToken()
	}
	return err
}

// sessionARN is how a role's session is known: by the role's name without its path.
func sessionARN(r *Role, session string) string {
	return "arn:aws:sts::" + r.Account + ":assumed-role/" + r.Name + "/" + session
}

// sessionRole reads the role of a session that began at issued, with its policies.
func (s *Service) sessionRole(ctx context.Context, account, id string, issued time.Time) (*Role, []*policy.Document, error) {
	r, err := s.Store.RecordByID(ctx, KindRole, id)
	if errors.Is(err, ErrNotFound) || err == nil && r.Account != account {
		return nil, nil, invalidSessionToken()
	}
	if err != nil {
		return nil, nil, internal(err, "reading a role")
	}
	role, err := decode(ctx, s, r, decodeRole)
	if err != nil {
		return nil, nil, err
	}
	if issued.Before(role.RevokedBefore) {
		return nil, nil, invalidSessionToken()
	}
	docs, err := s.documents(ctx, account, role.ID, role.Attached)
	return role, docs, err
}

// sessionLimits are the policies that narrow a session.
func (s *Service) sessionLimits(ctx context.Context, account string, cl *sessionClaims) ([]*policy.Document, error) {
	var limits []*policy.Document
	if cl.Policy != "" {
		d, err := policy.Parse("session policy", []byte(cl.Policy))
		if err != nil {
			return nil, internal(err, "reading a session policy")
		}
		limits = append(limits, d)
	}
	for _, id := range cl.PolicyIDs {
		d, err := s.attachedDocument(ctx, account, id)
		if errors.Is(err, ErrNotFound) { // what limited the session is gone, so the session is
			return nil, invalidSessionToken()
		}
		if err != nil {
			return nil, err
		}
		limits = append(limits, d)
	}
	return limits, nil
}

// freshSession reads all that a role's session may anew. A session that is no longer cached was changed meanwhile, and is
// read anew with the next request.
func (s *Service) freshSession(ctx context.Context, c *policy.Caller) (*policy.Caller, error) {
	st, err := s.state(ctx, c.Account, false)
	if err != nil {
		return nil, err
	}
	v, ok := st.get(sessionPrefix + c.AccessKeyID)
	if !ok {
		return c, nil
	}
	if st, err = s.state(ctx, c.Account, true); err != nil {
		return nil, err
	}
	fresh, err := s.roleCaller(ctx, c.Account, st, v.(sessionEntry).claims)
	if err != nil {
		return nil, err
	}
	fresh.SourceIP, fresh.SecureTransport = c.SourceIP, c.SecureTransport
	return fresh, nil
}
