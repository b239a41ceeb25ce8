package oauth

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

const (
	maxParameterName  = 256
	maxParameterValue = 4096
)

// reservedParameters are set by this package or not at all. They decide which
// client asks (client_*, request*), for what (scope, resource, audience: a grant
// is stored under these, so they are named in the request, not beside it), where
// and how the answer comes back (response_*, redirect_uri), what binds it (state,
// nonce, code_challenge*, dpop_jkt), or belong to the token request alone.
func reservedParameters() []string {
	return []string{
		"response_type", "response_mode", "client_id", "redirect_uri",
		"scope", "resource", "audience",
		"state", "nonce", "code_challenge", "code_challenge_method", "dpop_jkt",
		"request", "request_uri",
		"grant_type", "code", "code_verifier", "refresh_token", "device_code",
		"client_secret", "client_assertion", "client_assertion_type",
		"username", "password",
	}
}

// ReservedParameter reports whether a caller's custom parameter may not have this
// name. Spellings that some servers fold into a reserved name (upper case,
// "client.id", "resource[]", surrounding space) are reserved with it.
func ReservedParameter(name string) bool {
	return slices.Contains(reservedParameters(), foldParameter(name))
}

func foldParameter(name string) string {
	name = strings.ToLower(strings.TrimFunc(name, func(r rune) bool { return r <= ' ' }))
	name, _, _ = strings.Cut(name, "[")
	name, _, _ = strings.Cut(name, "\x00")
	return strings.NewReplacer(".", "_", " ", "_", "-", "_").Replace(name)
}

// addCustom adds the caller's parameters. They cannot replace one of ours: every
// name this package sets is reserved.
func addCustom(op string, row Row, form url.Values, custom map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(custom)) {
		value, shown := custom[name], printable(name, maxCode)
		switch {
		case ReservedParameter(name):
			return misconfigured(op, "", "custom parameter %q is reserved: scopes, resources and audiences have fields of their own, the rest is set by Lanyard", shown)
		case row.hasScopeParameter(foldParameter(name)):
			return misconfigured(op, "", "custom parameter %q is reserved at vendor %s: it asks for rights, which are named in scopes, one by one as %s=SCOPE", shown, row.Name, foldParameter(name))
		case !inRange(name, 0x21, 0x7e, maxParameterName):
			return misconfigured(op, "", "custom parameter %q needs a name of 1 to %d printable ASCII characters without spaces", shown, maxParameterName)
		case len(value) > maxParameterValue:
			return misconfigured(op, "", "custom parameter %q has a value longer than %d characters", shown, maxParameterValue)
		}
		form.Set(name, value)
	}
	return nil
}

// addScopes joins scopes the vendor's way. A scope that holds a separator would
// be two: a caller may only get what its grant is stored under.
func addScopes(op string, row Row, form url.Values, scopes []string) error {
	words := map[string][]string{}
	for _, scope := range scopes {
		parameter, word := row.splitScope(scope)
		if !validScope(word) || strings.Contains(word, row.ScopeSeparator) {
			return misconfigured(op, "", "scope %q is not one scope; list scopes one by one, in printable ASCII without spaces, quotes and backslashes", printable(scope, maxCode))
		}
		words[parameter] = append(words[parameter], word)
	}
	if len(words) > 1 {
		return misconfigured(op, "", "vendor %s gives one token for the scopes of %s and another for the rest, and one request gets one token; ask for each in a request of its own", row.Name, row.scopeParameters())
	}
	for parameter, list := range words {
		form.Set(parameter, strings.Join(list, row.ScopeSeparator))
	}
	return nil
}

// addDefaults adds what the vendor needs to hear and the request does not say.
func addDefaults(row Row, query url.Values) {
	for _, d := range row.AuthorizationDefaults {
		switch {
		case !query.Has(d.Name):
			query.Set(d.Name, d.Value)
		case query.Get(d.Name) != d.Value:
			return
		}
	}
}

// addTargets adds resource parameters (RFC 8707 section 2) and audiences.
func addTargets(op string, form url.Values, resources, audiences []string) error {
	for _, resource := range resources {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || strings.Contains(resource, "#") || !inRange(resource, 0x21, 0x7e, maxURL) {
			return misconfigured(op, "", "resource %q must be an absolute URI without a fragment (RFC 8707 section 2)", printable(resource, maxCode))
		}
		form.Add("resource", resource)
	}
	for _, audience := range audiences {
		if !inRange(audience, 0x20, 0x7e, maxURL) || strings.TrimSpace(audience) == "" {
			return misconfigured(op, "", "audience %q must be 1 to %d printable ASCII characters", printable(audience, maxCode), maxURL)
		}
		form.Add("audience", audience)
	}
	return nil
}
