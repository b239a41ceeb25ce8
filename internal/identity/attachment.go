package identity

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Managed policies are attached to users and roles: the principal's record holds their ids, so that one that is deleted
// and made again under its old name is attached to nobody (A59). Whoever may attach may make himself an administrator,
// as with IAM (A41); iam:PolicyARN in a Condition narrows it.

// holder is an entity that policies are attached to.
type holder interface {
	entity
	attachments() *[]string
}

func (u *Principal) attachments() *[]string { return &u.Attached }
func (r *Role) attachments() *[]string      { return &r.Attached }

// key is under which the policy is attached.
func (p *ManagedPolicy) key() string {
	if p.Supplied {
		return p.ARN()
	}
	return p.ID
}

// managedPolicyID is under which a managed policy is attached, by its ARN.
func (s *Service) managedPolicyID(ctx context.Context, account, arn string) (string, error) {
	p, err := s.managedPolicy(ctx, account, arn)
	if err != nil {
		return "", err
	}
	return p.key(), nil
}

// attaching is an operation on the policy with the ARN, which conditions may ask for.
func attaching(caller *policy.Caller, operation, arn string) iamRequest {
	return iamRequest{caller: caller, operation: operation, conditions: func(c *call) { c.condition("iam:PolicyARN", arn) }}
}

func attach[T holder](ctx context.Context, s *Service, caller *policy.Caller, operation, arn string, t target[T]) error {
	key := ""
	_, err := onEntity(ctx, s, attaching(caller, operation, arn), t, func(ctx context.Context, e T) (T, error) {
		e, err := edited(ctx, s, e, t, func(ctx context.Context, e T) (err error) {
			if key, err = s.managedPolicyID(ctx, caller.Account, arn); err != nil {
				return err
			}
			return addAttachment(e, key)
		})
		if err != nil {
			return e, err
		}
		// A policy that was deleted while it was being attached must not stay: either its deletion saw it here, or this
		// sees that it is gone.
		if now, gone := s.managedPolicyID(ctx, caller.Account, arn); now != key {
			return e, cmp.Or(s.strip(ctx, e, key), gone, error(refuse(NotFound, "policy %s was deleted at the same moment", arn)))
		}
		return e, nil
	})
	return err
}

func addAttachment(h holder, key string) error {
	list := h.attachments()
	if slices.Contains(*list, key) {
		return errUnchanged
	}
	if len(*list) >= maxAttached {
		return refuse(LimitExceeded, "%s has %d policies attached already, the most that one may have; join some of them", h.ARN(), maxAttached)
	}
	*list = append(slices.Clone(*list), key)
	return nil
}

// removeAttachment tells whether there was one.
func removeAttachment(h holder, key string) bool {
	list := h.attachments()
	i := slices.Index(*list, key)
	if i >= 0 {
		*list = slices.Delete(slices.Clone(*list), i, i+1)
	}
	return i >= 0
}

// strip takes an attachment off a holder that has it.
func (s *Service) strip(ctx context.Context, h holder, key string) error {
	if !slices.Contains(*h.attachments(), key) {
		return nil
	}
	row, _ := h.row()
	_, err := edited(ctx, s, h, s.holderTarget(row.Account, h.ARN()), func(_ context.Context, h holder) error {
		if !removeAttachment(h, key) {
			return errUnchanged
		}
		return nil
	})
	return err
}

func detach[T holder](ctx context.Context, s *Service, caller *policy.Caller, operation, arn string, t target[T]) error {
	_, err := editEntity(ctx, s, attaching(caller, operation, arn), t, func(ctx context.Context, e T) error {
		p, err := s.managedPolicy(ctx, caller.Account, arn)
		if err != nil {
			return err
		}
		if !removeAttachment(e, p.key()) {
			return refuse(NotFound, "policy %s is not attached to %s", arn, e.ARN())
		}
		return nil
	})
	return err
}

// AttachUserPolicy attaches a managed policy to a user. One that is attached already stays so.
func (s *Service) AttachUserPolicy(ctx context.Context, caller *policy.Caller, user, arn string) error {
	return attach(ctx, s, caller, "AttachUserPolicy", arn, s.userTarget(caller.Account, user))
}

