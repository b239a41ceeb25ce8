package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Role is a set of permissions that others take on for a while: its trust policy says who, its policies say for what.
type Role struct {
	Account, ID, Name string
	Path, Description string
	Trust             string // trust policy document, as given
	// Principals are the ids of the users and roles that Trust names, by their ARN, as they were when it was written: one
	// that was made again under an old name is another (A59).
	Principals    map[string]string
	MaxSession    time.Duration // longest session
	Tags          map[string]string
	Attached      []string  // ids of managed policies, ARNs of supplied ones
	RevokedBefore time.Time // sessions begun before it are refused (A31)
	CreatedAt     time.Time

	record Record
}

type roleData struct {
	identified
	Path          string            `json:"path,omitempty"`
	Description   string            `json:"description,omitempty"`
	Trust         string            `json:"trust"`
	Principals    map[string]string `json:"principals,omitempty"`
	MaxSession    time.Duration     `json:"maxSession,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
	Attached      []string          `json:"attached,omitempty"`
	RevokedBefore int64             `json:"revokedBefore,omitempty"` // unix milliseconds
}

const defaultMaxSession = time.Hour

// ARN is the role's.
func (r *Role) ARN() string { return "arn:aws:iam::" + r.Account + ":role" + r.Path + r.Name }

func (r *Role) data() roleData {
	d := roleData{identified: identified{Name: r.Name}, Path: r.Path, Description: r.Description, Trust: r.Trust,
		Principals: r.Principals, MaxSession: r.MaxSession, Tags: r.Tags, Attached: r.Attached}
	if !r.RevokedBefore.IsZero() {
		d.RevokedBefore = r.RevokedBefore.UnixMilli()
	}
	return d
}

func decodeRole(r Record) (*Role, error) {
	var d roleData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding role "+r.Name)
	}
	role := &Role{Account: r.Account, ID: r.ID, Name: r.Name, Path: cmp.Or(d.Path, "/"), Description: d.Description, Trust: d.Trust,
		Principals: d.Principals, MaxSession: cmp.Or(d.MaxSession, defaultMaxSession), Tags: d.Tags, Attached: d.Attached, CreatedAt: r.CreatedAt, record: r}
	if d.RevokedBefore != 0 {
		role.RevokedBefore = time.UnixMilli(d.RevokedBefore)
	}
	return role, nil
}

// labels are the role's tags.
func (r *Role) labels() map[string]string { return r.Tags }
func (r *Role) row() (*Record, any)       { return &r.record, r.data() }

// NewRole is what a caller says of a role. Path is "/" and MaxSession an hour unless given.
type NewRole struct {
	Name, Path, Description string
	Trust                   string // policy document: who may take the role on
	MaxSession              time.Duration
	Tags                    map[string]string
}

// role reads a role as it is now.
func (s *Service) role(ctx context.Context, account, name string) (*Role, error) {
	r, err := s.Store.Record(ctx, account, KindRole, "", name)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no role %s in account %s. Create it with CreateRole (aws iam create-role), or: %s", clip(name), account, s.command("admin role create "+shellWord(name)+" --trust FILE"))
	}
	if err != nil {
		return nil, internal(err, "reading role "+name)
	}
	return decode(ctx, s, r, decodeRole)
}

func (s *Service) roleTarget(account, name string) target[*Role] {
	return target[*Role]{absent: iamARN(account, "role/"+name), find: func(ctx context.Context) (*Role, error) { return s.role(ctx, account, name) }}
}

// CreateRole makes a role without policies: whoever takes it on may do nothing yet.
func (s *Service) CreateRole(ctx context.Context, caller *policy.Caller, in NewRole) (*Role, error) {
	r := &Role{Account: caller.Account, ID: newIAMID(s.Rand, "AROA"), Name: in.Name, Path: cmp.Or(in.Path, "/"), Description: in.Description,
		Trust: in.Trust, MaxSession: cmp.Or(in.MaxSession, defaultMaxSession), Tags: in.Tags}
	r.record = Record{Account: r.Account, Kind: KindRole, ID: r.ID, Name: r.Name}
	r, err := createEntity(ctx, s, caller, "CreateRole", "TagRole", r, func(ctx context.Context) (err error) {
		err = cmp.Or(checkName("RoleName", "role", in.Name, 64), checkPath(r.Path), checkDescription(in.Description), checkMaxSession(r.MaxSession), checkTags(in.Tags))
		if err == nil {
			r.Principals, err = s.checkTrust(ctx, r.Account, r.Name, in.Trust)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.CreatedAt = r.record.CreatedAt
	return r, nil
}

func checkMaxSession(d time.Duration) error {
	if d >= time.Hour && d <= 12*time.Hour {
		return nil
	}
	return invalid("MaxSessionDuration", "a role's sessions last at most between 3600 and 43200 seconds; %d is neither", int64(d/time.Second))
}

// GetRole returns a role.
func (s *Service) GetRole(ctx context.Context, caller *policy.Caller, name string) (*Role, error) {
	return getEntity(ctx, s, caller, "GetRole", s.roleTarget(caller.Account, name))
}

// ListRoles returns a page of the roles whose path begins with the prefix, in order of name.
func (s *Service) ListRoles(ctx context.Context, caller *policy.Caller, pathPrefix string, p Page) (List[*Role], error) {
	return onList(ctx, s, caller, "ListRoles", "role", pathPrefix, func(ctx context.Context) (List[*Role], error) {
		return listUnder(ctx, s, caller.Account, KindRole, pathPrefix, p, decodeRole, func(r *Role) string { return r.Path })
	})
}

// RoleUpdate says what changes of a role; nil leaves it.
type RoleUpdate struct {
	Description *string
	MaxSession  *time.Duration
}

// UpdateRole changes a role's description and its longest session.
func (s *Service) UpdateRole(ctx context.Context, caller *policy.Caller, name string, in RoleUpdate) (*Role, error) {
	return s.updateRole(ctx, caller, "UpdateRole", name, in)
}

// UpdateRoleDescription changes a role's description.
func (s *Service) UpdateRoleDescription(ctx context.Context, caller *policy.Caller, name, description string) (*Role, error) {
	return s.updateRole(ctx, caller, "UpdateRoleDescription", name, RoleUpdate{Description: &description})
}

func (s *Service) updateRole(ctx context.Context, caller *policy.Caller, operation, name string, in RoleUpdate) (*Role, error) {
	return editEntity(ctx, s, iamRequest{caller: caller, operation: operation}, s.roleTarget(caller.Account, name), func(_ context.Context, r *Role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSession != nil {
			r.MaxSession = *in.MaxSession
		}
		return cmp.Or(checkDescription(r.Description), checkMaxSession(r.MaxSession))
	})
}

// UpdateTrustPolicy replaces who may take a role on.
func (s *Service) UpdateTrustPolicy(ctx context.Context, caller *policy.Caller, name, trust string) error {
	q := iamRequest{caller: caller, operation: "UpdateAssumeRolePolicy"}
	_, err := editEntity(ctx, s, q, s.roleTarget(caller.Account, name), func(ctx context.Context, r *Role) error {
		principals, err := s.checkTrust(ctx, r.Account, r.Name, trust)
		r.Trust, r.Principals = trust, principals
		return err
	})
	return err
}

// DeleteRole removes a role that has no policies any more. Its sessions end with it.
func (s *Service) DeleteRole(ctx context.Context, caller *policy.Caller, name string) error {
	return deleteEntity(ctx, s, caller, "DeleteRole", s.roleTarget(caller.Account, name), func(ctx context.Context, r *Role) error {
		return s.checkNoPolicies(ctx, r.Account, r.ID, "role "+r.Name, r.Attached)
	})
}

// ListInstanceProfilesForRole authorises a list that is always empty: there are no machines here to give a role to, and
// tools ask before they delete.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, caller *policy.Caller, name string) error {
	_, err := getEntity(ctx, s, caller, "ListInstanceProfilesForRole", s.roleTarget(caller.Account, name))
	return err
}
