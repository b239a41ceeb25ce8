package servertest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// faults is a store whose every call asks the test first.
type faults struct {
	identity.Store
	hook atomic.Pointer[func(call string) error]
}

// OnStore lets f decide, by the name of the store's method, whether the call fails before it reaches the store. f may
// also wait, which is how a test makes a replica hang between two steps. Nil ends it.
func (s *Service) OnStore(f func(call string) error) {
	if f == nil {
		s.faults.hook.Store(nil)
		return
	}
	s.faults.hook.Store(&f)
}

func (f *faults) ask(call string) error {
	if h := f.hook.Load(); h != nil {
		return (*h)(call)
	}
	return nil
}

// asked is a read that the test may refuse.
func asked[T any](f *faults, call string, read func() (T, error)) (T, error) {
	if err := f.ask(call); err != nil {
		var zero T
		return zero, err
	}
	return read()
}

// done is a change that the test may refuse.
func done(f *faults, call string, change func() error) error {
	if err := f.ask(call); err != nil {
		return err
	}
	return change()
}

func (f *faults) Ping(ctx context.Context) error {
	return done(f, "Ping", func() error { return f.Store.Ping(ctx) })
}

func (f *faults) InsertAccount(ctx context.Context, a identity.Account) error {
	return done(f, "InsertAccount", func() error { return f.Store.InsertAccount(ctx, a) })
}

func (f *faults) Account(ctx context.Context, id string) (identity.Account, error) {
	return asked(f, "Account", func() (identity.Account, error) { return f.Store.Account(ctx, id) })
}

func (f *faults) Accounts(ctx context.Context) ([]identity.Account, error) {
	return asked(f, "Accounts", func() ([]identity.Account, error) { return f.Store.Accounts(ctx) })
}

func (f *faults) RaiseAccountEpoch(ctx context.Context, id string, at time.Time) error {
	return done(f, "RaiseAccountEpoch", func() error { return f.Store.RaiseAccountEpoch(ctx, id, at) })
}

func (f *faults) InsertRecord(ctx context.Context, r identity.Record, most int) error {
	return done(f, "InsertRecord", func() error { return f.Store.InsertRecord(ctx, r, most) })
}

func (f *faults) Record(ctx context.Context, account, kind, parent, name string) (identity.Record, error) {
	return asked(f, "Record", func() (identity.Record, error) { return f.Store.Record(ctx, account, kind, parent, name) })
}

func (f *faults) RecordByID(ctx context.Context, kind, id string) (identity.Record, error) {
	return asked(f, "RecordByID", func() (identity.Record, error) { return f.Store.RecordByID(ctx, kind, id) })
}

func (f *faults) ListRecords(ctx context.Context, account, kind, parent, after string, limit int) ([]identity.Record, error) {
	return asked(f, "ListRecords", func() ([]identity.Record, error) {
		return f.Store.ListRecords(ctx, account, kind, parent, after, limit)
	})
}

func (f *faults) UpdateRecord(ctx context.Context, r identity.Record) error {
	return done(f, "UpdateRecord", func() error { return f.Store.UpdateRecord(ctx, r) })
}

func (f *faults) DeleteRecord(ctx context.Context, account, kind, id string) error {
	return done(f, "DeleteRecord", func() error { return f.Store.DeleteRecord(ctx, account, kind, id) })
}

func (f *faults) Grant(ctx context.Context, account string, key [32]byte) (identity.Grant, error) {
	return asked(f, "Grant", func() (identity.Grant, error) { return f.Store.Grant(ctx, account, key) })
}

func (f *faults) ActiveGrant(ctx context.Context, account string, key [32]byte) (identity.Grant, error) {
	return asked(f, "ActiveGrant", func() (identity.Grant, error) { return f.Store.ActiveGrant(ctx, account, key) })
}

func (f *faults) GrantByID(ctx context.Context, account, id string) (identity.Grant, error) {
	return asked(f, "GrantByID", func() (identity.Grant, error) { return f.Store.GrantByID(ctx, account, id) })
}

func (f *faults) PutGrant(ctx context.Context, g identity.Grant) error {
	return done(f, "PutGrant", func() error { return f.Store.PutGrant(ctx, g) })
}

func (f *faults) UpdateGrant(ctx context.Context, g identity.Grant, owner string) error {
	return done(f, "UpdateGrant", func() error { return f.Store.UpdateGrant(ctx, g, owner) })
}

func (f *faults) RetireGrant(ctx context.Context, g identity.Grant) error {
	return done(f, "RetireGrant", func() error { return f.Store.RetireGrant(ctx, g) })
}

func (f *faults) ReleaseRefresh(ctx context.Context, account, id, owner string) error {
	return done(f, "ReleaseRefresh", func() error { return f.Store.ReleaseRefresh(ctx, account, id, owner) })
}

func (f *faults) TouchGrants(ctx context.Context, account string, ids []string, at time.Time) error {
	return done(f, "TouchGrants", func() error { return f.Store.TouchGrants(ctx, account, ids, at) })
}

func (f *faults) ListGrants(ctx context.Context, account string, by identity.GrantFilter, after string, limit int) ([]identity.Grant, error) {
	return asked(f, "ListGrants", func() ([]identity.Grant, error) { return f.Store.ListGrants(ctx, account, by, after, limit) })
}

