package oauth

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// Endpoints are the fixed URLs of a vendor.
type Endpoints struct {
	Issuer        string // compared with a callback's iss
	Authorization string
	Token         string
	Revocation    string // {client_id} stands for the client's id; Row.Provider puts it in
}

// RevocationForm is how a vendor takes a token back.
type RevocationForm int

const (
	// RevokeStandard is RFC 7009.
	RevokeStandard RevocationForm = iota
	// RevokeDeleteGrant is a DELETE with Basic authentication and the access
	// token in a JSON body. It ends everything the user granted to the client.
	RevokeDeleteGrant
)

// Row is what Lanyard knows about one vendor. Serving another vendor is one more
// row in vendorRows and one more test.
type Row struct {
	Name         string // the vendor's name on the wire
	ConfigMember string // the member of the provider configuration that goes with it

	Endpoints  Endpoints // empty when every provider brings its own
	SelfHosted Endpoints // the same on an installation of its own, with {base}; empty when there are none

	// AuthMethods is the client authentication for each grant; a grant that is
	// missing follows the provider's metadata.
	AuthMethods map[GrantType]AuthMethod

	ScopeSeparator        string // between scopes in an authorization or token request
	AnswerScopeSeparators string // every character that may separate scopes in an answer

	RefreshSingleUse    bool // a refresh answers with a new refresh token and ends the old one
	RefreshEndsAccess   bool // a refresh also ends the access token issued before
	Revocation          RevocationForm
	ErrorKinds          map[string]Kind // meaning of this vendor's own error codes
	ConfiguresEndpoints bool            // each provider names its endpoints or a discovery URL
}

// vendorRows is the vendor table.
func vendorRows() []Row {
	return []Row{
		{
			Name:                  "CustomOauth2",
			ConfigMember:          "customOauth2ProviderConfig",
			ConfiguresEndpoints:   true,
			ScopeSeparator:        " ",
			AnswerScopeSeparators: " ,",
			// Unknown, so assumed: it costs only care.
			RefreshSingleUse: true,
		},
		{
			Name:         "GithubOauth2",
			ConfigMember: "githubOauth2ProviderConfig",
			Endpoints: Endpoints{
				Issuer:        "https://github.com/login/oauth",
				Authorization: "https://github.com/login/oauth/authorize",
				Token:         "https://github.com/login/oauth/access_token",
				Revocation:    "https://api.github.com/applications/{client_id}/grant",
			},
			SelfHosted: Endpoints{
				Issuer:        "{base}/login/oauth",
				Authorization: "{base}/login/oauth/authorize",
				Token:         "{base}/login/oauth/access_token",
				Revocation:    "{base}/api/v3/applications/{client_id}/grant",
			},
			AuthMethods: map[GrantType]AuthMethod{
				GrantAuthorizationCode: ClientSecretPost,
				GrantRefreshToken:      ClientSecretPost,
				GrantClientCredentials: ClientSecretPost,
			},
			ScopeSeparator:        " ",
			AnswerScopeSeparators: " ,",
			RefreshSingleUse:      true,
			RefreshEndsAccess:     true,
			Revocation:            RevokeDeleteGrant,
			ErrorKinds: map[string]Kind{
				"bad_verification_code":        InvalidGrant,
				"bad_refresh_token":            InvalidGrant,
				"incorrect_client_credentials": Rejected,
				"redirect_uri_mismatch":        Rejected,
				"unverified_user_email":        Rejected,
			},
		},
	}
}

// Provider is a provider of this vendor with the vendor's endpoints.
func (r Row) Provider(clientID string, clientSecret vault.Secret) Provider {
	return Provider{
		Vendor:                r.Name,
		Issuer:                r.Endpoints.Issuer,
		AuthorizationEndpoint: r.Endpoints.Authorization,
		TokenEndpoint:         r.Endpoints.Token,
		RevocationEndpoint:    strings.ReplaceAll(r.Endpoints.Revocation, "{client_id}", url.PathEscape(clientID)),
		ClientID:              clientID,
		ClientSecret:          clientSecret,
	}
}

// Vendors returns the rows as published, in the table's order.
func Vendors() []Row { return vendorRows() }

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

// NewTable moves vendors to other base URLs, for example GithubOauth2 to
// https://github.example.com. Only the operator may do this. Outbound policy
// still applies to the moved endpoints; a base URL grants no exception from it.
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
	if row.SelfHosted == (Endpoints{}) {
		return fmt.Errorf("vendor %s has no self-hosted form, so it takes no base URL", vendor)
	}
	base, err := checkBaseURL(baseURL)
	if err != nil {
		return fmt.Errorf("base URL %q of vendor %s: %w", bareURL(baseURL), vendor, err)
	}
	row.Endpoints = row.SelfHosted.at(base)
	return nil
}

func (e Endpoints) at(base string) Endpoints {
	place := func(template string) string { return strings.ReplaceAll(template, "{base}", base) }
	return Endpoints{
		Issuer:        place(e.Issuer),
		Authorization: place(e.Authorization),
		Token:         place(e.Token),
		Revocation:    place(e.Revocation),
	}
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
