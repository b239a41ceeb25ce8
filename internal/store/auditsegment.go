package store

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

const (
	// segmentTerms is when a segment is full: about a thousand records.
	segmentTerms = 4096
	// indexChunk is how many groups are read at once.
	indexChunk = 32
)

const (
	selectLastSegment = `SELECT last FROM audit_segments WHERE first = (SELECT MAX(first) FROM audit_segments)`
	selectUnindexed   = `SELECT n, first_at, last_at, terms FROM audit_groups WHERE n > $1 AND n <= $2 ORDER BY n LIMIT $3`
)

// auditSegment is a run of groups and what its filter says about them.
type auditSegment struct {
	first, last     int64
	firstAt, lastAt int64
	filter          termFilter
}

// horizon is what may still be appended beside what is there. Where several write at once, a number that was handed out may
// be committed after a greater one; transactions tell when that is over. Both are 0 where groups are numbered as they are
// committed.
type horizon struct {
	greatest int64 // number of a group
	oldest   int64 // transaction that has not ended
	next     int64 // transaction
}

// completion remembers up to where the groups of all replicas are known to be in.
type completion struct {
	complete int64
	seen     horizon
	seenAt   time.Time
}

// completeTime is how long a number is waited for at least: a number is handed out a moment before its transaction is known.
const completeTime = time.Minute

// advance takes the horizon of now and returns up to where all are in: what was there at an earlier look, once every
// transaction that was under way then has ended.
func (s *completion) advance(now horizon, at time.Time) int64 {
	switch {
	case now.next == 0:
		return now.greatest
	case s.seenAt.IsZero() || now.greatest < s.seen.greatest: // or the database lost what it had not flushed
		*s = completion{seen: now, seenAt: at}
	case at.Sub(s.seenAt) >= completeTime && now.oldest >= s.seen.next:
		*s = completion{complete: s.seen.greatest, seen: now, seenAt: at}
	}
	return s.complete
}

// IndexAudit summarises groups that were appended since, one segment at most, and tells whether there may be more to do.
// Searches pass over what is summarised; what is not, they read. Replicas may call it at the same time.
func (s *Store) IndexAudit(ctx context.Context) (more bool, err error) {
	read := s.engine.readAudit(ctx)
	until, err := s.completeUntil(read)
	if err != nil || until == 0 {
		return false, err
	}
	last, err := lastSegment(read)
	if err != nil {
		return false, err
	}
	seg, full, err := nextSegment(read, last, until)
	if err != nil || !full {
		return false, err
	}
	err = s.engine.writeAudit(ctx, func(h handle) error {
		_, err := h.exec(`INSERT INTO audit_segments (first, last, first_at, last_at) VALUES ($1, $2, $3, $4)`,
			seg.first, seg.last, seg.firstAt, seg.lastAt)
		if err != nil {
			return err
		}
		_, err = h.exec(`INSERT INTO audit_filters (first, filter) VALUES ($1, $2)`, seg.first, []byte(seg.filter))
		return err
	})
	if errors.Is(err, identity.ErrExists) {
		return true, nil // another replica was faster
	}
	return err == nil, err
}

// completeUntil is the number of the newest group after whose commit no smaller one can come; 0 for none.
func (s *Store) completeUntil(h handle) (int64, error) {
	var now horizon
	if err := h.one(h.dialect.selectHorizon, nil, &now.greatest, &now.oldest, &now.next); err != nil {
		return 0, err
	}
	s.auditMu.Lock()
	defer s.auditMu.Unlock()
	return s.completion.advance(now, s.now()), nil
}

// lastSegment returns where the newest segment ends, 0 without any.
func lastSegment(h handle) (last int64, err error) {
	err = h.one(selectLastSegment, nil, &last)
	if errors.Is(err, identity.ErrNotFound) {
		return 0, nil
	}
	return last, err
}

// nextSegment reads the groups after last, until the one given, that fill a segment; full is false when they do not.
func nextSegment(h handle, last, until int64) (seg auditSegment, full bool, err error) {
	type group struct {
		n, firstAt, lastAt int64
		terms              []byte
	}
	seg = auditSegment{first: last + 1, last: last}
	var terms []uint32
	for {
		groups, err := list(h, selectUnindexed,
			[]any{seg.last, until, indexChunk}, func(scan scanner, g *group) error { return scan(&g.n, &g.firstAt, &g.lastAt, &g.terms) })
		if err != nil || len(groups) == 0 {
			return seg, false, err
		}
		for i, g := range groups {
			if i == 0 && terms == nil {
				seg.firstAt, seg.lastAt = g.firstAt, g.lastAt
			}
			seg.last, seg.firstAt, seg.lastAt = g.n, min(seg.firstAt, g.firstAt), max(seg.lastAt, g.lastAt)
			for j := range packed(g.terms).len() {
				terms = append(terms, packed(g.terms).at(j))
			}
			if len(terms) >= segmentTerms {
				seg.filter = newTermFilter(terms)
				return seg, true, nil
			}
		}
	}
}
