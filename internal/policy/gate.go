package policy

// gate is what every action and every resource that a statement speaks of
// begins with; empty where nothing is known. Most statements of a caller with
// many are about something else, and a gate tells so from two short texts that
// lie beside each other, without the statement being read. It only ever leaves
// out a statement that would not have matched.
type gate struct{ action, resource string }

func gateOf(s *statement) (g gate) {
	if !s.notAction {
		for i := range s.actions {
			a := &s.actions[i]
			g.action = common(g.action, a.text[:a.literal], i == 0)
		}
	}
	if !s.notResource {
		for i := range s.resources {
			r := &s.resources[i]
			g.resource = common(g.resource, r.text[:r.literal], i == 0)
		}
	}
	return g
}

// common is what both texts begin with, or b if there is no a yet.
func common(a, b string, first bool) string {
	if first {
		return b
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

func (e *eval) passes(g *gate) bool {
	if !startsWith(e.action[:e.n], g.action) {
		return false
	}
	for _, res := range e.r.Resources {
		if startsWith(res, g.resource) {
			return true
		}
	}
	return false
}
