package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
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
}

// MatchedStatement is a statement that had a part in the decision.
type MatchedStatement struct {
	PolicyID, PolicyType   string // type: user, role, user-managed, aws-managed or none
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
	sourceGiven    = "none"
)

// SimulatePrincipalPolicy asks the policies of the user or role with the ARN, and those given beside.
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, caller *policy.Caller, principalARN string, in Simulation, p Page) (List[SimulationResult], error) {
	q := iamRequest{caller: caller, operation: "SimulatePrincipalPolicy", read: true}
	return onEntity(ctx, s, q, s.holderTarget(caller.Account, principalARN), func(ctx context.Context, h holder) (List[SimulationResult], error) {
		sources, err := s.sources(ctx, h)
		if err != nil {
			return List[SimulationResult]{}, err
		}
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
	rows, err := s.Store.ListRecords(ctx, row.Account, KindPolicy, row.ID, "", maxPolicies+1)
	if err != nil {
		return nil, internal(err, "reading policies")
	}
	kind := sourceUser
	if row.Kind == KindRole {
		kind = sourceRole
	}
	var out []policySource
	for _, r := range rows {
		document, err := decode(ctx, s, r, inlineDocument)
		if err != nil {
			return nil, err
		}
		out = append(out, policySource{r.Name, kind, document})
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
	kinds := map[string]policySource{}
	for _, src := range withGiven(sources, in.Policies) {
		if _, twice := kinds[src.id]; twice { // an inline and an attached one of the same name
			src.id = src.id + " (" + src.kind + ")"
		}
		doc, err := policy.Parse(src.id, []byte(src.document))
		if err != nil {
			return none, malformed("policy "+src.id, err)
		}
		kinds[src.id] = src
		as.Policies = append(as.Policies, doc)
	}
	type pair struct{ n, action, resource string }
	pairs := make([]pair, 0, len(in.Actions)*len(in.Resources))
	for _, a := range in.Actions {
		for _, r := range in.Resources {
			pairs = append(pairs, pair{strconv.Itoa(10000 + len(pairs)), a, r})
		}
	}
	page, err := pageOf("simulation", pairs, p, func(p pair) string { return p.n })
	out := List[SimulationResult]{Items: []SimulationResult{}, Next: page.Next}
	for _, pr := range page.Items {
		out.Items = append(out.Items, simulateOne(as, q, pr.action, pr.resource, kinds))
	}
	return out, err
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

func simulateOne(as *policy.Caller, q policy.Request, action, resource string, sources map[string]policySource) SimulationResult {
	q.Action, q.Resources = action, []string{resource}
	if tags, ok := q.ResourceTags["*"]; ok {
		q.ResourceTags = map[string]map[string]string{resource: tags}
	}
	e := policy.Explain(as, &q)
	out := SimulationResult{Action: action, Resource: resource, Allowed: e.Decision.Allowed, Explicit: e.Decision.Explicit, Matched: []MatchedStatement{},
		Missing: nonNil(e.MissingContextValues), Statements: e.Statements}
	if !out.Allowed && !out.Explicit {
		out.Suggestion = policy.Suggest(as, &q)
	}
	for _, st := range e.Statements {
		if !st.Applies {
			continue
		}
		src := sources[st.Policy]
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

var variable = regexp.MustCompile(`\$\{([^*?$},]+)[},]`)

func contextKeys(sources []policySource) ([]string, error) {
	keys := map[string]string{}
	add := func(k string) { keys[strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(k) }
	for _, src := range sources {
		if _, err := policy.Parse(src.id, []byte(src.document)); err != nil {
			return nil, malformed("policy "+src.id, err)
		}
		var doc struct {
			Statement oneOrMore[struct {
				Condition map[string]map[string]any
			}]
		}
		if err := json.Unmarshal([]byte(src.document), &doc); err != nil {
			return nil, internal(errors.Join(errors.New("it parses as a policy"), err), "reading policy "+src.id)
		}
		for _, st := range doc.Statement {
			for _, condition := range st.Condition {
				for k := range condition {
					add(k)
				}
			}
		}
		for _, m := range variable.FindAllStringSubmatch(src.document, -1) {
			add(m[1])
		}
	}
	return slices.Sorted(maps.Values(keys)), nil
}
