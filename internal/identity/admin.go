package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// The administrator's use-cases below act on the database of this machine, from `lanyard admin`: whoever can read the
// data directory and the root key may already do everything, so there is no caller to authorise. All are audited.

// localAdmin is the caller of the administrator's commands.
func localAdmin(account string) *policy.Caller {
	return &policy.Caller{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Name: "local administrator", Kind: policy.KindRoot}
}

func admin[T any](ctx context.Context, s *Service, account, action string, f func(context.Context) (T, error)) (T, error) {
	r := request{caller: localAdmin(account), action: "lanyard:" + action, durable: true, resources: on([]string{s.accountARN(account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (T, error) { return f(ctx) })
}

// CreateAccount makes an account and its first data key.
func (s *Service) CreateAccount(ctx context.Context, id string) error {
	_, err := admin(ctx, s, id, "CreateAccount", func(ctx context.Context) (struct{}, error) {
		if len(id) != 12 || slices.ContainsFunc([]byte(id), func(b byte) bool { return b < '0' || b > '9' }) {
			return struct{}{}, invalid("account", "an account id has 12 digits; %q has not", clip(id))
		}
		err := s.Store.InsertAccount(ctx, Account{ID: id, Version: 1, CreatedAt: s.Now()})
		if errors.Is(err, ErrExists) {
			return struct{}{}, refuse(Conflict, "account %s exists already", id)
		}
		return struct{}{}, internal(err, "storing account "+id)
	})
	return err
}

// EnsureAccount makes the account if it is not there.
func (s *Service) EnsureAccount(ctx context.Context, id string) error {
	_, err := s.Store.Account(ctx, id)
	if errors.Is(err, ErrNotFound) {
		err = s.CreateAccount(ctx, id)
		if codeOf(err) == Conflict { // another replica was faster
			return nil
		}
	}
	return internal(err, "reading account "+id)
}

// HasRootKey tells whether the account's root has an access key.
func (s *Service) HasRootKey(ctx context.Context, account string) (bool, error) {
	rows, err := s.Store.ListRecords(ctx, account, KindAccessKey, "", "", 1)
	return len(rows) > 0, internal(err, "reading root's access keys")
}

// CreateUser makes a user.
func (s *Service) CreateUser(ctx context.Context, account, name string) (*Principal, error) {
	return admin(ctx, s, account, "CreateUser", func(ctx context.Context) (*Principal, error) {
		if !iamName(name, 64) {
			return nil, invalid("user", "a user's name has 1 to 64 letters, digits and _+=,.@-; %q has not", clip(name))
		}
		u := &Principal{Account: account, ID: newIAMID(s.Rand, "AIDA"), Name: name}
		u.record = Record{Account: account, Kind: KindUser, ID: u.ID, Name: name}
		err := s.insert(ctx, &u.record, principalData{identified{Name: name}}, vault.Secret{})
		if errors.Is(err, ErrExists) {
			return nil, refuse(Conflict, "a user named %s exists already", name)
		}
		u.CreatedAt = u.record.CreatedAt
		return u, internal(err, "storing user "+name)
	})
}

func iamName(s string, most int) bool {
	ok := func(b byte) bool {
		return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || slices.Contains([]byte("_+=,.@-"), b)
	}
	return len(s) > 0 && len(s) <= most && !slices.ContainsFunc([]byte(s), func(b byte) bool { return !ok(b) })
}

// Users lists the account's users.
func (s *Service) Users(ctx context.Context, account string) ([]*Principal, error) {
	l, err := listRecords(ctx, s, account, KindUser, Page{Max: 1000}, decodePrincipal)
	return l.Items, err
}

func (s *Service) user(ctx context.Context, account, name string) (*Principal, error) {
	r, err := s.Store.Record(ctx, account, KindUser, "", name)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no user %s in account %s. Create it with: %s", name, account, s.command("admin user create "+name))
	}
	if err != nil {
		return nil, internal(err, "reading user "+name)
	}
	return decode(ctx, s, r, decodePrincipal)
}

// DeleteUser removes a user with its keys and policies.
func (s *Service) DeleteUser(ctx context.Context, account, name string) error {
	_, err := admin(ctx, s, account, "DeleteUser", func(ctx context.Context) (struct{}, error) {
		u, err := s.user(ctx, account, name)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &u.record)
	})
	return err
}

// CreateAccessKey makes a key for the user named, or for root when the name is "". The secret is returned once.
func (s *Service) CreateAccessKey(ctx context.Context, account, userName string) (*AccessKey, vault.Secret, error) {
	secret := vault.SecretString(newSecretKey(s.Rand))
	key, err := admin(ctx, s, account, "CreateAccessKey", func(ctx context.Context) (*AccessKey, error) {
		k := &AccessKey{Account: account, ID: newIAMID(s.Rand, "AKIA"), Active: true}
		if userName != "" {
			u, err := s.user(ctx, account, userName)
			if err != nil {
				return nil, err
			}
			k.UserID = u.ID
		}
		k.record = Record{Account: account, Kind: KindAccessKey, ID: k.ID, Name: k.ID, Parent: k.UserID}
		err := s.insert(ctx, &k.record, k.data(), secret)
		k.CreatedAt = k.record.CreatedAt
		return k, internal(err, "storing an access key")
	})
	return key, secret, err
}

func (k *AccessKey) data() accessKeyData {
	return accessKeyData{identified: identified{Name: k.ID, Parent: k.UserID}, Root: k.UserID == "", Active: k.Active}
}

// AccessKeys lists the keys of the user named, or of root when the name is "".
func (s *Service) AccessKeys(ctx context.Context, account, userName string) ([]*AccessKey, error) {
	parent := ""
	if userName != "" {
		u, err := s.user(ctx, account, userName)
		if err != nil {
			return nil, err
		}
		parent = u.ID
	}
	rows, err := s.Store.ListRecords(ctx, account, KindAccessKey, parent, "", 100)
	if err != nil {
		return nil, internal(err, "reading access keys")
	}
	keys := make([]*AccessKey, 0, len(rows))
	for _, r := range rows {
		k, err := decode(ctx, s, r, decodeAccessKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (s *Service) accessKey(ctx context.Context, account, id string) (*AccessKey, error) {
	r, err := s.Store.RecordByID(ctx, KindAccessKey, id)
	if errors.Is(err, ErrNotFound) || err == nil && r.Account != account {
		return nil, refuse(NotFound, "there is no access key %s in account %s", clip(id), account)
	}
	if err != nil {
		return nil, internal(err, "reading an access key")
	}
	return decode(ctx, s, r, decodeAccessKey)
}

// SetAccessKeyActive switches a key on or off.
func (s *Service) SetAccessKeyActive(ctx context.Context, account, id string, active bool) error {
	_, err := admin(ctx, s, account, "UpdateAccessKey", func(ctx context.Context) (struct{}, error) {
		k, err := s.accessKey(ctx, account, id)
		if err != nil {
			return struct{}{}, err
		}
		k.Active = active
		return struct{}{}, internal(s.replace(ctx, &k.record, k.data(), vault.Secret{}), "storing access key "+id)
	})
	return err
}

// DeleteAccessKey removes a key.
func (s *Service) DeleteAccessKey(ctx context.Context, account, id string) error {
	_, err := admin(ctx, s, account, "DeleteAccessKey", func(ctx context.Context) (struct{}, error) {
		k, err := s.accessKey(ctx, account, id)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &k.record)
	})
	return err
}

// PutUserPolicy attaches an inline policy, or replaces the one of that name.
func (s *Service) PutUserPolicy(ctx context.Context, account, userName, name, document string) error {
	_, err := admin(ctx, s, account, "PutUserPolicy", func(ctx context.Context) (struct{}, error) {
		if !iamName(name, 128) {
			return struct{}{}, invalid("name", "a policy's name has 1 to 128 letters, digits and _+=,.@-; %q has not", clip(name))
		}
		if _, err := policy.Parse(name, []byte(document)); err != nil {
			return struct{}{}, &Error{Code: Invalid, Field: "document", Message: "policy " + name + " is refused: " + err.Error()}
		}
		u, err := s.user(ctx, account, userName)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.putPolicy(ctx, u, name, document)
	})
	return err
}

func (s *Service) putPolicy(ctx context.Context, u *Principal, name, document string) error {
	data := policyData{identified{Name: name, Parent: u.ID}, document}
	r, err := s.Store.Record(ctx, u.Account, KindPolicy, u.ID, name)
	if err == nil {
		return internal(s.replace(ctx, &r, data, vault.Secret{}), "storing policy "+name)
	}
	if !errors.Is(err, ErrNotFound) {
		return internal(err, "reading policy "+name)
	}
	rows, err := s.Store.ListRecords(ctx, u.Account, KindPolicy, u.ID, "", maxPolicies)
	if err != nil {
		return internal(err, "reading policies")
	}
	if len(rows) >= maxPolicies {
		return invalid("name", "user %s has %d policies already, the most that one may have; join some of them", u.Name, maxPolicies)
	}
	r = Record{Account: u.Account, Kind: KindPolicy, ID: newIAMID(s.Rand, "ANPA"), Name: name, Parent: u.ID}
	return internal(s.insert(ctx, &r, data, vault.Secret{}), "storing policy "+name)
}

// DeleteUserPolicy removes an inline policy.
func (s *Service) DeleteUserPolicy(ctx context.Context, account, userName, name string) error {
	_, err := admin(ctx, s, account, "DeleteUserPolicy", func(ctx context.Context) (struct{}, error) {
		u, err := s.user(ctx, account, userName)
		if err != nil {
			return struct{}{}, err
		}
		r, err := s.Store.Record(ctx, account, KindPolicy, u.ID, name)
		if errors.Is(err, ErrNotFound) {
			return struct{}{}, refuse(NotFound, "user %s has no policy named %s", userName, name)
		}
		if err != nil {
			return struct{}{}, internal(err, "reading policy "+name)
		}
		return struct{}{}, s.remove(ctx, &r)
	})
	return err
}

// UserPolicies returns the names and documents of a user's inline policies.
func (s *Service) UserPolicies(ctx context.Context, account, userName string) (map[string]string, error) {
	u, err := s.user(ctx, account, userName)
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.ListRecords(ctx, account, KindPolicy, u.ID, "", maxPolicies)
	if err != nil {
		return nil, internal(err, "reading policies")
	}
	out := map[string]string{}
	for _, r := range rows {
		var d policyData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return nil, internal(err, "decoding policy "+r.Name)
		}
		out[r.Name] = d.Document
	}
	return out, nil
}
