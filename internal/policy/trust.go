package policy

import "strings"

type principalKind uint8

const (
	principalEverybody principalKind = iota
	principalAccount
	principalARN
	principalFederated
	principalService // known by name
)

// principal is one entry of a trust policy's Principal.
type principal struct {
	kind    principalKind
	name    string // account, ARN or provider
	host    string // of an OIDC provider's ARN: its address without the scheme
	account string // of an OIDC provider's ARN
	written string
}

// EvaluateTrust decides whether a role's trust policy lets the caller in; the
// request's resource is the role. It needs no identity-based policy of the
// caller: whoever combines both asks Evaluate unless the decision is Direct,
// and heeds an explicit Deny of Evaluate in any case.
func EvaluateTrust(doc *Document, c *Caller, r *Request) TrustDecision {
	if doc == nil || c == nil || r == nil || !wellFormed(r) {
		return TrustDecision{Decision: denied(r, SourceTrust)}
	}
	switch c.Kind {
	case KindRoot, KindUser, KindRoleSession, KindWebIdentity, KindService:
	default:
		return TrustDecision{Decision: denied(r, SourceTrust)}
	}
	var e eval
	e.begin(c, r)
	v := verdict{source: SourceTrust}
	e.judge(&v, []*Document{doc}, true)
	if e.doubt {
		return TrustDecision{Decision: denied(r, SourceTrust)}
	}
	d := TrustDecision{Decision: v.decide(r)}
	d.Direct = d.Allowed && ^v.direct&allOf(len(r.Resources)) == 0
	return d
}

// matchPrincipals reports whether an entry matches the caller, and whether one
// names the caller itself.
func (e *eval) matchPrincipals(s *statement) (matched, direct bool) {
	for i := range s.principals {
		m, d := e.matchPrincipal(&s.principals[i], s.deny)
		matched, direct = matched || m, direct || d
	}
	return matched, direct
}

func (e *eval) matchPrincipal(p *principal, deny bool) (matched, direct bool) {
	c := e.c
	if c.Kind == KindService {
		m := p.kind == principalService && p.name == c.Name
		return m || deny && p.kind == principalEverybody, m // an Allow for everybody means no service
	}
	if c.Kind == KindWebIdentity {
		switch p.kind {
		case principalFederated:
			m := p.vouched(c)
			return m, m
		case principalEverybody:
			return deny, false // an Allow for everybody never means every user of an identity provider
		}
		return false, false
	}
	switch p.kind {
	case principalEverybody:
		return true, false
	case principalAccount:
		return c.Account != "" && c.Account == p.name, false
	case principalARN:
		return e.matchPrincipalARN(p.name)
	}
	return false, false
}

// matchPrincipalARN matches the caller's own ARN or the role of its session.
// Session policies hold for a caller that is named by its role's ARN, so such
// a match is not direct when there are any.
func (e *eval) matchPrincipalARN(arn string) (matched, direct bool) {
	c := e.c
	if c.ARN != "" && c.ARN == arn {
		return true, true
	}
	if c.Kind != KindRoleSession || c.Session == nil || c.Session.RoleARN == "" {
		return false, false
	}
	matched = c.Session.RoleARN == arn
	return matched, matched && len(c.Limits) == 0
}

// vouched reports whether the entry names the provider that vouched for the
// caller: by the same text, or by the ARN of the provider whose https address
// the caller's session has.
func (p *principal) vouched(c *Caller) bool {
	if c.Session == nil || c.Session.FederatedProvider == "" {
		return false
	}
	provider := c.Session.FederatedProvider
	if provider == p.name {
		return true
	}
	address, isURL := strings.CutPrefix(provider, "https://")
	return isURL && p.host != "" && address == p.host && (p.account == "" || p.account == c.Account)
}
