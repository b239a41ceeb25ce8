package oauth

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// Endpoints are the URLs of a vendor. In a row {tenant}, {client_id}, {base} and
// {issuer} stand for what a provider or the operator puts there.
type Endpoints struct {
	Issuer        string // compared with a callback's iss
	Authorization string
	Token         string
	Revocation    string
}

// Configures is what the configuration of a provider says about where it is.
type Configures int

const (
	// ConfiguresNothing: all providers of the vendor are at the row's endpoints.
	ConfiguresNothing Configures = iota
	// ConfiguresTenant: it may name a tenant, for {tenant} in the row's endpoints.
	ConfiguresTenant
	// ConfiguresIssuer: it names an issuer, with endpoints that are held to the row.
	ConfiguresIssuer
	// ConfiguresServer: it names a discovery URL, or issuer and endpoints, anywhere.
	ConfiguresServer
)

// RevocationForm is how a vendor takes a token back.
type RevocationForm int

const (
	// RevokeStandard is RFC 7009.
	RevokeStandard RevocationForm = iota
	// RevokeDeleteGrant is a DELETE with Basic authentication and the access
	// token in a JSON body. It ends everything the user granted to the client.
	RevokeDeleteGrant
	// RevokeTokenAlone is RFC 7009 without the client's proof: to hold the token
	// is enough, and the client's secret is not shown without need.
	RevokeTokenAlone
	// RevokeBearer is an empty POST that the access token itself authorises.
	RevokeBearer
)

// Parameter is one parameter of a request.
type Parameter struct{ Name, Value string }

// TokenKind is one of several kinds of token that a vendor issues side by side.
// A scope of a kind with a Parameter of its own is written Parameter=scope, in
// requests and in what was granted, so that a grant is stored under both.
type TokenKind struct {
	Type      string // its token_type, which means Bearer at this vendor
	Parameter string // of the authorization request for its scopes; empty: scope
	Member    string // of the answer that holds it when the top level has no token
}

// Row is what Lanyard knows about one vendor. Serving another vendor is one more
// row in vendorRows and one more test.
type Row struct {
	Name         string // the vendor's name on the wire
	ConfigMember string // the member of the provider configuration that goes with it

	Configures     Configures
	Endpoints      Endpoints // as published; empty when every provider brings its own
	SelfHosted     Endpoints // on an installation of its own, with {base}; empty: the same paths
	DefaultTenant  string    // of a provider that names none
	OfIssuer       Endpoints // below {issuer}; empty when a provider names them beside its issuer
	OfBareIssuer   Endpoints // the same below an issuer without a path
	RevocationName string    // last segment of the revocation URL, beside the token endpoint; only with ConfiguresIssuer

	// AuthMethods is the client authentication for each grant; a grant that is
	// missing follows the provider's metadata.
	AuthMethods  map[GrantType]AuthMethod
	JSONRequests bool // token requests are JSON objects
	NoPKCE       bool // a challenge may spoil the request of a client with a secret

	// AuthorizationDefaults are added to an authorization request that does not
	// set them. Each serves the one before it: where the request says otherwise,
	// the rest is left out.
	AuthorizationDefaults []Parameter

	ScopeSeparator        string // between scopes in an authorization or token request
	AnswerScopeSeparators string // every character that may separate scopes in an answer
	TokenKinds            []TokenKind
	OfflineScope          string // asks for a refresh token; answers grant it by sending one
	RefreshOmitsScopes    bool   // a refresh gives what was granted and takes no scope

	// AssumedLifetime is that of a token which will expire at a time that the
	// vendor does not tell. It counts only where a new token is to be had without
	// the user.
	AssumedLifetime time.Duration

	Revocation        RevocationForm
	RevokedCodes      []string        // errors of a revocation that say: it has ended already
	ErrorKinds        map[string]Kind // meaning of this vendor's own error codes
	RefreshErrorKinds map[string]Kind // the same in answers to a refresh, looked at first
}

