package oidcdata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a token. A load balancer refuses to carry more than 11 KB of claims and access token together.
const (
	maxToken       = 20 << 10
	maxJOSEHeader  = 2 << 10
	signatureBytes = 64 // r and s of P-256, RFC 7518 section 3.4
	maxSubject     = 255
)

// token is one header's value, taken apart and not believed yet.
type token struct {
	header    members
	payload   members
	kid       string
	signed    string // the text that the signature covers, exactly as it arrived
	signature []byte
}

// kidPattern is narrower than any kid that front doors use is wide: it becomes a part of a URL (A19).
var kidPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// parse takes a token apart and checks its form (RFC 7515 section 5.2).
func parse(text string) (*token, error) {
	if len(text) > maxToken {
		return nil, fmt.Errorf("it is longer than %d bytes", maxToken)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("it is not three segments with a dot between them")
	}
	t := &token{signed: parts[0] + "." + parts[1]}
	var err error
	if t.header, err = segmentMembers(parts[0], maxJOSEHeader); err != nil {
		return nil, fmt.Errorf("its header %w", err)
	}
	if err := t.checkHeader(); err != nil {
		return nil, err
	}
	if t.payload, err = segmentMembers(parts[1], maxToken); err != nil {
		return nil, fmt.Errorf("its payload %w", err)
	}
	if t.signature, err = segment(parts[2]); err != nil || len(t.signature) != signatureBytes {
		return nil, errors.New("its signature is not 64 bytes in base64url: r and s of P-256, not ASN.1")
	}
	return t, nil
}

// checkHeader settles how the token is verified. The algorithm is ours, never the token's choice (RFC 8725 section 3.1).
func (t *token) checkHeader() error {
	alg, err := t.header.text("alg")
	if err != nil {
		return fmt.Errorf("its header: %w", err)
	}
	if alg != "ES256" {
		return errors.New("its alg is not ES256, the only one that front doors sign with")
	}
	if _, ok := t.header["crit"]; ok { // RFC 7515 section 4.1.11
		return errors.New("its header has crit, and no extension is understood")
	}
	if typ, err := t.header.optional("typ"); err != nil || typ != "" && !strings.EqualFold(typ, "JWT") {
		return errors.New("its typ is not JWT: it is a token of another kind")
	}
	t.kid, err = t.header.text("kid")
	if err != nil || !kidPattern.MatchString(t.kid) {
		return errors.New("its kid is not up to 64 letters, digits and hyphens")
	}
	return nil
}

// segment decodes base64url with its padding or without it: load balancers keep the padding, RFC 7515 section 2 drops it.
// Only one form of either is accepted.
func segment(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // the decoder would skip them
		return nil, errors.New("is not base64url")
	}
	encoding := base64.RawURLEncoding
	if strings.HasSuffix(s, "=") {
		encoding = base64.URLEncoding
	}
	b, err := encoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("is not base64url")
	}
	return b, nil
}

func segmentMembers(s string, most int) (members, error) {
	b, err := segment(s)
	if err != nil {
		return nil, err
	}
	if len(b) > most {
		return nil, fmt.Errorf("is longer than %d bytes", most)
	}
	return objectMembers(b)
}

// members are those of a JSON object, by their exact names: decoding into a struct would also take "Sub" for "sub".
type members map[string]json.RawMessage

// objectMembers reads one JSON object and refuses a name that occurs twice in it, for two readers may choose differently
// between the two (RFC 8725 section 2.4), and text that is not UTF-8, for two subjects must not be read as one.
func objectMembers(b []byte) (members, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	m := members{}
	for d.More() {
		name, value, err := member(d)
		if err != nil {
			return nil, errors.New("is malformed JSON")
		}
		if _, twice := m[name]; twice {
			return nil, errors.New("has the same member twice")
		}
		m[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("is malformed JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("goes on after its JSON object")
	}
	return m, nil
}

func member(d *json.Decoder) (string, json.RawMessage, error) {
	t, err := d.Token()
	if err != nil {
		return "", nil, err
	}
	name, ok := t.(string)
	if !ok {
		return "", nil, errors.New("a member without a name")
	}
	var value json.RawMessage
	return name, value, d.Decode(&value)
}

// text is a member that must be there, as a string that is not empty.
func (m members) text(name string) (string, error) {
	s, err := m.optional(name)
	if err == nil && s == "" {
		err = fmt.Errorf("%s is missing", name)
	}
	return s, err
}

// optional is a member that is a string where it is there, and empty where it is not.
func (m members) optional(name string) (string, error) {
	raw, ok := m[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil || *s == "" {
		return "", fmt.Errorf("%s is not a string with anything in it", name)
	}
	return *s, nil
}

// moment is a NumericDate (RFC 7519 section 2) where it is there.
func (m members) moment(name string) (at time.Time, ok bool, err error) {
	raw, ok := m[name]
	if !ok {
		return time.Time{}, false, nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64) // a JSON string has quotes, and is refused
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false, fmt.Errorf("%s is not a number of seconds since 1970", name)
	}
	return time.Unix(int64(seconds), 0), true, nil
}
