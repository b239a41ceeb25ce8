package identity

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// AssumeRoleRequest asks for a session of a role.
type AssumeRoleRequest struct {
	RoleARN, SessionName string
	Duration             time.Duration // zero for an hour
	Policy               string        // session policy: the session may do no more than it allows
	PolicyARNs           []string      // managed policies to the same end
	Tags                 map[string]string
	TransitiveTagKeys    []string
	ExternalID           string
	SourceIdentity       string
}

// Assumed is a session of a role, with credentials that end by themselves.
type Assumed struct {
	Credentials    TemporaryCredentials
	RoleID         string // AROA…:session
	ARN            string // of the session
	SourceIdentity string
	PackedPercent  int // of the room for session policies that is used
	// Subject, Audience and Provider are of the web identity token that was brought.
	Subject, Audience, Provider string
}

const (
	// DefaultSession is how long a role's session lasts when the request does not say.
	DefaultSession = time.Hour
	// maxChained is the longest session of a role that another role's session assumes.
	maxChained = time.Hour
	// maxSessionPolicy is the longest session policy; maxSessionPolicies how many managed ones may come with it.
	maxSessionPolicy   = 2048
	maxSessionPolicies = 10
)

// AssumeRole gives the caller a session of a role in its own account. The role's trust policy must name the caller; if
// it only names the account, the caller's own policies must allow it as well. A Deny of either side wins.
func (s *Service) AssumeRole(ctx context.Context, caller *policy.Caller, in AssumeRoleRequest) (Assumed, error) {
	a := &assumption{AssumeRoleRequest: in}
	r := request{caller: caller, action: "sts:AssumeRole", durable: true, also: a.also(caller), decide: a.decideOwn, explain: a.explain,
		resources: func(ctx context.Context, c *call) ([]string, error) {
			a.conditions(c)
			return []string{in.RoleARN}, s.trusted(ctx, c, a)
		}}
	return do(ctx, s, r, func(ctx context.Context, c *call) (Assumed, error) {
		if err := a.role.checkPinned(c.caller); err != nil {
			return Assumed{}, err
		}
		if err := a.inherit(c.caller); err != nil {
			return Assumed{}, err
		}
		return s.beginRoleSession(ctx, c, a)
	})
}

// assumption is a request for a role's session with what its ARN stands for.
type assumption struct {
	AssumeRoleRequest
	role     *Role            // nil when there is none: nothing trusts anybody then
	trust    *policy.Document // of the role
	provider string           // ARN of the OIDC provider that vouches for the caller
	person   string           // whom it vouches for, as users are known here; a chain of roles keeps it
}

// also are the actions beside assuming: passing tags and setting who is behind it all.
func (a *assumption) also(c *policy.Caller) []string {
	var actions []string
	if len(a.Tags) > 0 || c.Session != nil && len(c.Session.TransitiveTagKeys) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if a.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

func (a *assumption) conditions(c *call) {
	c.requestTags(a.Tags)
	c.condition("sts:RoleSessionName", a.SessionName)
	if a.ExternalID != "" {
		c.condition("sts:ExternalId", a.ExternalID)
	}
	if a.SourceIdentity != "" {
		c.condition("sts:SourceIdentity", a.SourceIdentity)
	}
	if len(a.TransitiveTagKeys) > 0 {
		c.condition("sts:TransitiveTagKeys", a.TransitiveTagKeys...)
	}
}

// trusted reads the role and its trust policy. A role that does not exist, or is another account's, is left nil: who
// may not assume it does not learn whether it exists (A11, A49).
func (s *Service) trusted(ctx context.Context, c *call, a *assumption) error {
	name, ok := roleName(c.caller.Account, a.RoleARN)
	if !ok {
		return nil
	}
	r, err := s.Store.Record(ctx, c.caller.Account, KindRole, "", name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return internal(err, "reading role "+name)
	}
	role, err := decode(ctx, s, r, decodeRole)
	if err != nil || role.ARN() != a.RoleARN {
		return err
	}
	if a.trust, err = policy.ParseTrust("trust policy of role "+name, []byte(role.Trust)); err != nil {
		return internal(err, "reading the trust policy of role "+name)
	}
	a.role = role
	c.tagged(a.RoleARN, role.Tags)
	return nil
}

// roleName is the name in a role's ARN of the account.
func roleName(account, arn string) (string, bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account+":role/")
	return rest[strings.LastIndexByte(rest, '/')+1:], ok
}

// decideOwn asks both sides: the caller's policies and the role's trust. All denials but one by the caller's own policies
// read alike, so that no role shows by its answer (A49).
func (a *assumption) decideOwn(c *policy.Caller, q *policy.Request) policy.Decision {
	own := policy.Evaluate(c, q)
	if own.Explicit {
		return own
	}
	if a.role != nil {
		trust := policy.EvaluateTrust(a.trust, c, q)
		if !trust.Allowed || own.Allowed || trust.Direct && len(c.Limits) == 0 {
			return trust.Decision
		}
	}
	return policy.Decision{Resource: a.RoleARN, Source: policy.SourceTrust}
}

