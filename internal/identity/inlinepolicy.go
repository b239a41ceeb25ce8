package identity

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Inline policies belong to one user or role and go with it. Each may have 10240 characters besides white space, and
// there may be 50: more than IAM allows, for there all of a user's together may have 2048.

// inline runs an operation on the inline policies of the owner.
func inline[T entity, R any](ctx context.Context, s *Service, caller *policy.Caller, operation string, read bool, t target[T], f func(ctx context.Context, owner *Record) (R, error)) (R, error) {
	return onEntity(ctx, s, iamRequest{caller: caller, operation: operation, read: read}, t, func(ctx context.Context, e T) (R, error) {
		row, _ := e.row()
		return f(ctx, row)
	})
}

func (s *Service) inlinePolicy(ctx context.Context, owner *Record, name string) (Record, error) {
	r, err := s.Store.Record(ctx, owner.Account, KindPolicy, owner.ID, name)
	if errors.Is(err, ErrNotFound) {
		return Record{}, refuse(NotFound, "%s %s has no policy named %s", owner.Kind, owner.Name, clip(name))
	}
	return r, internal(err, "reading policy "+name)
}

func (s *Service) putInline(ctx context.Context, owner *Record, name, document string) error {
	if err := checkName("PolicyName", "policy", name, 128); err != nil {
		return err
	}
	if _, err := policy.Parse(name, []byte(document)); err != nil {
		return malformed("policy "+name, err)
	}
	data := policyData{identified{Name: name, Parent: owner.ID}, document}
	r, err := s.Store.Record(ctx, owner.Account, KindPolicy, owner.ID, name)
	switch {
	case err == nil:
		err = s.replace(ctx, &r, data, vault.Secret{})
	case errors.Is(err, ErrNotFound):
		err = s.insertInline(ctx, owner, name, data)
	}
	if errors.Is(err, ErrVersion) || errors.Is(err, ErrExists) {
		return refuse(Unavailable, "policy %s was written by somebody else at the same moment; try again", name)
	}
	return internal(err, "storing policy "+name)
}

func (s *Service) insertInline(ctx context.Context, owner *Record, name string, data policyData) error {
	r := Record{Account: owner.Account, Kind: KindPolicy, ID: newIAMID(s.Rand, "ANPA"), Name: name, Parent: owner.ID}
	err := s.insertOneOf(ctx, &r, data, vault.Secret{}, maxPolicies)
	if errors.Is(err, ErrTooMany) {
		return refuse(LimitExceeded, "%s %s has %d policies already, the most that one may have; join some of them", owner.Kind, owner.Name, maxPolicies)
	}
	return err
}

func (s *Service) getInline(ctx context.Context, owner *Record, name string) (string, error) {
	r, err := s.inlinePolicy(ctx, owner, name)
	if err != nil {
		return "", err
	}
	return decode(ctx, s, r, inlineDocument)
}

func inlineDocument(r Record) (string, error) {
	var d policyData
	err := json.Unmarshal(r.Data, &d)
	return d.Document, internal(err, "decoding policy "+r.Name)
}

func (s *Service) listInline(ctx context.Context, owner *Record, p Page) (List[string], error) {
	return listOwned(ctx, s, owner.Account, KindPolicy, owner.ID, p, func(r Record) (string, error) { return r.Name, nil })
}

func (s *Service) deleteInline(ctx context.Context, owner *Record, name string) error {
	r, err := s.inlinePolicy(ctx, owner, name)
	if err != nil {
		return err
	}
	return s.remove(ctx, &r)
}

// PutUserPolicy gives a user an inline policy, or replaces the one of that name.
func (s *Service) PutUserPolicy(ctx context.Context, caller *policy.Caller, user, name, document string) error {
	_, err := inline(ctx, s, caller, "PutUserPolicy", false, s.userTarget(caller.Account, user), func(ctx context.Context, owner *Record) (struct{}, error) {
		return struct{}{}, s.putInline(ctx, owner, name, document)
	})
	return err
}

// GetUserPolicy returns the document of a user's inline policy.
func (s *Service) GetUserPolicy(ctx context.Context, caller *policy.Caller, user, name string) (string, error) {
	return inline(ctx, s, caller, "GetUserPolicy", true, s.userTarget(caller.Account, user), func(ctx context.Context, owner *Record) (string, error) {
		return s.getInline(ctx, owner, name)
	})
}

// ListUserPolicies returns a page of the names of a user's inline policies.
func (s *Service) ListUserPolicies(ctx context.Context, caller *policy.Caller, user string, p Page) (List[string], error) {
	return inline(ctx, s, caller, "ListUserPolicies", true, s.userTarget(caller.Account, user), func(ctx context.Context, owner *Record) (List[string], error) {
		return s.listInline(ctx, owner, p)
	})
}

// DeleteUserPolicy removes a user's inline policy.
func (s *Service) DeleteUserPolicy(ctx context.Context, caller *policy.Caller, user, name string) error {
	_, err := inline(ctx, s, caller, "DeleteUserPolicy", false, s.userTarget(caller.Account, user), func(ctx context.Context, owner *Record) (struct{}, error) {
		return struct{}{}, s.deleteInline(ctx, owner, name)
	})
	return err
}

// PutRolePolicy gives a role an inline policy, or replaces the one of that name.
func (s *Service) PutRolePolicy(ctx context.Context, caller *policy.Caller, role, name, document string) error {
	_, err := inline(ctx, s, caller, "PutRolePolicy", false, s.roleTarget(caller.Account, role), func(ctx context.Context, owner *Record) (struct{}, error) {
		return struct{}{}, s.putInline(ctx, owner, name, document)
	})
	return err
}

// GetRolePolicy returns the document of a role's inline policy.
func (s *Service) GetRolePolicy(ctx context.Context, caller *policy.Caller, role, name string) (string, error) {
	return inline(ctx, s, caller, "GetRolePolicy", true, s.roleTarget(caller.Account, role), func(ctx context.Context, owner *Record) (string, error) {
		return s.getInline(ctx, owner, name)
	})
}

// ListRolePolicies returns a page of the names of a role's inline policies.
func (s *Service) ListRolePolicies(ctx context.Context, caller *policy.Caller, role string, p Page) (List[string], error) {
	return inline(ctx, s, caller, "ListRolePolicies", true, s.roleTarget(caller.Account, role), func(ctx context.Context, owner *Record) (List[string], error) {
		return s.listInline(ctx, owner, p)
	})
}

// DeleteRolePolicy removes a role's inline policy.
func (s *Service) DeleteRolePolicy(ctx context.Context, caller *policy.Caller, role, name string) error {
	_, err := inline(ctx, s, caller, "DeleteRolePolicy", false, s.roleTarget(caller.Account, role), func(ctx context.Context, owner *Record) (struct{}, error) {
		return struct{}{}, s.deleteInline(ctx, owner, name)
	})
	return err
}
