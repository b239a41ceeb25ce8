package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/identity"
)

const (
	// findChunk is how many segments, or groups, a search looks at in one query.
	findChunk = 128
	// fetchChunk is how many groups' records it reads in one.
	fetchChunk = 16
)

// auditSearch walks from the newest record to older ones until it has found enough.
type auditSearch struct {
	handle
	caller   context.Context // who gives up ends the search between two queries
	account  string
	filter   identity.AuditFilter
	terms    []uint32
	before   auditPlace
	limit    int
	from, to int64 // of the time asked for: from ≤ at < to, in milliseconds
	found    []identity.AuditRecord
}

// FindAudit returns records newest first, those before the id given. It finds all that this process has acknowledged, and
// those of other processes once they have committed them.
func (s *Store) FindAudit(ctx context.Context, account string, f identity.AuditFilter, before string, limit int) ([]identity.AuditRecord, error) {
	if err := s.auditor.settle(ctx); err != nil {
		return nil, err
	}
	a := &auditSearch{
		handle: s.engine.readAudit(ctx), caller: ctx, account: account, filter: f, terms: filterTerms(account, &f),
		before: auditPlace{group: math.MaxInt64}, limit: limit, from: math.MinInt64, to: math.MaxInt64,
	}
	if before != "" {
		var err error
		if a.before, err = parseAuditPlace(before); err != nil {
			return nil, err
		}
	}
	if !f.Since.IsZero() {
		a.from = toMillis(f.Since)
	}
	if !f.Until.IsZero() {
		a.to = toMillis(f.Until)
	}
	if err := a.run(); err != nil {
		return nil, err
	}
	return a.found, nil
}

func (a *auditSearch) enough() bool { return len(a.found) >= a.limit }

// searchList is list for a search that its caller may give up.
func searchList[T any](a *auditSearch, query string, args []any, scanRow func(scanner, *T) error) ([]T, error) {
	if err := a.caller.Err(); err != nil {
		return nil, err
	}
	return list(a.handle, query, args, scanRow)
}

// run looks into the groups that no segment covers yet, and then into the segments that may hold what is searched.
func (a *auditSearch) run() error {
	newest, err := lastSegment(a.handle)
	if err != nil {
		return err
	}
	if err := a.groups(newest+1, a.before.group); err != nil {
		return err
	}
	for at := min(newest, a.before.group); !a.enough(); {
		segments, err := searchList(a, selectSegments, []any{at, a.from, a.to, findChunk},
			func(scan scanner, s *auditSegment) error { return scan(&s.first, &s.last, (*[]byte)(&s.filter)) })
		if err != nil || len(segments) == 0 {
			return err
		}
		for _, s := range segments {
			if s.filter.hasAll(a.terms) {
				if err := a.groups(s.first, min(s.last, at)); err != nil || a.enough() {
					return err
				}
			}
			at = s.first - 1
		}
	}
	return nil
}

// groups looks into those from lo to hi, beginning with hi.
func (a *auditSearch) groups(lo, hi int64) error {
	type group struct {
		n     int64
		terms []byte
	}
	for lo <= hi && !a.enough() {
		groups, err := searchList(a, selectGroupTerms, []any{lo, hi, a.from, a.to, findChunk},
			func(scan scanner, g *group) error { return scan(&g.n, &g.terms) })
		if err != nil || len(groups) == 0 {
			return err
		}
		var hits []int64
		for _, g := range groups {
			if packed(g.terms).hasAll(a.terms) {
				hits = append(hits, g.n)
			}
		}
		if err := a.fetch(hits); err != nil {
			return err
		}
		hi = groups[len(groups)-1].n - 1
	}
	return nil
}

const (
	selectSegments = `SELECT s.first, s.last, f.filter FROM audit_segments s JOIN audit_filters f ON f.first = s.first
		WHERE s.first <= $1 AND s.last_at >= $2 AND s.first_at < $3 ORDER BY s.first DESC LIMIT $4`
	selectGroupTerms = `SELECT n, terms FROM audit_groups
		WHERE n >= $1 AND n <= $2 AND last_at >= $3 AND first_at < $4 ORDER BY n DESC LIMIT $5`
)

// selectGroupRecords reads the records of fetchChunk groups.
var selectGroupRecords = func() string {
	var places []string
	for i := range fetchChunk {
		places = append(places, "$"+strconv.Itoa(i+1))
	}
	return `SELECT n, records FROM audit_groups WHERE n IN (` + strings.Join(places, ", ") + `) ORDER BY n DESC`
}()

// fetch keeps what the filter keeps of the groups, which are in descending order.
func (a *auditSearch) fetch(groups []int64) error {
	type group struct {
		n       int64
		records []byte
	}
	for len(groups) > 0 && !a.enough() {
		chunk := groups[:min(len(groups), fetchChunk)]
		groups = groups[len(chunk):]
		args := make([]any, fetchChunk)
		for i := range args {
			args[i] = chunk[min(i, len(chunk)-1)] // one statement for every number of groups
		}
		rows, err := searchList(a, selectGroupRecords, args, func(scan scanner, g *group) error { return scan(&g.n, &g.records) })
		if err != nil {
			return err
		}
		for _, g := range rows {
			if err := a.keep(g.n, g.records); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep takes the records of one group that the filter keeps, the newest first.
func (a *auditSearch) keep(n int64, text []byte) error {
	var records []storedAudit
	if err := json.Unmarshal(text, &records); err != nil {
		return fmt.Errorf("store: the audit group %d: %w", n, err)
	}
	for i := len(records) - 1; i >= 0 && !a.enough(); i-- {
		at := auditPlace{n, i}
		if r := records[i].record(at); at.before(a.before) && a.keeps(&r) {
			a.found = append(a.found, r)
		}
	}
	return nil
}

func (a *auditSearch) keeps(r *identity.AuditRecord) bool {
	f := &a.filter
	for _, c := range [...]struct{ want, have string }{
		{f.RequestID, r.RequestID}, {f.GrantID, r.GrantID}, {f.SessionID, r.SessionID}, {f.Action, r.Action}, {f.Caller, r.Caller},
		{f.User, r.User}, {f.Result, r.Result}, {f.AccessKey, r.AccessKey},
	} {
		if c.want != "" && c.want != c.have {
			return false
		}
	}
	if f.AccessKey != "" && r.Caller == "" {
		return false // anybody can name a key
	}
	at := toMillis(r.At)
	return r.Account == a.account && a.from <= at && at < a.to
}
