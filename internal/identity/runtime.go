package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// Kinds of records of agent runtimes. Versions and endpoints are owned by their runtime.
const (
	KindRuntime         = "runtime"
	KindRuntimeVersion  = "runtime-version"
	KindRuntimeEndpoint = "runtime-endpoint"
)

// Runtime is an agent that Lanyard's agent host runs: a name, its versions, and a workload identity of its own.
type Runtime struct {
	Account, ID, Name    string
	WorkloadID           string
	Description          string // of the latest version
	Versions             []VersionRef
	Next                 int // number of the next version; none is ever used twice
	Tags                 map[string]string
	CreatedAt, UpdatedAt time.Time

	record Record
}

// VersionRef says under which record a version rests.
type VersionRef struct {
	Number int    `json:"number"`
	ID     string `json:"id"`
}

type runtimeData struct {
	identified
	WorkloadID  string            `json:"workload"`
	Description string            `json:"description,omitempty"`
	Versions    []VersionRef      `json:"versions"`
	Next        int               `json:"next"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// runtimeSecret is sealed with the runtime.
type runtimeSecret struct {
	// Key names users to the agent host (see userKey). It is the runtime's for life, so that a session stays its user's
	// when the account's data keys are rotated.
	Key []byte `json:"key"`
	// Retry recognises a creation that is sent again.
	Retry retryMark `json:"retry"`
}

// RuntimeConfig is what a version consists of.
type RuntimeConfig struct {
	RoleARN         string            `json:"role"`
	Source          RuntimeSource     `json:"source"`
	EntryPoint      []string          `json:"entryPoint"`
	Language        string            `json:"language"` // as on the wire
	Authorizer      *JWTAuthorizer    `json:"authorizer,omitempty"`
	HeaderAllowList []string          `json:"headers,omitempty"`
	Protocol        string            `json:"protocol"`
	IdleTimeout     int               `json:"idle"` // seconds
	MaxLifetime     int               `json:"lifetime"`
	Description     string            `json:"description,omitempty"`
	Environment     map[string]string `json:"-"` // sealed
}

// RuntimeSource is where the agent's files are: an uploaded archive, or a directory of the agent host's machine.
type RuntimeSource struct {
	Archive   string `json:"archive,omitempty"` // SHA-256 in hexadecimal
	Directory string `json:"directory,omitempty"`
}

// RuntimeVersion is one version of a runtime. It never changes.
type RuntimeVersion struct {
	Number int
	Config RuntimeConfig // without its environment, which OpenEnvironment reads
	// Missing says that the version's record is not there: making it was interrupted.
	Missing   bool
	CreatedAt time.Time

	record Record
}

type versionData struct {
	identified
	Number int           `json:"number"`
	Config RuntimeConfig `json:"config"`
}

// versionSecret is sealed with a version.
type versionSecret struct {
	Environment map[string]string `json:"environment,omitempty"`
	Retry       retryMark         `json:"retry"`
}

// Defaults of a session's life, in seconds.
const (
	defaultIdleTimeout = 900
	defaultMaxLifetime = 8 * 3600
)

func (r *Runtime) data() runtimeData {
	return runtimeData{identified: identified{Name: r.Name}, WorkloadID: r.WorkloadID, Description: r.Description, Versions: r.Versions, Next: r.Next, Tags: r.Tags}
}

func decodeRuntime(r Record) (*Runtime, error) {
	var d runtimeData
	if err := json.Unmarshal(r.Data, &d); err != nil || len(d.Versions) == 0 {
		return nil, internal(errors.Join(errors.New("no version"), err), "decoding runtime "+r.Name)
	}
	return &Runtime{Account: r.Account, ID: r.ID, Name: r.Name, WorkloadID: d.WorkloadID, Description: d.Description, Versions: d.Versions, Next: d.Next,
		Tags: d.Tags, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, record: r}, nil
}

func decodeRuntimeVersion(r Record) (*RuntimeVersion, error) {
	var d versionData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding a version of runtime "+r.Parent)
	}
	return &RuntimeVersion{Number: d.Number, Config: d.Config, CreatedAt: r.CreatedAt, record: r}, nil
}

// Latest is the version that the endpoint DEFAULT leads to.
func (r *Runtime) Latest() VersionRef { return r.Versions[len(r.Versions)-1] }

func (r *Runtime) version(number int) (VersionRef, bool) {
	i := slices.IndexFunc(r.Versions, func(v VersionRef) bool { return v.Number == number })
	if i < 0 {
		return VersionRef{}, false
	}
	return r.Versions[i], true
}

// ARNs of runtimes and endpoints (contract 2.0).

// RuntimeARN is the ARN of a runtime.
func (s *Service) RuntimeARN(account, id string) string { return s.arn(account, "runtime/", id) }

// EndpointARN is the ARN of a runtime's endpoint.
func (s *Service) EndpointARN(account, id, endpoint string) string {
	return s.RuntimeARN(account, id) + "/runtime-endpoint/" + endpoint
}

// runtime finds a runtime by its id, within one account.
func (s *Service) runtime(ctx context.Context, account, id string, fresh bool) (*Runtime, error) {
	st, err := s.state(ctx, account, fresh)
	if err != nil {
		return nil, err
	}
	r, err := lookupID(ctx, s, st, account, KindRuntime, id, decodeRuntime)
	if errors.Is(err, ErrNotFound) {
		return nil, noRuntime(account, id)
	}
	return r, internal(err, "reading runtime "+id)
}

func noRuntime(account, id string) error {
	return refuse(NotFound, "there is no agent runtime %s in account %s. Make one with: lanyard launch", clip(id), clip(account))
}

// runtimeVersion reads one version; number 0 is the latest. One whose record is missing was interrupted when it was made.
func (s *Service) runtimeVersion(ctx context.Context, r *Runtime, number int) (*RuntimeVersion, error) {
	ref := r.Latest()
	if number != 0 {
		var ok bool
		if ref, ok = r.version(number); !ok {
			return nil, refuse(NotFound, "agent runtime %s has no version %d; its latest is %d", r.ID, number, r.Latest().Number)
		}
	}
	st, err := s.state(ctx, r.Account, false)
	if err != nil {
		return nil, err
	}
	v, err := lookupID(ctx, s, st, r.Account, KindRuntimeVersion, ref.ID, decodeRuntimeVersion)
	if errors.Is(err, ErrNotFound) {
		return &RuntimeVersion{Number: ref.Number, Missing: true, CreatedAt: r.UpdatedAt}, nil
	}
	if err == nil && (v.Number != ref.Number || v.record.Parent != r.ID) { // a row of another runtime put in its place (A64)
		return nil, s.tampered(ctx, &v.record, errors.New("it is not the version that the runtime names"))
	}
	return v, internal(err, "reading a version of runtime "+r.ID)
}

// OpenEnvironment reads the environment of a version, which is sealed.
func (s *Service) OpenEnvironment(ctx context.Context, v *RuntimeVersion) (map[string]string, error) {
	var secret versionSecret
	err := s.openJSON(ctx, &v.record, &secret)
	return secret.Environment, err
}

// openJSON opens what is sealed with a record.
func (s *Service) openJSON(ctx context.Context, r *Record, into any) error {
	secret, err := s.Vault.Open(ctx, recordPlace(r), r.Sealed)
	if err != nil {
		return internal(err, "opening the secret of "+r.Kind+" "+r.Name)
	}
	return internal(json.Unmarshal(secret.Reveal(), into), "decoding the secret of "+r.Kind+" "+r.Name)
}

func sealedJSON(v any) (vault.Secret, error) {
	b, err := json.Marshal(v)
	return vault.NewSecret(b), internal(err, "encoding a secret")
}

// onRuntime names a runtime with the tags that it carries. One that does not exist has none: whether it does is told
// only to those who may know.
func (s *Service) onRuntime(id string) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		arn := s.RuntimeARN(c.caller.Account, id)
		r, err := s.runtime(ctx, c.caller.Account, id, false)
		if err == nil {
			c.tagged(arn, r.Tags)
		}
		return []string{arn}, unlessMissing(err)
	}
}

// onEndpoint names a runtime and one of its endpoints, each with its own tags. DEFAULT has the runtime's.
func (s *Service) onEndpoint(id, name string) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		account := c.caller.Account
		arns := []string{s.RuntimeARN(account, id), s.EndpointARN(account, id, name)}
		r, err := s.runtime(ctx, account, id, false)
		if err != nil {
			return arns, unlessMissing(err)
		}
		c.tagged(arns[0], r.Tags)
		e, err := s.endpoint(ctx, r, name)
		if err == nil {
			c.tagged(arns[1], e.Tags)
		}
		return arns, unlessMissing(err)
	}
}

func unlessMissing(err error) error {
	if codeOf(err) == NotFound {
		return nil
	}
	return err
}

// linked refuses a token of a workload identity that is a runtime's own: whoever could mint it would be that agent, for
// any user.
func linked(w *Workload) error {
	return invalid("workloadName", "WorkloadIdentity is linked to a service and cannot retrieve an access token by the caller: %s belongs to the agent runtime %s, which hands a token to its agent with each invocation. Invoke the runtime, or use a workload identity of your own", w.Name, w.RuntimeID)
}

// checkNoRuntime refuses to delete a workload identity from under its runtime.
func (s *Service) checkNoRuntime(ctx context.Context, w *Workload) error {
	if w.RuntimeID == "" {
		return nil
	}
	if _, err := s.runtime(ctx, w.Account, w.RuntimeID, true); err != nil {
		return unlessMissing(err) // left behind by an interrupted creation or deletion
	}
	return refuse(Conflict, "workload identity %s belongs to the agent runtime %s and is deleted with it (DeleteAgentRuntime)", w.Name, w.RuntimeID)
}

const runtimeIDAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// newRuntimeID is the name and ten random letters and digits, as clients expect. It is never used twice, like every id.
func (s *Service) newRuntimeID(name string) string {
	out := []byte(name + "-")
	var b [1]byte
	for n := 0; n < 10; {
		mustRead(s.Rand, b[:])
		if int(b[0]) < 4*len(runtimeIDAlphabet) { // no letter is likelier than another
			out = append(out, runtimeIDAlphabet[int(b[0])%len(runtimeIDAlphabet)])
			n++
		}
	}
	return string(out)
}
