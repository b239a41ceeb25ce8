package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// ManagedPolicy is a policy of its own, attached to any number of users and roles, with its earlier versions.
type ManagedPolicy struct {
	Account, ID, Name    string
	Path, Description    string
	Versions             []PolicyVersion
	Default              string // id of the version that holds
	Tags                 map[string]string
	CreatedAt, UpdatedAt time.Time
	// Attachments is how many users and roles it is attached to, where that was asked for.
	Attachments int
	// Supplied tells that it comes with Lanyard: it belongs to no account, and nobody changes it.
	Supplied bool

	next   int // number of the next version
	record Record
}

// PolicyVersion is one document of a managed policy. Its id, v1 and on, is never used twice.
type PolicyVersion struct {
	ID        string    `json:"id"`
	Document  string    `json:"document"`
	CreatedAt time.Time `json:"createdAt"`
	Default   bool      `json:"-"` // set in answers: it is the one that holds
}

type managedPolicyData struct {
	identified
	Path        string            `json:"path,omitempty"`
	Description string            `json:"description,omitempty"`
	Versions    []PolicyVersion   `json:"versions"`
	Default     string            `json:"default"`
	Next        int               `json:"next"` // number of the next version
	Tags        map[string]string `json:"tags,omitempty"`
}

// ARN is the policy's.
func (p *ManagedPolicy) ARN() string { return iamARN(p.Account, "policy"+p.Path+p.Name) }

func (p *ManagedPolicy) labels() map[string]string { return p.Tags }

func (p *ManagedPolicy) row() (*Record, any) {
	return &p.record, managedPolicyData{identified{Name: p.Name}, p.Path, p.Description, p.Versions, p.Default, p.next, p.Tags}
}

// version finds a version by its id; -1 when there is none.
func (p *ManagedPolicy) version(id string) int {
	return slices.IndexFunc(p.Versions, func(v PolicyVersion) bool { return v.ID == id })
}

func decodeManagedPolicy(r Record) (*ManagedPolicy, error) {
	var d managedPolicyData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding policy "+r.Name)
	}
	return &ManagedPolicy{Account: r.Account, ID: r.ID, Name: r.Name, Path: cmp.Or(d.Path, "/"), Description: d.Description,
		Versions: d.Versions, Default: d.Default, Tags: d.Tags, next: d.Next, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, record: r}, nil
}

// attachedDocument is the default version of what is attached: the id of a managed policy, or the ARN of a supplied one.
func (s *Service) attachedDocument(ctx context.Context, account, id string) (*policy.Document, error) {
	p, err := s.attachedPolicy(ctx, account, id)
	if err != nil {
		return nil, err
	}
	i := p.version(p.Default)
	if i < 0 {
		return nil, internal(errors.New("it has no default version"), "reading attached policy "+p.Name)
	}
	d, err := policy.Parse(p.Name, []byte(p.Versions[i].Document))
	return d, internal(err, "reading attached policy "+p.Name)
}

// attachedPolicy reads what is attached. One that is gone is a fault: it might have held a Deny.
func (s *Service) attachedPolicy(ctx context.Context, account, id string) (*ManagedPolicy, error) {
	if name, ok := strings.CutPrefix(id, suppliedPrefix); ok {
		if p, ok := suppliedPolicy(name); ok {
			return p, nil
		}
		return nil, internal(errors.New("this release supplies no policy of that name"), "reading attached policy "+id)
	}
	r, err := s.Store.RecordByID(ctx, KindManagedPolicy, id)
	if err == nil && r.Account != account {
		err = ErrNotFound
	}
	if err != nil {
		return nil, internal(err, "reading attached policy "+id)
	}
	return decode(ctx, s, r, decodeManagedPolicy)
}

// managedPolicy reads a policy by its ARN as it is now.
func (s *Service) managedPolicy(ctx context.Context, account, arn string) (*ManagedPolicy, error) {
	if name, ok := strings.CutPrefix(arn, suppliedPrefix); ok {
		if p, ok := suppliedPolicy(name); ok {
			return p, nil
		}
		return nil, notSupplied(name)
	}
	absent := refuse(NotFound, "there is no policy %s in account %s. ListPolicies lists those there are", clip(arn), account)
	path, ok := strings.CutPrefix(arn, iamARN(account, "policy/"))
	if !ok { // another account's, or no policy's (A11)
		return nil, absent
	}
	r, err := s.Store.Record(ctx, account, KindManagedPolicy, "", path[strings.LastIndexByte(path, '/')+1:])
	if errors.Is(err, ErrNotFound) {
		return nil, absent
	}
	if err != nil {
		return nil, internal(err, "reading policy "+arn)
	}
	p, err := decode(ctx, s, r, decodeManagedPolicy)
	if err == nil && p.ARN() != arn {
		return nil, absent
	}
	return p, err
}