func (f *faults) GrantsDue(ctx context.Context, expiringBefore, usedSince, now time.Time, limit int) ([]identity.Grant, error) {
	return asked(f, "GrantsDue", func() ([]identity.Grant, error) { return f.Store.GrantsDue(ctx, expiringBefore, usedSince, now, limit) })
}

func (f *faults) DeleteGrant(ctx context.Context, account, id string) error {
	return done(f, "DeleteGrant", func() error { return f.Store.DeleteGrant(ctx, account, id) })
}

func (f *faults) InsertSession(ctx context.Context, s identity.Session, maxPending int) error {
	return done(f, "InsertSession", func() error { return f.Store.InsertSession(ctx, s, maxPending) })
}

func (f *faults) SessionByID(ctx context.Context, id string) (identity.Session, error) {
	return asked(f, "SessionByID", func() (identity.Session, error) { return f.Store.SessionByID(ctx, id) })
}

func (f *faults) UpdateSession(ctx context.Context, s identity.Session) error {
	return done(f, "UpdateSession", func() error { return f.Store.UpdateSession(ctx, s) })
}

func (f *faults) CompleteSession(ctx context.Context, s identity.Session, g identity.Grant) error {
	return done(f, "CompleteSession", func() error { return f.Store.CompleteSession(ctx, s, g) })
}

func (f *faults) ListSessions(ctx context.Context, account string, before time.Time, beforeID string, limit int) ([]identity.Session, error) {
	return asked(f, "ListSessions", func() ([]identity.Session, error) { return f.Store.ListSessions(ctx, account, before, beforeID, limit) })
}

func (f *faults) DeleteExpiredSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	return asked(f, "DeleteExpiredSessions", func() (int, error) { return f.Store.DeleteExpiredSessions(ctx, before, limit) })
}

func (f *faults) PutInboundToken(ctx context.Context, account, id string, sealed []byte, expiresAt time.Time) error {
	return done(f, "PutInboundToken", func() error { return f.Store.PutInboundToken(ctx, account, id, sealed, expiresAt) })
}

func (f *faults) InboundToken(ctx context.Context, account, id string) ([]byte, error) {
	return asked(f, "InboundToken", func() ([]byte, error) { return f.Store.InboundToken(ctx, account, id) })
}

func (f *faults) DeleteExpiredInboundTokens(ctx context.Context, before time.Time, limit int) (int, error) {
	return asked(f, "DeleteExpiredInboundTokens", func() (int, error) { return f.Store.DeleteExpiredInboundTokens(ctx, before, limit) })
}

func (f *faults) UserEpochs(ctx context.Context, account string, limit int) ([]identity.UserEpoch, error) {
	return asked(f, "UserEpochs", func() ([]identity.UserEpoch, error) { return f.Store.UserEpochs(ctx, account, limit) })
}

func (f *faults) UserEpoch(ctx context.Context, account, user string) (identity.UserEpoch, error) {
	return asked(f, "UserEpoch", func() (identity.UserEpoch, error) { return f.Store.UserEpoch(ctx, account, user) })
}

func (f *faults) RaiseUserEpoch(ctx context.Context, account string, e identity.UserEpoch) error {
	return done(f, "RaiseUserEpoch", func() error { return f.Store.RaiseUserEpoch(ctx, account, e) })
}

func (f *faults) ReplaceSealed(ctx context.Context, old, new identity.SealedRow) (bool, error) {
	return asked(f, "ReplaceSealed", func() (bool, error) { return f.Store.ReplaceSealed(ctx, old, new) })
}

func (f *faults) AppendAudit(ctx context.Context, r identity.AuditRecord) error {
	return done(f, "AppendAudit", func() error { return f.Store.AppendAudit(ctx, r) })
}

func (f *faults) FindAudit(ctx context.Context, account string, by identity.AuditFilter, before string, limit int) ([]identity.AuditRecord, error) {
	return asked(f, "FindAudit", func() ([]identity.AuditRecord, error) { return f.Store.FindAudit(ctx, account, by, before, limit) })
}

func (f *faults) DeleteAuditBefore(ctx context.Context, before time.Time, limit int) (int, error) {
	return asked(f, "DeleteAuditBefore", func() (int, error) { return f.Store.DeleteAuditBefore(ctx, before, limit) })
}

func (f *faults) IndexAudit(ctx context.Context) (bool, error) {
	return asked(f, "IndexAudit", func() (bool, error) { return f.Store.IndexAudit(ctx) })
}

func (f *faults) DataKeys(ctx context.Context, account string) ([]vault.DataKey, error) {
	return asked(f, "DataKeys", func() ([]vault.DataKey, error) { return f.Store.DataKeys(ctx, account) })
}

func (f *faults) InsertDataKey(ctx context.Context, k vault.DataKey) error {
	return done(f, "InsertDataKey", func() error { return f.Store.InsertDataKey(ctx, k) })
}

func (f *faults) ClaimRefresh(ctx context.Context, account, id string, version int64, owner string, now, until time.Time) (claimed, interrupted bool, err error) {
	if err := f.ask("ClaimRefresh"); err != nil {
		return false, false, err
	}
	return f.Store.ClaimRefresh(ctx, account, id, version, owner, now, until)
}

func (f *faults) SealedRows(ctx context.Context, account, cursor string, limit int) (rows []identity.SealedRow, next string, err error) {
	if err := f.ask("SealedRows"); err != nil {
		return nil, "", err
	}
	return f.Store.SealedRows(ctx, account, cursor, limit)
}
