package identity

import (
	"cmp"
	"context"
	"errors"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// NewUser is what a caller says of a user. Path is "/" unless given.
type NewUser struct {
	Name, Path string
	Tags       map[string]string
}

func (u *Principal) labels() map[string]string { return u.Tags }
func (u *Principal) row() (*Record, any)       { return &u.record, u.data() }

// user reads a user as it is now.
func (s *Service) user(ctx context.Context, account, name string) (*Principal, error) {
	r, err := s.Store.Record(ctx, account, KindUser, "", name)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no user %s in account %s. Create it with: %s", clip(name), account, s.command("admin user create "+shellWord(name)))
	}
	if err != nil {
		return nil, internal(err, "reading user "+name)
	}
	return decode(ctx, s, r, decodePrincipal)
}

func (s *Service) userTarget(account, name string) target[*Principal] {
	return target[*Principal]{absent: iamARN(account, "user/"+name), find: func(ctx context.Context) (*Principal, error) { return s.user(ctx, account, name) }}
}

// CreateUser makes a user, without keys and policies: it may do nothing.
func (s *Service) CreateUser(ctx context.Context, caller *policy.Caller, in NewUser) (*Principal, error) {
	u := &Principal{Account: caller.Account, ID: newIAMID(s.Rand, "AIDA"), Name: in.Name, Path: cmp.Or(in.Path, "/"), Tags: in.Tags}
	u.record = Record{Account: u.Account, Kind: KindUser, ID: u.ID, Name: u.Name}
	u, err := createEntity(ctx, s, caller, "CreateUser", "TagUser", u, func(context.Context) error {
		return cmp.Or(checkName("UserName", "user", in.Name, 64), checkPath(u.Path), checkTags(in.Tags))
	})
	if err != nil {
		return nil, err
	}
	u.CreatedAt = u.record.CreatedAt
	return u, nil
}

// ownName is the user that a request without a name is about: the caller.
func ownName(caller *policy.Caller, name string) (string, error) {
	if name != "" || caller.Kind == policy.KindUser {
		return cmp.Or(name, caller.Name), nil
	}
	return "", invalid("UserName", "name the user: these are not the credentials of one (they are %s), so that there is none to take for granted", caller.ARN)
}

// GetUser returns a user; without a name, the one that the caller is.
func (s *Service) GetUser(ctx context.Context, caller *policy.Caller, name string) (*Principal, error) {
	own, err := ownName(caller, name)
	if err != nil {
		return nil, s.RefuseRequest(ctx, caller, "iam:GetUser", err)
	}
	return getEntity(ctx, s, caller, "GetUser", s.userTarget(caller.Account, own))
}

// ListUsers returns a page of the users whose path begins with the prefix, in order of name.
func (s *Service) ListUsers(ctx context.Context, caller *policy.Caller, pathPrefix string, p Page) (List[*Principal], error) {
	return onList(ctx, s, caller, "ListUsers", "user", pathPrefix, func(ctx context.Context) (List[*Principal], error) {
		return listUnder(ctx, s, caller.Account, KindUser, pathPrefix, p, decodePrincipal, func(u *Principal) string { return u.Path })
	})
}

// UserUpdate says what changes of a user; "" leaves it.
type UserUpdate struct{ NewName, NewPath string }

// UpdateUser moves a user to another path. The caller must be allowed to change the user where it is and where it goes:
// policies and trust name users by their path (A41). Its name stays: it is part of the place that the record's MAC vouches for,
// and what trusts the old name would silently trust whoever takes it next.
func (s *Service) UpdateUser(ctx context.Context, caller *policy.Caller, name string, in UserUpdate) (*Principal, error) {
	q := iamRequest{caller: caller, operation: "UpdateUser"}
	if in.NewPath != "" {
		q.becomes = iamARN(caller.Account, "user"+in.NewPath+name)
	}
	return editEntity(ctx, s, q, s.userTarget(caller.Account, name), func(_ context.Context, u *Principal) error {
		if in.NewName != "" && in.NewName != u.Name {
			return invalid("NewUserName", "a user's name is fixed: make another user with CreateUser, and delete %s when nothing uses it any more", u.Name)
		}
		if in.NewPath == "" || in.NewPath == u.Path {
			return errUnchanged
		}
		u.Path = in.NewPath
		return checkPath(in.NewPath)
	})
}

// DeleteUser removes a user on which nothing hangs: no key, no policy.
func (s *Service) DeleteUser(ctx context.Context, caller *policy.Caller, name string) error {
	return deleteEntity(ctx, s, caller, "DeleteUser", s.userTarget(caller.Account, name), func(ctx context.Context, u *Principal) error {
		keys, err := s.Store.ListRecords(ctx, u.Account, KindAccessKey, u.ID, "", 1)
		if err != nil {
			return internal(err, "reading access keys")
		}
		if len(keys) > 0 {
			return refuse(InUse, "user %s has access keys: delete them first (DeleteAccessKey)", u.Name)
		}
		return s.checkNoPolicies(ctx, u.Account, u.ID, "user "+u.Name, u.Attached)
	})
}

// ListGroupsForUser authorises a list that is always empty: there are no groups here, and tools ask before they delete.
func (s *Service) ListGroupsForUser(ctx context.Context, caller *policy.Caller, name string) error {
	_, err := getEntity(ctx, s, caller, "ListGroupsForUser", s.userTarget(caller.Account, name))
	return err
}

// ListAccountAliases authorises a list that is always empty.
func (s *Service) ListAccountAliases(ctx context.Context, caller *policy.Caller) error {
	r := request{caller: caller, action: "iam:ListAccountAliases", resources: on([]string{"*"})}
	_, err := do(ctx, s, r, func(context.Context, *call) (struct{}, error) { return struct{}{}, nil })
	return err
}
