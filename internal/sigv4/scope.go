package sigv4

import (
	"crypto/sha256"
	"strings"
	"time"
)

// Scope is what a signing key is good for: one day, one region, one service.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string
	Service string
}

// String is the scope as it stands in the string to sign.
func (s Scope) String() string { return string(s.append(nil)) }

func (s Scope) append(b []byte) []byte {
	b = append(append(b, s.Date...), '/')
	b = append(append(b, s.Region...), '/')
	b = append(append(b, s.Service...), '/')
	return append(b, terminator...)
}

// parseCredential splits a Credential value, ID/date/region/service/aws4_request.
func parseCredential(v string) (accessKeyID string, s Scope, err error) {
	if len(v) > maxAccessKeyID+3*maxScopeField {
		return "", Scope{}, incomplete("the Credential is %d bytes long, longer than any access key id and scope", len(v))
	}
	var part [5]string
	rest, ok := v, true
	for i := range part {
		if !ok {
			return "", Scope{}, incomplete("the Credential %s has too few parts: it is ACCESS_KEY_ID/YYYYMMDD/REGION/SERVICE/%s", quote(v), terminator)
		}
		part[i], rest, ok = strings.Cut(rest, "/")
	}
	switch {
	case ok:
		err = incomplete("the Credential %s has too many parts: it is ACCESS_KEY_ID/YYYYMMDD/REGION/SERVICE/%s", quote(v), terminator)
	case !isAccessKeyID(part[0]):
		err = incomplete("the access key id %s in the Credential is not 1 to %d letters, digits or underscores", quote(part[0]), maxAccessKeyID)
	case len(part[1]) != len(dateLayout) || !all(part[1], isDigit):
		err = invalid("the date %s in the credential scope is not YYYYMMDD", quote(part[1]))
	case !isScopeField(part[2]):
		err = invalid("the region %s in the credential scope is not lower-case letters, digits and inner hyphens: set the client's region, for instance us-west-2", quote(part[2]))
	case !isScopeField(part[3]):
		err = invalid("the service %s in the credential scope is not lower-case letters, digits and inner hyphens", quote(part[3]))
	case part[4] != terminator:
		err = invalid("the credential scope ends in %s and must end in %s", quote(part[4]), terminator)
	}
	if err != nil {
		return "", Scope{}, err
	}
	return part[0], Scope{Date: part[1], Region: part[2], Service: part[3]}, nil
}

func isAccessKeyID(s string) bool {
	return s != "" && len(s) <= maxAccessKeyID && all(s, func(c byte) bool { return isAlnum(c) || c == '_' })
}

func isScopeField(s string) bool {
	return s != "" && len(s) <= maxScopeField && s[0] != '-' && s[len(s)-1] != '-' &&
		all(s, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' })
}

// parseDate reads an x-amz-date. time.Parse alone would let a fraction of a
// second through, hence the length.
func parseDate(v string) (time.Time, error) {
	t, ok := readDate(v)
	if !ok {
		return time.Time{}, incomplete("the signing date %s is not of the form YYYYMMDD'T'HHMMSS'Z'", quote(v))
	}
	return t, nil
}

// readDate reads timeLayout, of which every digit and every letter is in its place; time.Parse takes five times as long.
func readDate(v string) (t time.Time, ok bool) {
	if len(v) != len(timeLayout) || v[8] != 'T' || v[15] != 'Z' || !all(v[:8], isDigit) || !all(v[9:15], isDigit) {
		return time.Time{}, false
	}
	two := func(i int) int { return int(v[i]-'0')*10 + int(v[i+1]-'0') }
	month, day, hour, minute, second := two(4), two(6), two(9), two(11), two(13)
	t = time.Date(two(0)*100+two(2), time.Month(month), day, hour, minute, second, 0, time.UTC)
	// A field beyond its range has moved the fields before it.
	return t, t.Month() == time.Month(month) && t.Day() == day && t.Hour() == hour && t.Minute() == minute && t.Second() == second
}

// setDate keeps the date as it was written too, for that is what was signed.
func (q *Request) setDate(v string) (err error) {
	q.date = v
	q.SignedAt, err = parseDate(v)
	return err
}

// DeriveKey is the chain of four HMACs that turns a secret access key into the
// signing key of one scope.
func DeriveKey(secret []byte, s Scope) []byte {
	seed := make([]byte, 0, len("AWS4")+len(secret))
	seed = append(append(seed, "AWS4"...), secret...)
	defer clear(seed)
	key := mac(seed, []byte(s.Date))
	key = mac(key[:], []byte(s.Region))
	key = mac(key[:], []byte(s.Service))
	key = mac(key[:], []byte(terminator))
	return key[:]
}

// mac is HMAC-SHA-256, RFC 2104 section 2. It is crypto/hmac with everything on
// the stack, because each request asks for one.
func mac(key, message []byte) [sha256.Size]byte {
	var inner, outer [sha256.BlockSize]byte
	if len(key) > len(inner) {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	sum := sha256.Sum256(append(append(make([]byte, 0, 256), inner[:]...), message...))
	return sha256.Sum256(append(append(make([]byte, 0, 96), outer[:]...), sum[:]...))
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isAlnum(c byte) bool { return isDigit(c) || isLower(c) || isUpper(c) }

// isUnreserved is the set of RFC 3986, 2.3.
func isUnreserved(c byte) bool {
	return isAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~'
}
