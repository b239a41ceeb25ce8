package policy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// scratchSize is what an expanded value mostly fits into; a longer one goes to
// the heap.
const scratchSize = 1024

// eval is the state of one decision. It lives on the stack.
type eval struct {
	c      *Caller
	r      *Request
	res    int  // the resource that tags are asked of
	named  bool // a session is asked for, and sts:RoleSessionName is the name proposed
	doubt  bool // something is wrong with the request or the caller: it is denied
	n      int  // length of the action
	tags   tagList
	userid string // once it was asked for
	text   string // found to be UTF-8 last
	addr   struct {
		text   string // read last
		parsed netip.Addr
		ok     bool
	}
	action  [maxAction]byte
	found   answers
	scratch [scratchSize]byte
}

// begin prepares for a well-formed request.
func (e *eval) begin(c *Caller, r *Request) {
	e.c, e.r, e.n = c, r, len(r.Action)
	for i := range e.n {
		e.action[i] = lower(r.Action[i])
	}
	for i := range trustActions {
		e.named = e.named || foldsTo(trustActions[i], e.action[:e.n])
	}
}

// lookup is the values of a condition key; a key without values is absent. The
// caller's record is asked first, so the context can never answer for it.
func (e *eval) lookup(k *key, buf *[1]string) []string {
	if k.kind == keyContext || k.kind == keyRoleSessionName && e.named {
		return e.r.Context[k.name]
	}
	value, ok := e.single(k)
	if !ok {
		return nil
	}
	buf[0] = value
	return buf[:]
}

// single is the value of a key that the context never answers. Who is yet to
// assume a role is no principal of an account, so has no principal's keys.
func (e *eval) single(k *key) (string, bool) {
	switch k.kind {
	case keyResourceTag:
		return e.tag(e.r.ResourceTags[e.r.Resources[e.res]], k.tag)
	case keySourceIP:
		return given(e.c.SourceIP)
	case keySecureTransport:
		return strconv.FormatBool(e.c.SecureTransport), true
	case keyCurrentTime, keyEpochTime, keyTokenIssueTime:
		return e.timeText(k)
	case keyFederatedProvider:
		if e.c.Session == nil {
			return "", false
		}
		return given(e.c.Session.FederatedProvider)
	}
	if e.c.Kind == KindWebIdentity {
		return "", false
	}
	return e.principal(k)
}

func given(s string) (string, bool) { return s, s != "" }

// principal answers keys about the principal and its session.
func (e *eval) principal(k *key) (string, bool) {
	c := e.c
	switch k.kind {
	case keyUsername:
		return c.Name, c.Kind == KindUser && c.Name != ""
	case keyUserID:
		return e.userID()
	case keyPrincipalARN:
		return e.principalARN()
	case keyPrincipalAccount:
		return given(c.Account)
	case keyPrincipalType:
		return principalType(c.Kind)
	case keyPrincipalTag:
		return e.principalTag(k.tag)
	}
	return c.Session.answer(k.kind)
}

func (s *Session) answer(k keyKind) (string, bool) {
	switch {
	case s == nil:
		return "", false
	case k == keySourceIdentity:
		return given(s.SourceIdentity)
	case k == keyRoleSessionName:
		return given(s.Name)
	}
	return "", false
}

// userID of a role session is the role's id, a colon and the session's name.
func (e *eval) userID() (string, bool) {
	if c := e.c; e.userid == "" {
		e.userid = c.UserID
		if c.Kind == KindRoleSession && c.Session != nil && !strings.Contains(c.UserID, ":") {
			e.userid = c.Session.RoleID + ":" + c.Session.Name
		}
	}
	return given(e.userid)
}

// principalARN of a role session is its role's. A session whose record does
// not name the role would slip past every Deny that does.
func (e *eval) principalARN() (string, bool) {
	if e.c.Kind != KindRoleSession {
		return given(e.c.ARN)
	}
	if e.c.Session == nil || e.c.Session.RoleARN == "" {
		e.doubt = true
		return "", false
	}
	return e.c.Session.RoleARN, true
}

func principalType(k CallerKind) (string, bool) {
	switch k {
	case KindRoot:
		return "Account", true
	case KindUser:
		return "User", true
	case KindRoleSession:
		return "AssumedRole", true
	}
	return "", false
}

// tagList has the caller's tags in a row: policies ask for them again and
// again, and to walk a map is slow.
type tagList struct {
	n    int
	list [maxListed]struct{ key, value string }
}

const maxListed = 8

// principalTag finds one of the caller's tags.
func (e *eval) principalTag(folded string) (value string, found bool) {
	tags := e.c.Tags
	if len(tags) > maxListed {
		return e.tag(tags, folded)
	}
	if e.tags.n == 0 {
		for k, v := range tags {
			e.tags.list[e.tags.n].key, e.tags.list[e.tags.n].value = k, v
			e.tags.n++
		}
	}
	for i := range e.tags.n {
		if t := &e.tags.list[i]; foldsTo(t.key, folded) {
			e.doubt = e.doubt || found
			value, found = t.value, true
		}
	}
	return value, found
}

// tag finds a tag without regard to case. Two keys that differ in case alone
// leave open which one is meant, and the request is denied.
func (e *eval) tag(tags map[string]string, folded string) (value string, found bool) {
	for k, v := range tags {
		if !foldsTo(k, folded) {
			continue
		}
		e.doubt = e.doubt || found
		value, found = v, true
	}
	return value, found
}

// moment is the time that a key stands for, in whole seconds. A time that
// ought to be there and is not puts the request in doubt, for a Deny of old
// sessions or outside hours would never match.
func (e *eval) moment(k *key) (time.Time, bool) {
	t := e.r.Now
	if k.kind == keyTokenIssueTime {
		if e.c.Session == nil || e.c.Kind == KindWebIdentity {
			return t, false
		}
		t = e.c.Session.IssuedAt
	}
	if t.IsZero() {
		e.doubt = true
		return t, false
	}
	return t.Truncate(time.Second), true
}

func (e *eval) timeText(k *key) (string, bool) {
	t, ok := e.moment(k)
	switch {
	case !ok:
		return "", false
	case k.kind == keyEpochTime:
		return strconv.FormatInt(t.Unix(), 10), true
	}
	return t.UTC().Format(time.RFC3339), true
}
