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
	// Source is the kind of the policies that decided: of those with the
	// Deny, those that did not allow, or those that allowed.
	Source string
}

// The kinds of policies.
const (
	SourceIdentity = "identity-based policy"
	SourceSession  = "session policy"
	SourceTrust    = "trust policy"
)

// TrustDecision is the answer of a role's trust policy.
type TrustDecision struct {
	Decision
	// Direct is whether the caller was named itself: by its own ARN, its
	// role's, or as the users of its identity provider, and not only by its
	// account or as everybody. Then the caller needs no policy of its own.
	Direct bool
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
	b.WriteString(d.because(action))
	return b.String()
}

// because is the end of the message. Trust policies give no reason: whoever
// asks may be of another account.
func (d Decision) because(action string) string {
	source := d.Source
	switch {
	case source == SourceTrust:
		return ""
	case source == "":
		source = SourceIdentity
	}
	switch {
	case d.Explicit && source == SourceIdentity:
		return " with an explicit deny in an " + source
	case d.Explicit:
		return " with an explicit deny in a " + source
	}
	return " because no " + source + " allows the " + action + " action"
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
