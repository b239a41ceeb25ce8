package devidp

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// checkRegistration holds a registration to its rules, so that what could not work, or would weaken, is refused where the
// developer sees it.
func (p *Pools) checkRegistration(ctx context.Context, pool *pool, r *registration, hasSecret bool) error {
	for _, err := range []error{checkProviders(r), checkFlows(r, hasSecret), checkValidity(r), checkRevocation(r)} {
		if err != nil {
			return err
		}
	}
	for _, u := range slices.Concat(r.CallbackURLs, r.LogoutURLs) {
		if err := checkRedirect(u); err != nil {
			return err
		}
	}
	if r.DefaultRedirectURI != nil && !slices.Contains(r.CallbackURLs, *r.DefaultRedirectURI) {
		return invalidParameter("DefaultRedirectURI must be one of CallbackURLs")
	}
	return p.checkScopes(ctx, pool, r.AllowedOAuthScopes)
}

func checkProviders(r *registration) error {
	for _, name := range r.SupportedIdentityProviders {
		if name != "COGNITO" {
			return invalidParameter("SupportedIdentityProviders: %s does not exist in this user pool; the development user pools know COGNITO alone", name)
		}
	}
	return nil
}

func checkFlows(r *registration, hasSecret bool) error {
	badFlow := func(text string) error { return refuseAs(api.InvalidOAuthFlowException, "%s", text) }
	machine := slices.Contains(r.AllowedOAuthFlows, api.OAuthClientCredentials)
	switch {
	case r.AllowOAuth && (len(r.AllowedOAuthFlows) == 0 || len(r.AllowedOAuthScopes) == 0):
		return badFlow("AllowedOAuthFlows and AllowedOAuthScopes are required when AllowedOAuthFlowsUserPoolClient is true")
	case machine && len(r.AllowedOAuthFlows) > 1:
		return badFlow("client_credentials flow can not be selected along with code flow or implicit flow: make two clients")
	case machine && !hasSecret:
		return badFlow("client_credentials flow can not be selected if client does not have a client secret: send GenerateSecret")
	case machine && slices.ContainsFunc(r.AllowedOAuthScopes, func(s string) bool { return slices.Contains(userScopes, s) }):
		return badFlow("client_credentials flow is for the scopes of resource servers alone: a client has no openid, email, phone or profile")
	case r.AllowOAuth && !machine && len(r.CallbackURLs) == 0:
		return badFlow("CallbackURLs is required for the code flow: give the callback URL that the credential provider shows")
	}
	return nil
}

// Bounds and defaults of what clients may ask of their tokens.
const (
	usualAccess      = time.Hour
	usualRefresh     = 30 * 24 * time.Hour
	usualAuthSession = int32(3) // minutes
	minAccess        = 5 * time.Minute
	maxAccess        = 24 * time.Hour
	minRefresh       = time.Hour
	maxRefresh       = 3650 * 24 * time.Hour
)

// unit reads a unit of time, with the one that holds where none is given.
func unit(name string, usual time.Duration) time.Duration {
	switch name {
	case "seconds":
		return time.Second
	case "minutes":
		return time.Minute
	case "hours":
		return time.Hour
	case "days":
		return 24 * time.Hour
	default:
		return usual
	}
}

// lifetimes are how long the client's tokens are good for.
func lifetimes(r *registration) (access, id, refresh time.Duration) {
	units := value(r.TokenValidityUnits)
	access, id, refresh = usualAccess, usualAccess, usualRefresh
	if n := value(r.AccessTokenValidity); n > 0 {
		access = time.Duration(n) * unit(units.AccessToken, time.Hour)
	}
	if n := value(r.IDTokenValidity); n > 0 {
		id = time.Duration(n) * unit(units.IDToken, time.Hour)
	}
	if n := value(r.RefreshTokenValidity); n > 0 {
		refresh = time.Duration(n) * unit(units.RefreshToken, 24*time.Hour)
	}
	return access, id, refresh
}

// refreshValidity is the number that goes with the client's unit.
func refreshValidity(r *registration) int32 {
	_, _, refresh := lifetimes(r)
	return int32(refresh / unit(value(r.TokenValidityUnits).RefreshToken, 24*time.Hour))
}

func checkValidity(r *registration) error {
	access, id, refresh := lifetimes(r)
	for _, v := range []struct {
		name           string
		got, low, high time.Duration
	}{
		{"AccessTokenValidity", access, minAccess, maxAccess},
		{"IdTokenValidity", id, minAccess, maxAccess},
		{"RefreshTokenValidity", refresh, minRefresh, maxRefresh},
	} {
		if v.got < v.low || v.got > v.high {
			return invalidParameter("%s is %s with its unit of TokenValidityUnits; it must be from %s to %s", v.name, v.got, v.low, v.high)
		}
	}
	if refresh < access || refresh < id {
		return invalidParameter("RefreshTokenValidity must not be shorter than AccessTokenValidity and IdTokenValidity")
	}
	return nil
}

// checkRevocation refuses a client whose tokens could not be taken back.
func checkRevocation(r *registration) error {
	if r.EnableTokenRevocation != nil && !*r.EnableTokenRevocation {
		return invalidParameter("EnableTokenRevocation must be true or left out: every token of the development user pools can be revoked")
	}
	return nil
}

// checkRedirect accepts https, and plain http on loopback (RFC 8252, 7.3): the code in such a URL opens the user's
// account, and travels in clear.
func checkRedirect(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Contains(raw, "#") || !isVisibleASCII(raw):
		return invalidParameter("CallbackURLs and LogoutURLs must be absolute URLs without user and fragment, such as https://app.example.com/callback; %q is none", raw)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	default:
		return invalidParameter("CallbackURLs and LogoutURLs must be https, or http on localhost or 127.0.0.1; %q is neither", raw)
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
