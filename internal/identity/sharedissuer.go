package identity

import (
	"fmt"
	"slices"
	"strings"
)

// A shared issuer signs tokens for anybody who signs up with it. A role that trusts one without saying which subjects
// is open to all of its customers (A61), so such a trust is refused when it is written, and again when it is used.

// sharedIssuer is one row of the table: an issuer without its scheme.
type sharedIssuer struct {
	issuer string
	paths  []string // where only some paths below the issuer are shared; none: all are
	// prefix and end are around the customer's name at the beginning of a subject, as the issuer writes it. A pattern must
	// spell the name out, with its end: repo:my-org* is also repo:my-org-of-somebody-else.
	prefix, end string
}

var sharedIssuers = []sharedIssuer{
	{issuer: "token.actions.githubusercontent.com", prefix: "repo:", end: "/"},   // every repository of GitHub
	{issuer: "gitlab.com", prefix: "project_path:", end: "/"},                    // every project of GitLab's own service
	{issuer: "app.terraform.io", prefix: "organization:", end: ":"},              // every organization of HCP Terraform
	{issuer: "agent.buildkite.com", prefix: "organization:", end: ":"},           // every organization of Buildkite
	{issuer: "oidc.vercel.com", paths: []string{""}, prefix: "owner:", end: ":"}, // every team, unless the issuer is a team's own
	{issuer: "api.pulumi.com/oidc", prefix: "pulumi:deploy:org:", end: ":"},      // every organization of Pulumi Cloud
	{issuer: "oidc.codefresh.io", prefix: "account:", end: ":"},                  // every account of Codefresh
	{issuer: "accounts.google.com"},                                              // everybody with a Google account
	{issuer: "appleid.apple.com"},                                                // everybody with an Apple account
	{issuer: "cognito-identity.amazonaws.com"},                                   // every identity pool of everybody
	{issuer: "graph.facebook.com"},                                               // everybody with a Facebook account
	{issuer: "www.amazon.com"},                                                   // everybody with an Amazon account
	// Every organization of Microsoft Entra, and everybody with a personal account; a tenant's own issuer is not shared.
	{issuer: "login.microsoftonline.com", paths: entraShared},
	{issuer: "sts.windows.net", paths: entraShared},
}

var entraShared = []string{"", "common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}

// sharedIssuerOf finds the row of an issuer, given as a URL without its scheme. What holds a wildcard may be any.
func sharedIssuerOf(issuer string) (sharedIssuer, bool) {
	issuer = strings.ToLower(strings.TrimSuffix(issuer, "/"))
	if strings.ContainsAny(issuer, "*?$") {
		return sharedIssuer{issuer: issuer}, true
	}
	i := slices.IndexFunc(sharedIssuers, func(s sharedIssuer) bool { return s.covers(issuer) })
	if i < 0 {
		return sharedIssuer{}, false
	}
	return sharedIssuers[i], true
}

func (s *sharedIssuer) covers(issuer string) bool {
	rest, ok := strings.CutPrefix(issuer, s.issuer)
	if !ok || rest != "" && rest[0] != '/' {
		return false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	return len(s.paths) == 0 || slices.Contains(s.paths, first)
}

// issuerOf is the issuer that a Federated principal means: an OpenID Connect provider's ARN, or a bare name.
func issuerOf(federated string) string {
	if _, issuer, ok := strings.Cut(federated, ":oidc-provider/"); ok {
		return issuer
	}
	return federated
}

// sharedIssuerWithoutSubject refuses a trust policy that is open to everybody at a shared issuer, also one that was
// written before the issuer was known to be shared. What cannot be read is refused.
func sharedIssuerWithoutSubject(trust string) error {
	doc, err := readTrust(trust)
	if err != nil {
		return err
	}
	return doc.checkShared()
}

// openTo is the shared issuer that the document is open to everybody of, and the number of the statement.
func (d *trustDocument) openTo() (issuer string, statement int) {
	for i, st := range d.Statement {
		if st.Effect != "Allow" {
			continue
		}
		for _, federated := range st.Principal["Federated"] {
			issuer := issuerOf(federated)
			if row, shared := sharedIssuerOf(issuer); shared && !st.namesSubjects(issuer, row) {
				return issuer, i + 1
			}
		}
	}
	return "", 0
}

// checkShared refuses a document that trusts a shared issuer without saying which subjects.
func (d *trustDocument) checkShared() error {
	issuer, statement := d.openTo()
	if issuer == "" {
		return nil
	}
	row, _ := sharedIssuerOf(issuer)
	return fmt.Errorf("statement %d trusts everybody at %s, which signs tokens for anybody who signs up with it. Say whom in its Condition: StringEquals or StringLike on %s:sub, with a subject that names the customer in full%s", statement, clip(issuer), clip(issuer), row.example())
}

func (s *sharedIssuer) example() string {
	if s.prefix == "" {
		return ""
	}
	return ", such as " + s.prefix + "my-name" + s.end + "*"
}

// namesSubjects tells whether one of the conditions holds for known subjects only. What an operator lets through when
// the claim is missing (…IfExists, ForAllValues:) is no such condition.
func (st *trustStatement) namesSubjects(issuer string, row sharedIssuer) bool {
	for operator, keys := range st.Condition {
		like := false
		switch strings.TrimPrefix(operator, "ForAnyValue:") {
		case "StringEquals", "StringEqualsIgnoreCase":
		case "StringLike":
			like = true
		default:
			continue
		}
		for key, values := range keys {
			if strings.EqualFold(key, issuer+":sub") && row.allNamed(values, like) {
				return true
			}
		}
	}
	return false
}

func (s *sharedIssuer) allNamed(values []any, like bool) bool {
	for _, v := range values {
		text, ok := v.(string)
		if !ok || !s.named(text, like) {
			return false
		}
	}
	return len(values) > 0
}

// named tells whether a value spells out a customer. A policy variable counts as a wildcard, and a pattern for subjects of
// a form that is not the issuer's usual one is not understood: those must be written in full.
func (s *sharedIssuer) named(value string, like bool) bool {
	wild := strings.Index(value, "${")
	if like {
		wild = strings.IndexAny(value, "*?$")
	}
	if wild < 0 {
		return value != ""
	}
	name, ok := strings.CutPrefix(value[:wild], s.prefix)
	return ok && s.prefix != "" && strings.Index(name, s.end) > 0
}
