package identity

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// FindAudit lists audit records of the caller's account, newest first.
func (s *Service) FindAudit(ctx context.Context, caller *policy.Caller, f AuditFilter, p Page) (List[AuditRecord], error) {
	r := request{caller: caller, action: "lanyard:FindAuditRecords", resources: on([]string{s.accountARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[AuditRecord], error) {
		before, err := pageStart("audit", p.Token)
		if err != nil {
			return List[AuditRecord]{}, err
		}
		rows, err := s.Store.FindAudit(ctx, caller.Account, f, before, p.Max+1)
		if errors.Is(err, ErrNotFound) {
			return List[AuditRecord]{}, badPageToken()
		}
		if err != nil {
			return List[AuditRecord]{}, internal(err, "reading the audit")
		}
		out := List[AuditRecord]{Items: rows}
		if len(rows) > p.Max {
			out.Items = rows[:p.Max]
			out.Next = pageToken("audit", rows[p.Max-1].ID)
		}
		return out, nil
	})
}

// IndexAudit makes what was recorded since cheaper to find.
func (s *Service) IndexAudit(ctx context.Context) error {
	for {
		more, err := s.Store.IndexAudit(ctx)
		if err != nil || !more {
			return internal(err, "indexing the audit")
		}
	}
}

// refusalGate bounds how many refusals of strangers are written: an unauthenticated flood must not fill the audit (A50).
// What it holds back is counted, and the count goes into the next record.
type refusalGate struct {
	mu     sync.Mutex
	tokens float64
	last   time.Time
	held   int
}

const (
	refusalsPerSecond = 50
	refusalBurst      = 200
)

func (g *refusalGate) pass(now time.Time) (held int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last.IsZero() {
		g.tokens = refusalBurst
	}
	g.tokens = min(refusalBurst, g.tokens+refusalsPerSecond*max(now.Sub(g.last).Seconds(), 0))
	g.last = now
	if g.tokens < 1 {
		g.held++
		return 0, false
	}
	g.tokens--
	held, g.held = g.held, 0
	return held, true
}

// Stranger is a request that no caller could be authenticated for.
type Stranger struct{ Action, AccessKeyID, SourceIP string }

// RefuseStranger records a request that was refused before anybody was authenticated. The error returned is why, or
// that the record could not be written.
func (s *Service) RefuseStranger(ctx context.Context, who Stranger, why error) error {
	r := AuditRecord{Account: s.cfg.Account, RequestID: RequestID(ctx), AccessKey: clip(who.AccessKeyID), SourceIP: who.SourceIP, Action: who.Action,
		Result: AuditDenied, Code: Unrecognized.String(), Reason: why.Error()}
	if !s.admitRefusal(&r) {
		return why
	}
	return s.refused(ctx, r, why)
}

// admitRefusal reports whether the refusal of somebody who is nobody's principal is written, and notes in the record how
// many before it were not.
func (s *Service) admitRefusal(r *AuditRecord) bool {
	held, ok := s.refusals.pass(s.Now())
	if held > 0 {
		r.Reason += " (and " + strconv.Itoa(held) + " refusals before it were not recorded one by one)"
	}
	return ok
}

// RefuseRequest records a request of an authenticated caller that no use-case saw, because its form was wrong. The
// error returned is why, or that the record could not be written.
func (s *Service) RefuseRequest(ctx context.Context, caller *policy.Caller, action string, why error) error {
	r := s.open(ctx, request{caller: caller, action: action}).rec
	r.Result, r.Code, r.Reason = AuditFailed, Invalid.String(), why.Error()
	return s.refused(ctx, r, why)
}

func (s *Service) refused(ctx context.Context, r AuditRecord, why error) error {
	if err := s.record(ctx, r); err != nil {
		return &Error{Code: Unavailable, Message: "the audit record could not be written. Check the audit store's disk or database, then try again", Cause: err}
	}
	return why
}
