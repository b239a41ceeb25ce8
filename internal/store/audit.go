package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// auditRow is an audit record as it is stored: a column for each filter, and the rest as JSON, which costs less to
// write than a column for each member.
type auditRow struct {
	account, id                   string
	at                            int64
	requestID, grantID, sessionID string
	action, caller, user, result  string
	rest                          string
	segment                       int64 // set when it is appended
	durable                       bool
}

// auditRest holds the members without a column, under the names that the record itself uses.
type auditRest struct {
	AccessKey string   `json:"accessKeyId"`
	SourceIP  string   `json:"sourceIp"`
	Resources []string `json:"resources"`
	Code      string   `json:"code"`
	Reason    string   `json:"reason"`
	Decision  string   `json:"decision"`
	Workload  string   `json:"workload"`
	Provider  string   `json:"provider"`
}

// auditColumns are written by every append.
const auditColumns = "account, id, at, request_id, grant_id, session_id, action, caller, user_key, result, rest, segment"

// maxAuditRows is the largest number of rows that one statement appends.
const maxAuditRows = 32

// insertAuditText is the statement that appends n rows. Running one statement of many rows costs far less than many of
// one row.
func insertAuditText(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO audit (" + auditColumns + ") VALUES ")
	width := strings.Count(auditColumns, ",") + 1
	for row := range n {
		sep := ", ("
		if row == 0 {
			sep = "("
		}
		for column := range width {
			b.WriteString(sep + "$" + strconv.Itoa(row*width+column+1))
			sep = ", "
		}
		b.WriteByte(')')
	}
	return b.String()
}

var insertAuditTexts = func() (texts [maxAuditRows + 1]string) {
	for n := 1; n <= maxAuditRows; n++ {
		texts[n] = insertAuditText(n)
	}
	return texts
}()

// insertRows appends the rows, in one statement for each maxAuditRows of them.
func insertRows(h handle, rows []*auditRow) error {
	for chunk := range slices.Chunk(rows, maxAuditRows) {
		args := make([]any, 0, 12*len(chunk))
		for _, r := range chunk {
			args = append(args, r.account, r.id, r.at, r.requestID, r.grantID, r.sessionID, r.action, r.caller, r.user, r.result, r.rest, r.segment)
		}
		if _, err := h.exec(insertAuditTexts[len(chunk)], args...); err != nil {
			return err
		}
	}
	return nil
}

// segmentRows is how many records share a segment: few enough that their grants' index entries fit into some pages,
// many enough that a search, which looks into every segment, stays fast.
const segmentRows = 1024

// segments numbers the segments of what one loop appends. Numbers need not be unique: a segment is where to look, and
// two processes that share one only make it larger.
type segments struct {
	now  func() time.Time
	n    int64
	left int
}

// number gives each row its segment. Numbers grow with time, also from one run of the program to the next.
func (s *segments) number(rows ...*auditRow) {
	for _, r := range rows {
		if s.left == 0 {
			s.n, s.left = max(s.n+1, s.now().UnixMilli()), segmentRows
		}
		s.left--
		r.segment = s.n
	}
}

const (
	auditOutput = `SELECT id, at, request_id, grant_id, session_id, action, caller, user_key, result, rest FROM `
	selectAudit = auditOutput + `audit WHERE account = $1`
	// selectGrantAudit finds the segments by hopping from each to the one before, and looks into each for the grant.
	selectGrantAudit = `WITH RECURSIVE segments (n) AS (
			SELECT MAX(segment) FROM audit WHERE grant_id <> ''
			UNION ALL SELECT (SELECT MAX(segment) FROM audit WHERE grant_id <> '' AND segment < n) FROM segments WHERE n IS NOT NULL)
		` + auditOutput + `segments CROSS JOIN audit WHERE account = $1 AND segment = n AND grant_id <> ''`
)

// newAuditRow never fails: a record must not be lost because a client put odd bytes into a name, so these are replaced.
func newAuditRow(r *identity.AuditRecord) *auditRow {
	return &auditRow{
		account: washed(r.Account), id: washed(r.ID), at: toMillis(r.At),
		requestID: washed(r.RequestID), grantID: washed(r.GrantID), sessionID: washed(r.SessionID),
		action: washed(r.Action), caller: washed(r.Caller), user: washed(r.User), result: washed(r.Result),
		rest: restOf(r), durable: r.Durable,
	}
}

