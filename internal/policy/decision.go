package policy

import (
	"strings"
	"unicode"
)

// Decision is the answer with its reason, for the audit record.
type Decision struct {
	Allowed  bool
	Explicit bool // a Deny statement decided
	// Policy and StatementID name the statement that decided: the Deny, or
	// the one that allowed the first resource. Empty for root, and where no
	// statement spoke.
	Policy      string
	StatementID string
	Resource    string // the first resource that failed; empty when allowed
}

// Message is the denial as clients know it from AWS. It names the caller, the
// action and the resource, which the caller knows, and nothing of the
// policies, which it need not.
func (d Decision) Message(c *Caller, action string) string {
	var b strings.Builder
	b.WriteString("User: ")
	if c != nil {
		b.WriteString(printable(c.ARN))
	}
	action = printable(action)
	b.WriteString(" is not authorized to perform: " + action)
	if d.Resource != "" {
		b.WriteString(" on resource: " + printable(d.Resource))
	}
	if d.Explicit {
		b.WriteString(" with an explicit deny in an identity-based policy")
	} else {
		b.WriteString(" because no identity-based policy allows the " + action + " action")
	}
	return b.String()
}

// printable keeps control characters of a name out of messages and logs.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