// DetachUserPolicy takes a managed policy off a user.
func (s *Service) DetachUserPolicy(ctx context.Context, caller *policy.Caller, user, arn string) error {
	return detach(ctx, s, caller, "DetachUserPolicy", arn, s.userTarget(caller.Account, user))
}

// AttachRolePolicy attaches a managed policy to a role. One that is attached already stays so.
func (s *Service) AttachRolePolicy(ctx context.Context, caller *policy.Caller, role, arn string) error {
	return attach(ctx, s, caller, "AttachRolePolicy", arn, s.roleTarget(caller.Account, role))
}

// DetachRolePolicy takes a managed policy off a role.
func (s *Service) DetachRolePolicy(ctx context.Context, caller *policy.Caller, role, arn string) error {
	return detach(ctx, s, caller, "DetachRolePolicy", arn, s.roleTarget(caller.Account, role))
}

// AttachedPolicy is a managed policy as lists of attachments show it.
type AttachedPolicy struct{ Name, ARN string }

func listAttached[T holder](ctx context.Context, s *Service, caller *policy.Caller, operation, pathPrefix string, p Page, t target[T]) (List[AttachedPolicy], error) {
	q := iamRequest{caller: caller, operation: operation, read: true}
	return onEntity(ctx, s, q, t, func(ctx context.Context, e T) (List[AttachedPolicy], error) {
		all := []AttachedPolicy{}
		for _, id := range *e.attachments() {
			m, err := s.attachedPolicy(ctx, caller.Account, id)
			if err != nil {
				return List[AttachedPolicy]{}, err
			}
			if strings.HasPrefix(m.Path, pathPrefix) {
				all = append(all, AttachedPolicy{m.Name, m.ARN()})
			}
		}
		slices.SortFunc(all, func(a, b AttachedPolicy) int { return cmp.Compare(a.ARN, b.ARN) })
		return pageOf("attached-policy", all, p, func(a AttachedPolicy) string { return a.ARN })
	})
}

// ListAttachedUserPolicies returns a page of the managed policies attached to a user whose path begins with the prefix.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, caller *policy.Caller, user, pathPrefix string, p Page) (List[AttachedPolicy], error) {
	return listAttached(ctx, s, caller, "ListAttachedUserPolicies", pathPrefix, p, s.userTarget(caller.Account, user))
}

// ListAttachedRolePolicies returns a page of the managed policies attached to a role whose path begins with the prefix.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, caller *policy.Caller, role, pathPrefix string, p Page) (List[AttachedPolicy], error) {
	return listAttached(ctx, s, caller, "ListAttachedRolePolicies", pathPrefix, p, s.roleTarget(caller.Account, role))
}

// checkNoPolicies refuses to delete a principal that still has policies.
func (s *Service) checkNoPolicies(ctx context.Context, account, id, what string, attached []string) error {
	if len(attached) > 0 {
		return refuse(InUse, "%s has managed policies attached: detach them first", what)
	}
	rows, err := s.Store.ListRecords(ctx, account, KindPolicy, id, "", 1)
	if err != nil {
		return internal(err, "reading policies")
	}
	if len(rows) > 0 {
		return refuse(InUse, "%s has inline policies: delete them first", what)
	}
	return nil
}

// everyHolder calls f with every user and role of the account.
func (s *Service) everyHolder(ctx context.Context, account string, f func(holder) error) error {
	if err := everyRecord(ctx, s, account, KindUser, decodePrincipal, func(u *Principal) error { return f(u) }); err != nil {
		return err
	}
	return everyRecord(ctx, s, account, KindRole, decodeRole, func(r *Role) error { return f(r) })
}

