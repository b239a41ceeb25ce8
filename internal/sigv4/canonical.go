package sigv4

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// target is the path and the query exactly as they were sent. A server keeps
// them in RequestURI; decoding and encoding the path again (URL.EscapedPath)
// is not always the identity, so it serves only requests that were never on
// the wire.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if uri == "" && r.URL != nil {
		uri = r.URL.RequestURI()
	}
	uri = stripAuthority(uri)
	path, query, _ = strings.Cut(uri, "?")
	if path == "" {
		path = "/"
	}
	return path, query
}

// stripAuthority reduces the absolute form of a request target, RFC 9112
// 3.2.2, to path and query. Its host is already in Request.Host.
func stripAuthority(uri string) string {
	_, rest, ok := strings.Cut(uri, "://")
	if strings.HasPrefix(uri, "/") || !ok {
		return uri
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// checkPath refuses the paths that signers normalise differently: some remove
// dot segments and empty segments before they sign, some do not. No operation
// has such a path, and a path with two readings invites confusion.
func checkPath(path string) *Error {
	if len(path) > maxPath {
		return incomplete("the path is %d bytes long, more than %d", len(path), maxPath)
	}
	if path[0] != '/' {
		return incomplete("the request target %s is not a path", quote(path))
	}
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "." || segment == ".." || segment == "" && more {
			return incomplete("the path %s has an empty or a dot segment, which clients sign in different ways: write the path without it", quote(path))
		}
	}
	return nil
}

// appendPath escapes the already escaped path once more: every service except
// S3 signs it doubly encoded.
func appendPath(b []byte, path string) []byte {
	for i := range len(path) {
		if c := path[i]; c == '/' || isUnreserved(c) {
			b = append(b, c)
		} else {
			b = appendEscape(b, c)
		}
	}
	return b
}

func appendEscape(b []byte, c byte) []byte {
	return append(b, '%', upperHex[c>>4], upperHex[c&15])
}

// param is one query parameter, both halves in canonical encoding.
type param struct{ key, value string }

// parseQuery splits a raw query into its canonically encoded parameters, in
// the order in which they came.
func parseQuery(raw string) ([]param, error) {
	if raw == "" {
		return nil, nil
	}
	if len(raw) > maxQuery {
		return nil, incomplete("the query is %d bytes long, more than %d", len(raw), maxQuery)
	}
	n := strings.Count(raw, "&") + 1
	if n > maxQueryParams {
		return nil, incomplete("the query has %d parameters, more than %d", n, maxQueryParams)
	}
	params := make([]param, 0, n)
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key == "" {
			return nil, incomplete("the query has a parameter without a name")
		}
		p, err := canonicalParam(key, value)
		if err != nil {
			return nil, err
		}
		params = append(params, p)
	}
	return params, nil
}

func canonicalParam(key, value string) (p param, err error) {
	if p.key, err = canonicalComponent(key); err != nil {
		return param{}, err
	}
	if p.value, err = canonicalComponent(value); err != nil {
		return param{}, err
	}
	return p, nil
}

// canonicalComponent brings one raw name or value into strict RFC 3986
// encoding. Plus and semicolon are refused unless encoded: a form decoder
// reads them as space and separator, a signer as themselves.
func canonicalComponent(raw string) (string, error) {
	if all(raw, isUnreserved) {
		return raw, nil
	}
	b := make([]byte, 0, 3*len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '+' || c == ';':
			return "", incomplete("the query has a raw %q, which has two readings: write %%20 for a space, %%2B for a plus sign, %%3B for a semicolon", c)
		case c == '%':
			if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
				return "", incomplete("the query has a percent sign that no two hexadecimal digits follow")
			}
			c = byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			i += 2
		}
		if isUnreserved(c) {
			b = append(b, c)
		} else {
			b = appendEscape(b, c)
		}
	}
	return string(b), nil
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func compareParams(a, b param) int {
	return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.value, b.value))
}

// appendQuery writes the parameters sorted by encoded name, then encoded
// value. The slice is sorted in place.
func appendQuery(b []byte, params []param) []byte {
	slices.SortFunc(params, compareParams)
	for i, p := range params {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p.key...), '='), p.value...)
	}
	return b
}

// singleValued names the headers of which handlers read one line only. Two
// lines and one line with a comma sign alike, so two lines are refused.
func singleValued(name string) bool {
	return strings.HasPrefix(name, "x-amz-") || strings.HasPrefix(name, "x-amzn-") ||
		name == "content-type" || name == "content-length" || name == "host"
}

// appendHeaders writes one canonical line for each signed header.
func appendHeaders(b []byte, r *http.Request, names []string) ([]byte, error) {
	start := len(b)
	for _, name := range names {
		b = append(append(b, name...), ':')
		var err error
		if b, err = appendHeaderValue(b, r, name); err != nil {
			return nil, err
		}
		b = append(b, '\n')
		if len(b)-start > maxCanonicalBytes {
			return nil, incomplete("the signed headers are more than %d bytes long", maxCanonicalBytes)
		}
	}
	return b, nil
}

func appendHeaderValue(b []byte, r *http.Request, name string) ([]byte, error) {
	if name == "host" {
		return appendTrimmed(b, name, host(r))
	}
	values := headerValues(r.Header, name)
	switch {
	case len(values) == 0 && name == "content-length":
		return strconv.AppendInt(b, r.ContentLength, 10), nil
	case len(values) == 0:
		return nil, incomplete("SignedHeaders names %s, but the request has no such header: a proxy on the way may have removed it", quote(name))
	case len(values) > 1 && singleValued(name):
		return nil, incomplete("the header %s is present %d times and must be present once", name, len(values))
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendTrimmed(b, name, v); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendTrimmed writes a value without the white space around it and with
// inner runs of spaces as one. A control character would let one value pass
// for several canonical lines; net/http refuses them, other callers may not.
func appendTrimmed(b []byte, name, value string) ([]byte, error) {
	value = trimSpace(value)
	done := 0 // what of value is written or left out
	for i := range len(value) {
		c := value[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, incomplete("the header %s contains a control character", name)
		}
		if c == ' ' && value[i-1] == ' ' {
			b, done = append(b, value[done:i]...), i+1
		}
	}
	return append(b, value[done:]...), nil
}

// trimSpace removes what may surround a header's value (RFC 9110 section 5.5).
func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// headerValues looks a lower-case name up without making the canonical key as
// a string: signed headers are many and most names are not interned.
func headerValues(h http.Header, name string) []string {
	var key [maxHeaderName]byte
	if len(name) > len(key) {
		return nil
	}
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && isLower(c) {
			c -= 'a' - 'A'
		}
		upper = c == '-'
		key[i] = c
	}
	return h[string(key[:len(name)])]
}

// host is the authority the client named: what a server received, or what a
// client is going to send.
func host(r *http.Request) string {
	if r.Host == "" && r.URL != nil {
		return r.URL.Host
	}
	return r.Host
}

// method is GET when a client's request leaves it out.
func method(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}
