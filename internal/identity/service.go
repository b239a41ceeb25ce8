package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"runtime/debug"
	"slices"
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
	// InsecureIssuer names further issuers whose JWTs are accepted with any audience: the user pools of this very process.
	InsecureIssuer func(ctx context.Context, issuer string) bool
	// InsecureLoopbackReturnURLs accepts any http return URL on loopback (RFC 8252 section 7.3), registered or not.
	InsecureLoopbackReturnURLs bool
	// InsecureFinishSessions finishes a session that has no return URL by itself: nobody matches the user.
	InsecureFinishSessions bool
	// InsecureNoPKCE names credential providers whose authorization server refuses PKCE.
	InsecureNoPKCE []string
	// InsecureTokenEndpointAudience names credential providers that take client assertions for their token endpoint only,
	// and not for their issuer.
	InsecureTokenEndpointAudience []string
	// CoveringGrants names credential providers at which a grant of more scopes serves a request for fewer.
	CoveringGrants []string
	// IssuerURL is the URL below which each account's issuer is; PublicURL with /issuer when nil.
	IssuerURL *url.URL
	// WebIdentitySubject is what new accounts begin with; SubjectRole when empty.
	WebIdentitySubject SubjectForm
	// SigningKeyLife is how long a key signs before the next one does; 90 days when zero.
	SigningKeyLife time.Duration
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
	Revoke(ctx context.Context, p oauth.Provider, token vault.Secret, hint string) (oauth.Receipt, error)
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
	// GenerateKey makes signing keys; issuer.GenerateKey when nil.
	GenerateKey func(alg string, rnd io.Reader) (*issuer.SigningKey, error)
	Now         func() time.Time
	Rand        io.Reader
	Log         *slog.Logger
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
	minting  minting
	sweeps   sweepGate
	// rootWarned is when the log was last told that root's key is used, in nanoseconds.
	rootWarned atomic.Int64
}

// New returns a Service. It starts nothing.
func New(cfg Config, d Deps) *Service {
	if d.GenerateKey == nil {
		d.GenerateKey = issuer.GenerateKey
	}
	return &Service{cfg: cfg, Deps: d, touched: touchSet{ids: map[string]string{}}}
}

// call is one authorised use-case at work: what it learns goes into the one audit record at its end.
type call struct {
	caller *policy.Caller
	rec    AuditRecord
	// asked is what policy decides on last.
	asked policy.Request
	// token and workload are set where the request carries a workload access token (see onToken).
	token    *workloadToken
	workload *Workload
	// conditions and tags are what policy's condition keys may ask of the request and of its resources.
	conditions policy.Context
	tags       map[string]map[string]string
}

// condition sets a condition key of the request.
func (c *call) condition(key string, values ...string) {
	if c.conditions == nil {
		c.conditions = policy.Context{}
	}
	c.conditions.Set(key, values...)
}

