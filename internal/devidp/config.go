package devidp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Store keeps the server's records. It is durable and shared by all replicas. The server gives it SHA-256 names and data
// without secrets.
type Store interface {
	// PutRecord inserts or replaces a record. A zero expiresAt means that it never expires.
	PutRecord(ctx context.Context, kind, id string, data []byte, expiresAt time.Time) error
	// Record reads a record; ok is false if there is none or it has expired.
	Record(ctx context.Context, kind, id string) (data []byte, ok bool, err error)
	// TakeRecord reads and deletes a record as one step: of several callers at once, one gets it.
	TakeRecord(ctx context.Context, kind, id string) (data []byte, ok bool, err error)
	// DeleteRecord deletes a record; a missing one is no error.
	DeleteRecord(ctx context.Context, kind, id string) error
}

// Signer signs claims as a compact JWT whose header carries typ and the key id.
type Signer interface {
	Sign(typ string, claims any) (string, error)
}

// Client is the one OAuth client that the server knows: Lanyard's own credential provider.
type Client struct {
	ID         string
	Name       string            // shown on the consent page; ID when empty
	SecretHash [sha256.Size]byte // HashSecret of a random secret
}

// HashSecret is the form in which a client secret is configured. The secret must be random, not chosen by a person: a
// plain SHA-256 is enough for 128 random bits and for nothing less.
func HashSecret(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// User is the one person who can sign in.
type User struct {
	Username     string
	PasswordHash []byte // bcrypt
	Subject      string // the sub claim
	Name         string
	Email        string

	claims map[string]any // what else an ID token says, by the names of OpenID Connect Core, 5.1
}

// Config is all that the server is told. Fields without a default are required.
type Config struct {
	Issuer          string // such as http://127.0.0.1:8585/devidp; Handler is mounted under its path
	Client          Client
	CallbackAllowed func(rawURL string) bool // decides on the exact redirect_uri; http and https only reach it
	User            User
	Key             Signer
	JWKS            []byte        // the JWK set to publish; holds Key's public half and nothing private
	AccessTokenTTL  time.Duration // 0: one hour
	RefreshTokenTTL time.Duration // 0: thirty days, counted from the consent
	Store           Store
	Now             func() time.Time // nil: time.Now
	Rand            io.Reader        // nil: crypto/rand
	Log             *slog.Logger     // nil: silent
}

func (c *Config) setDefaults() {
	if c.Client.Name == "" {
		c.Client.Name = c.Client.ID
	}
	if c.AccessTokenTTL == 0 {
		c.AccessTokenTTL = time.Hour
	}
	if c.RefreshTokenTTL == 0 {
		c.RefreshTokenTTL = 30 * 24 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) validate() error {
	var errs []error
	check := func(ok bool, message string) {
		if !ok {
			errs = append(errs, errors.New("devidp: "+message))
		}
	}
	check(c.Store != nil, "Store is missing: give the durable record store")
	check(c.Key != nil, "Key is missing: give the issuer's signing key")
	check(c.CallbackAllowed != nil, "CallbackAllowed is missing: say which callback URLs belong to the client")
	check(c.Client.ID != "" && isVisibleASCII(c.Client.ID), "Client.ID is missing or not printable ASCII")
	check(c.Client.SecretHash != [sha256.Size]byte{} && c.Client.SecretHash != HashSecret(""),
		"Client.SecretHash is missing: set it to HashSecret of a random secret")
	check(c.User.Username != "", "User.Username is missing")
	check(c.User.Subject != "", "User.Subject is missing: it becomes the sub claim")
	// A client's own token has the client id as its subject (RFC 9068, 5): it must not read as the user's.
	check(c.User.Subject != c.Client.ID, "User.Subject equals Client.ID: the client's own tokens would pass for the user's")
	check(c.AccessTokenTTL > 0 && c.RefreshTokenTTL > 0, "token lifetimes must be positive")
	if _, err := bcrypt.Cost(c.User.PasswordHash); err != nil {
		errs = append(errs, fmt.Errorf("devidp: User.PasswordHash is not a bcrypt hash: %w", err))
	}
	return errors.Join(errs...)
}

// parseIssuer returns the issuer's URL: absolute, without query or fragment (RFC 8414, 2) and, so that endpoints can be
// appended and compared as text, without a trailing slash.
func parseIssuer(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("devidp: Issuer %q: %w", raw, err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil:
		return nil, fmt.Errorf("devidp: Issuer %q must be an http or https URL with a host, such as http://127.0.0.1:8585/devidp", raw)
	case strings.ContainsAny(raw, "?#"), strings.HasSuffix(raw, "/"):
		return nil, fmt.Errorf("devidp: Issuer %q must have no query, fragment or trailing slash", raw)
	case u.RawPath != "" || strings.ContainsAny(u.Path, "{} ") || strings.Contains(u.Path, "//"):
		return nil, fmt.Errorf("devidp: Issuer %q must have a plain path, such as /devidp", raw)
	}
	return u, nil
}
