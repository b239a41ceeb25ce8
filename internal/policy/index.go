package policy

import (
	"strconv"
	"strings"
)

// index finds the statements of a document that may speak of a request. Most
// statements of a caller with many are about something else, and the index
// tells so without their being read. What several statements have word for
// word, it has decided once. It only ever leaves out a statement that would
// not have matched.
type index struct {
	services []service
	inverted []bool // of each statement: its actions are those that do not match
	gates    []gate // of each statement
}

// service has the action patterns that begin alike, each once.
type service struct {
	prefix  string // with its colon; empty for patterns over all services
	actions []action
}

type action struct {
	actionPattern
	statements []int // that have it
}

// gate is what of a statement is asked first.
type gate struct {
	begins string // what every resource begins with
	enough bool   // whatever begins so is a resource of the statement
	// resources and conditions are where the answer is kept that several
	// statements share; 0 where it is the statement's own.
	resources, conditions uint8
}

const (
	// maxStatements is for how many statements of a document there is room
	// beside the decision; a document of more costs an allocation.
	maxStatements = 256
	// maxShared is how many shared answers of a kind are kept, without the 0.
	maxShared = 64
)

func indexOf(statements []statement) (x index) {
	resources, conditions := sharedBy(statements, (*statement).resourcesText), sharedBy(statements, (*statement).conditionsText)
	services, actions := map[string]int{}, map[string]int{}
	for i := range statements {
		s := &statements[i]
		for j := range s.actions {
			x.addAction(services, actions, &s.actions[j], i)
		}
		x.inverted = append(x.inverted, s.notAction)
		g := gate{begins: s.resourcesBegin(), resources: resources[i], conditions: conditions[i]}
		g.enough = len(s.resources) == 1 && !s.notResource && (s.resources[0].any || s.resources[0].tail)
		x.gates = append(x.gates, g)
	}
	return x
}

// addAction notes that the statement has the pattern. The maps say where services and patterns are that were noted before.
func (x *index) addAction(services, actions map[string]int, p *actionPattern, statement int) {
	prefix := p.text[:strings.IndexByte(p.text[:p.literal], ':')+1]
	at, known := services[prefix]
	if !known {
		at = len(x.services)
		services[prefix] = at
		x.services = append(x.services, service{prefix: prefix})
	}
	s := &x.services[at]
	if at, known = actions[p.text]; !known {
		at = len(s.actions)
		actions[p.text] = at
		s.actions = append(s.actions, action{actionPattern: *p})
	}
	s.actions[at].statements = append(s.actions[at].statements, statement)
}

// sharedBy numbers, from 1, the texts that more than one statement has; what
// has none, or comes behind those there is room for, is 0.
func sharedBy(statements []statement, textOf func(*statement) string) []uint8 {
	texts, shared := make([]string, len(statements)), make([]uint8, len(statements))
	times, numbers := make(map[string]int), make(map[string]uint8)
	for i := range statements {
		texts[i] = textOf(&statements[i])
		times[texts[i]]++
	}
	for i, text := range texts {
		if text == "" || times[text] == 1 {
			continue
		}
		if numbers[text] == 0 && len(numbers) < maxShared-1 {
			numbers[text] = uint8(len(numbers) + 1)
		}
		shared[i] = numbers[text]
	}
	return shared
}

// appendText writes texts so that no two lists of them come out alike.
func appendText(b []byte, texts ...string) []byte {
	for _, text := range texts {
		b = append(append(strconv.AppendInt(b, int64(len(text)), 10), ':'), text...)
	}
	return b
}

// resourcesText is the same for statements that matchesResource decides alike.
func (s *statement) resourcesText() string {
	if s.principals != nil {
		return ""
	}
	b := strconv.AppendBool(nil, s.notResource)
	b = strconv.AppendBool(b, s.notResource && s.deny)
	for i := range s.resources {
		b = appendText(b, s.resources[i].written)
	}
	return string(b)
}

// conditionsText is the same for statements whose conditions hold together,
// and empty where there are none or each resource has an answer of its own.
func (s *statement) conditionsText() string {
	if s.perResource {
		return ""
	}
	var b []byte
	for i := range s.conditions {
		c := &s.conditions[i]
		var values []byte
		for j := range c.values {
			values = appendText(values, c.values[j].written)
		}
		b = appendText(b, c.written, c.key.name, string(values)) // the list is one text, so that it ends where it ends
	}
	return string(b)
}

// resourcesBegin is what every resource that the statement speaks of begins
// with; empty where nothing is known.
func (s *statement) resourcesBegin() (begins string) {
	if s.notResource {
		return ""
	}
	for i := range s.resources {
		r := &s.resources[i]
		begins = common(begins, r.text[:r.literal], i == 0)
	}
	return begins
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
