package policy

import (
	"encoding/json"
	"strings"
)

// Suggest is the smallest policy that would let the caller do what was denied:
// this action on these resources, to be added to the policies of the decision's
// Source. It is empty when nothing that could be added would help: the request
// is allowed, or an explicit Deny decides, or it cannot be put into a policy.
func Suggest(c *Caller, r *Request) string {
	d := Evaluate(c, r)
	if c == nil || r == nil || d.Allowed || d.Explicit || c.Kind != KindUser && c.Kind != KindRoleSession || !wellFormed(r) {
		return ""
	}
	text, ok := exactPolicy(r)
	if !ok || !helps(text, c, r) {
		return ""
	}
	return text
}

// exactPolicy writes the policy. Every sign that would be a wildcard or begin
// a variable is written so that it stands for itself; a lone star is what an
// action without resources asks for.
func exactPolicy(r *Request) (string, bool) {
	literal := strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")
	var resources []string
	for _, res := range r.Resources {
		if res != "*" {
			res = literal.Replace(res)
		}
		resources = append(resources, res)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(suggestion{Version: "2012-10-17", Statement: []suggestedStatement{{Effect: "Allow", Action: r.Action, Resource: resources}}})
	return b.String(), err == nil && !hasWildcard(r.Action)
}

type suggestion struct {
	Version   string
	Statement []suggestedStatement
}

type suggestedStatement struct {
	Effect   string
	Action   string
	Resource []string
}

// helps checks that the policy is one and says what it should.
func helps(text string, c *Caller, r *Request) bool {
	d, err := Parse("suggestion", []byte(text))
	if err != nil {
		return false
	}
	with := *c
	with.Policies, with.Limits = []*Document{d}, nil
	return Evaluate(&with, r).Allowed
}