func (s *Service) policyTarget(account, arn string) target[*ManagedPolicy] {
	return target[*ManagedPolicy]{absent: arn, find: func(ctx context.Context) (*ManagedPolicy, error) { return s.managedPolicy(ctx, account, arn) }}
}

// ownPolicyTarget is a policy that may be changed: none that Lanyard supplies.
func (s *Service) ownPolicyTarget(account, arn string) target[*ManagedPolicy] {
	t := s.policyTarget(account, arn)
	find := t.find
	t.find = func(ctx context.Context) (*ManagedPolicy, error) {
		p, err := find(ctx)
		if err == nil && p.Supplied {
			return nil, invalid("PolicyArn", "%s comes with Lanyard and cannot be changed; make a policy of your own from its document (GetPolicyVersion)", arn)
		}
		return p, err
	}
	return t
}

// NewPolicy is what a caller says of a managed policy. Path is "/" unless given.
type NewPolicy struct {
	Name, Path, Description string
	Document                string
	Tags                    map[string]string
}

const (
	maxManaged  = 6144 // characters of a managed policy, white space aside
	maxVersions = 5
)

// CreatePolicy makes a managed policy; its document is version v1.
func (s *Service) CreatePolicy(ctx context.Context, caller *policy.Caller, in NewPolicy) (*ManagedPolicy, error) {
	p := &ManagedPolicy{Account: caller.Account, ID: newIAMID(s.Rand, "ANPA"), Name: in.Name, Path: cmp.Or(in.Path, "/"), Description: in.Description,
		Versions: []PolicyVersion{{ID: "v1", Document: in.Document, CreatedAt: s.Now()}}, Default: "v1", Tags: in.Tags, next: 2}
	p.record = Record{Account: p.Account, Kind: KindManagedPolicy, ID: p.ID, Name: p.Name}
	p, err := createEntity(ctx, s, caller, "CreatePolicy", "TagPolicy", p, func(context.Context) error {
		return cmp.Or(checkName("PolicyName", "policy", in.Name, 128), checkPath(p.Path), checkDescription(in.Description), checkTags(in.Tags), checkManaged(in.Name, in.Document))
	})
	if err != nil {
		return nil, err
	}
	p.CreatedAt, p.UpdatedAt = p.record.CreatedAt, p.record.UpdatedAt
	return p, nil
}

func checkManaged(name, document string) error {
	what := "policy " + name
	if err := checkSize(what, document, maxManaged); err != nil {
		return err
	}
	_, err := policy.Parse(name, []byte(document))
	return malformed(what, err)
}

// GetPolicy returns a managed policy, and to how many it is attached.
func (s *Service) GetPolicy(ctx context.Context, caller *policy.Caller, arn string) (*ManagedPolicy, error) {
	q := iamRequest{caller: caller, operation: "GetPolicy", read: true}
	return onEntity(ctx, s, q, s.policyTarget(caller.Account, arn), func(ctx context.Context, p *ManagedPolicy) (*ManagedPolicy, error) {
		counts, err := s.attachmentCounts(ctx, caller.Account)
		p.Attachments = counts[p.key()]
		return p, err
	})
}

// DeletePolicy removes a managed policy that is attached to nobody, once its other versions are gone. Who attached it at
// the same moment loses it again (see attach): what is attached and gone would shut its holder out of everything.
func (s *Service) DeletePolicy(ctx context.Context, caller *policy.Caller, arn string) error {
	q := iamRequest{caller: caller, operation: "DeletePolicy"}
	_, err := onEntity(ctx, s, q, s.ownPolicyTarget(caller.Account, arn), func(ctx context.Context, p *ManagedPolicy) (struct{}, error) {
		if len(p.Versions) > 1 {
			return struct{}{}, refuse(InUse, "policy %s has %d versions: delete all but its default version first (DeletePolicyVersion)", p.Name, len(p.Versions))
		}
		if err := s.checkUnattached(ctx, p); err != nil {
			return struct{}{}, err
		}
		if err := s.remove(ctx, &p.record); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.everyHolder(ctx, p.Account, func(h holder) error { return s.strip(ctx, h, p.key()) })
	})
	return err
}

