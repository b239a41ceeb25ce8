package pages

import (
	"fmt"
	"strings"
)

// markup are the characters that mean something in text or between double quotes, and the one that browsers do not take
// at all.
var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", "\x00", "\uFFFD")

func escapeText(s string) string { return markup.Replace(s) }

// refusedURL stands for a URL of another scheme than http and https: javascript and data among them.
const refusedURL = "#refused"

// escapeURL writes a URL between double quotes, with what is no character of a URL percent-encoded (RFC 3986 section 2).
func escapeURL(s string) string {
	scheme, _, ok := strings.Cut(s, ":")
	if ok && !strings.Contains(scheme, "/") && !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return refusedURL
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isURLByte(c) || c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return escapeText(b.String())
}

func isURLByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!#$&*+,/:;=?@[]", c) >= 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
