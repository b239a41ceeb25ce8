package oauth

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	maxToken    = 131072
	maxLifetime = 10 * 365 * 24 * time.Hour
	maxScopes   = 512
	maxScope    = 1024
)

// Token is a usable token answer. What it says about lifetime and rights is the
// provider's claim: the caller compares Scopes with what was asked for.
type Token struct {
	Access  vault.Secret
	Refresh vault.Secret // empty: the provider sent none; after a refresh the old one stays in use
	Type    string       // "Bearer", always

	// ExpiresAt is zero when the provider gave no lifetime. A negative lifetime
	// is taken at its word: the token is expired when it arrives. A lifetime of
	// zero, which vendors use for "never", and one that is no number count as
	// none, because a sound token beside them must not be lost. No token is
	// believed to live longer than ten years.
	ExpiresAt time.Time
	// RefreshExpiresAt is zero unless the provider gave a positive lifetime:
	// believing another would cost the grant, not believing it one request.
	RefreshExpiresAt time.Time

	// Scopes is what the provider says it granted, if ScopesKnown. Where it says
	// nothing, it granted what was asked (RFC 6749 section 5.1). Entries that are
	// no scope are left out, so that a strange answer can only show fewer rights.
	Scopes      []string
	ScopesKnown bool

	IDTokenPresent bool // an ID token came too; it is not verified here and not kept
}

func (a answer) token(resp *egress.Response) (Token, error) {
	members, readErr := tokenMembers(resp)
	if problem := a.problem(resp, members); problem != nil {
		return Token{}, problem
	}
	kind := TokenKind{}
	if readErr == nil {
		members, kind, readErr = a.row.tokenOf(resp.Body, members)
	}
	if readErr != nil {
		return Token{}, a.fail(Malformed, resp.Status, "the token answer cannot be read: "+readErr.Error())
	}
	if flaw := tokenFlaw(members, kind); flaw != "" {
		return Token{}, a.fail(Malformed, resp.Status, flaw)
	}
	return a.read(members, kind), nil
}

// tokenFlaw checks the members that make an answer a token answer. All others
// are claims about it and never a reason to throw tokens away.
func tokenFlaw(members map[string]any, kind TokenKind) string {
	access, _ := members["access_token"].(string)
	if !inRange(access, 0x21, 0x7e, maxToken) {
		return "access_token is missing, too long or has characters that no bearer token may have (RFC 6750 section 2.1)"
	}
	// A token that must be used with a proof is worthless, and misleading, as a
	// bearer token (RFC 6749 section 7.1).
	tokenType, isText := members["token_type"].(string)
	isBearer := strings.EqualFold(tokenType, "bearer") || tokenType == kind.Type
	if members["token_type"] != nil && (!isText || !isBearer) {
		return "token_type is not Bearer; switch off sender-constrained tokens for this client at the provider"
	}
	refresh, isText := members["refresh_token"].(string)
	if members["refresh_token"] != nil && (!isText || refresh != "" && !inRange(refresh, 0x20, 0x7e, maxToken)) {
		return "refresh_token is too long or not printable text"
	}
	return ""
}

func (a answer) read(members map[string]any, kind TokenKind) Token {
	access, _ := members["access_token"].(string)
	refresh, _ := members["refresh_token"].(string)
	idToken, _ := members["id_token"].(string)
	t := Token{
		Access:           vault.SecretString(access),
		Type:             "Bearer",
		ExpiresAt:        accessExpiry(a.at, members["expires_in"]),
		RefreshExpiresAt: refreshExpiry(a.at, members),
		IDTokenPresent:   idToken != "",
	}
	if refresh != "" {
		t.Refresh = vault.SecretString(refresh)
	}
	t.Scopes, t.ScopesKnown = a.row.grantedScopes(members["scope"], kind)
	if offline := a.row.OfflineScope; offline != "" && t.ScopesKnown && !t.Refresh.Empty() && !slices.Contains(t.Scopes, offline) {
		t.Scopes = append(t.Scopes, offline)
	}
	if members["expires_in"] == nil && a.row.AssumedLifetime > 0 && (!t.Refresh.Empty() || a.grant != GrantAuthorizationCode) {
		t.ExpiresAt = a.at.Add(a.row.AssumedLifetime)
	}
	return t
}

func accessExpiry(at time.Time, value any) time.Time {
	lifetime, ok := parseLifetime(value)
	if !ok || lifetime == 0 {
		return time.Time{}
	}
	return at.Add(max(lifetime, 0))
}

// refreshExpiry knows the two names in use; neither is standard.
func refreshExpiry(at time.Time, members map[string]any) time.Time {
	for _, name := range []string{"refresh_token_expires_in", "refresh_expires_in"} {
		if lifetime, ok := parseLifetime(members[name]); ok && lifetime > 0 {
			return at.Add(lifetime)
		}
	}
	return time.Time{}
}

// parseLifetime reads seconds from a JSON number or a string of one, between one
// negative second and the ten years that are believed.
func parseLifetime(value any) (time.Duration, bool) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	// Out of range gives an infinity, which the bounds below cut.
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(seconds, 0) {
		return 0, false
	}
	switch {
	case seconds < 0:
		return -time.Second, true
	case seconds >= maxLifetime.Seconds():
		return maxLifetime, true
	}
	return time.Duration(seconds * float64(time.Second)).Truncate(time.Second), true
}

// grantedScopes reads scope as a string or, as some vendors send it, an array.
// An empty string counts as silence: one vendor sends it with tokens whose
// rights are not expressed in scopes.
func (r Row) grantedScopes(value any, kind TokenKind) (scopes []string, known bool) {
	var words []string
	switch v := value.(type) {
	case nil:
		return nil, false
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, false
		}
		words = r.splitScopes(v)
	case []any:
		for _, item := range v {
			text, _ := item.(string)
			words = append(words, text)
		}
	}
	for _, word := range words {
		if len(scopes) < maxScopes && validScope(word) {
			scopes = append(scopes, kind.prefix()+word)
		}
	}
	return scopes, true
}

func (r Row) splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(r.AnswerScopeSeparators, c) })
}

// validScope holds the scope-token of RFC 6749 section 3.3.
func validScope(s string) bool {
	return inRange(s, 0x21, 0x7e, maxScope) && !strings.ContainsAny(s, `"\`)
}
