package identity

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// ContextEntry is one condition key of a simulation with its values.
type ContextEntry struct {
	Key    string
	Type   string // string, stringList, numeric …; "" for stringList
	Values []string
}

// simulatedRequest is the request that the entries describe. What conditions learn from the caller (its address, tags,
// name) is set on the caller, what they learn from the resource on the resource: nothing else is believed by policy.
func simulatedRequest(as *policy.Caller, entries []ContextEntry, now time.Time) (policy.Request, error) {
	q := policy.Request{Context: policy.Context{}, Now: now}
	for _, e := range entries {
		if err := e.check(); err != nil {
			return q, err
		}
		if err := e.apply(as, &q); err != nil {
			return q, err
		}
	}
	return q, nil
}

// check holds the values to the type.
func (e *ContextEntry) check() error {
	if e.Key == "" {
		return invalid("ContextEntries", "a context entry has no ContextKeyName")
	}
	kind, list := strings.CutSuffix(e.Type, "List")
	if e.Type != "" && !list && len(e.Values) != 1 {
		return invalid("ContextEntries", "the context key %s of type %s has %d values; only lists have others than one", clip(e.Key), clip(e.Type), len(e.Values))
	}
	fits, known := contextTypes[kind]
	if !known {
		return invalid("ContextEntries", "the context key %s has the type %q, which there is not; use string, numeric, boolean, ip, binary or date, or a List of them", clip(e.Key), clip(e.Type))
	}
	for _, v := range e.Values {
		if !fits(v) {
			return invalid("ContextEntries", "the context key %s has the value %q, which is no %s", clip(e.Key), clip(v), kind)
		}
	}
	return nil
}

func anyText(string) bool { return true }

var contextTypes = map[string]func(string) bool{
	"":        anyText,
	"string":  anyText,
	"numeric": func(v string) bool { _, err := strconv.ParseFloat(v, 64); return err == nil },
	"boolean": func(v string) bool { return v == "true" || v == "false" },
	"ip": func(v string) bool {
		_, addrErr := netip.ParseAddr(v)
		_, netErr := netip.ParsePrefix(v)
		return addrErr == nil || netErr == nil
	},
	"binary": func(v string) bool { _, err := base64.StdEncoding.DecodeString(v); return err == nil },
	"date":   func(v string) bool { _, ok := policy.ParseDate(v); return ok },
}

// apply gives the values to whom policy asks for them.
func (e *ContextEntry) apply(as *policy.Caller, q *policy.Request) error {
	key := strings.ToLower(e.Key)
	if name, ok := strings.CutPrefix(key, "aws:principaltag/"); ok {
		return e.one(func(v string) { setFolded(&as.Tags, name, v) })
	}
	if name, ok := strings.CutPrefix(key, "aws:resourcetag/"); ok {
		return e.one(func(v string) {
			if q.ResourceTags == nil {
				q.ResourceTags = map[string]map[string]string{"*": {}} // of whichever resource is asked about
			}
			q.ResourceTags["*"][name] = v
		})
	}
	switch key {
	case "aws:sourceip":
		return e.one(func(v string) { as.SourceIP = v })
	case "aws:securetransport":
		return e.one(func(v string) { as.SecureTransport = v == "true" })
	case "aws:username":
		return e.one(func(v string) { as.Name = v })
	case "aws:userid":
		return e.one(func(v string) { as.UserID = v })
	case "aws:sourceidentity":
		return e.one(func(v string) { session(as).SourceIdentity = v })
	case "aws:federatedprovider":
		return e.one(func(v string) { session(as).FederatedProvider = v })
	case "aws:currenttime", "aws:epochtime":
		return e.moment(&q.Now)
	case "aws:tokenissuetime":
		return e.moment(&session(as).IssuedAt)
	}
	if slices.Contains([]string{"aws:principalarn", "aws:principalaccount", "aws:principaltype"}, key) {
		return invalid("ContextEntries", "%s is who is simulated, and cannot be given; name another principal, or CallerArn", clip(e.Key))
	}
	q.Context.Set(e.Key, e.Values...)
	return nil
}

func (e *ContextEntry) one(set func(string)) error {
	if len(e.Values) != 1 {
		return invalid("ContextEntries", "the context key %s has one value; %d are given", clip(e.Key), len(e.Values))
	}
	set(e.Values[0])
	return nil
}

func (e *ContextEntry) moment(at *time.Time) error {
	text := ""
	if err := e.one(func(v string) { text = v }); err != nil {
		return err
	}
	t, ok := policy.ParseDate(text)
	if !ok {
		return invalid("ContextEntries", "the context key %s has the value %q, which is no date; write 2026-01-31T12:00:00Z", clip(e.Key), clip(text))
	}
	*at = t
	return nil
}

func session(c *policy.Caller) *policy.Session {
	if c.Session == nil {
		c.Session = &policy.Session{}
	}
	return c.Session
}

// setFolded sets a tag, in place of one whose key differs in case alone.
func setFolded(tags *map[string]string, key, value string) {
	out := map[string]string{key: value}
	for k, v := range *tags {
		if !strings.EqualFold(k, key) {
			out[k] = v
		}
	}
	*tags = out
}
