package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Workload is an agent's own registered identity, with the return URLs that browsers may be sent to after consent.
type Workload struct {
	Account, ID, Name    string
	ReturnURLs           []string
	Tags                 map[string]string
	TokenTTL             time.Duration // of its workload access tokens; zero for the service's
	VerifiedUsersOnly    bool          // no user ids: only users whose JWT proves them (A54)
	UsersPerMinute       int           // distinct user ids that it may act for in a minute, at each replica; zero for any number (A54)
	Epoch                time.Time     // tokens minted before it are refused
	RuntimeID            string        // the agent runtime whose own identity it is; only that runtime gets its tokens
	CreatedAt, UpdatedAt time.Time

	record Record
}

// NewWorkload is what a caller says of a workload identity.
type NewWorkload struct {
	Name       string
	ReturnURLs []string
	Tags       map[string]string
}

type workloadData struct {
	identified
	ReturnURLs []string          `json:"returnUrls"`
	Tags       map[string]string `json:"tags,omitempty"`
	TokenTTL   time.Duration     `json:"tokenTtl,omitempty"`
	Verified   bool              `json:"verifiedUsersOnly,omitempty"`
	UserRate   int               `json:"usersPerMinute,omitempty"`
	Epoch      int64             `json:"epoch,omitempty"` // unix milliseconds
	Runtime    string            `json:"runtime,omitempty"`
}

func (w *Workload) data() workloadData {
	d := workloadData{identified: identified{Name: w.Name}, ReturnURLs: w.ReturnURLs, Tags: w.Tags, TokenTTL: w.TokenTTL, Verified: w.VerifiedUsersOnly, UserRate: w.UsersPerMinute, Runtime: w.RuntimeID}
	if !w.Epoch.IsZero() {
		d.Epoch = w.Epoch.UnixMilli()
	}
	return d
}

func decodeWorkload(r Record) (*Workload, error) {
	var d workloadData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding workload identity "+r.Name)
	}
	w := &Workload{Account: r.Account, ID: r.ID, Name: r.Name, ReturnURLs: d.ReturnURLs, Tags: d.Tags, TokenTTL: d.TokenTTL,
		VerifiedUsersOnly: d.Verified, UsersPerMinute: d.UserRate, RuntimeID: d.Runtime, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, record: r}
	if d.Epoch != 0 {
		w.Epoch = time.UnixMilli(d.Epoch)
	}
	return w, nil
}

// CreateWorkload registers a workload identity.
func (s *Service) CreateWorkload(ctx context.Context, caller *policy.Caller, in NewWorkload) (*Workload, error) {
	r := request{caller: caller, action: "bedrock-agentcore:CreateWorkloadIdentity", durable: true, workload: in.Name,
		resources: onTagged(s.workloadResources(caller.Account, in.Name), in.Tags)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Workload, error) {
		if err := s.checkReturnURLs(in.ReturnURLs); err != nil {
			return nil, err
		}
		w := &Workload{Account: caller.Account, ID: newID(s.Rand, "wl-"), Name: in.Name, ReturnURLs: nonNil(in.ReturnURLs), Tags: in.Tags}
		w.record = Record{Account: w.Account, Kind: KindWorkload, ID: w.ID, Name: w.Name}
		err := s.insert(ctx, &w.record, w.data(), vault.Secret{})
		if errors.Is(err, ErrExists) {
			return nil, &Error{Code: Duplicate, Field: "name", Message: "a workload identity named " + in.Name + " exists already; choose another name, or change it with UpdateWorkloadIdentity"}
		}
		w.CreatedAt, w.UpdatedAt = w.record.CreatedAt, w.record.UpdatedAt
		return w, internal(err, "storing workload identity "+in.Name)
	})
}

// GetWorkload returns a workload identity.
func (s *Service) GetWorkload(ctx context.Context, caller *policy.Caller, name string) (*Workload, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetWorkloadIdentity", workload: name, resources: s.onWorkload(name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Workload, error) {
		return s.workload(ctx, caller.Account, name, true)
	})
}