// Provider is a provider of this vendor with the row's endpoints.
func (r Row) Provider(clientID string, clientSecret vault.Secret) Provider {
	return Provider{
		Vendor:                r.Name,
		Issuer:                r.Endpoints.Issuer,
		AuthorizationEndpoint: r.Endpoints.Authorization,
		TokenEndpoint:         r.Endpoints.Token,
		RevocationEndpoint:    strings.ReplaceAll(r.Endpoints.Revocation, "{client_id}", url.PathEscape(clientID)),
		ClientID:              clientID,
		ClientSecret:          clientSecret,
		NoPKCE:                r.NoPKCE,
	}
}

// Vendors returns the rows as published, in the table's order.
func Vendors() []Row { return vendorRows() }

// ServedList is ServedVendors in words.
func ServedList() string {
	names := ServedVendors()
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Vendor returns one row as published.
func Vendor(name string) (Row, bool) { return findRow(vendorRows(), name) }

// ServedVendors returns the names of all rows, for validation and messages.
func ServedVendors() []string {
	var names []string
	for _, row := range vendorRows() {
		names = append(names, row.Name)
	}
	return names
}

func findRow(rows []Row, name string) (Row, bool) {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name })
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

// Table is the vendor table of one installation: the published rows, with those
// the operator runs on a host of his own moved there.
type Table struct {
	rows []Row
}

// NewTable moves vendors to other base URLs: GithubOauth2 to
// https://github.example.com, SalesforceOauth2 to a sandbox, any to a stand-in
// for tests. Only the operator may do this. Outbound policy still applies to the
// moved endpoints; a base URL grants no exception from it.
func NewTable(baseURLs map[string]string) (*Table, error) {
	t := &Table{rows: vendorRows()}
	for _, vendor := range slices.Sorted(maps.Keys(baseURLs)) {
		if err := t.move(vendor, baseURLs[vendor]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Vendor returns one row of this installation.
func (t *Table) Vendor(name string) (Row, bool) { return findRow(t.rows, name) }

func (t *Table) move(vendor, baseURL string) error {
	i := slices.IndexFunc(t.rows, func(r Row) bool { return r.Name == vendor })
	if i < 0 {
		return fmt.Errorf("vendor %q is not served; use one of %v", vendor, ServedVendors())
	}
	row := &t.rows[i]
	if row.Configures >= ConfiguresIssuer {
		return fmt.Errorf("each provider of vendor %s says itself where it is, so the vendor takes no base URL", vendor)
	}
	base, err := checkBaseURL(baseURL)
	if err != nil {
		return fmt.Errorf("base URL %q of vendor %s: %w", bareURL(baseURL), vendor, err)
	}
	if row.SelfHosted != (Endpoints{}) {
		row.Endpoints = row.SelfHosted.with("{base}", base)
	} else {
		row.Endpoints = row.Endpoints.each(func(endpoint string) string { return rebase(endpoint, base) })
	}
	return nil
}

// rebase puts the path of a published endpoint below another base.
func rebase(endpoint, base string) string {
	_, rest, ok := strings.Cut(endpoint, "://")
	if !ok {
		return "" // the vendor has no such endpoint
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return base + rest[i:]
	}
	return base
}

func (e Endpoints) each(f func(string) string) Endpoints {
	return Endpoints{Issuer: f(e.Issuer), Authorization: f(e.Authorization), Token: f(e.Token), Revocation: f(e.Revocation)}
}

func (e Endpoints) with(placeholder, value string) Endpoints {
	return e.each(func(template string) string { return strings.ReplaceAll(template, placeholder, value) })
}

// checkBaseURL accepts http only in form; whether it may be used is decided by
// the outbound policy at every request.
func checkBaseURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "", fmt.Errorf("must be an absolute URL such as https://github.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(raw, "{}#"):
		return "", fmt.Errorf("must have no user, query or fragment")
	}
	return strings.TrimRight(raw, "/"), nil
}
