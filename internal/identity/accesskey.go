package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// maxKeys is how many access keys a user, or root, may have: one in use, and its successor.
const maxKeys = 2

func (k *AccessKey) data() accessKeyData {
	return accessKeyData{identified: identified{Name: k.ID, Parent: k.UserID}, Root: k.UserID == "", Active: k.Active}
}

// keyOwner is to whom access keys belong: a user, or root (no name, no id).
type keyOwner struct{ account, name, id string }

func (o keyOwner) String() string {
	if o.name == "" {
		return "root"
	}
	return "user " + o.name
}

// onKeys authorises an operation on the access keys of the user named; without a name, on the caller's own, which are
// root's where the caller is root.
func onKeys[R any](ctx context.Context, s *Service, q iamRequest, userName string, f func(context.Context, keyOwner) (R, error)) (R, error) {
	account := q.caller.Account
	if userName == "" && q.caller.Kind == policy.KindRoot {
		r := request{caller: q.caller, action: "iam:" + q.operation, durable: !q.read, resources: on([]string{rootARN(account)})}
		return do(ctx, s, r, func(ctx context.Context, _ *call) (R, error) { return f(ctx, keyOwner{account: account}) })
	}
	name, err := ownName(q.caller, userName)
	if err != nil {
		var none R
		return none, s.RefuseRequest(ctx, q.caller, "iam:"+q.operation, err)
	}
	return onEntity(ctx, s, q, s.userTarget(account, name), func(ctx context.Context, u *Principal) (R, error) {
		return f(ctx, keyOwner{account, u.Name, u.ID})
	})
}

// CreateAccessKey makes a key for the user named, or without a name for the caller: root makes root's. The secret is
// returned this once.
func (s *Service) CreateAccessKey(ctx context.Context, caller *policy.Caller, userName string) (*AccessKey, vault.Secret, error) {
	secret := vault.SecretString(newSecretKey(s.Rand))
	key, err := onKeys(ctx, s, iamRequest{caller: caller, operation: "CreateAccessKey"}, userName, func(ctx context.Context, o keyOwner) (*AccessKey, error) {
		k := &AccessKey{Account: o.account, ID: newIAMID(s.Rand, "AKIA"), UserID: o.id, Active: true}
		k.record = Record{Account: o.account, Kind: KindAccessKey, ID: k.ID, Name: k.ID, Parent: k.UserID}
		err := s.insertOneOf(ctx, &k.record, k.data(), secret, maxKeys)
		if errors.Is(err, ErrTooMany) {
			return nil, refuse(LimitExceeded, "%s has %d access keys already, the most that one may have: delete the one that is no longer used (lanyard admin key list, then delete)", o, maxKeys)
		}
		k.CreatedAt = k.record.CreatedAt
		return k, internal(err, "storing an access key")
	})
	if err != nil {
		return nil, vault.Secret{}, err
	}
	return key, secret, nil
}

// ListAccessKeys lists the keys of the user named, or without a name the caller's own.
func (s *Service) ListAccessKeys(ctx context.Context, caller *policy.Caller, userName string, p Page) (List[*AccessKey], error) {
	return onKeys(ctx, s, iamRequest{caller: caller, operation: "ListAccessKeys", read: true}, userName, func(ctx context.Context, o keyOwner) (List[*AccessKey], error) {
		return listOwned(ctx, s, o.account, KindAccessKey, o.id, p, decodeAccessKey)
	})
}

// accessKey reads a key of the account.
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

// keyOf reads a key of the owner. Another's is not found: who may change one user's keys may not change all.
func (s *Service) keyOf(ctx context.Context, o keyOwner, id string) (*AccessKey, error) {
	k, err := s.accessKey(ctx, o.account, id)
	if err == nil && k.UserID != o.id {
		return nil, refuse(NotFound, "%s has no access key %s", o, clip(id))
	}
	return k, err
}

// UpdateAccessKey switches a key on or off.
func (s *Service) UpdateAccessKey(ctx context.Context, caller *policy.Caller, userName, id string, active bool) error {
	_, err := onKeys(ctx, s, iamRequest{caller: caller, operation: "UpdateAccessKey"}, userName, func(ctx context.Context, o keyOwner) (struct{}, error) {
		k, err := s.keyOf(ctx, o, id)
		if err != nil || k.Active == active {
			return struct{}{}, err
		}
		k.Active = active
		err = s.replace(ctx, &k.record, k.data(), vault.Secret{})
		if errors.Is(err, ErrVersion) {
			return struct{}{}, refuse(Unavailable, "access key %s was changed by somebody else at the same moment; try again", id)
		}
		return struct{}{}, internal(err, "storing access key "+id)
	})
	return err
}

// DeleteAccessKey removes a key.
func (s *Service) DeleteAccessKey(ctx context.Context, caller *policy.Caller, userName, id string) error {
	_, err := onKeys(ctx, s, iamRequest{caller: caller, operation: "DeleteAccessKey"}, userName, func(ctx context.Context, o keyOwner) (struct{}, error) {
		k, err := s.keyOf(ctx, o, id)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &k.record)
	})
	return err
}

// KeyUse is when and for what an access key was used last. At is zero for one that was not used as far back as the
// audit reaches.
type KeyUse struct {
	UserName        string // "" for root
	At              time.Time
	Service, Region string
}

// AccessKeyLastUsed tells when a key was used last. It is read from the audit, which has every request: so it costs a
// request nothing, is never stale, survives a restart, and reaches as far back as the audit is kept.
func (s *Service) AccessKeyLastUsed(ctx context.Context, caller *policy.Caller, id string) (KeyUse, error) {
	owner, missing := s.auditedOwner(ctx, caller.Account, id)
	arn := owner.arn
	if missing != nil {
		arn = iamARN(caller.Account, "user/*")
	}
	r := request{caller: caller, action: "iam:GetAccessKeyLastUsed", resources: on([]string{arn})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (KeyUse, error) {
		if missing != nil {
			return KeyUse{}, missing
		}
		return s.lastUse(ctx, caller.Account, owner, id)
	})
}

// auditedOwner is whose a key is.
type auditedOwner struct{ name, arn string }

func (s *Service) auditedOwner(ctx context.Context, account, id string) (auditedOwner, error) {
	k, err := s.accessKey(ctx, account, id)
	if err != nil || k.UserID == "" {
		return auditedOwner{arn: rootARN(account)}, err
	}
	r, err := s.Store.RecordByID(ctx, KindUser, k.UserID)
	if err == nil && r.Account != account {
		err = errors.New("it is of another account")
	}
	if err != nil {
		return auditedOwner{}, internal(err, "reading the user of access key "+id)
	}
	u, err := decode(ctx, s, r, decodePrincipal)
	if err != nil {
		return auditedOwner{}, err
	}
	return auditedOwner{u.Name, u.ARN()}, nil
}

// lastUse is read from the newest record of the key: under which name and path the user was then does not matter.
func (s *Service) lastUse(ctx context.Context, account string, owner auditedOwner, id string) (KeyUse, error) {
	use := KeyUse{UserName: owner.name}
	rows, err := s.Store.FindAudit(ctx, account, AuditFilter{AccessKey: id}, "", 1)
	if err != nil {
		return KeyUse{}, internal(err, "reading the audit")
	}
	for _, r := range rows {
		use.At, use.Region = r.At, s.cfg.Region
		use.Service, _, _ = strings.Cut(r.Action, ":")
	}
	return use, nil
}
