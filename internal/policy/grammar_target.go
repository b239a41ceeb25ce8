package policy

import "strings"

// action compiles *, or service:name with wildcards in the name.
func (p *parser) action(s *statement, element, v string) error {
	if len(v) > maxAction {
		return p.fail("%s %s is longer than %d characters", element, quote(v), maxAction)
	}
	if strings.Contains(v, "${") {
		return p.fail("%s %s uses a policy variable, which actions cannot: write the action out", element, quote(v))
	}
	folded := fold(v)
	if collapsed := collapseStars(folded); collapsed != "*" && collapsed != "*:*" {
		service, name, _ := strings.Cut(folded, ":")
		if service == "" || !all(service, isServiceByte) {
			return p.fail("%s %s must be * or begin with a service's prefix, spelled without wildcards, and a colon: for instance bedrock-agentcore:Get*", element, quote(v))
		}
		if name == "" || !all(name, isActionByte) {
			return p.fail("%s %s must name an action behind the colon, in letters, digits, * and ?", element, quote(v))
		}
	}
	a := compileAction(folded, v)
	if p.trust && !assumes(&a) {
		return p.fail("Action %s is none that a trust policy decides: there are %s, and * over them", quote(v), strings.Join(trustActions[:], ", "))
	}
	s.actions = append(s.actions, a)
	return nil
}

// trustActions is a table and never changes.
var trustActions = [...]string{"sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"}

// assumes reports whether the pattern matches an action of trust policies.
func assumes(a *actionPattern) bool {
	for _, action := range trustActions {
		if a.match([]byte(fold(action))) {
			return true
		}
	}
	return false
}

func isServiceByte(c byte) bool { return isAlnum(c) || c == '-' }

func isActionByte(c byte) bool {
	return isAlnum(c) || c == '*' || c == '?' || c == '-' || c == '_' || c == '.'
}

func collapseStars(s string) string {
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return s
}

// resource compiles *, or an ARN with wildcards behind the service and
// variables behind the account.
func (p *parser) resource(s *statement, element, v string) error {
	if len(v) > maxResource {
		return p.fail("%s %s is longer than %d bytes", element, quote(v), maxResource)
	}
	t, err := p.template(element, v, true)
	if err != nil {
		return err
	}
	if t.text == string([]byte{anyRun}) {
		s.resources = append(s.resources, resourcePattern{any: true, written: v})
		return nil
	}
	part := strings.Split(t.text, ":")
	switch {
	case len(part) < 4 || part[0] != "arn" || part[1] == "":
		return p.fail("%s %s must be * or an ARN, arn:partition:service:region:account:resource", element, quote(v))
	case part[2] == "" || !all(part[2], isServiceByte):
		return p.fail("%s %s must spell the service out, without wildcards: a pattern for all services is *", element, quote(v))
	case !sixParts(part):
		return p.fail("%s %s has fewer than the six parts of an ARN and no * that could stand for the rest, so it would match nothing", element, quote(v))
	case strings.IndexByte(strings.Join(part[:min(5, len(part))], ":"), hole) >= 0:
		return p.fail("%s %s has a policy variable before the fifth colon: it may stand in the last part of an ARN alone", element, quote(v))
	}
	s.resources = append(s.resources, compileResource(t, v))
	return nil
}

// sixParts reports whether the parts can make up an ARN's six: each star that
// ends a part may take more than one.
func sixParts(part []string) bool {
	if len(part) >= arnParts {
		return true
	}
	for _, p := range part[3:] {
		if p != "" && p[len(p)-1] == anyRun {
			return true
		}
	}
	return false
}
