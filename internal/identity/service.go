package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
	"golang.org/x/sync/singleflight"
)

// Config is what the domain is told once. Members whose name begins with Insecure weaken a promise; they are off unless
// an operator (or `lanyard dev`) turns them on by name.
type Config struct {
	// Account is the configured account, under which refusals of strangers are audited.
	Account   string
	Region    string
	PublicURL *url.URL // scheme, host and optional path under which browsers reach the hosted endpoints
	// StateWindow is how long a cached record may be used on a hot path without asking whether the account changed.
	// What another replica changed is seen after it at the latest; refusals always ask first.
	StateWindow time.Duration
	TokenTTL    time.Duration // of workload access tokens
	SessionTTL  time.Duration // of authorization sessions
	// MaxPendingSessions bounds the consents that one workload and user may leave open.
	MaxPendingSessions int
	// Issuers are the inbound issuers of the configuration file; records add to them.
	Issuers []issuer.Trust
	// InsecureLoopbackIssuers accepts JWTs of any issuer on loopback, with any audience.
	InsecureLoopbackIssuers bool
	// InsecureLoopbackReturnURLs accepts any http return URL on loopback (RFC 8252 section 7.3), registered or not.
	InsecureLoopbackReturnURLs bool
	// InsecureFinishSessions finishes a session that has no return URL by itself: nobody matches the user.
	InsecureFinishSessions bool
	// InsecureNoPKCE names credential providers whose authorization server refuses PKCE.
	InsecureNoPKCE []string
	// Replica names this process in leases.
	Replica string
	// AdminFlags end every lanyard command that a message recommends: those that reach this instance.
	AdminFlags string
}

// OAuth is what the domain needs of package oauth.
type OAuth interface {
	Discover(ctx context.Context, discoveryURL string) (oauth.Metadata, error)
	Exchange(ctx context.Context, p oauth.Provider, code, verifier vault.Secret, callbackURL string, resources, audiences []string) (oauth.Token, error)
	Refresh(ctx context.Context, p oauth.Provider, refresh vault.Secret, scopes, resources, audiences []string) (oauth.Token, error)
	ClientCredentials(ctx context.Context, p oauth.Provider, scopes, resources, audiences []string, custom map[string]string) (oauth.Token, error)
}

// URLChecker says whether a URL of a provider may ever be called, by its form alone.
type URLChecker interface {
	Check(rawURL string) (*url.URL, error)
}

// Verifier verifies inbound JWTs.
type Verifier interface {
	Verify(ctx context.Context, token string, trust func(issuer string) (issuer.Trust, bool)) (*issuer.Claims, error)
}

// Deps are the parts that the domain combines.
type Deps struct {
	Store    Store
	Vault    *vault.Vault
	OAuth    OAuth
	Vendors  *oauth.Table
	URLs     URLChecker
	Verifier Verifier
	Now      func() time.Time
	Rand     io.Reader
	Log      *slog.Logger
}

// Service is the domain. It is safe for concurrent use.
type Service struct {
	cfg Config
	Deps
	states   sync.Map // account id -> *accountState
	refresh  singleflight.Group
	flights  sync.WaitGroup // refreshes at work; see Drain
	touched  touchSet
	ahead    aheadGate
	refusals refusalGate
	// rootWarned is when the log was last told that root's key is used, in nanoseconds.
	rootWarned atomic.Int64
}

// New returns a Service. It starts nothing.
func New(cfg Config, d Deps) *Service {
	return &Service{cfg: cfg, Deps: d, touched: touchSet{ids: map[string]string{}}}
}

// call is one authorised use-case at work: what it learns goes into the one audit record at its end.
type call struct {
	caller *policy.Caller
	rec    AuditRecord
	// token and workload are set where the request carries a workload access token (see onToken).
	token    *workloadToken
	workload *Workload
}

// request says what do must authorise.
type request struct {
	caller   *policy.Caller
	action   string
	durable  bool // a change: its audit record is flushed to the disk before the answer
	workload string
	provider string
	// resources names what policy decides on. It may open a token to learn it; a refusal of it is audited as a denial.
	resources func(ctx context.Context, c *call) ([]string, error)
}

// on names resources that are known from the request alone.
func on(arns []string) func(context.Context, *call) ([]string, error) {
	return func(context.Context, *call) ([]string, error) { return arns, nil }
}

// do is the one choke point: it authorises, runs f, and writes the one audit record. A denied call never reaches f, and
// a call whose record cannot be written fails whatever f did.
func do[T any](ctx context.Context, s *Service, r request, f func(ctx context.Context, c *call) (T, error)) (T, error) {
	var zero T
	c := s.open(ctx, r)
	if err := s.authorise(ctx, r, c); err != nil {
		return zero, s.finish(ctx, c, err)
	}
	out, err := guarded(func() (T, error) { return f(ctx, c) })
	if err = s.finish(ctx, c, err); err != nil {
		return zero, err
	}
	return out, nil
}

// guarded turns a panic into an error: what was done before a defect showed must have its record too, and a panic in a
// flight that requests share would end the process.
func guarded[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "a defect")
		}
	}()
	return f()
}

