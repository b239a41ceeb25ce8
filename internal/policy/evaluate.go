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

// Evaluate decides. All doubt ends in a denial: no caller, an unknown kind, no
// resource, a field over its limit, or a policy that failed to load.
func Evaluate(c *Caller, r *Request) Decision {
	if c == nil || r == nil || !wellFormed(r) {
		return denied(r)
	}
	switch c.Kind {
	case KindRoot:
		return Decision{Allowed: true}
	case KindUser, KindRoleSession:
		return evaluate(c.Policies, r)
	default:
		return denied(r)
	}
}

// denied is a denial for which no statement is the reason.
func denied(r *Request) Decision {
	if r == nil || len(r.Resources) == 0 {
		return Decision{}
	}
	return Decision{Resource: r.Resources[0]}
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
	return true
}

// set holds resources by their index in the request.
type set uint64

func (s set) first() int { return bits.TrailingZeros64(uint64(s)) }

// verdict gathers what the statements say. The order of statements decides
// nothing but which of several agreeing statements is named.
type verdict struct {
	allowed, denied   set
	allowing, denying *statement
	allowDoc, denyDoc *Document
	denyLow           int
}

func evaluate(docs []*Document, r *Request) Decision {
	var buf [maxAction]byte
	action := foldInto(&buf, r.Action)
	v := verdict{denyLow: maxResources}
	for _, d := range docs {
		if d == nil {
			return denied(r) // a policy that failed to load may have held a Deny
		}
		for i := range d.statements {
			s := &d.statements[i]
			if s.matchesAction(action) {
				v.add(d, s, s.matchResources(r.Resources))
			}
		}
	}
	return v.decide(r)
}

func (v *verdict) add(d *Document, s *statement, matched set) {
	if matched == 0 {
		return
	}
	if s.deny {
		if low := matched.first(); low < v.denyLow {
			v.denyLow, v.denying, v.denyDoc = low, s, d
		}
		v.denied |= matched
		return
	}
	if v.allowing == nil && matched&1 != 0 {
		v.allowing, v.allowDoc = s, d
	}
	v.allowed |= matched
}

func (v *verdict) decide(r *Request) Decision {
	if v.denied != 0 {
		return Decision{Explicit: true, Policy: v.denyDoc.name, StatementID: v.denying.sid, Resource: r.Resources[v.denyLow]}
	}
	if missing := ^v.allowed & allOf(len(r.Resources)); missing != 0 {
		return Decision{Resource: r.Resources[missing.first()]}
	}
	return Decision{Allowed: true, Policy: v.allowDoc.name, StatementID: v.allowing.sid}
}

// allOf is the set of the first n resources, n from 1 to 64.
func allOf(n int) set { return ^set(0) >> (maxResources - n) }

func (s *statement) matchesAction(folded []byte) bool {
	for i := range s.actions {
		if s.actions[i].match(folded) {
			return true
		}
	}
	return false
}

func (s *statement) matchResources(resources []string) (m set) {
	for i, res := range resources {
		for j := range s.resources {
			if s.resources[j].match(res) {
				m |= 1 << i
				break
			}
		}
	}
	return m
}

// foldInto writes s in lower case into buf; s fits.
func foldInto(buf *[maxAction]byte, s string) []byte {
	for i := range len(s) {
		buf[i] = lower(s[i])
	}
	return buf[:len(s)]
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
