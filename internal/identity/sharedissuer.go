package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
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

// checkShared refuses a trust policy that is open to everybody at a shared issuer.
func checkShared(doc *policy.Document) error {
	for _, f := range doc.Federations() {
		row, shared := sharedIssuerOf(f.Issuer)
		if shared && !slices.ContainsFunc(f.Pins("sub"), row.allNamed) {
			return fmt.Errorf("statement %d trusts everybody at %s, which signs tokens for anybody who signs up with it. Say whom in its Condition: StringEquals or StringLike on %s:sub, with a subject that names the customer in full%s", f.Statement, clip(f.Issuer), clip(f.Issuer), row.example())
		}
	}
	return nil
}

func (s *sharedIssuer) example() string {
	if s.prefix == "" {
		return ""
	}
	return ", such as " + s.prefix + "my-name" + s.end + "*"
}

// allNamed tells whether each of a condition's values spells out a customer.
func (s *sharedIssuer) allNamed(pins []policy.Pin) bool {
	return len(pins) > 0 && !slices.ContainsFunc(pins, func(p policy.Pin) bool { return !s.named(p) })
}

// named tells whether a value spells out a customer. A pattern for subjects of a form that is not the issuer's usual one
// is not understood: those must be written in full.
func (s *sharedIssuer) named(p policy.Pin) bool {
	if p.Whole {
		return p.Prefix != ""
	}
	name, ok := strings.CutPrefix(p.Prefix, s.prefix)
	return ok && s.prefix != "" && strings.Index(name, s.end) > 0
}
