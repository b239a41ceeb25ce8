package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// claimsOf reads a JWT's claims for showing. Nothing is verified: whoever receives the token does that. ok is false for
// tokens that are not JWTs.
func claimsOf(token api.Sensitive) (claims map[string]any, ok bool) {
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	return claims, d.Decode(&claims) == nil && claims != nil
}

// claimOrder puts the registered claims (RFC 7519 section 4.1) first.
var claimOrder = []string{"iss", "sub", "aud", "client_id", "scope", "exp", "iat"}

// claims writes a token's claims, one a line.
func (t *terminal) claims(claims map[string]any) {
	names := make([]string, 0, len(claims))
	for name := range claims {
		if !slices.Contains(claimOrder, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range append(slices.Clone(claimOrder), names...) {
		value, ok := claims[name]
		if !ok {
			continue
		}
		t.field(name, t.claim(name, value))
	}
}

// field writes a name and its value under a step.
func (t *terminal) field(name, value string) {
	const indent, most = 5, 12
	head := pad(clean(name), most)
	for _, l := range wrap(value, t.room(indent+most+1)) {
		t.line(plainly(strings.Repeat(" ", indent)), span{dim, head}, plainly(" "+l))
		head = pad("", most)
	}
}

func (t *terminal) claim(name string, value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		n, err := v.Int64()
		if err != nil || !slices.Contains([]string{"exp", "iat", "nbf", "auth_time"}, name) {
			return v.String()
		}
		at := time.Unix(n, 0)
		if name == "exp" {
			return fmt.Sprintf("%s (%s)", t.clock(at), t.until(at))
		}
		return t.clock(at)
	case []any:
		words := make([]string, len(v))
		for i, w := range v {
			words[i] = t.claim("", w)
		}
		return strings.Join(words, " ")
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return string(b)
	}
}

// clock is a time in the place of the reader, with its day when that is not today.
func (t *terminal) clock(at time.Time) string {
	now := t.now()
	at = at.In(now.Location())
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}
