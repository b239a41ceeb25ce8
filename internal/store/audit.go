package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/jsontext"
)

// auditRow is an audit record as it is stored: JSON, and the terms by which it is found.
type auditRow struct {
	frame   []byte // of a journal, with the JSON in it
	terms   termList
	at      int64
	durable bool
}

func (r *auditRow) json() []byte { return r.frame[frameHead:] }

// storedAudit has the members of the JSON.
type storedAudit struct {
	At        int64    `json:"at"` // Unix milliseconds
	Account   string   `json:"account"`
	RequestID string   `json:"requestId"`
	Caller    string   `json:"caller"`
	AccessKey string   `json:"accessKeyId"`
	SourceIP  string   `json:"sourceIp"`
	Action    string   `json:"action"`
	Resources []string `json:"resources"`
	Result    string   `json:"result"`
	Code      string   `json:"code"`
	Reason    string   `json:"reason"`
	Decision  string   `json:"decision"`
	Workload  string   `json:"workload"`
	Provider  string   `json:"provider"`
	User      string   `json:"user"`
	GrantID   string   `json:"grantId"`
	SessionID string   `json:"sessionId"`
}

// newAuditRow never fails: a record must not be lost because a client put odd bytes into a name, so these are replaced.
func newAuditRow(r *identity.AuditRecord) *auditRow {
	at := toMillis(r.At)
	return &auditRow{frame: appendAuditJSON(newFrame(jsonSize(r)), r, at), terms: recordTerms(r), at: at, durable: r.Durable}
}

// readAuditRow reads JSON that newAuditRow wrote.
func readAuditRow(text []byte) (*auditRow, error) {
	var stored storedAudit
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, err
	}
	r := stored.record(auditPlace{})
	return &auditRow{frame: append(newFrame(len(text)), text...), terms: recordTerms(&r), at: stored.At}, nil
}

