package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is the signature of one HTTP request and a snapshot of everything it
// covers except the body. Changing the HTTP request afterwards changes nothing
// here. Nothing in it is proven until Verify returns nil.
type Request struct {
	AccessKeyID  string
	SessionToken string
	Scope        Scope
	SignedAt     time.Time
	Expires      time.Duration // presigned form only
	Presigned    bool

	date          string // SignedAt as it was signed
	signature     [sha256.Size]byte
	signedHeaders []string // lower-case, sorted
	payload       string   // the body's hash as the client declared it, or ""
	canonical     []byte   // the canonical request up to the payload hash
	host          string   // for messages
}

// String shows who signs and for what; the token and the signature, which may
// be replayed within its window, stay hidden, also when a copy is printed.
func (q Request) String() string {
	return "sigv4.Request{" + q.AccessKeyID + " " + q.Scope.String() + "}"
}

// GoString keeps %#v from printing the fields.
func (q Request) GoString() string { return q.String() }

// Format keeps every verb from printing the fields.
func (q Request) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(q.String())) }

// LogValue is what slog prints.
func (q Request) LogValue() slog.Value { return slog.StringValue(q.String()) }

// MarshalJSON hides the token and the signature from JSON logs too.
func (q Request) MarshalJSON() ([]byte, error) { return json.Marshal(q.String()) }

// HeaderSigned reports whether the signature covers a header. A handler that
// lets a header decide something asks it first: clients leave some unsigned.
func (q *Request) HeaderSigned(name string) bool {
	_, ok := slices.BinarySearch(q.signedHeaders, strings.ToLower(name))
	return ok
}

// CheckService refuses a signature that was made for none of the given
// services. A signing key is only good for its scope, but the client chooses
// the scope: without this check a presigned URL for one service serves at
// another.
func (q *Request) CheckService(services ...string) error {
	if slices.Contains(services, q.Scope.Service) {
		return nil
	}
	return invalid("the credential is scoped to the service %s, but this operation belongs to %s: check which service the client's endpoint URL is set for",
		quote(q.Scope.Service), strings.Join(services, " or "))
}

// IsSigned reports whether the request claims a signature in either form, so
// that a front door with several kinds of credentials knows to call Parse. It
// says nothing about whether the signature holds.
func IsSigned(r *http.Request) bool {
	for _, v := range r.Header[headerAuthorization] {
		if strings.HasPrefix(v, "AWS4-") {
			return true
		}
	}
	_, query := target(r)
	return strings.Contains(query, "X-Amz-Algorithm=") || strings.Contains(query, "X-Amz-Signature=")
}

