package policy

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// value is one value of a condition, compiled for its operator.
type value struct {
	template            // strings; of an ARN without parts, the one variable that is all of it
	parts    []template // of an ARN
	num      number
	at       time.Time
	net      netip.Prefix
	yes      bool
	written  string
}

// number is exact for whole numbers of 64 bits.
type number struct {
	whole   int64
	isWhole bool
	float   float64
}

// parseNumber reads a decimal number: no exponent without digits, no
// hexadecimal, no infinity, all of which strconv would take.
func parseNumber(s string) (n number, ok bool) {
	if s == "" || len(s) > 64 || !all(s, func(c byte) bool { return isDigit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E' }) {
		return n, false
	}
	var err error
	if n.whole, err = strconv.ParseInt(s, 10, 64); err == nil {
		n.isWhole = true
		n.float = float64(n.whole)
		return n, true
	}
	n.float, err = strconv.ParseFloat(s, 64)
	return n, err == nil
}

func (n number) compare(m number) int {
	if n.isWhole && m.isWhole {
		return order(n.whole, m.whole)
	}
	return order(n.float, m.float)
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// dateForms are the forms of ISO 8601 that the W3C's note on dates has: a time
// of day needs its zone.
var dateForms = [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"}

// ParseDate reads a date, or seconds since 1970. Four digits are a year.
func ParseDate(s string) (time.Time, bool) {
	if len(s) > 4 && len(s) <= 12 && all(s, isDigit) {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseAddr reads an address; an IPv4 address in IPv6 form is the IPv4
// address, or a list of IPv4 ranges could be walked around.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a.WithZone("").Unmap(), err == nil
}

// parseAddr remembers the address that was read last: mostly it is the caller's,
// which policies ask for over and over.
func (e *eval) parseAddr(s string) (netip.Addr, bool) {
	if m := &e.addr; m.text != s {
		m.text = s
		m.parsed, m.ok = parseAddr(s)
	}
	return e.addr.parsed, e.addr.ok
}

// parseRange reads an address or a range in CIDR form.
func parseRange(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, ok := parseAddr(s)
		return netip.PrefixFrom(a, a.BitLen()), ok
	}
	r, err := netip.ParsePrefix(s)
	if err != nil {
		return r, false
	}
	if r.Addr().Is4In6() {
		if r.Bits() < 96 {
			return r, false
		}
		r = netip.PrefixFrom(r.Addr().Unmap(), r.Bits()-96)
	}
	return r.Masked(), true
}

// value compiles one value for the condition's operator.
func (p *parser) value(c *condition, written string) (v value, err error) {
	v.written = written
	ok := true
	switch c.op.kind {
	case opString, opStringFold, opStringLike:
		v.template, err = p.template("the condition value", written, c.op.kind == opStringLike)
	case opARN:
		err = p.arnValue(&v)
	case opNumeric:
		v.num, ok = parseNumber(written)
	case opDate:
		v.at, ok = ParseDate(written)
	case opBool, opNull:
		v.yes, ok = parseBool(written)
	case opBinary:
		var b []byte
		b, err = base64.StdEncoding.Strict().DecodeString(written)
		v.text, ok, err = base64.StdEncoding.EncodeToString(b), err == nil, nil
	case opIP:
		v.net, ok = parseRange(written)
	}
	if !ok {
		return v, p.badValue(c, written)
	}
	return v, err
}

func parseBool(s string) (yes, ok bool) {
	return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}

func (p *parser) badValue(c *condition, written string) error {
	want := ""
	switch c.op.kind {
	case opNumeric:
		want = "a decimal number"
	case opDate:
		want = "a date as in 2026-01-31T12:00:00Z (a time of day needs its zone), or seconds since 1970"
	case opBool, opNull:
		want = "true or false"
	case opBinary:
		want = "base64"
	case opIP:
		want = "an address or a range, as in 203.0.113.0/24"
	}
	if strings.Contains(written, "${") {
		want += "; policy variables work with the String and Arn operators alone"
	}
	return p.fail("%s has the value %s, which must be %s", c.written, quote(written), want)
}

// arnValue compiles an ARN whose six parts are matched one by one, or one
// variable that is the whole ARN.
func (p *parser) arnValue(v *value) error {
	t, err := p.template("the condition value", v.written, true)
	if err != nil {
		return err
	}
	if len(t.vars) == 1 && len(t.text) == 1 {
		v.template = t
		return nil
	}
	parts, ok := splitARN(t.text)
	if !ok {
		return p.fail("the condition value %s must have the six parts of an ARN, for each is matched on its own: arn:partition:service:region:account:resource", quote(v.written))
	}
	for _, part := range parts {
		n := strings.Count(part, string([]byte{hole}))
		v.parts = append(v.parts, template{text: part, vars: t.vars[:n]})
		t.vars = t.vars[n:]
	}
	return nil
}