// attachmentCounts tells for every policy that is attached to how many. It is counted once for each version of the
// account, and never changed afterwards.
func (s *Service) attachmentCounts(ctx context.Context, account string) (map[string]int, error) {
	const key = "attachment-counts"
	st, err := s.state(ctx, account, true)
	if err != nil {
		return nil, err
	}
	if v, ok := st.get(key); ok {
		return v.(map[string]int), nil
	}
	counts := map[string]int{}
	err = s.everyHolder(ctx, account, func(h holder) error {
		for _, id := range *h.attachments() {
			counts[id]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	st.put(key, counts)
	return counts, nil
}

func (s *Service) checkUnattached(ctx context.Context, p *ManagedPolicy) error {
	return s.everyHolder(ctx, p.Account, func(h holder) error {
		if slices.Contains(*h.attachments(), p.key()) {
			return refuse(InUse, "policy %s is attached to %s: detach it first (ListEntitiesForPolicy lists all that it is attached to)", p.Name, h.ARN())
		}
		return nil
	})
}

// PolicyFilter narrows ListPolicies; empty members match all.
type PolicyFilter struct {
	Scope        string // "All" or "", "AWS" for those supplied, "Local" for the account's own
	OnlyAttached bool
	PathPrefix   string
}

// ListPolicies returns a page of managed policies: those supplied, then the account's own in order of name.
func (s *Service) ListPolicies(ctx context.Context, caller *policy.Caller, f PolicyFilter, p Page) (List[*ManagedPolicy], error) {
	return onList(ctx, s, caller, "ListPolicies", "policy", f.PathPrefix, func(ctx context.Context) (List[*ManagedPolicy], error) {
		all, err := s.policies(ctx, caller.Account, f)
		if err != nil {
			return List[*ManagedPolicy]{}, err
		}
		return pageOf(KindManagedPolicy, all, p, func(m *ManagedPolicy) string {
			if m.Supplied {
				return "0" + m.Name
			}
			return "1" + m.Name
		})
	})
}

// policies reads all that match. An account has dozens, and every page must know what is attached anyway.
func (s *Service) policies(ctx context.Context, account string, f PolicyFilter) ([]*ManagedPolicy, error) {
	counts, err := s.attachmentCounts(ctx, account)
	if err != nil {
		return nil, err
	}
	var all []*ManagedPolicy
	add := func(m *ManagedPolicy) error {
		m.Attachments = counts[m.key()]
		if strings.HasPrefix(m.Path, f.PathPrefix) && (m.Attachments > 0 || !f.OnlyAttached) {
			all = append(all, m)
		}
		return nil
	}
	if f.Scope != "Local" {
		for _, m := range suppliedPolicies() {
			_ = add(m)
		}
	}
	if f.Scope == "AWS" {
		return all, nil
	}
	return all, everyRecord(ctx, s, account, KindManagedPolicy, decodeManagedPolicy, add)
}

// PolicyHolder is a user or role that a policy is attached to.
type PolicyHolder struct {
	Kind     string // "User" or "Role"
	Name, ID string
}

// HolderFilter narrows ListEntitiesForPolicy; empty members match all.
type HolderFilter struct {
	Kind       string // "User" or "Role"; any other kind has none
	PathPrefix string
}

// ListEntitiesForPolicy returns a page of the users and roles that a managed policy is attached to.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, caller *policy.Caller, arn string, f HolderFilter, p Page) (List[PolicyHolder], error) {
	q := iamRequest{caller: caller, operation: "ListEntitiesForPolicy", read: true}
	return onEntity(ctx, s, q, s.policyTarget(caller.Account, arn), func(ctx context.Context, m *ManagedPolicy) (List[PolicyHolder], error) {
		all := []PolicyHolder{}
		err := s.everyHolder(ctx, caller.Account, func(h holder) error {
			e, path := describe(h)
			if slices.Contains(*h.attachments(), m.key()) && (f.Kind == "" || f.Kind == e.Kind) && strings.HasPrefix(path, f.PathPrefix) {
				all = append(all, e)
			}
			return nil
		})
		if err != nil {
			return List[PolicyHolder]{}, err
		}
		key := func(e PolicyHolder) string { return e.Kind + "/" + e.Name }
		slices.SortFunc(all, func(a, b PolicyHolder) int { return cmp.Compare(key(a), key(b)) })
		return pageOf("policy-holder", all, p, key)
	})
}

func describe(h holder) (e PolicyHolder, path string) {
	row, _ := h.row()
	e = PolicyHolder{Kind: "User", Name: row.Name, ID: row.ID}
	if r, ok := h.(*Role); ok {
		e.Kind = "Role"
		return e, r.Path
	}
	return e, h.(*Principal).Path
}
