package oauth

import (
	"encoding/json"
	"slices"
	"strings"
)

// prefix is what a scope of this kind is written with outside of requests.
func (k TokenKind) prefix() string {
	if k.Parameter == "" {
		return ""
	}
	return k.Parameter + "="
}

// splitScope finds the parameter that a scope belongs into.
func (r Row) splitScope(scope string) (parameter, word string) {
	for _, kind := range r.TokenKinds {
		if rest, ok := strings.CutPrefix(scope, kind.prefix()); ok && kind.Parameter != "" {
			return kind.Parameter, rest
		}
	}
	return "scope", scope
}

func (r Row) hasScopeParameter(name string) bool {
	return slices.ContainsFunc(r.TokenKinds, func(k TokenKind) bool { return k.Parameter != "" && k.Parameter == name })
}

// scopeParameters names the scopes that have a parameter of their own.
func (r Row) scopeParameters() string {
	var names []string
	for _, kind := range r.TokenKinds {
		if kind.Parameter != "" {
			names = append(names, kind.prefix()+"…")
		}
	}
	return strings.Join(names, " and ")
}

// refreshScopes are the scopes a refresh may name. The one that asks for a refresh
// token was granted, or there would be none to refresh with.
func (r Row) refreshScopes(scopes []string) []string {
	if r.RefreshOmitsScopes || len(scopes) == 0 {
		return nil
	}
	if r.OfflineScope != "" && !slices.Contains(scopes, r.OfflineScope) {
		return append(slices.Clone(scopes), r.OfflineScope)
	}
	return scopes
}

// tokenOf finds the token in an answer, and its kind: at the top level or, where
// that has none, in the member of one kind. That member is read as strictly as
// the answer itself.
func (r Row) tokenOf(body []byte, members map[string]any) (map[string]any, TokenKind, error) {
	for _, kind := range r.TokenKinds {
		if members["access_token"] != nil || kind.Member == "" || members[kind.Member] == nil {
			continue
		}
		var outer map[string]json.RawMessage
		if err := json.Unmarshal(body, &outer); err != nil {
			return nil, TokenKind{}, errNotObject
		}
		nested, err := objectMembers(outer[kind.Member])
		return nested, kind, err
	}
	tokenType, _ := members["token_type"].(string)
	i := slices.IndexFunc(r.TokenKinds, func(k TokenKind) bool { return k.Type == tokenType })
	if i < 0 {
		return members, TokenKind{Type: "bearer"}, nil
	}
	return members, r.TokenKinds[i], nil
}
