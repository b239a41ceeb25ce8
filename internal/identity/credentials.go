package identity

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
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
)

// TemporaryCredentials are an access key that ends by itself.
type TemporaryCredentials struct {
	AccessKeyID     string
	SecretAccessKey vault.Secret
	SessionToken    vault.Secret
	ExpiresAt       time.Time
}

// sessionClaims is what a session token says, sealed.
type sessionClaims struct {
	AccessKeyID string `json:"akid"`
	Secret      string `json:"secret"`
	UserID      string `json:"user"`    // whose policies hold
	SessionName string `json:"session"` // for the audit
	IssuedAt    int64  `json:"iat"`     // unix milliseconds
	ExpiresAt   int64  `json:"exp"`
}

// MintTemporaryCredentials makes credentials that act as the user, until they end.
func (s *Service) MintTemporaryCredentials(ctx context.Context, account, userID, sessionName string, ttl time.Duration) (TemporaryCredentials, error) {
	now := s.Now()
	cl := sessionClaims{AccessKeyID: newIAMID(s.Rand, "ASIA"), Secret: newSecretKey(s.Rand), UserID: userID, SessionName: sessionName,
		IssuedAt: now.UnixMilli(), ExpiresAt: now.Add(ttl).UnixMilli()}
	b, err := json.Marshal(cl)
	if err != nil {
		return TemporaryCredentials{}, internal(err, "encoding a session token")
	}
	sealed, err := s.Vault.SealToken(ctx, account, kindSessionToken, b)
	if err != nil {
		return TemporaryCredentials{}, internal(err, "sealing a session token")
	}
	return TemporaryCredentials{AccessKeyID: cl.AccessKeyID, SecretAccessKey: vault.SecretString(cl.Secret),
		SessionToken: vault.SecretString(sessionTokenPrefix + account + "." + sealed), ExpiresAt: time.UnixMilli(cl.ExpiresAt)}, nil
}

func invalidSessionToken() error {
	return refuse(Unrecognized, "The security token included in the request is invalid: this account did not issue it, or it belongs to another access key. Sign in again")
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
	caller, err := s.userCaller(ctx, account, cl.UserID, cl.AccessKeyID)
	if err != nil {
		return nil, vault.Secret{}, err
	}
	return caller, vault.SecretString(cl.Secret), nil
}
