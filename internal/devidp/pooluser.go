package devidp

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// poolUser is a user of a pool. The record's id is the sub; its password hash rests sealed beside it.
type poolUser struct {
	record identity.Record
	data   userData
}

type userData struct {
	Username       string              `json:"username"` // as it is answered
	Attributes     []api.UserAttribute `json:"attributes,omitempty"`
	Status         string              `json:"status"`
	Disabled       bool                `json:"disabled,omitempty"`
	TemporaryUntil time.Time           `json:"temporaryUntil,omitzero"`
}

const (
	statusConfirmed  = "CONFIRMED"
	statusMustChange = "FORCE_CHANGE_PASSWORD"
)

// oidc is the user as tokens and pages know them.
func (u *poolUser) oidc() User {
	out := User{Username: u.data.Username, Subject: u.record.ID, claims: map[string]any{}}
	for _, a := range u.data.Attributes {
		switch a.Name {
		case "email_verified", "phone_number_verified":
			out.claims[a.Name] = a.Value == "true"
		default:
			out.claims[a.Name] = a.Value
		}
	}
	out.Name, _ = out.claims["name"].(string)
	out.Email, _ = out.claims["email"].(string)
	return out
}

// key is the name under which a user is found. Case tells users apart unless the pool says otherwise (A60).
func (p *pool) key(username string) string {
	if c := p.data.Asked.UsernameConfiguration; c != nil && c.CaseSensitive != nil && !*c.CaseSensitive {
		return strings.ToLower(username)
	}
	return username
}

// userNamed finds a user by user name, or by sub.
func (p *Pools) userNamed(ctx context.Context, pool *pool, username string) (*poolUser, error) {
	u := &poolUser{}
	var err error
	u.record, err = p.shelf.ByName(ctx, pool.account(), kindPoolUser, pool.id(), pool.key(username), &u.data)
	if errors.Is(err, identity.ErrNotFound) && isUUID(username) {
		return p.userBySubject(ctx, pool, username)
	}
	return u, err
}

func (p *Pools) userBySubject(ctx context.Context, pool *pool, subject string) (*poolUser, error) {
	u := &poolUser{}
	var err error
	u.record, err = p.shelf.ByID(ctx, kindPoolUser, subject, &u.data)
	if err == nil && u.record.Parent != pool.id() {
		err = identity.ErrNotFound
	}
	return u, err
}

// AdminCreateUser makes a user with a temporary password. No message is sent: without a password in the request nobody
// knows it, until one is set.
func (p *Pools) AdminCreateUser(ctx context.Context, caller *policy.Caller, in *api.AdminCreateUserRequest) (*api.AdminCreateUserResponse, error) {
	return withPool(ctx, p, caller, api.AdminCreateUser, in.UserPoolID, func(ctx context.Context, pool *pool) (*api.AdminCreateUserResponse, error) {
		if in.MessageAction == api.MessageResend {
			return p.inviteAgain(ctx, pool, in)
		}
		u, err := p.newUser(pool, in)
		if err != nil {
			return nil, err
		}
		secret, err := p.temporaryPassword(ctx, pool, in)
		if err != nil {
			return nil, err
		}
		err = p.shelf.Insert(ctx, &u.record, u.data, secret)
		if errors.Is(err, identity.ErrExists) {
			return nil, refuseAs(api.UsernameExistsException, "User account already exists in user pool %s. Choose another user name, or set its password with admin-set-user-password", pool.id())
		}
		return &api.AdminCreateUserResponse{User: u.describe()}, changedMeanwhile(err, "User pool "+pool.id())
	})
}

// newUser reads the request. In a pool whose users sign in by an attribute, the user name is the sub.
func (p *Pools) newUser(pool *pool, in *api.AdminCreateUserRequest) (*poolUser, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(p.cfg.Rand, b); err != nil {
		return nil, err
	}
	u := &poolUser{data: userData{Username: in.Username, Attributes: in.UserAttributes, Status: statusMustChange, TemporaryUntil: p.temporaryUntil(pool)}}
	u.record = identity.Record{Account: pool.account(), Kind: kindPoolUser, ID: uuid(b), Name: pool.key(in.Username), Parent: pool.id()}
	if err := checkAttributes(pool, in); err != nil {
		return nil, err
	}
	if by := pool.data.Asked.UsernameAttributes; len(by) > 0 {
		name := "phone_number"
		if strings.Contains(in.Username, "@") {
			name = "email"
		}
		if !slices.Contains(by, name) || name == "phone_number" && !strings.HasPrefix(in.Username, "+") {
			return nil, invalidParameter("Username should be one of: %s. This user pool signs users in by it", strings.Join(by, ", "))
		}
		u.data.Username = u.record.ID
		u.data.Attributes = append(slices.DeleteFunc(slices.Clone(u.data.Attributes), func(a api.UserAttribute) bool { return a.Name == name }),
			api.UserAttribute{Name: name, Value: in.Username})
	}
	return u, nil
}