// explain says what the caller's policies and the role's trust have to do with the request.
func (a *assumption) explain(c *policy.Caller, q *policy.Request) policy.Explanation {
	x := policy.Explain(c, q)
	if a.trust != nil {
		x.Statements = append(x.Statements, policy.ExplainTrust(a.trust, c, q).Statements...)
	}
	return x
}

// inherit carries over what a chain of roles must not lose: who is behind it, and the tags that pass on.
func (a *assumption) inherit(c *policy.Caller) error {
	from := c.Session
	if from == nil {
		return nil
	}
	a.person = from.Person
	if from.RoleARN != "" && a.Duration > maxChained {
		return invalid("DurationSeconds", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining: the caller is itself a session of %s", from.RoleARN)
	}
	if from.SourceIdentity != "" {
		if a.SourceIdentity != "" && a.SourceIdentity != from.SourceIdentity {
			return invalid("SourceIdentity", "the source identity %s of the caller's session cannot be changed to %s; leave SourceIdentity out", clip(from.SourceIdentity), clip(a.SourceIdentity))
		}
		a.SourceIdentity = from.SourceIdentity
	}
	tags := maps.Clone(a.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	for _, k := range from.TransitiveTagKeys {
		if hasTag(tags, k) {
			return invalid("Tags", "the tag %s passes on from the caller's session and cannot be given anew; leave it out", clip(k))
		}
		tags[k] = c.Tags[k]
	}
	a.Tags = tags
	a.TransitiveTagKeys = union(a.TransitiveTagKeys, from.TransitiveTagKeys)
	return nil
}

// beginRoleSession checks what the session is to be like, and makes its credentials.
func (s *Service) beginRoleSession(ctx context.Context, c *call, a *assumption) (Assumed, error) {
	duration, err := a.duration()
	if err != nil {
		return Assumed{}, err
	}
	if err := a.checkTags(); err != nil {
		return Assumed{}, err
	}
	ids, err := s.limitIDs(ctx, c.caller.Account, a)
	if err != nil {
		return Assumed{}, err
	}
	cl := sessionClaims{RoleID: a.role.ID, SessionName: a.SessionName, SourceIdentity: a.SourceIdentity, Provider: a.provider, Person: a.person,
		Tags: a.Tags, TransitiveTags: a.TransitiveTagKeys, Policy: a.Policy, PolicyIDs: ids}
	creds, err := s.mintCredentials(ctx, a.role.Account, cl, duration)
	if err != nil {
		return Assumed{}, err
	}
	c.rec.Reason = "session " + sessionARN(a.role, a.SessionName) + " until " + creds.ExpiresAt.UTC().Format(time.RFC3339)
	return Assumed{Credentials: creds, RoleID: a.role.ID + ":" + a.SessionName, ARN: sessionARN(a.role, a.SessionName),
		SourceIdentity: a.SourceIdentity, PackedPercent: 100 * len(creds.SessionToken.RevealString()) / maxSessionToken}, nil
}

// duration is how long the session lasts: an hour unless asked, and never longer than the role allows.
func (a *assumption) duration() (time.Duration, error) {
	if a.Duration == 0 {
		return min(DefaultSession, a.role.MaxSession), nil
	}
	if a.Duration > a.role.MaxSession {
		return 0, invalid("DurationSeconds", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role: %s allows %d seconds (aws iam update-role --role-name %s --max-session-duration SECONDS)", a.role.ARN(), int(a.role.MaxSession.Seconds()), a.role.Name)
	}
	return a.Duration, nil
}

func (a *assumption) checkTags() error {
	if err := checkTags(a.Tags); err != nil {
		return err
	}
	for _, k := range a.TransitiveTagKeys {
		if _, ok := a.Tags[k]; !ok {
			return invalid("TransitiveTagKeys", "the transitive tag key %s is none of the session's tags", clip(k))
		}
	}
	return nil
}

// hasTag compares as condition keys do, without case.
func hasTag(tags map[string]string, key string) bool {
	for k := range tags {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}

// limitIDs checks the session policies and finds the ids of the managed ones.
func (s *Service) limitIDs(ctx context.Context, account string, a *assumption) ([]string, error) {
	if len(a.Policy) > maxSessionPolicy || len(a.PolicyARNs) > maxSessionPolicies {
		return nil, refuse(TooLarge, "the session policy has %d characters and comes with %d managed policies; at most %d and %d are possible", len(a.Policy), len(a.PolicyARNs), maxSessionPolicy, maxSessionPolicies)
	}
	if a.Policy != "" {
		if _, err := policy.Parse("session policy", []byte(a.Policy)); err != nil {
			return nil, &Error{Code: MalformedPolicy, Field: "Policy", Message: "the session policy is refused: " + err.Error()}
		}
	}
	ids := make([]string, 0, len(a.PolicyARNs))
	for _, arn := range a.PolicyARNs {
		p, err := s.managedPolicy(ctx, account, arn)
		if err != nil {
			return nil, err
		}
		ids = append(ids, p.key())
	}
	return slices.Clip(ids), nil
}
