package main

import (
	"net/url"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// auditPrinter writes audit records one by one, so that a stream and a list look alike.
type auditPrinter struct {
	t      *terminal
	asJSON bool
	day    string // of the record before
	hint   bool   // refusals name the command that explains them
	indent int
	about  string // the request that a story is about
}

func newAuditPrinter(env *environment, asJSON bool) *auditPrinter {
	return &auditPrinter{t: newTerminal(env), asJSON: asJSON, hint: true}
}

// newStoryPrinter prints records as part of something larger.
func newStoryPrinter(env *environment) *auditPrinter {
	t := newTerminal(env)
	t.width = max(t.width, 80) // a story is for people, also when it is kept in a file
	return &auditPrinter{t: t, indent: 3, day: dayOf(env.now())}
}

func dayOf(at time.Time) string { return at.Format("Monday, 2 January 2006") }

func (p *auditPrinter) record(r *api.AuditRecord) {
	if p.asJSON {
		if p.t.err == nil {
			p.t.err = writeJSONLine(p.t.w, r)
		}
		return
	}
	at := time.Time(r.Time).In(p.t.now().Location())
	if p.t.width == 0 { // for another program: everything on one line
		p.t.columns(at.Format(time.RFC3339), r.Result, shortAction(r.Action), dash(route(r)), dash(shownUser(r.User)), dash(r.RequestID), r.Reason)
		return
	}
	if day := dayOf(at); day != p.day {
		p.day = day
		p.t.line(span{dim, strings.Repeat(" ", p.indent) + day})
	}
	p.row(r, at)
}

const (
	actionWidth = 31 // of the longest operation's name
	auditIndent = 12
)

func (p *auditPrinter) row(r *api.AuditRecord, at time.Time) {
	left := max(p.t.width-p.indent-auditIndent-actionWidth-2*len(gap), 10)
	user := cut(clean(shownUser(r.User)), max(left*2/5, 8))
	where := cut(clean(route(r)), max(left-runes(user), 8))
	lead := strings.Repeat(" ", p.indent)
	if p.about != "" && r.RequestID == p.about {
		lead = pad(" ▸", p.indent)
	}
	p.t.line(plainly(lead), span{dim, at.Format(time.TimeOnly)}, plainly("  "), markOf(r.Result), plainly(" "),
		plainly(pad(cut(clean(shortAction(r.Action)), actionWidth), actionWidth)+gap), span{accent, where}, plainly(gap+user))
	if r.Reason != "" {
		p.t.paragraph(p.indent+auditIndent, dim, r.Reason)
	}
	if p.hint && (r.Result == "denied" || r.Result == "failed") && r.RequestID != "" {
		p.t.line(plainly(strings.Repeat(" ", p.indent+auditIndent)), span{warn, "lanyard why " + r.RequestID})
	}
}

// markOf is the result as a sign.
func markOf(result string) span {
	switch result {
	case "allowed":
		return span{good, "✓"}
	case "denied":
		return span{bad, "✗"}
	case "failed":
		return span{warn, "!"}
	default:
		return span{dim, "·"}
	}
}

// shortAction is an action without the service before it.
func shortAction(action string) string {
	_, name, ok := strings.Cut(action, ":")
	if !ok {
		return action
	}
	return name
}

// route says from which workload to which provider.
func route(r *api.AuditRecord) string {
	switch {
	case r.Workload != "" && r.Provider != "":
		return r.Workload + " → " + r.Provider
	case r.Provider != "":
		return "→ " + r.Provider
	default:
		return r.Workload
	}
}

// shownUser is a user as people know it: a user id, or a subject with the host of its issuer.
func shownUser(key string) string {
	if id, ok := strings.CutPrefix(key, "userid:"); ok {
		return id
	}
	escaped, subject, ok := strings.Cut(strings.TrimPrefix(key, "jwt:"), "|")
	if !ok {
		return key
	}
	issuer, err := url.PathUnescape(escaped)
	if err != nil {
		return key
	}
	if u, err := url.Parse(issuer); err == nil && u.Host != "" {
		issuer = u.Host
	}
	return subject + " (" + issuer + ")"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