// CreatePolicyVersion adds a version, and makes it the one that holds if asked to.
func (s *Service) CreatePolicyVersion(ctx context.Context, caller *policy.Caller, arn, document string, setDefault bool) (PolicyVersion, error) {
	var made PolicyVersion
	q := iamRequest{caller: caller, operation: "CreatePolicyVersion"}
	_, err := editEntity(ctx, s, q, s.ownPolicyTarget(caller.Account, arn), func(_ context.Context, p *ManagedPolicy) error {
		if err := checkManaged(p.Name, document); err != nil {
			return err
		}
		if len(p.Versions) >= maxVersions {
			return refuse(LimitExceeded, "policy %s has %d versions already, the most that one may have: delete one that is not its default (DeletePolicyVersion)", p.Name, maxVersions)
		}
		made = PolicyVersion{ID: "v" + strconv.Itoa(p.next), Document: document, CreatedAt: s.Now()}
		p.Versions, p.next = append(p.Versions, made), p.next+1
		if setDefault {
			p.Default, made.Default = made.ID, true
		}
		return nil
	})
	return made, err
}

func (p *ManagedPolicy) needVersion(id string) (int, error) {
	if i := p.version(id); i >= 0 {
		return i, nil
	}
	return -1, refuse(NotFound, "policy %s has no version %s", p.Name, clip(id))
}

// GetPolicyVersion returns one version with its document.
func (s *Service) GetPolicyVersion(ctx context.Context, caller *policy.Caller, arn, id string) (PolicyVersion, error) {
	q := iamRequest{caller: caller, operation: "GetPolicyVersion", read: true}
	return onEntity(ctx, s, q, s.policyTarget(caller.Account, arn), func(_ context.Context, p *ManagedPolicy) (PolicyVersion, error) {
		i, err := p.needVersion(id)
		if err != nil {
			return PolicyVersion{}, err
		}
		v := p.Versions[i]
		v.Default = v.ID == p.Default
		return v, nil
	})
}

// ListPolicyVersions returns a page of the versions, the oldest first.
func (s *Service) ListPolicyVersions(ctx context.Context, caller *policy.Caller, arn string, page Page) (List[PolicyVersion], error) {
	q := iamRequest{caller: caller, operation: "ListPolicyVersions", read: true}
	return onEntity(ctx, s, q, s.policyTarget(caller.Account, arn), func(_ context.Context, p *ManagedPolicy) (List[PolicyVersion], error) {
		all := slices.Clone(p.Versions)
		for i := range all {
			all[i].Default = all[i].ID == p.Default
		}
		// Numbers of as many digits sort as their text does.
		return pageOf("policy-version", all, page, func(v PolicyVersion) string { return fmt.Sprintf("%010s", v.ID[1:]) })
	})
}

// SetDefaultPolicyVersion makes a version the one that holds.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, caller *policy.Caller, arn, id string) error {
	q := iamRequest{caller: caller, operation: "SetDefaultPolicyVersion"}
	_, err := editEntity(ctx, s, q, s.ownPolicyTarget(caller.Account, arn), func(_ context.Context, p *ManagedPolicy) error {
		if _, err := p.needVersion(id); err != nil {
			return err
		}
		p.Default = id
		return nil
	})
	return err
}

// DeletePolicyVersion removes a version that does not hold.
func (s *Service) DeletePolicyVersion(ctx context.Context, caller *policy.Caller, arn, id string) error {
	q := iamRequest{caller: caller, operation: "DeletePolicyVersion"}
	_, err := editEntity(ctx, s, q, s.ownPolicyTarget(caller.Account, arn), func(_ context.Context, p *ManagedPolicy) error {
		i, err := p.needVersion(id)
		if err != nil {
			return err
		}
		if id == p.Default {
			return refuse(InUse, "%s is the default version of policy %s: make another the default first (SetDefaultPolicyVersion), or delete the policy", id, p.Name)
		}
		p.Versions = slices.Delete(slices.Clone(p.Versions), i, i+1)
		return nil
	})
	return err
}
