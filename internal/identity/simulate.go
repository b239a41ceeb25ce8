package identity

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Simulation asks what policies would decide, without doing it. It tells of policies what a refusal never does, so it is
// a permission of its own.

// Simulation is what is asked.
type Simulation struct {
	Actions   []string
	Resources []string // each is asked about alone; none for "*"
	Policies  []string // documents that count beside the principal's own, or alone
	CallerARN string   // the user whose name, id and tags conditions see; "" for the principal itself
	Context   []ContextEntry

	trust bool // the trust policies of roles are asked, too
}

// SimulationResult is what would be decided on one action and one resource.
type SimulationResult struct {
	Action, Resource string
	Allowed          bool
	Explicit         bool // a Deny decided
	Matched          []MatchedStatement
	Missing          []string // condition keys that the policies ask for and the simulation was not given
	// Statements are all that were looked at, and Suggestion is the smallest policy that would allow it ("" if it is allowed,
	// or a Deny decided).
	Statements []policy.StatementExplanation
	Suggestion string
	Note       string // what no statement shows, such as that a role does not exist
	// Warnings are what the policies say, and their authors rarely mean.
	Warnings []PolicyWarning
}

// PolicyWarning is a trap in one of the policies.
type PolicyWarning struct {
	Policy string
	policy.Warning
}

// MatchedStatement is a statement that had a part in the decision.
type MatchedStatement struct {
	PolicyID, PolicyType   string // type: user, role, user-managed, aws-managed, resource or none
	StatementID            string
	StartLine, StartColumn int
	EndLine, EndColumn     int
}

// maxSimulated bounds the pairs of action and resource of one simulation.
const maxSimulated = 1000

// policySource is one document with where it is from.
type policySource struct{ id, kind, document string }

// Kinds of policies, as IAM writes them.
const (
	sourceUser     = "user"
	sourceRole     = "role"
	sourceManaged  = "user-managed"
	sourceSupplied = "aws-managed"
	sourceTrust    = "resource"
	sourceGiven    = "none"
)

// SimulatePrincipalPolicy asks the policies of the user or role with the ARN, and those given beside; where a role is to
// be assumed, also its trust policy.
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, caller *policy.Caller, principalARN string, in Simulation, p Page) (List[SimulationResult], error) {
	q := iamRequest{caller: caller, operation: "SimulatePrincipalPolicy", read: true}
	return onEntity(ctx, s, q, s.holderTarget(caller.Account, principalARN), func(ctx context.Context, h holder) (List[SimulationResult], error) {
		sources, err := s.sources(ctx, h)
		if err != nil {
			return List[SimulationResult]{}, err
		}
		in.trust = true
		return s.simulate(ctx, caller.Account, callerFor(h), sources, in, p)
	})
}

// SimulateCustomPolicy asks the policies given, and no others.
func (s *Service) SimulateCustomPolicy(ctx context.Context, caller *policy.Caller, in Simulation, p Page) (List[SimulationResult], error) {
	r := request{caller: caller, action: "iam:SimulateCustomPolicy", resources: on([]string{"*"})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[SimulationResult], error) {
		if len(in.Policies) == 0 {
			return List[SimulationResult]{}, invalid("PolicyInputList", "give one policy document at least")
		}
		nobody := &policy.Caller{Account: caller.Account, ARN: iamARN(caller.Account, "user/simulated"), UserID: "AIDASIMULATED", Name: "simulated", Kind: policy.KindUser}
		return s.simulate(ctx, caller.Account, nobody, nil, in, p)
	})
}

// holderTarget is the user or role with the ARN.
func (s *Service) holderTarget(account, arn string) target[holder] {
	return target[holder]{absent: arn, find: func(ctx context.Context) (holder, error) {
		absent := refuse(NotFound, "there is no user or role %s in account %s", clip(arn), account)
		owner, kind, name, ok := userOrRole(arn)
		if !ok || owner != account { // another account's (A11), root, or no principal at all
			return nil, absent
		}
		var h holder
		var err error
		if kind == "user" {
			h, err = s.user(ctx, account, name)
		} else {
			h, err = s.role(ctx, account, name)
		}
		if err == nil && h.ARN() != arn {
			return nil, absent
		}
		return h, err
	}}
}

