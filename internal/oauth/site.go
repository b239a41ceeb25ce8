package oauth

import (
	"net/url"
	"path"
	"strings"
)

// Site is where one provider of a vendor says it is. Which members a vendor takes
// is its row's to say.
type Site struct {
	Tenant        string
	Issuer        string
	Authorization string
	Token         string
}

// SiteError refuses a Site. Its text is safe to show.
type SiteError struct {
	Field  string // the member, by its name on the wire
	Reason string
}

func (e *SiteError) Error() string { return e.Field + " " + e.Reason }

const maxTenant = 253 // of a domain name

// At returns the row with the endpoints of the provider at a site. It judges the
// form alone: whether an endpoint may be reached is the outbound policy's to say.
func (r Row) At(site Site) (Row, error) {
	if err := r.takes(site); err != nil {
		return Row{}, err
	}
	var err error
	switch r.Configures {
	case ConfiguresTenant:
		err = r.atTenant(site.Tenant)
	case ConfiguresIssuer:
		err = r.atIssuer(site)
	case ConfiguresServer:
		r.Endpoints = Endpoints{Issuer: site.Issuer, Authorization: site.Authorization, Token: site.Token}
	}
	if err != nil {
		return Row{}, err
	}
	return r, nil
}

// takes refuses what the vendor has no use for: to ignore it would send codes and
// refresh tokens elsewhere than its author believes.
func (r Row) takes(site Site) error {
	if site.Tenant != "" && r.Configures != ConfiguresTenant {
		return &SiteError{"tenantId", "does not belong to vendor " + r.Name + ", which has no tenants; leave it out"}
	}
	for _, member := range []Parameter{{"issuer", site.Issuer}, {"authorizationEndpoint", site.Authorization}, {"tokenEndpoint", site.Token}} {
		if member.Value != "" && r.Configures < ConfiguresIssuer {
			return &SiteError{member.Name, "does not belong to vendor " + r.Name + ", whose endpoints are known; leave it out, or configure other endpoints as CustomOauth2"}
		}
	}
	return nil
}

// atTenant puts a tenant, an id or a domain name, into the row's endpoints. It
// becomes a segment of their path and must not be able to leave it.
func (r *Row) atTenant(tenant string) error {
	if tenant == "" {
		tenant = r.DefaultTenant
	}
	if !validTenant(tenant) {
		return &SiteError{"tenantId", "must be a tenant's id or domain name: letters, digits, hyphens and single dots, which begin and end with a letter or digit"}
	}
	r.Endpoints = r.Endpoints.with("{tenant}", tenant)
	return nil
}

func validTenant(tenant string) bool {
	if len(tenant) > maxTenant {
		return false
	}
	for label := range strings.SplitSeq(tenant, ".") {
		if label == "" || strings.Trim(label, "-") != label || strings.Trim(label, "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return false
		}
	}
	return true
}

// atIssuer takes the endpoints a provider names, or those the vendor has below
// the issuer.
func (r *Row) atIssuer(site Site) error {
	issuer, err := parseSite("issuer", site.Issuer)
	if err != nil {
		return err
	}
	if site.Authorization == "" && site.Token == "" && r.OfIssuer != (Endpoints{}) {
		r.Endpoints = r.belowIssuer(issuer, site.Issuer)
	} else {
		if err := r.checkEndpoints(issuer, site); err != nil {
			return err
		}
		r.Endpoints = Endpoints{Issuer: site.Issuer, Authorization: site.Authorization, Token: site.Token}
	}
	r.Endpoints.Revocation = beside(r.Endpoints.Token, r.RevocationName)
	return nil
}

func (r *Row) belowIssuer(issuer *url.URL, raw string) Endpoints {
	templates := r.OfIssuer
	if strings.Trim(issuer.Path, "/") == "" {
		templates = r.OfBareIssuer
	}
	below := templates.with("{issuer}", strings.TrimRight(raw, "/"))
	below.Issuer = raw // iss is compared exactly
	return below
}

// checkEndpoints holds the two endpoints to one origin, and to the issuer's where
// the vendor has all at one place: a look-alike host beside the right one would
// get the codes or the refresh tokens.
func (r *Row) checkEndpoints(issuer *url.URL, site Site) error {
	authorization, err := parseEndpoint("authorizationEndpoint", site.Authorization)
	if err != nil {
		return err
	}
	token, err := parseEndpoint("tokenEndpoint", site.Token)
	if err != nil {
		return err
	}
	if !sameOrigin(authorization, token) {
		return &SiteError{"tokenEndpoint", "is at " + origin(token) + " and the authorizationEndpoint at " + origin(authorization) + "; vendor " + r.Name + " has both at one host. Correct them, or use CustomOauth2"}
	}
	if r.OfIssuer != (Endpoints{}) && !sameOrigin(issuer, token) {
		return &SiteError{"tokenEndpoint", "is at " + origin(token) + " and the issuer at " + origin(issuer) + "; vendor " + r.Name + " has both at one host. Correct them, or use CustomOauth2"}
	}
	return nil
}

// parseSite reads a URL without anything that could make it mean another place to
// another reader.
func parseSite(field, raw string) (*url.URL, error) {
	if raw == "" {
		return nil, &SiteError{field, "is missing; each provider of this vendor names its own"}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || !inRange(raw, 0x21, 0x7e, maxURL) {
		return nil, &SiteError{field, "must be an absolute https URL"}
	}
	if u.User != nil || strings.ContainsAny(raw, `?#{}\`) || path.Clean("/"+u.Path) != "/"+strings.Trim(u.Path, "/") {
		return nil, &SiteError{field, "must have no user, query, fragment, braces, backslashes, and no empty or dot segments in its path"}
	}
	return u, nil
}

// parseEndpoint is parseSite of a URL beside which others are found.
func parseEndpoint(field, raw string) (*url.URL, error) {
	u, err := parseSite(field, raw)
	if err == nil && (u.Path == "" || strings.HasSuffix(u.Path, "/")) {
		return nil, &SiteError{field, "must have a path that does not end in a slash"}
	}
	return u, err
}

func sameOrigin(a, b *url.URL) bool { return origin(a) == origin(b) }

func origin(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// beside is the endpoint of that name next to another.
func beside(endpoint, name string) string {
	if name == "" {
		return ""
	}
	return endpoint[:strings.LastIndexByte(endpoint, '/')+1] + name
}
