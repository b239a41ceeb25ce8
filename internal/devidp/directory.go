package devidp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// directory knows the clients and users of one authorization server. It is asked anew at every step: who is deleted or
// disabled meanwhile is refused at the next one.
type directory interface {
	clientByID(ctx context.Context, id string) (client, bool, error)
	// userBySubject finds a user who may hold tokens: a disabled one is not found.
	userBySubject(ctx context.Context, subject string) (User, bool, error)
	// verify checks a password. It costs the same whether the user exists or not (A49).
	verify(ctx context.Context, username, password string) (User, verdict, error)
}

// verdict is what a password proves.
type verdict int

const (
	verdictWrong    verdict = iota // no such user, another password, or a user who may not sign in
	verdictRight                   // the user is who they say
	verdictMustSet                 // right, but temporary: a new password comes first
	verdictOutdated                // right, but temporary and past its time
)

// client is an OAuth client with what it may do.
type client struct {
	id, name   string
	secretHash [sha256.Size]byte // nothing hashes to it when the client is public
	public     bool              // it has no secret (RFC 6749, 2.1)
	redirects  func(rawURL string) bool
	grants     []string // grant types it may use; nil for all
	// scopes answers the scopes that a request for these gets, or refuses one.
	scopes                       func(asked []string, grant string) ([]string, error)
	accessTTL, idTTL, refreshTTL time.Duration
	keepRefresh                  bool // refresh tokens stay good: they are not rotated
	// noPKCE lets a client that has a secret go without. A public one never may: its code is all there is (RFC 9700, 2.1.1).
	noPKCE bool
}

func (c *client) mayUse(grant string) bool {
	return c.grants == nil || slices.Contains(c.grants, grant)
}

// authentic compares the secret in constant time, and also when there is nothing to compare it with.
func (c *client) authentic(secret string) bool {
	got := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(got[:], c.secretHash[:]) == 1
	return same && !c.public || c.public && secret == ""
}

func anyScope(asked []string, _ string) ([]string, error) { return asked, nil }

// single is the directory of a server that has one client and one user, both from its configuration.
type single struct {
	cfg      *Config
	attempts *passwordAttempts
}

func (d single) clientByID(_ context.Context, id string) (client, bool, error) {
	c := d.cfg.Client
	return client{id: c.ID, name: c.Name, secretHash: c.SecretHash, redirects: d.cfg.CallbackAllowed, scopes: anyScope,
		accessTTL: d.cfg.AccessTokenTTL, idTTL: d.cfg.AccessTokenTTL, refreshTTL: d.cfg.RefreshTokenTTL}, id == c.ID, nil
}

func (d single) userBySubject(_ context.Context, subject string) (User, bool, error) {
	return d.cfg.User, subject == d.cfg.User.Subject, nil
}

func (d single) verify(ctx context.Context, username, password string) (User, verdict, error) {
	user := d.cfg.User
	known := subtle.ConstantTimeCompare([]byte(username), []byte(user.Username)) == 1
	right := len(password) <= maxBcrypt && d.attempts.compute(ctx, func() bool {
		return bcrypt.CompareHashAndPassword(user.PasswordHash, []byte(password)) == nil
	})
	if !right || !known {
		return User{}, verdictWrong, nil
	}
	return user, verdictRight, nil
}