// washed replaces what no engine keeps.
func washed(s string) string {
	if cleanText(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// restOf writes the members without a column as JSON, leaving out the empty ones.
func restOf(r *identity.AuditRecord) string {
	b := make([]byte, 0, restSize(r))
	b = append(b, '{')
	b = appendMember(b, "accessKeyId", r.AccessKey)
	b = appendMember(b, "sourceIp", r.SourceIP)
	b = appendMember(b, "code", r.Code)
	b = appendMember(b, "reason", r.Reason)
	b = appendMember(b, "decision", r.Decision)
	b = appendMember(b, "workload", r.Workload)
	b = appendMember(b, "provider", r.Provider)
	if len(r.Resources) > 0 {
		b = appendName(b, "resources")
		b = append(b, '[')
		for i, s := range r.Resources {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		b = append(b, ']')
	}
	return string(append(b, '}'))
}

// restSize is how long the JSON will be, unless a text needs escapes.
func restSize(r *identity.AuditRecord) int {
	const frame = 160 // names, quotes and commas of all members
	n := frame + len(r.AccessKey) + len(r.SourceIP) + len(r.Code) + len(r.Reason) + len(r.Decision) + len(r.Workload) + len(r.Provider)
	for _, s := range r.Resources {
		n += len(s) + len(`"",`)
	}
	return n
}

func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(appendName(b, name), value)
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// appendText writes a JSON string. Nearly all texts need no escape and are copied as they are.
func appendText(b []byte, s string) []byte {
	if plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	j, _ := json.Marshal(washed(s)) // a string always marshals
	return append(b, j...)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// AppendAudit returns when the record is committed, together with those of concurrent callers.
func (s *Store) AppendAudit(ctx context.Context, r identity.AuditRecord) error {
	return s.engine.appendAudit(ctx, newAuditRow(&r))
}

// FindAudit returns records newest first, those before the id given.
func (s *Store) FindAudit(ctx context.Context, account string, f identity.AuditFilter, before string, limit int) ([]identity.AuditRecord, error) {
	query, args := auditQuery(account, f, before, limit)
	return list(s.engine.readAudit(ctx), query, args, func(scan scanner, r *identity.AuditRecord) error {
		r.Account = account
		return scanAudit(scan, r)
	})
}

func auditQuery(account string, f identity.AuditFilter, before string, limit int) (string, []any) {
	w := where{query: selectAudit, args: []any{account}}
	if f.GrantID != "" {
		w.query = selectGrantAudit
	}
	w.text("id <", before)
	w.text("request_id =", f.RequestID)
	w.text("grant_id =", f.GrantID)
	w.text("session_id =", f.SessionID)
	w.text("action =", f.Action)
	w.text("caller =", f.Caller)
	w.text("user_key =", f.User)
	w.text("result =", f.Result)
	w.accessKey(f.AccessKey)
	w.time("at >=", f.Since)
	w.time("at <", f.Until)
	return w.page("id DESC", limit)
}

func scanAudit(scan scanner, r *identity.AuditRecord) error {
	var at int64
	var rest []byte
	if err := scan(&r.ID, &at, &r.RequestID, &r.GrantID, &r.SessionID, &r.Action, &r.Caller, &r.User, &r.Result, &rest); err != nil {
		return err
	}
	var more auditRest
	if err := json.Unmarshal(rest, &more); err != nil {
		return fmt.Errorf("the audit record %s: %w", r.ID, err)
	}
	r.At = fromMillis(at)
	r.AccessKey, r.SourceIP, r.Resources, r.Code = more.AccessKey, more.SourceIP, more.Resources, more.Code
	r.Reason, r.Decision, r.Workload, r.Provider = more.Reason, more.Decision, more.Workload, more.Provider
	return nil
}

// DeleteAuditBefore removes records older than before, limit at most, and returns how many. Ids are ordered by time, so
// the oldest of an account come first in its key; no index on the time is paid for at every append.
func (s *Store) DeleteAuditBefore(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int
	err := s.engine.writeAudit(ctx, func(h handle) error {
		n = 0
		for account, more, err := firstAuditAccount(h); more || err != nil; account, more, err = nextAuditAccount(h, account) {
			if err != nil {
				return err
			}
			deleted, err := h.exec(`DELETE FROM audit WHERE account = $1 AND id IN (
				SELECT id FROM audit WHERE account = $2 ORDER BY id LIMIT $3) AND at < $4`, account, account, limit-n, toMillis(before))
			if err != nil {
				return err
			}
			if n += int(deleted); n >= limit {
				return nil
			}
		}
		return nil
	})
	return n, err
}

func firstAuditAccount(h handle) (string, bool, error) {
	return auditAccount(h, `SELECT account FROM audit ORDER BY account LIMIT 1`)
}

func nextAuditAccount(h handle, after string) (string, bool, error) {
	return auditAccount(h, `SELECT account FROM audit WHERE account > $1 ORDER BY account LIMIT 1`, after)
}

func auditAccount(h handle, query string, args ...any) (account string, ok bool, err error) {
	err = h.one(query, args, &account)
	if errors.Is(err, identity.ErrNotFound) {
		return "", false, nil
	}
	return account, err == nil, err
}

// where builds a query whose conditions depend on a filter.
type where struct {
	query string
	args  []any
}

func (w *where) add(condition string, value any) {
	w.args = append(w.args, value)
	w.query += " AND " + condition + " $" + strconv.Itoa(len(w.args))
}

func (w *where) text(condition, value string) {
	if value != "" {
		w.add(condition, value)
	}
}

// accessKey looks at how a record's rest begins: a column would cost every append more than this costs the rare search.
func (w *where) accessKey(id string) {
	if id == "" {
		return
	}
	begin := string(appendMember([]byte{'{'}, "accessKeyId", id))
	w.query += " AND caller <> ''"
	w.add("substr(rest, 1, "+strconv.Itoa(utf8.RuneCountInString(begin))+") =", begin)
}

func (w *where) time(condition string, value time.Time) {
	if !value.IsZero() {
		w.add(condition, toMillis(value))
	}
}

func (w *where) page(order string, limit int) (string, []any) {
	w.args = append(w.args, limit)
	return w.query + " ORDER BY " + order + " LIMIT $" + strconv.Itoa(len(w.args)), w.args
}