// requestTags sets the condition keys of tags that the request carries.
func (c *call) requestTags(tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	for k, v := range tags {
		c.condition("aws:RequestTag/"+k, v)
	}
	c.condition("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
}

// tagged tells the tags of one of the request's resources.
func (c *call) tagged(arn string, tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	if c.tags == nil {
		c.tags = map[string]map[string]string{}
	}
	c.tags[arn] = tags
}

// request says what do must authorise.
type request struct {
	caller   *policy.Caller
	action   string
	durable  bool // a change: its audit record is flushed to the disk before the answer
	workload string
	provider string
	// resources names what policy decides on. It may open a token to learn it; a refusal of it is audited as a denial.
	resources resources
	// also are actions that must be allowed beside it (creating with tags is tagging, too).
	also []string
	// decide and explain are policy.Evaluate and policy.Explain unless more than the caller's own policies decides (a
	// role's trust).
	decide  func(*policy.Caller, *policy.Request) policy.Decision
	explain func(*policy.Caller, *policy.Request) policy.Explanation
}

// resources finds the ARNs of a request, and may set what conditions ask of it.
type resources func(ctx context.Context, c *call) ([]string, error)

// on names resources that are known from the request alone.
func on(arns []string) resources {
	return func(context.Context, *call) ([]string, error) { return arns, nil }
}

// onTagged names resources of which the first is about to be made with the tags.
func onTagged(arns []string, tags map[string]string) resources {
	return func(_ context.Context, c *call) ([]string, error) {
		c.requestTags(tags)
		return arns, nil
	}
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
	arns, err := r.resources(ctx, c)
	c.rec.Resources = arns
	if err != nil {
		return err
	}
	for i := range 1 + len(r.also) {
		action := r.action
		if i > 0 {
			action = r.also[i-1]
		}
		c.asked = policy.Request{Action: action, Resources: arns, ResourceTags: c.tags, Context: c.conditions, Now: s.Now()}
		d := s.decide(ctx, r, c.caller, &c.asked)
		if i == 0 || !d.Allowed {
			c.rec.Decision = decisionText(d)
		}
		if !d.Allowed {
			c.rec.Decision += r.nearMisses(c.caller, &c.asked)
			return refuse(Denied, "%s. %s", d.Message(c.caller, action), s.advice(c.caller, d, action, arns))
		}
	}
	if c.caller.Kind == policy.KindRoot && c.rec.AccessKey != "" {
		s.warnOfRoot(ctx, c)
	}
	return nil
}

func (s *Service) decide(ctx context.Context, r request, caller *policy.Caller, q *policy.Request) policy.Decision {
	evaluate := r.decide
	if evaluate == nil {
		evaluate = policy.Evaluate
	}
	d := evaluate(caller, q)
	if d.Allowed {
		return d
	}
	fresh, err := s.freshCaller(ctx, caller) // a refusal never rests on a cached policy
	if err != nil {
		return d
	}
	if d = evaluate(fresh, q); d.Allowed {
		s.changed(caller.Account) // what the cache held was stale
	}
	return d
}

// couldAllow reports whether the caller's policies allow the action, or would if their conditions turned out otherwise:
// what conditions ask of a token need not be found out for others. A Deny with conditions is no answer yet, for it may
// rest on what is not known so far.
func (s *Service) couldAllow(ctx context.Context, c *call, action string, arns []string) bool {
	q := &policy.Request{Action: action, Resources: arns, ResourceTags: c.tags, Context: c.conditions, Now: s.Now()}
	if policy.Evaluate(c.caller, q).Allowed {
		return true
	}
	caller, err := s.freshCaller(ctx, c.caller)
	if err != nil {
		caller = c.caller
	}
	statements := policy.Explain(caller, q).Statements
	denied := slices.ContainsFunc(statements, func(st policy.StatementExplanation) bool {
		return st.Effect == "Deny" && st.Applies && !st.Conditional
	})
	return !denied && slices.ContainsFunc(statements, func(st policy.StatementExplanation) bool {
		return st.Effect == "Allow" && (st.Applies || strings.HasPrefix(st.Why, "Condition "))
	})
}

// maxNearMisses bounds what the audit says of a denial.
const maxNearMisses = 600

// nearMisses tells, for the audit alone, which statements are about the action and why they did not allow it.
func (r request) nearMisses(caller *policy.Caller, q *policy.Request) string {
	explain := r.explain
	if explain == nil {
		explain = policy.Explain
	}
	var b strings.Builder
	for _, st := range explain(caller, q).Statements {
		if st.Applies || st.Effect != "Allow" || strings.HasPrefix(st.Why, "Action:") || strings.HasPrefix(st.Why, "NotAction:") {
			continue
		}
		fmt.Fprintf(&b, "; %s statement %d: %s", st.Policy, st.Index, st.Why)
		if b.Len() > maxNearMisses {
			break
		}
	}
	return b.String()
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

// advice says how a denial is mended, or how to see what is missing.
func (s *Service) advice(c *policy.Caller, d policy.Decision, action string, arns []string) string {
	switch {
	case d.Source == policy.SourceTrust || c.Kind == policy.KindWebIdentity:
		return "The role must exist, and its trust policy must let this caller in (aws iam update-assume-role-policy); a caller whom it does not name itself needs a policy that allows " + action + " too. The audit says what was missing"
	case d.Explicit:
		return "An Allow does not help: the statement that denies it is named by: " + s.command("why REQUEST_ID")
	case d.Source == policy.SourceSession:
		return "The session was begun with policies that limit it; begin one whose policies allow " + action
	case c.Kind == policy.KindRoleSession:
		return "What is missing is shown by: " + s.command("policy explain --role "+c.Name+" --action "+action+" --resource "+shellWord(arns[0]))
	case c.Kind != policy.KindUser:
		return "Allow it with: a policy that allows " + action
	case strings.HasPrefix(action, "iam:"): // who may write policies or keys may do everything: nothing to paste
		return "An administrator of the account allows it, on purpose"
	}
	name := "allow-" + strings.ToLower(action[strings.Index(action, ":")+1:])
	allow := "admin policy put --user " + c.Name + " --name " + name + " --allow " + action
	for _, arn := range arns {
		allow += " --resource " + shellWord(arn)
	}
	return "Allow it with: " + s.command(allow)
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
	if c.caller.Kind == policy.KindWebIdentity && c.rec.Result == AuditDenied {
		if pass := s.admitRefusal(&c.rec); !pass { // at a listed issuer anybody may get a token (A50, A65)
			return err
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

// requestContext is a context with a request's id, for which it is asked without the id being copied.
type requestContext struct {
	context.Context
	id string
}

// Value gives the context itself for the key of the id.
func (c *requestContext) Value(key any) any {
	if key == (requestIDKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithRequestID returns a context that carries the id under which a request is audited and answered.
func WithRequestID(ctx context.Context, id string) context.Context {
	return &requestContext{ctx, id}
}

// RequestID returns the id of the request at work, "" for background work.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(requestIDKey{}).(*requestContext); ok {
		return c.id
	}
	return ""
}

// String names the code as the audit writes it.
func (c Code) String() string {
	names := [...]string{"Internal", "Invalid", "Conflict", "Duplicate", "NotFound", "Denied", "Unauthorized", "Throttled", "Unavailable", "Unrecognized", "Expired",
		"MalformedPolicy", "InUse", "LimitExceeded", "FederationDisabled", "FederationEnabled", "DurationEscalation", "TooLarge", "TokenRefused", "ClaimsRefused", "IssuerUnreachable"}
	if int(c) < len(names) {
		return names[c]
	}
	return "Internal"
}
