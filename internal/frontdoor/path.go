package frontdoor

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A path decides which rule holds, and the backend reads it again with its own code. So a path that two programs may read
// in two ways is refused, never repaired: what is forwarded is the one reading, encoded anew.

// canonicalPath is the decoded path of a request, or why it cannot be read in one way only.
func canonicalPath(u *url.URL) (string, error) {
	p := u.Path
	raw := strings.ToLower(u.EscapedPath())
	switch {
	case !strings.HasPrefix(p, "/"):
		return "", errors.New("the path does not begin with a slash")
	case strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c") || strings.Contains(p, `\`):
		return "", errors.New("the path has an encoded slash or a backslash, which some programs read as a separator")
	case !utf8.ValidString(p):
		return "", errors.New("the path is not UTF-8")
	case strings.ContainsFunc(p, unicode.IsControl):
		return "", errors.New("the path has a control character")
	case hasEscape(p):
		return "", errors.New("the path is percent-encoded twice")
	case strings.Contains(p, "//"):
		return "", errors.New("the path has an empty segment")
	}
	for segment := range strings.SplitSeq(p, "/") {
		// Some programs take "..;x" for "..", a segment with a parameter (RFC 3986 section 3.3).
		if s := looseSegment(segment); segment != "" && (s == "" || strings.Trim(segment, ".") == "") {
			return "", fmt.Errorf("the path has the segment %q, which some programs read as another directory", clip(segment, 64))
		}
	}
	return p, nil
}

// hasEscape tells text that would change if it were decoded once more.
func hasEscape(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' && isHexDigit(s[i+1]) && isHexDigit(s[i+2]) {
			return true
		}
	}
	return false
}

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// loosePath is how the most careless backend may read a canonical path: without regard to case, without parameters, and
// without what some file systems drop at a name's end. A path whose loose reading falls under another rule is refused.
func loosePath(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i] = looseSegment(s)
	}
	return strings.ToLower(strings.Join(segments, "/"))
}

func looseSegment(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimRight(s, ". ")
}

// under tells whether path is prefix or below it, on a segment's boundary. Neither ends with a slash but the root.
func under(path, prefix string) bool {
	if prefix == "/" {
		return true
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// canonicalHost is a host in one spelling: lower case, without the dot that ends a full name, without the scheme's own
// port.
func canonicalHost(host, scheme string) (string, bool) {
	name, port := host, ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		name, port = h, p
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name = host[1 : len(host)-1]
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || strings.ContainsAny(name, "/\\@?#%, \t") {
		return "", false
	}
	if port == "" || port == defaultPort(scheme) {
		if strings.Contains(name, ":") {
			return "[" + name + "]", true
		}
		return name, true
	}
	return net.JoinHostPort(name, port), true
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// clip keeps a log line or a message short.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "..."
}