func checkAttributes(pool *pool, in *api.AdminCreateUserRequest) error {
	seen := map[string]bool{}
	for _, a := range in.UserAttributes {
		if !pool.hasAttribute(a.Name) || seen[a.Name] {
			return invalidParameter("Attributes did not conform to the schema: %s is not defined in user pool %s, cannot be set, or is there twice", a.Name, pool.id())
		}
		seen[a.Name] = true
	}
	for _, a := range pool.data.Asked.Schema {
		name := a.Name
		if !isStandard(name) {
			name = "custom:" + name
		}
		if value(a.Required) && !seen[name] && !slices.Contains(pool.data.Asked.UsernameAttributes, name) {
			return invalidParameter("Attributes did not conform to the schema: %s is required in user pool %s", name, pool.id())
		}
	}
	return nil
}

func (p *Pools) temporaryUntil(pool *pool) time.Time {
	days := *policiesInForce(&pool.data.Asked).PasswordPolicy.TemporaryPasswordValidityDays
	return p.cfg.Now().Add(time.Duration(days) * 24 * time.Hour)
}

// temporaryPassword hashes the password of the request, or a random one that nobody learns.
func (p *Pools) temporaryPassword(ctx context.Context, pool *pool, in *api.AdminCreateUserRequest) (vault.Secret, error) {
	if in.TemporaryPassword != nil {
		return p.newPassword(ctx, pool, string(*in.TemporaryPassword))
	}
	password, err := p.text(alnum, 32)
	if err != nil {
		return vault.Secret{}, err
	}
	hash, err := p.hashPassword(ctx, password)
	return vault.NewSecret(hash), err
}

// newPassword holds a password to the pool's rules and hashes it.
func (p *Pools) newPassword(ctx context.Context, pool *pool, password string) (vault.Secret, error) {
	if err := pool.checkNewPassword(password); err != nil {
		return vault.Secret{}, err
	}
	hash, err := p.hashPassword(ctx, password)
	return vault.NewSecret(hash), err
}

// inviteAgain renews the time of a temporary password, and the password when the request has one.
func (p *Pools) inviteAgain(ctx context.Context, pool *pool, in *api.AdminCreateUserRequest) (*api.AdminCreateUserResponse, error) {
	u, err := p.user(ctx, pool, in.Username)
	if err != nil {
		return nil, err
	}
	if u.data.Status != statusMustChange {
		return nil, refuseAs(api.UnsupportedUserState, "Resend not possible. %s status is not FORCE_CHANGE_PASSWORD", u.data.Username)
	}
	secret := vault.Secret{}
	if in.TemporaryPassword != nil {
		if secret, err = p.newPassword(ctx, pool, string(*in.TemporaryPassword)); err != nil {
			return nil, err
		}
	}
	u.data.TemporaryUntil = p.temporaryUntil(pool)
	err = p.shelf.Replace(ctx, &u.record, u.data, secret)
	return &api.AdminCreateUserResponse{User: u.describe()}, changedMeanwhile(err, "User "+u.data.Username)
}

// user finds a user for an administrator, who may know that there is none.
func (p *Pools) user(ctx context.Context, pool *pool, username string) (*poolUser, error) {
	u, err := p.userNamed(ctx, pool, username)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, refuseAs(api.UserNotFoundException, "User does not exist in user pool %s", pool.id())
	}
	return u, err
}

func (u *poolUser) attributes() []api.UserAttribute {
	return append([]api.UserAttribute{{Name: "sub", Value: u.record.ID}}, u.data.Attributes...)
}

func (u *poolUser) describe() api.PoolUser {
	return api.PoolUser{Username: u.data.Username, Attributes: u.attributes(), Enabled: !u.data.Disabled, UserStatus: u.data.Status,
		UserCreateDate: api.Timestamp(u.record.CreatedAt), UserLastModifiedDate: api.Timestamp(u.record.UpdatedAt)}
}
