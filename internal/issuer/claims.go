package issuer

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxIssuerBytes  = 2048
	maxSubjectBytes = 1024
	maxAudiences    = 100
	maxNumericDate  = 253402300799 // the end of the year 9999

	leeway      = 60 * time.Second
	maxLifetime = 31 * 24 * time.Hour
)

// ordinaryTypes are the kinds accepted unless the caller names its own: a
// plain JWT, and an access token (RFC 9068 section 2.1). A list of what is
// right outlives a list of what is wrong (logout+jwt, dpop+jwt, secevent+jwt, …).
var ordinaryTypes = []string{"", "jwt", "at+jwt"}

func parseClaims(part string) (*Claims, error) {
	raw, err := decodePart(part)
	if err != nil {
		return nil, malformed("the token's claims cannot be read: %v", err)
	}
	c := &Claims{Raw: raw}
	if c.Issuer, err = parseName(raw, "iss", maxIssuerBytes); err != nil {
		return nil, err
	}
	if c.Issuer == "" {
		return nil, malformed("the token names no issuer (iss)")
	}
	if c.Subject, err = parseName(raw, "sub", maxSubjectBytes); err != nil {
		return nil, err
	}
	if c.Audience, err = parseAudience(raw); err != nil {
		return nil, err
	}
	if c.ClientID, err = parseClientID(raw); err != nil {
		return nil, err
	}
	c.Scope = parseScope(raw)
	return c, parseTimes(c)
}

// parseName reads a claim that becomes part of a user's identity. Whatever
// could be stored, logged or compared as something else is refused; U+FFFD is
// what a decoder writes for text that it could not represent, so two different
// subjects could end in it (A60).
func parseName(raw map[string]any, name string, limit int) (string, error) {
	s, ok := stringMember(raw, name)
	switch {
	case !ok:
		return "", malformed("the token's %s is not a string", name)
	case len(s) > limit:
		return "", malformed("the token's %s has more than %d bytes", name, limit)
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return "", malformed("the token's %s has control or unrepresentable characters", name)
	}
	return s, nil
}

// parseAudience reads a string or a list of them (RFC 7519 section 4.1.3).
func parseAudience(raw map[string]any) ([]string, error) {
	switch aud := raw["aud"].(type) {
	case nil:
		return nil, nil
	case string:
		return []string{aud}, nil
	case []any:
		if len(aud) > maxAudiences {
			return nil, malformed("the token names more than %d audiences", maxAudiences)
		}
		return stringsOf(aud, "aud")
	}
	return nil, malformed("the token's aud is neither a string nor a list of strings")
}

func stringsOf(list []any, name string) ([]string, error) {
	out := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, malformed("the token's %s is neither a string nor a list of strings", name)
		}
		out[i] = s
	}
	return out, nil
}

func parseClientID(raw map[string]any) (string, error) {
	for _, name := range []string{"client_id", "azp"} {
		s, ok := stringMember(raw, name)
		if !ok {
			return "", malformed("the token's %s is not a string", name)
		}
		if s != "" {
			return s, nil
		}
	}
	return "", nil
}

// parseScope also reads scp, which some issuers use, as a string or a list.
func parseScope(raw map[string]any) string {
	for _, name := range []string{"scope", "scp"} {
		switch v := raw[name].(type) {
		case string:
			return v
		case []any:
			if list, err := stringsOf(v, name); err == nil {
				return strings.Join(list, " ")
			}
		}
	}
	return ""
}

func parseTimes(c *Claims) error {
	for _, claim := range []struct {
		name string
		into *time.Time
	}{{"exp", &c.ExpiresAt}, {"iat", &c.IssuedAt}, {"nbf", &c.NotBefore}} {
		v, present := c.Raw[claim.name]
		if !present {
			continue
		}
		t, ok := numericDate(v)
		if !ok {
			return malformed("the token's %s is not a number of seconds since 1970", claim.name)
		}
		*claim.into = t
	}
	return nil
}

// numericDate reads seconds since 1970, perhaps with a fraction (RFC 7519
// section 2), which is dropped.
func numericDate(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || !(f >= 0 && f <= maxNumericDate) {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(f)), 0).UTC(), true
}

// check holds the token's own statements against what is demanded, before any
// key is fetched: a token that would be refused anyway costs nobody a request.
func check(t *parsedToken, demands Trust, now time.Time) error {
	if err := checkType(t, demands); err != nil {
		return err
	}
	if t.claims.Subject == "" {
		return refuse(NoSubject, t.claims.Issuer, "it names no subject (sub), so it is nobody's")
	}
	if err := checkTimes(t.claims, now); err != nil {
		return err
	}
	return checkAudience(t.claims, demands)
}

func checkType(t *parsedToken, demands Trust) error {
	for _, typ := range demands.Types {
		if normaliseType(typ) == t.header.typ {
			return nil
		}
	}
	if len(demands.Types) == 0 && slices.Contains(ordinaryTypes, t.header.typ) {
		return nil
	}
	return refuse(Type, t.claims.Issuer, "its typ %s says that it is another kind of token: present the issuer's access token or ID token", quote(t.header.typ))
}

// checkTimes gives no leeway to exp, since what is issued for the token ends
// with it.
func checkTimes(c *Claims, now time.Time) error {
	refuseTime := func(reason Reason, format string, args ...any) error {
		return refuse(reason, c.Issuer, format, args...)
	}
	start := c.IssuedAt
	if start.IsZero() {
		start = now
	}
	switch {
	case c.ExpiresAt.IsZero():
		return refuseTime(NoExpiry, "it has no expiry (exp)")
	case !now.Before(c.ExpiresAt): // RFC 7519 section 4.1.4: on or after
		return refuseTime(Expired, "it expired at %s: get a new one from the issuer", c.ExpiresAt.Format(time.RFC3339))
	case c.NotBefore.After(now.Add(leeway)):
		return refuseTime(NotYetValid, "it is not valid before %s: check both clocks", c.NotBefore.Format(time.RFC3339))
	case c.IssuedAt.After(now.Add(leeway)):
		return refuseTime(NotYetValid, "it says that it was issued in the future, at %s: check both clocks", c.IssuedAt.Format(time.RFC3339))
	case c.ExpiresAt.Sub(start) > maxLifetime:
		return refuseTime(TooLongLived, "it is valid for more than 31 days: have the issuer give shorter tokens")
	}
	return nil
}

// checkAudience refuses tokens that another application received from the same
// issuer (RFC 8725 section 3.9). Client ids are for access tokens without aud.
func checkAudience(c *Claims, demands Trust) error {
	if demands.AnyAudience {
		return nil
	}
	for _, aud := range c.Audience {
		if aud != "" && slices.Contains(demands.Audiences, aud) {
			return nil
		}
	}
	if c.ClientID != "" && slices.Contains(demands.ClientIDs, c.ClientID) {
		return nil
	}
	return refuse(Audience, c.Issuer,
		"it is meant for the audience %s and the client %s, and neither is listed for its issuer: list one of them if such tokens are meant to be used here",
		quote(strings.Join(c.Audience, " ")), quote(c.ClientID))
}