func (s *Service) open(ctx context.Context, r request) *call {
	return &call{caller: r.caller, rec: AuditRecord{
		Account: r.caller.Account, RequestID: RequestID(ctx),
		Caller: r.caller.ARN, AccessKey: r.caller.AccessKeyID, SourceIP: r.caller.SourceIP,
		Action: r.action, Workload: r.workload, Provider: r.provider, Durable: r.durable,
	}}
}

func (s *Service) authorise(ctx context.Context, r request, c *call) error {
	resources, err := r.resources(ctx, c)
	c.rec.Resources = resources
	if err != nil {
		return err
	}
	q := &policy.Request{Action: r.action, Resources: resources}
	d := policy.Evaluate(r.caller, q)
	if !d.Allowed { // a refusal never rests on a cached policy
		if fresh, err := s.freshCaller(ctx, r.caller); err == nil {
			if d = policy.Evaluate(fresh, q); d.Allowed {
				s.changed(r.caller.Account) // what the cache held was stale
			}
		}
	}
	if !d.Allowed {
		c.rec.Decision = decisionText(d)
		return refuse(Denied, "%s. Allow it with: %s", d.Message(r.caller, r.action), s.allowCommand(r.caller, r.action))
	}
	c.rec.Decision = decisionText(d)
	if r.caller.Kind == policy.KindRoot && c.rec.AccessKey != "" {
		s.warnOfRoot(ctx, c)
	}
	return nil
}

// rootReminder is how often the log is told that root's key is in use; the audit says so of every request.
const rootReminder = 10 * time.Minute

func (s *Service) warnOfRoot(ctx context.Context, c *call) {
	now := s.Now().UnixNano()
	last := s.rootWarned.Load()
	if last != 0 && now-last < int64(rootReminder) || !s.rootWarned.CompareAndSwap(last, now) {
		return
	}
	s.Log.WarnContext(ctx, "root credentials are in use; make users for daily work", "accessKeyId", c.rec.AccessKey, "action", c.rec.Action, "requestId", c.rec.RequestID, "mend", s.command("admin user create NAME"))
}

func decisionText(d policy.Decision) string {
	switch {
	case d.Policy != "" && d.StatementID != "":
		return d.Policy + "#" + d.StatementID
	case d.Policy != "":
		return d.Policy
	case d.Allowed:
		return "root"
	default:
		return "no statement"
	}
}

func (s *Service) allowCommand(c *policy.Caller, action string) string {
	if c.Kind != policy.KindUser {
		return "a policy that allows " + action
	}
	return s.command("admin policy put --user " + c.Name + " --name allow-" + strings.ToLower(action[strings.Index(action, ":")+1:]) + " --allow " + action)
}

// command spells a Lanyard command that mends something, as it would be typed at this instance.
func (s *Service) command(rest string) string {
	if s.cfg.AdminFlags == "" {
		return "lanyard " + rest
	}
	return "lanyard " + rest + " " + s.cfg.AdminFlags
}

// finish writes the audit record with the result and returns the error of the call, or of the audit.
func (s *Service) finish(ctx context.Context, c *call, err error) error {
	c.rec.Result = AuditAllowed
	if err != nil {
		c.rec.Reason = err.Error()
		c.rec.Code = codeOf(err).String()
		switch codeOf(err) {
		case Denied, Unauthorized, Unrecognized, Expired:
			c.rec.Result = AuditDenied
		default:
			c.rec.Result = AuditFailed
		}
	}
	if aerr := s.record(ctx, c.rec); aerr != nil {
		return &Error{Code: Unavailable, Message: "the audit record could not be written, so the request fails; it may have been carried out. Check the audit store's disk or database, then try again", Cause: errors.Join(aerr, err)}
	}
	return err
}

// record writes an audit record. It takes its place in time now, after the intents of the same request, and is written
// even when the client has gone: what was done was done.
func (s *Service) record(ctx context.Context, r AuditRecord) error {
	r.At = s.Now()
	r.ID = NewRequestID(r.At)
	return s.Store.AppendAudit(context.WithoutCancel(ctx), r)
}

// intend records, before it is attempted, an effect outside Lanyard that cannot be taken back.
func (s *Service) intend(ctx context.Context, c *call, what string) error {
	r := c.rec
	r.Result, r.Reason, r.Durable = AuditIntent, what, true
	if err := s.record(ctx, r); err != nil {
		return &Error{Code: Unavailable, Message: "the audit record of the intent could not be written, so nothing was attempted. Check the audit store's disk or database, then try again", Cause: err}
	}
	return nil
}

type requestIDKey struct{}

// WithRequestID returns a context that carries the id under which a request is audited and answered.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request at work, "" for background work.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// String names the code as the audit writes it.
func (c Code) String() string {
	names := [...]string{"Internal", "Invalid", "Conflict", "Duplicate", "NotFound", "Denied", "Unauthorized", "Throttled", "Unavailable", "Unrecognized", "Expired"}
	if int(c) < len(names) {
		return names[c]
	}
	return "Internal"
}
