package githubtest

import (
	"slices"
	"strings"
)

// implied lists the scopes that another one contains, for the scopes that tests use.
var implied = map[string][]string{
	"repo":       {"public_repo", "repo:status", "repo_deployment", "repo:invite", "security_events"},
	"user":       {"read:user", "user:email", "user:follow"},
	"project":    {"read:project"},
	"admin:org":  {"write:org", "read:org"},
	"write:org":  {"read:org"},
	"admin:repo": {"repo"},
}

// normalize parses the scopes of an authorization request and drops those that another one of them implies.
func normalize(scope string) []string {
	asked := strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
	slices.Sort(asked)
	asked = slices.Compact(asked)
	return slices.DeleteFunc(asked, func(s string) bool {
		return slices.ContainsFunc(asked, func(other string) bool { return slices.Contains(implied[other], s) })
	})
}
