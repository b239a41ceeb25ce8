package oauth

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// Authorization is one authorization request (RFC 6749 section 4.1.1).
type Authorization struct {
	Provider    Provider
	CallbackURL string
	State       string
	Verifier    string // only its challenge is sent
	Scopes      []string
	Resources   []string          // RFC 8707
	Audiences   []string          // the audience parameter several vendors know
	Custom      map[string]string // the caller's own; see ReservedParameter
}

// Format keeps state and verifier out of every printed form.
func (a Authorization) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authorization at %s for %s", a.Provider.Vendor, a.CallbackURL)
}

// LogValue keeps state and verifier out of structured logs.
func (a Authorization) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// AuthorizationURL builds the URL the user's browser is sent to. Parameters that
// the endpoint already carries stay; none may come twice (RFC 6749 section 3.1),
// and none that Lanyard sets may come from anywhere else.
func AuthorizationURL(a Authorization) (string, error) {
	const op = "authorization request"
	endpoint := a.Provider.AuthorizationEndpoint
	row, err := a.Provider.row(op)
	if err != nil {
		return "", err
	}
	if err := a.complete(op); err != nil {
		return "", err
	}
	base, fixed, err := splitEndpoint(op, endpoint)
	if err != nil {
		return "", err
	}
	query, err := a.parameters(op, row)
	if err != nil {
		return "", err
	}
	for name := range fixed {
		if query.Has(name) {
			return "", misconfigured(op, endpoint, "the authorization endpoint and the custom parameters both set %q; remove one", printable(name, maxCode))
		}
	}
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	return base + separator + query.Encode(), nil
}

func (a Authorization) complete(op string) error {
	p := a.Provider
	switch {
	case p.AuthorizationEndpoint == "":
		return misconfigured(op, "", "the credential provider has no authorization endpoint, so it serves no user consent")
	case p.ClientID == "":
		return misconfigured(op, p.AuthorizationEndpoint, "the credential provider has no client id; update it with the id the provider registered")
	case a.CallbackURL == "" || a.State == "":
		return misconfigured(op, p.AuthorizationEndpoint, "the request has no callback URL or no state, so its answer could not be bound to a session")
	case !p.NoPKCE && !validVerifier(a.Verifier):
		return misconfigured(op, p.AuthorizationEndpoint, "the request has no valid PKCE code verifier; only a provider marked as refusing PKCE goes without")
	}
	return nil
}

func (a Authorization) parameters(op string, row Row) (url.Values, error) {
	query := url.Values{
		"response_type": {"code"},
		"client_id":     {a.Provider.ClientID},
		"redirect_uri":  {a.CallbackURL},
		"state":         {a.State},
	}
	if !a.Provider.NoPKCE {
		query.Set("code_challenge", Challenge(a.Verifier))
		query.Set("code_challenge_method", "S256")
	}
	if err := addScopes(op, row, query, a.Scopes); err != nil {
		return nil, err
	}
	if err := addTargets(op, query, a.Resources, a.Audiences); err != nil {
		return nil, err
	}
	if err := addCustom(op, row, query, a.Custom); err != nil {
		return nil, err
	}
	addDefaults(row, query)
	return query, nil
}

// splitEndpoint reads the parameters an endpoint carries. They come from whoever
// configured the provider or wrote its discovery document, so a reserved name
// among them would decide what the user consents to.
func splitEndpoint(op, endpoint string) (base string, fixed url.Values, err error) {
	u, parseErr := url.Parse(endpoint)
	if parseErr != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", nil, misconfigured(op, endpoint, "the authorization endpoint is not an absolute https URL")
	}
	if u.Fragment != "" || strings.Contains(endpoint, "#") || u.User != nil {
		return "", nil, misconfigured(op, endpoint, "the authorization endpoint must have no fragment and no user (RFC 6749 section 3.1)")
	}
	fixed, parseErr = url.ParseQuery(u.RawQuery)
	if parseErr != nil {
		return "", nil, misconfigured(op, endpoint, "the authorization endpoint's query cannot be read")
	}
	for name := range fixed {
		if ReservedParameter(name) {
			return "", nil, misconfigured(op, endpoint, "the authorization endpoint carries the parameter %q, which Lanyard sets itself; remove it from the endpoint", printable(name, maxCode))
		}
	}
	return strings.TrimRight(endpoint, "?&"), fixed, nil
}

var _ fmt.Formatter = Authorization{}