// callerFor is the caller that the user, or a session of the role, would be. Its requests come over TLS unless the
// context says otherwise.
func callerFor(h holder) *policy.Caller {
	row, _ := h.row()
	c := &policy.Caller{Account: row.Account, ARN: h.ARN(), UserID: row.ID, Name: row.Name, Kind: policy.KindUser, Tags: maps.Clone(h.labels()), SecureTransport: true}
	if _, role := h.(*Role); role {
		c.Kind = policy.KindRoleSession
		c.ARN, c.UserID, c.Name = "arn:aws:sts::"+row.Account+":assumed-role/"+row.Name+"/simulated", row.ID+":simulated", "simulated"
		c.Session = &policy.Session{RoleARN: h.ARN(), RoleID: row.ID, Name: "simulated"}
	}
	return c
}

// sources are the documents that speak for a user or role.
func (s *Service) sources(ctx context.Context, h holder) ([]policySource, error) {
	row, _ := h.row()
	kind := sourceUser
	if row.Kind == KindRole {
		kind = sourceRole
	}
	var out []policySource
	err := everyOwned(ctx, s, row.Account, KindPolicy, row.ID, inlineSource, func(src policySource) error {
		src.kind = kind
		out = append(out, src)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range *h.attachments() {
		p, err := s.attachedPolicy(ctx, row.Account, id)
		if err != nil {
			return nil, err
		}
		out = append(out, p.source())
	}
	return out, nil
}

func inlineSource(r Record) (policySource, error) {
	document, err := inlineDocument(r)
	return policySource{id: r.Name, document: document}, err
}

// source is the version that holds.
func (p *ManagedPolicy) source() policySource {
	src := policySource{id: p.Name, kind: sourceManaged}
	if p.Supplied {
		src.kind = sourceSupplied
	}
	if i := p.version(p.Default); i >= 0 {
		src.document = p.Versions[i].Document // else nothing, which does not parse: fail closed
	}
	return src
}

// withGiven adds the documents of the request.
func withGiven(sources []policySource, given []string) []policySource {
	for i, doc := range given {
		sources = append(sources, policySource{"PolicyInputList." + strconv.Itoa(i+1), sourceGiven, doc})
	}
	return sources
}

// simulate decides on every pair of action and resource.
func (s *Service) simulate(ctx context.Context, account string, as *policy.Caller, sources []policySource, in Simulation, p Page) (List[SimulationResult], error) {
	none := List[SimulationResult]{}
	if err := checkSimulation(&in); err != nil {
		return none, err
	}
	if err := s.simulateAs(ctx, account, as, in.CallerARN); err != nil {
		return none, err
	}
	q, err := simulatedRequest(as, in.Context, s.Now())
	if err != nil {
		return none, err
	}
	sim := simulation{as: as, request: q, trust: in.trust, sources: map[string]policySource{}}
	if err := sim.load(withGiven(sources, in.Policies)); err != nil {
		return none, err
	}
	page, err := pageOf("simulation", in.pairs(), p, func(p simulatedPair) string { return p.n })
	if err != nil {
		return none, err
	}
	out := List[SimulationResult]{Items: []SimulationResult{}, Next: page.Next}
	for _, pair := range page.Items {
		r, err := s.simulateOne(ctx, &sim, pair)
		if err != nil {
			return none, err
		}
		out.Items = append(out.Items, r)
	}
	return out, nil
}

// simulation is what all of its decisions share.
type simulation struct {
	as       *policy.Caller
	request  policy.Request
	trust    bool
	sources  map[string]policySource // by the name under which a document was parsed
	warnings []PolicyWarning
}

// load gives the caller its policies.
func (m *simulation) load(sources []policySource) error {
	for _, src := range sources {
		if _, twice := m.sources[src.id]; twice { // an inline and an attached one of the same name
			src.id = src.id + " (" + src.kind + ")"
		}
		doc, err := policy.Parse(src.id, []byte(src.document))
		if err != nil {
			return malformed("policy "+src.id, err)
		}
		m.sources[src.id] = src
		m.as.Policies = append(m.as.Policies, doc)
		m.warnings = append(m.warnings, warningsOf(doc)...)
	}
	return nil
}

func warningsOf(doc *policy.Document) []PolicyWarning {
	var out []PolicyWarning
	for _, w := range policy.Lint(doc) {
		out = append(out, PolicyWarning{doc.Name(), w})
	}
	return out
}

// simulatedPair is one action on one resource, and its place in the list.
type simulatedPair struct{ n, action, resource string }

func (in *Simulation) pairs() []simulatedPair {
	pairs := make([]simulatedPair, 0, len(in.Actions)*len(in.Resources))
	for _, a := range in.Actions {
		for _, r := range in.Resources {
			pairs = append(pairs, simulatedPair{strconv.Itoa(10000 + len(pairs)), a, r})
		}
	}
	return pairs
}

func checkSimulation(in *Simulation) error {
	if len(in.Resources) == 0 {
		in.Resources = []string{"*"}
	}
	if len(in.Actions) == 0 {
		return invalid("ActionNames", "name one action at least, such as bedrock-agentcore:GetResourceOauth2Token")
	}
	if n := len(in.Actions) * len(in.Resources); n > maxSimulated {
		return invalid("ActionNames", "%d actions on %d resources are %d decisions, more than the %d of one simulation; split it", len(in.Actions), len(in.Resources), n, maxSimulated)
	}
	for _, a := range in.Actions {
		if service, name, ok := strings.Cut(a, ":"); !ok || service == "" || name == "" || strings.ContainsAny(a, "*? ") {
			return invalid("ActionNames", "%q is not an action: write service:Name, such as bedrock-agentcore:GetResourceOauth2Token, without wildcards", clip(a))
		}
	}
	return nil
}

// simulateAs lets conditions see another user than the one whose policies count.
func (s *Service) simulateAs(ctx context.Context, account string, as *policy.Caller, arn string) error {
	if arn == "" || arn == as.ARN {
		return nil
	}
	h, err := s.holderTarget(account, arn).find(ctx)
	if err != nil {
		return err
	}
	u, ok := h.(*Principal)
	if !ok {
		return invalid("CallerArn", "CallerArn names a user; %s is none", clip(arn))
	}
	*as = *callerFor(u)
	return nil
}

func (s *Service) simulateOne(ctx context.Context, m *simulation, pair simulatedPair) (SimulationResult, error) {
	q := m.request
	q.Action, q.Resources = pair.action, []string{pair.resource}
	if tags, ok := q.ResourceTags["*"]; ok {
		q.ResourceTags = map[string]map[string]string{pair.resource: tags}
	}
	if m.trust && asksTrust(m.as.Account, pair) {
		return s.simulateAssume(ctx, m, &q)
	}
	out := m.result(&q, policy.Explain(m.as, &q))
	if !out.Allowed && !out.Explicit {
		out.Suggestion = policy.Suggest(m.as, &q)
	}
	return out, nil
}

// result is the answer that an explanation amounts to.
func (m *simulation) result(q *policy.Request, e policy.Explanation) SimulationResult {
	out := SimulationResult{Action: q.Action, Resource: q.Resources[0], Allowed: e.Decision.Allowed, Explicit: e.Decision.Explicit, Matched: []MatchedStatement{},
		Missing: nonNil(e.MissingContextValues), Statements: e.Statements, Warnings: m.warnings}
	for _, st := range e.Statements {
		if !st.Applies {
			continue
		}
		src := m.sources[st.Policy]
		if st.Source == policy.SourceTrust {
			src = policySource{id: st.Policy, kind: sourceTrust}
		}
		out.Matched = append(out.Matched, MatchedStatement{PolicyID: cmp.Or(src.id, st.Policy), PolicyType: cmp.Or(src.kind, sourceGiven), StatementID: st.StatementID,
			StartLine: st.StartLine, StartColumn: st.StartColumn, EndLine: st.EndLine, EndColumn: st.EndColumn})
	}
	return out
}

// ContextKeys names the condition keys that the policies of the user or role with the ARN ask for, and those given
// beside: what a simulation should be given.
func (s *Service) ContextKeys(ctx context.Context, caller *policy.Caller, principalARN string, given []string) ([]string, error) {
	q := iamRequest{caller: caller, operation: "GetContextKeysForPrincipalPolicy", read: true}
	return onEntity(ctx, s, q, s.holderTarget(caller.Account, principalARN), func(ctx context.Context, h holder) ([]string, error) {
		sources, err := s.sources(ctx, h)
		if err != nil {
			return nil, err
		}
		return contextKeys(withGiven(sources, given))
	})
}

func contextKeys(sources []policySource) ([]string, error) {
	keys := map[string]string{}
	for _, src := range sources {
		doc, err := policy.Parse(src.id, []byte(src.document))
		if err != nil {
			return nil, malformed("policy "+src.id, err)
		}
		for _, k := range doc.Keys() {
			keys[strings.ToLower(k)] = k
		}
	}
	return slices.Sorted(maps.Values(keys)), nil
}
