package identity

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// User is whom a workload acts for. Users of verified JWTs are known by issuer and subject, never by the literal token,
// so that a JWT minted anew for the same user fits (and the same subject of two issuers does not, A60). A user id that
// a caller vouches for is a namespace of its own. Both are compared byte for byte: no case folding, no normalisation.
type User struct {
	Issuer  string // "" for a user id
	Subject string // "" with an empty Issuer: no user
}

// None tells that there is no user.
func (u User) None() bool { return u == User{} }

// Key is the user as one string, injective: an escaped issuer has no "|". "" for no user.
func (u User) Key() string {
	switch {
	case u.None():
		return ""
	case u.Issuer == "":
		return "userid:" + u.Subject
	default:
		return "jwt:" + url.PathEscape(u.Issuer) + "|" + u.Subject
	}
}

// checkUserID refuses what could not be told apart later: decoders replace text that is no Unicode by U+FFFD, so that
// different users would become one, and stores cut or refuse control characters.
func checkUserID(id string) error {
	if strings.ContainsFunc(id, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) {
		return invalid("userId", "userId has a control character or one that is not Unicode, so that it could be taken for another user's; send the id as plain text")
	}
	return nil
}
