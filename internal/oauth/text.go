package oauth

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/vault"
)

const (
	maxURL         = 2048
	maxCode        = 64
	maxDescription = 200
	redacted       = "[secret]"
)

// printable reduces foreign text to printable ASCII and cuts it, so that it can
// neither forge a log line nor fill one.
func printable(s string, limit int) string {
	if len(s) > 16*limit {
		s = s[:16*limit]
	}
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
	if len(s) > limit {
		s = s[:limit]
	}
	return s
}

// redactor removes the secrets of one request from text the provider wrote
// about it: some providers echo what they were sent.
type redactor struct {
	secrets []string // in every spelling, the longest first
}

func newRedactor(p Provider, secrets ...vault.Secret) redactor {
	var r redactor
	for _, secret := range append(secrets, p.ClientSecret, p.Assertion) {
		if secret.Empty() {
			continue
		}
		plain := secret.RevealString()
		r.secrets = append(r.secrets, plain, url.QueryEscape(plain), url.PathEscape(plain))
	}
	if !p.ClientSecret.Empty() {
		r.secrets = append(r.secrets, basicCredentials(p))
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r
}

// text cleans, then redacts, then cuts. In another order a cut or a control
// character inside an echoed secret would hide it from the comparison.
func (r redactor) text(s string, limit int) string {
	pairs := make([]string, 0, 2*len(r.secrets))
	for _, secret := range r.secrets {
		pairs = append(pairs, secret, redacted)
	}
	return printable(strings.NewReplacer(pairs...).Replace(printable(s, 64*limit)), limit)
}

func basicCredentials(p Provider) string {
	pair := url.QueryEscape(p.ClientID) + ":" + url.QueryEscape(p.ClientSecret.RevealString())
	return base64.StdEncoding.EncodeToString([]byte(pair))
}

// inRange reports whether s is not empty, not longer than limit and made of the
// ASCII characters low to high.
func inRange(s string, low, high byte, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < low || s[i] > high {
			return false
		}
	}
	return true
}