// washed replaces what no engine keeps.
func washed(s string) string {
	if cleanText(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// appendAuditJSON writes the record as JSON, leaving out the empty members.
func appendAuditJSON(b []byte, r *identity.AuditRecord, at int64) []byte {
	b = append(b, `{"at":`...)
	b = strconv.AppendInt(b, at, 10)
	b = appendMember(b, "account", r.Account)
	b = appendMember(b, "requestId", r.RequestID)
	b = appendMember(b, "caller", r.Caller)
	b = appendMember(b, "accessKeyId", r.AccessKey)
	b = appendMember(b, "sourceIp", r.SourceIP)
	b = appendMember(b, "action", r.Action)
	if len(r.Resources) > 0 {
		b = append(b, `,"resources":[`...)
		for i, s := range r.Resources {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		b = append(b, ']')
	}
	b = appendMember(b, "result", r.Result)
	b = appendMember(b, "code", r.Code)
	b = appendMember(b, "reason", r.Reason)
	b = appendMember(b, "decision", r.Decision)
	b = appendMember(b, "workload", r.Workload)
	b = appendMember(b, "provider", r.Provider)
	b = appendMember(b, "user", r.User)
	b = appendMember(b, "grantId", r.GrantID)
	b = appendMember(b, "sessionId", r.SessionID)
	return append(b, '}')
}

// jsonSize is how long the JSON will be at most, unless a text needs escapes.
func jsonSize(r *identity.AuditRecord) int {
	const frame = 256 // the time, and names, quotes and commas of all members
	n := frame + len(r.Account) + len(r.RequestID) + len(r.Caller) + len(r.AccessKey) + len(r.SourceIP) + len(r.Action) + len(r.Result) +
		len(r.Code) + len(r.Reason) + len(r.Decision) + len(r.Workload) + len(r.Provider) + len(r.User) + len(r.GrantID) + len(r.SessionID)
	for _, s := range r.Resources {
		n += len(s) + len(`"",`)
	}
	return n
}

// appendMember leaves out what is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(jsontext.AppendName(b, name), value)
}

func appendText(b []byte, s string) []byte {
	if !jsontext.Plain(s) {
		s = washed(s)
	}
	return jsontext.AppendString(b, s)
}

// record reads what was stored. Its id is where it stands: the number of its group and its place in it.
func (s *storedAudit) record(at auditPlace) identity.AuditRecord {
	return identity.AuditRecord{
		ID: at.String(), At: fromMillis(s.At), Account: s.Account, RequestID: s.RequestID, Caller: s.Caller, AccessKey: s.AccessKey,
		SourceIP: s.SourceIP, Action: s.Action, Resources: s.Resources, Result: s.Result, Code: s.Code, Reason: s.Reason,
		Decision: s.Decision, Workload: s.Workload, Provider: s.Provider, User: s.User, GrantID: s.GrantID, SessionID: s.SessionID,
	}
}

// auditPlace is where a record stands. Places, and the ids that name them, are in the order of commits.
type auditPlace struct {
	group int64
	index int
}

func (p auditPlace) String() string { return fmt.Sprintf("%016x-%04x", p.group, p.index) }

// parseAuditPlace reads what String wrote; identity.ErrNotFound when it is anything else.
func parseAuditPlace(id string) (auditPlace, error) {
	group, index, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(group, 16, 64)
	i, err2 := strconv.ParseUint(index, 16, 16)
	if p := (auditPlace{n, int(i)}); err == nil && err2 == nil && p.String() == id {
		return p, nil
	}
	return auditPlace{}, fmt.Errorf("store: %q is no id of an audit record: %w", id, identity.ErrNotFound)
}

// before tells whether p was committed before the other.
func (p auditPlace) before(other auditPlace) bool {
	return p.group < other.group || p.group == other.group && p.index < other.index
}

// auditGroup is records that are committed together, as one row.
type auditGroup struct {
	firstAt, lastAt int64
	terms           []byte
	records         string
}

func newAuditGroup(rows []*auditRow) auditGroup {
	g := auditGroup{firstAt: rows[0].at, lastAt: rows[0].at}
	size, count := len("[]"), 0
	for _, r := range rows {
		g.firstAt, g.lastAt = min(g.firstAt, r.at), max(g.lastAt, r.at)
		size += len(r.json()) + len(",")
		count += r.terms.n
	}
	var b strings.Builder
	b.Grow(size)
	terms := make([]uint32, 0, count)
	for i, r := range rows {
		b.WriteByte("[,"[min(i, 1)])
		b.Write(r.json())
		terms = append(terms, r.terms.all()...)
	}
	b.WriteByte(']')
	g.records, g.terms = b.String(), packTerms(terms)
	return g
}

// groups are what a part of a journal is committed as.
func (p *journalPart) groups() []auditGroup {
	var out []auditGroup
	for rows := range slices.Chunk(p.rows, journalGroup) {
		out = append(out, newAuditGroup(rows))
	}
	return out
}

// AppendAudit returns when the record survives a killed process, and one that is durable, a lost machine.
func (s *Store) AppendAudit(ctx context.Context, r identity.AuditRecord) error {
	return s.auditor.append(ctx, newAuditRow(&r))
}

// retentionWindow is how many of the oldest groups are looked at for those to delete: more than one, for a clock that ran
// ahead may have put groups in front that are not due yet.
const retentionWindow = 1000

// DeleteAuditBefore removes groups all of whose records are older than before, limit at most, and returns how many.
func (s *Store) DeleteAuditBefore(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.auditor.settle(ctx); err != nil {
		return 0, err
	}
	var n int64
	err := s.engine.writeAudit(ctx, func(h handle) (err error) {
		n, err = h.exec(`DELETE FROM audit_groups WHERE n IN (SELECT n FROM (SELECT n, last_at FROM audit_groups ORDER BY n LIMIT $1) oldest
			WHERE last_at < $2 ORDER BY n LIMIT $3)`, retentionWindow, toMillis(before), limit)
		if err != nil || n == 0 {
			return err
		}
		if _, err = h.exec(`DELETE FROM audit_segments WHERE last < (SELECT COALESCE(MIN(n), $1) FROM audit_groups)`, int64(math.MaxInt64)); err != nil {
			return err
		}
		_, err = h.exec(`DELETE FROM audit_filters WHERE first < (SELECT COALESCE(MIN(first), $1) FROM audit_segments)`, int64(math.MaxInt64))
		return err
	})
	return int(n), err
}
