package policy

import (
	"encoding/json"
	"strings"
)

// principal reads whom a trust policy names.
func (p *parser) principal(s *statement) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	switch tok {
	case "*":
		s.principals = []principal{{kind: principalEverybody, written: "*"}}
		return nil
	case json.Delim('{'):
	default:
		return p.fail(`Principal must be "*" or an object, for instance {"AWS": "arn:aws:iam::123456789012:role/NAME"}`)
	}
	if !p.dec.More() {
		return p.fail("Principal is empty: name at least one")
	}
	return p.object(func(kind string) error {
		add := p.principalKind(kind)
		if add == nil {
			return p.wrongKind(kind)
		}
		return p.strs("Principal "+kind, func(v string) error {
			entry, err := add(v)
			entry.written = v
			s.principals = append(s.principals, entry)
			return err
		})
	})
}

func (p *parser) principalKind(kind string) func(string) (principal, error) {
	switch kind {
	case "AWS":
		return p.awsPrincipal
	case "Federated":
		return p.federated
	case "Service":
		return p.service
	}
	return nil
}

func (p *parser) wrongKind(kind string) error {
	if kind == "CanonicalUser" {
		return p.fail("the Principal CanonicalUser belongs to policies of S3 buckets: name the user's or role's ARN under AWS")
	}
	return p.unknown(kind, "AWS", "Federated", "Service")
}

// awsPrincipal reads an account, or the ARN of a user, a role or a role
// session. A wildcard in an ARN would also match whoever is named so later.
func (p *parser) awsPrincipal(v string) (principal, error) {
	switch {
	case v == "*":
		return principal{kind: principalEverybody}, nil
	case isAccount(v):
		return principal{kind: principalAccount, name: v}, nil
	case hasWildcard(v):
		return principal{}, p.fail("the Principal %s has a wildcard: name one principal, or * with a condition on aws:PrincipalArn", quote(v))
	}
	part, ok := splitARN(v)
	kind, name, _ := strings.Cut(part[5], "/")
	switch {
	case !ok || part[1] == "" || part[3] != "" || !isAccount(part[4]):
	case part[2] == "iam" && part[5] == "root":
		return principal{kind: principalAccount, name: part[4]}, nil
	case part[2] == "iam" && (kind == "user" || kind == "role") && namesAll(name):
		return principal{kind: principalARN, name: v}, nil
	case part[2] == "sts" && kind == "assumed-role" && namesAll(name) && strings.Count(name, "/") == 1:
		return principal{kind: principalARN, name: v}, nil
	}
	return principal{}, p.fail("the Principal %s must be an account's 12 digits, or the ARN of an account's root, a user, a role or a role session: arn:aws:iam::123456789012:role/NAME", quote(v))
}

func isAccount(s string) bool { return len(s) == 12 && all(s, isDigit) }

// namesAll reports whether no segment of a path is empty.
func namesAll(path string) bool {
	return path != "" && path[0] != '/' && !strings.HasSuffix(path, "/") && !strings.Contains(path, "//")
}

// federated reads an identity provider: its ARN, or its address without the
// scheme.
func (p *parser) federated(v string) (principal, error) {
	f := principal{kind: principalFederated, name: v, host: v}
	if hasWildcard(v) {
		return f, p.fail("the Federated principal %s has a wildcard, and would trust any identity provider: name one", quote(v))
	}
	if part, ok := splitARN(v); ok {
		kind, host, _ := strings.Cut(part[5], "/")
		f.host, f.account = host, part[4]
		if part[1] == "" || part[2] != "iam" || part[3] != "" || !isAccount(part[4]) || host == "" || kind != "oidc-provider" && kind != "saml-provider" {
			return f, p.fail("the Federated principal %s must be a provider's ARN: arn:aws:iam::123456789012:oidc-provider/issuer.example.com/path", quote(v))
		}
		if kind == "saml-provider" {
			f.host = "" // nobody here was vouched for by one
		}
		return f, nil
	}
	if strings.Contains(v, "://") || strings.ContainsAny(v, " ?#@") || !strings.Contains(v, ".") {
		return f, p.fail("the Federated principal %s must be a provider's ARN, or its address without https://", quote(v))
	}
	return f, nil
}

func (p *parser) service(v string) (principal, error) {
	if !strings.Contains(v, ".") || !all(v, func(c byte) bool { return isAlnum(c) || c == '-' || c == '.' }) {
		return principal{}, p.fail("the Service principal %s must be a service's name, as in lambda.amazonaws.com", quote(v))
	}
	return principal{kind: principalService, name: v}, nil
}
