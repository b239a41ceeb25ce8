package policy

// answers are what is known so far of one document's index.
type answers struct {
	matched    [maxStatements]bool // by their actions
	resources  [maxShared]set      // of those known
	known      uint64
	conditions uint64 // those that hold, of those asked
	asked      uint64
}

// walk asks the statements that the document's index leaves in.
func (e *eval) walk(v *verdict, d *Document) {
	matched := e.matchActions(&d.index)
	e.found.known, e.found.asked, e.found.conditions = 0, 0, 0
	for i := range matched {
		if !matched[i] {
			continue
		}
		s, g := &d.statements[i], &d.index.gates[i]
		m, direct := e.resourcesOf(s, g)
		if m == 0 {
			continue
		}
		if m = e.conditionsOf(s, g, m); m != 0 {
			v.add(d, s, m, direct)
		}
	}
}

// matchActions says of each statement whether it is about the action. It is
// good until the next document.
func (e *eval) matchActions(x *index) (matched []bool) {
	asked := e.action[:e.n]
	matched = append(e.found.matched[:0], x.inverted...)
	for i := range x.services {
		s := &x.services[i]
		if !startsWith(asked, s.prefix) {
			continue
		}
		for j := range s.actions {
			if a := &s.actions[j]; a.match(asked) {
				a.mark(matched, x.inverted)
			}
		}
	}
	return matched
}

func (a *action) mark(matched, inverted []bool) {
	for _, i := range a.statements {
		matched[i] = !inverted[i]
	}
}

// resourcesOf is speaksOf with what the index knows of the statement.
func (e *eval) resourcesOf(s *statement, g *gate) (m set, direct bool) {
	bit := uint64(1) << g.resources
	if e.found.known&bit != 0 {
		return e.found.resources[g.resources], false
	}
	if m = e.resourcesFrom(g.begins); m != 0 && !g.enough {
		m, direct = e.speaksOf(s, m)
	}
	if g.resources != 0 {
		e.found.resources[g.resources] = m
		e.found.known |= bit
	}
	return m, direct
}

// resourcesFrom are the request's resources that begin with the text.
func (e *eval) resourcesFrom(begins string) (m set) {
	for i, res := range e.r.Resources {
		if startsWith(res, begins) {
			m |= 1 << i
		}
	}
	return m
}

// conditionsOf is whereConditionsHold with what the index knows.
func (e *eval) conditionsOf(s *statement, g *gate, m set) set {
	if g.conditions == 0 {
		return e.whereConditionsHold(s, m)
	}
	bit := uint64(1) << g.conditions
	if e.found.asked&bit == 0 {
		e.found.asked |= bit
		if e.conditionsHold(s) {
			e.found.conditions |= bit
		}
	}
	if e.found.conditions&bit == 0 {
		return 0
	}
	return m
}
