package policy

import "math/bits"

const (
	// maxResources bounds one request; no operation has more than a handful.
	maxResources = 64
	// maxAction bounds the action's name, so that it folds on the stack.
	maxAction = 128
	// maxResource is the longest ARN that is matched at all.
	maxResource = 2048
)

// Evaluate decides by the caller's own policies. All doubt ends in a denial:
// no caller, an unknown kind, no resource, a field over its limit, a policy
// that failed to load, or a record that lacks what a condition asks for.
//
// An explicit Deny wins, wherever it stands. Otherwise the identity-based
// policies must allow every resource and, where there are session policies,
// so must they: what a session may is the intersection of both. The root of an
// account needs no policy, but is held to its session's.
func Evaluate(c *Caller, r *Request) Decision {
	if c == nil || r == nil || !wellFormed(r) {
		return denied(r, SourceIdentity)
	}
	var e eval
	e.begin(c, r)
	switch c.Kind {
	case KindRoot:
		return e.evaluateRoot()
	case KindUser, KindRoleSession:
		return e.evaluate()
	default:
		return denied(r, SourceIdentity)
	}
}

func (e *eval) evaluateRoot() Decision {
	if len(e.c.Limits) == 0 {
		return Decision{Allowed: true}
	}
	limits := verdict{source: SourceSession}
	e.judge(&limits, e.c.Limits, false)
	if e.doubt {
		return denied(e.r, SourceSession)
	}
	return limits.decide(e.r)
}

func (e *eval) evaluate() Decision {
	own, limits := verdict{source: SourceIdentity}, verdict{source: SourceSession}
	e.judge(&own, e.c.Policies, false)
	e.judge(&limits, e.c.Limits, false)
	if e.doubt {
		return denied(e.r, SourceIdentity)
	}
	decision := own.decide(e.r)
	if decision.Explicit || len(e.c.Limits) == 0 {
		return decision
	}
	if limited := limits.decide(e.r); limited.Explicit || decision.Allowed && !limited.Allowed {
		return limited
	}
	return decision
}

// denied is a denial for which no statement is the reason.
func denied(r *Request, source string) Decision {
	if r == nil || len(r.Resources) == 0 {
		return Decision{Source: source}
	}
	return Decision{Resource: r.Resources[0], Source: source}
}

func wellFormed(r *Request) bool {
	if r.Action == "" || len(r.Action) > maxAction || len(r.Resources) == 0 || len(r.Resources) > maxResources {
		return false
	}
	for _, res := range r.Resources {
		if res == "" || len(res) > maxResource {
			return false
		}
	}
	for k := range r.Context {
		if !isFolded(k) {
			return false // it would not be found, and a Deny that asks for it would not match
		}
	}
	return true
}

// set holds resources by their index in the request.
type set uint64

func (s set) first() int { return bits.TrailingZeros64(uint64(s)) }

// allOf is the set of the first n resources, n from 1 to 64.
func allOf(n int) set { return ^set(0) >> (maxResources - n) }

// verdict gathers what the statements of one kind of policy say. The order of
// statements decides nothing but which of several agreeing ones is named.
type verdict struct {
	source            string
	allowed, denied   set
	direct            set // allowed to the caller by its own name
	allowing, denying *statement
	allowDoc, denyDoc *Document
}

// judge asks every statement. A document that failed to load, or that has no
// index of its statements, may hold a Deny, and one of the other kind was never
// meant for this question.
func (e *eval) judge(v *verdict, docs []*Document, trust bool) {
	for _, d := range docs {
		if d == nil || d.trust != trust || len(d.index.gates) != len(d.statements) {
			e.doubt = true
			return
		}
		e.walk(v, d)
	}
}

func (v *verdict) add(d *Document, s *statement, matched set, direct bool) {
	if s.deny {
		if v.denied == 0 || matched.first() < v.denied.first() {
			v.denying, v.denyDoc = s, d
		}
		v.denied |= matched
		return
	}
	if v.allowing == nil && matched&1 != 0 {
		v.allowing, v.allowDoc = s, d
	}
	v.allowed |= matched
	if direct {
		v.direct |= matched
	}
}

func (v *verdict) decide(r *Request) Decision {
	if v.denied != 0 {
		return Decision{Explicit: true, Policy: v.denyDoc.name, StatementID: v.denying.sid, Resource: r.Resources[v.denied.first()], Source: v.source}
	}
	if missing := ^v.allowed & allOf(len(r.Resources)); missing != 0 {
		return Decision{Resource: r.Resources[missing.first()], Source: v.source}
	}
	return Decision{Allowed: true, Policy: v.allowDoc.name, StatementID: v.allowing.sid, Source: v.source}
}

// applies is the resources that a statement speaks of, its action having
// matched, and whether it names the caller itself.
func (e *eval) applies(s *statement) (m set, direct bool) {
	m, direct = e.speaksOf(s, allOf(len(e.r.Resources)))
	return e.whereConditionsHold(s, m), direct
}

// speaksOf is applies without the conditions, among some resources.
func (e *eval) speaksOf(s *statement, among set) (m set, direct bool) {
	if s.principals == nil {
		return e.matchResources(s, among), false
	}
	if matched, own := e.matchPrincipals(s); matched {
		return among, own
	}
	return 0, false
}

// whereConditionsHold is for which of the resources they do. Where they ask
// for tags, each resource is asked, for each has its own.
func (e *eval) whereConditionsHold(s *statement, m set) (held set) {
	if !s.perResource {
		if m == 0 || !e.conditionsHold(s) {
			return 0
		}
		return m
	}
	for left := m; left != 0; left &= left - 1 {
		e.res = left.first()
		if e.conditionsHold(s) {
			held |= 1 << e.res
		}
	}
	return held
}

func (e *eval) matchesAction(s *statement) bool {
	action := e.action[:e.n]
	for i := range s.actions {
		if s.actions[i].match(action) {
			return !s.notAction
		}
	}
	return s.notAction
}

func (e *eval) matchResources(s *statement, among set) (m set) {
	for left := among; left != 0; left &= left - 1 {
		e.res = left.first()
		if e.matchesResource(s, e.r.Resources[e.res]) {
			m |= 1 << e.res
		}
	}
	return m
}

// matchesResource decides for one resource. With NotResource, a pattern whose
// variable has no value excludes nobody knows what: a Deny then covers the
// resource, an Allow does not.
func (e *eval) matchesResource(s *statement, res string) bool {
	unresolved := false
	for i := range s.resources {
		matched, resolved := s.resources[i].match(e, res)
		if matched {
			return !s.notResource
		}
		unresolved = unresolved || !resolved
	}
	return s.notResource && (s.deny || !unresolved)
}
