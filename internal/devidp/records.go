package devidp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Kinds of records.
const (
	kindSession = "session" // a browser's sign-in, by its cookie
	kindConsent = "consent" // scopes a user allowed a client before, by both
	kindCode    = "code"    // an authorization code not yet used
	kindFamily  = "family"  // all that was issued from one consent; while it stands, its tokens work
	kindRefresh = "refresh" // a refresh token not yet used
	kindSpent   = "spent"   // a code or refresh token that was used
	kindAccess  = "access"  // an access token
)

// session is a browser's sign-in.
type session struct {
	Subject string    `json:"sub"`
	AuthAt  time.Time `json:"auth_at"`
}

// consentRecord is what a user allowed a client before.
type consentRecord struct {
	Scopes    []string `json:"scopes"`
	Audiences []string `json:"audiences"`
}

// family is one consent and all tokens that come from it. It is written once, when the user consents, and only ever
// deleted after that: a late writer can therefore never bring a revoked family back.
type family struct {
	ClientID  string    `json:"client_id"`
	Subject   string    `json:"sub"`
	Scopes    []string  `json:"scopes"`
	Audiences []string  `json:"audiences"`
	AuthAt    time.Time `json:"auth_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Direct    bool      `json:"direct,omitempty"` // a sign-in by API: no browser, no scopes asked for
}

// authorizationCode is what a code stands for. Challenge is the S256 hash, so that the record alone redeems nothing.
type authorizationCode struct {
	Family      string `json:"family"`
	RedirectURI string `json:"redirect_uri"`
	Challenge   string `json:"challenge"`
	Nonce       string `json:"nonce,omitempty"`
}

// familyMember is what a refresh token, and a spent code or refresh token, stand for.
type familyMember struct {
	Family string `json:"family"`
}

// accessToken is what an access token stands for. Family is empty for a client's own token.
type accessToken struct {
	Family    string    `json:"family,omitempty"`
	ClientID  string    `json:"client_id"`
	Subject   string    `json:"sub"`
	Scopes    []string  `json:"scopes"`
	Audiences []string  `json:"audiences"`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// dated carries the expiry inside the data too: the server's clock decides, whatever the store's says.
type dated[T any] struct {
	ExpiresAt time.Time `json:"exp"`
	Value     T         `json:"v"`
}

// recordID is the name under which the store knows a secret. Issuer and kind are part of it: a refresh token is never
// found as a code, and servers that share a store never find each other's records.
func (s *Server) recordID(kind, secret string) string {
	sum := sha256.Sum256([]byte(s.cfg.Issuer + "\x00" + kind + "\x00" + secret))
	return hex.EncodeToString(sum[:])
}

func put[T any](ctx context.Context, s *Server, kind, secret string, value T, expiresAt time.Time) error {
	data, err := json.Marshal(dated[T]{ExpiresAt: expiresAt, Value: value})
	if err != nil {
		return fmt.Errorf("devidp: encode %s record: %w", kind, err)
	}
	if err := s.cfg.Store.PutRecord(ctx, kind, s.recordID(kind, secret), data, expiresAt); err != nil {
		return fmt.Errorf("devidp: store %s record: %w", kind, err)
	}
	return nil
}

func get[T any](ctx context.Context, s *Server, kind, secret string) (value T, ok bool, err error) {
	data, ok, err := s.cfg.Store.Record(ctx, kind, s.recordID(kind, secret))
	if err != nil {
		return value, false, fmt.Errorf("devidp: read %s record: %w", kind, err)
	}
	if !ok {
		return value, false, nil
	}
	var record dated[T]
	if err := json.Unmarshal(data, &record); err != nil {
		return value, false, fmt.Errorf("devidp: decode %s record: %w", kind, err)
	}
	if !s.cfg.Now().Before(record.ExpiresAt) {
		return value, false, nil
	}
	return record.Value, true, nil
}

// take removes a record and reports whether this caller was the one who did.
func (s *Server) take(ctx context.Context, kind, secret string) (bool, error) {
	_, ok, err := s.cfg.Store.TakeRecord(ctx, kind, s.recordID(kind, secret))
	if err != nil {
		return false, fmt.Errorf("devidp: take %s record: %w", kind, err)
	}
	return ok, nil
}

func (s *Server) remove(ctx context.Context, kind, secret string) error {
	if err := s.cfg.Store.DeleteRecord(ctx, kind, s.recordID(kind, secret)); err != nil {
		return fmt.Errorf("devidp: delete %s record: %w", kind, err)
	}
	return nil
}