// Parse reads the signature of a request, in the header or in the presigned
// form, and refuses what is malformed or ambiguous. It needs no secret, and it
// proves nothing.
func Parse(r *http.Request) (*Request, error) {
	path, rawQuery := target(r)
	if err := checkPath(path); err != nil {
		return nil, err
	}
	params, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	auth, err := findAuthParams(params)
	if err != nil {
		return nil, err
	}
	q := &Request{host: host(r)}
	header := r.Header[headerAuthorization]
	switch {
	case len(header) > 1:
		return nil, incomplete("the Authorization header is present %d times and must be present once", len(header))
	case len(header) == 1 && auth.present():
		return nil, incomplete("the request is signed twice, by the Authorization header and by %s in the query: send one of them", auth.first)
	case len(header) == 1:
		err = q.parseHeaderForm(r, header[0])
	case auth.present():
		params, err = q.parseQueryForm(r, params, auth)
	default:
		err = missing()
	}
	if err == nil {
		err = q.canonicalise(r, path, params)
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

// canonicalSize is what a canonical request with its payload hash mostly fits
// into, a session token aside.
const canonicalSize = 512

// canonicalise checks what the signature covers and takes the snapshot.
func (q *Request) canonicalise(r *http.Request, path string, params []param) error {
	if day := q.date[:len(dateLayout)]; day != q.Scope.Date {
		return invalid("the credential scope is of the day %s, the signing date of %s: both must be the same day in UTC", q.Scope.Date, day)
	}
	if err := q.checkCoverage(r); err != nil {
		return err
	}
	if len(r.Method) > maxMethod {
		return incomplete("the method is %d bytes long, more than %d", len(r.Method), maxMethod)
	}
	b := make([]byte, 0, canonicalSize+len(q.SessionToken))
	b = append(append(b, method(r)...), '\n')
	b = append(appendPath(b, path), '\n')
	b = append(appendQuery(b, params), '\n')
	b, err := appendHeaders(b, r, q.signedHeaders)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	b = appendNames(b, q.signedHeaders)
	q.canonical = append(b, '\n')
	return nil
}

func appendNames(b []byte, names []string) []byte {
	for i, name := range names {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	return b
}

// parseHeaderForm reads the Authorization header and the headers beside it.
func (q *Request) parseHeaderForm(r *http.Request, authorization string) error {
	credential, signedHeaders, signature, err := splitAuthorization(authorization)
	if err != nil {
		return err
	}
	if err := q.setCommon(credential, signedHeaders, signature); err != nil {
		return err
	}
	date, err := oneHeader(r, headerDate)
	if err != nil {
		return err
	}
	if err := q.setDate(date); err != nil {
		return err
	}
	if q.SessionToken, err = oneHeader(r, headerToken); err != nil {
		return err
	}
	if q.payload, err = oneHeader(r, headerPayloadHash); err != nil {
		return err
	}
	return q.checkToken(len(r.Header[headerToken]) == 1)
}

// setCommon parses the three fields that both forms have.
func (q *Request) setCommon(credential, signedHeaders, signature string) (err error) {
	if q.AccessKeyID, q.Scope, err = parseCredential(credential); err != nil {
		return err
	}
	if q.signedHeaders, err = parseSignedHeaders(signedHeaders); err != nil {
		return err
	}
	if len(signature) != hex.EncodedLen(sha256.Size) || !all(signature, isLowerHex) {
		return incomplete("the Signature is not %d lower-case hexadecimal digits", hex.EncodedLen(sha256.Size))
	}
	_, err = hex.Decode(q.signature[:], []byte(signature))
	return err
}

func isLowerHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

// checkToken refuses an empty or giant session token; an empty one could pass
// for none further on.
func (q *Request) checkToken(present bool) error {
	if present && q.SessionToken == "" {
		return incomplete("%s is present but empty: leave it out, or send the session token", headerToken)
	}
	if len(q.SessionToken) > maxToken {
		return incomplete("%s is %d bytes long, more than %d", headerToken, len(q.SessionToken), maxToken)
	}
	return nil
}

// oneHeader is the value of a header that may be present once at most.
func oneHeader(r *http.Request, name string) (string, error) {
	switch v := r.Header[name]; len(v) {
	case 0:
		return "", nil
	case 1:
		return trimSpace(v[0]), nil
	default:
		return "", incomplete("the header %s is present %d times and must be present once", name, len(v))
	}
}

// splitAuthorization takes the Authorization header apart: the algorithm, then
// exactly Credential, SignedHeaders and Signature, each once, in any order.
func splitAuthorization(v string) (credential, signedHeaders, signature string, err error) {
	if len(v) > maxAuthorization {
		return "", "", "", incomplete("the Authorization header is %d bytes long, more than %d", len(v), maxAuthorization)
	}
	scheme, rest, _ := strings.Cut(v, " ")
	if scheme != algorithm {
		return "", "", "", unknownScheme(scheme)
	}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.Trim(field, " "), "=")
		var dst *string
		switch name {
		case "Credential":
			dst = &credential
		case "SignedHeaders":
			dst = &signedHeaders
		case "Signature":
			dst = &signature
		}
		switch {
		case dst == nil:
			err = incomplete("the Authorization header has an unknown part %s: it has Credential, SignedHeaders and Signature", quote(name))
		case *dst != "":
			err = incomplete("the Authorization header has %s twice", name)
		case value == "":
			err = incomplete("the Authorization header's %s is empty", name)
		}
		if err != nil {
			return "", "", "", err
		}
		*dst = value
	}
	if credential == "" || signedHeaders == "" || signature == "" {
		return "", "", "", incomplete("the Authorization header lacks one of Credential, SignedHeaders and Signature")
	}
	return credential, signedHeaders, signature, nil
}

// unknownScheme does not repeat the header: a bearer token may stand there.
func unknownScheme(scheme string) *Error {
	if strings.HasPrefix(scheme, "AWS4-") {
		return incomplete("the signing algorithm %s is not supported: sign with %s", quote(scheme), algorithm)
	}
	return missing()
}

// parseSignedHeaders demands the canonical order, which also rules duplicates
// out: each name must be greater than the one before.
func parseSignedHeaders(v string) ([]string, error) {
	if v == "" || strings.Count(v, ";") >= maxSignedHeaders {
		return nil, incomplete("SignedHeaders must name 1 to %d headers", maxSignedHeaders)
	}
	names := strings.Split(v, ";")
	for i, name := range names {
		if name == "" || len(name) > maxHeaderName || !all(name, isHeaderByte) {
			return nil, incomplete("SignedHeaders contains %s, which is not a lower-case header name", quote(name))
		}
		if i > 0 && name <= names[i-1] {
			return nil, incomplete("SignedHeaders is not sorted or names %s twice", name)
		}
	}
	return names, nil
}

func isHeaderByte(c byte) bool { return isLower(c) || isDigit(c) || c == '-' || c == '_' || c == '.' }