// ListWorkloads returns a page in order of name.
func (s *Service) ListWorkloads(ctx context.Context, caller *policy.Caller, p Page) (List[*Workload], error) {
	r := request{caller: caller, action: "bedrock-agentcore:ListWorkloadIdentities", resources: on([]string{s.directoryARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[*Workload], error) {
		return listRecords(ctx, s, caller.Account, KindWorkload, p, decodeWorkload)
	})
}

// UpdateWorkload replaces the whole list of return URLs.
func (s *Service) UpdateWorkload(ctx context.Context, caller *policy.Caller, name string, returnURLs []string) (*Workload, error) {
	r := request{caller: caller, action: "bedrock-agentcore:UpdateWorkloadIdentity", durable: true, workload: name, resources: s.onWorkload(name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Workload, error) {
		if err := s.checkReturnURLs(returnURLs); err != nil {
			return nil, err
		}
		return s.editWorkload(ctx, caller.Account, name, func(w *Workload) { w.ReturnURLs = nonNil(returnURLs) })
	})
}

// editWorkload changes a copy of the stored workload and stores it.
func (s *Service) editWorkload(ctx context.Context, account, name string, edit func(*Workload)) (*Workload, error) {
	old, err := s.workload(ctx, account, name, true)
	if err != nil {
		return nil, err
	}
	w := *old
	edit(&w)
	err = s.replace(ctx, &w.record, w.data(), vault.Secret{})
	if errors.Is(err, ErrVersion) {
		return nil, refuse(Conflict, "workload identity %s was changed by somebody else at the same moment; read it and try again", name)
	}
	w.UpdatedAt = w.record.UpdatedAt
	return &w, internal(err, "storing workload identity "+name)
}

// DeleteWorkload removes a workload identity with all grants and sessions made for it.
func (s *Service) DeleteWorkload(ctx context.Context, caller *policy.Caller, name string) error {
	r := request{caller: caller, action: "bedrock-agentcore:DeleteWorkloadIdentity", durable: true, workload: name, resources: s.onWorkload(name)}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) {
		w, err := s.workload(ctx, caller.Account, name, true)
		if err != nil {
			return struct{}{}, err
		}
		if err := s.checkNoRuntime(ctx, w); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &w.record)
	})
	return err
}

// remove deletes a record with all that hangs on it. Somebody else having been faster is as good.
func (s *Service) remove(ctx context.Context, r *Record) error {
	err := s.Store.DeleteRecord(ctx, r.Account, r.Kind, r.ID)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	s.changed(r.Account)
	return internal(err, "deleting "+r.Kind+" "+r.Name)
}

// onWorkload names a workload identity with the tags that it carries, and its directory. One that does not exist has
// none: whether it does is told only to those who may know.
func (s *Service) onWorkload(name string) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		w, err := s.workload(ctx, c.caller.Account, name, false)
		if err != nil && codeOf(err) != NotFound {
			return nil, err
		}
		arns := s.workloadResources(c.caller.Account, name)
		if err == nil {
			c.workload = w
			c.tagged(arns[0], w.Tags)
		}
		return arns, nil
	}
}

// workload finds a workload identity by name.
func (s *Service) workload(ctx context.Context, account, name string, fresh bool) (*Workload, error) {
	st, err := s.state(ctx, account, fresh)
	if err != nil {
		return nil, err
	}
	w, err := lookup(ctx, s, st, account, KindWorkload, "", name, decodeWorkload)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no workload identity %s in account %s. Create it with CreateWorkloadIdentity (aws bedrock-agentcore-control create-workload-identity --name %s)", name, account, name)
	}
	if err != nil {
		return nil, internal(err, "reading workload identity "+name)
	}
	return w, nil
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// WorkloadSettings are what an operator, not the agent's developer, decides of a workload identity; nil leaves a
// setting as it is.
type WorkloadSettings struct {
	TokenTTL          *time.Duration // zero for the service's
	VerifiedUsersOnly *bool
	UsersPerMinute    *int // zero for any number
}

// maxTokenTTL is the longest life of a workload access token.
const maxTokenTTL = 12 * time.Hour

// SetWorkload changes an operator's settings of a workload identity.
func (s *Service) SetWorkload(ctx context.Context, account, name string, in WorkloadSettings) (*Workload, error) {
	return admin(ctx, s, account, "SetWorkload", func(ctx context.Context) (*Workload, error) {
		if t := in.TokenTTL; t != nil && (*t < 0 || *t > maxTokenTTL) {
			return nil, invalid("token-ttl", "a workload access token lives for at most %s, and not for %s", maxTokenTTL, *t)
		}
		if n := in.UsersPerMinute; n != nil && *n < 0 {
			return nil, invalid("users-per-minute", "%d is no number of users; 0 is any number", *n)
		}
		return s.editWorkload(ctx, account, name, func(w *Workload) {
			set(&w.TokenTTL, in.TokenTTL)
			set(&w.VerifiedUsersOnly, in.VerifiedUsersOnly)
			set(&w.UsersPerMinute, in.UsersPerMinute)
		})
	})
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
