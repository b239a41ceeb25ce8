package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// maxCached bounds the decoded records kept for one account.
const maxCached = 20_000

// accountState is what this replica knows of one account at one version: decoded records and epochs. Any change of the
// account makes a new version, and a new, empty state. It holds no plaintext.
type accountState struct {
	version   int64
	epoch     time.Time
	mu        sync.Mutex
	checkedAt time.Time
	records   map[string]any
	epochs    map[string]time.Time // users' epochs; nil when there are too many to hold
	allEpochs bool                 // epochs holds every one
	// blocked has the keys of blocked users, nil when there are too many to hold.
	blocked    map[string]struct{}
	allBlocked bool
}

// maxEpochs is how many users' epochs are held in memory.
const maxEpochs = 4096

// state returns the account's state, not older than the window; with fresh, asked for just now.
func (s *Service) state(ctx context.Context, account string, fresh bool) (*accountState, error) {
	now := s.Now()
	if v, ok := s.states.Load(account); ok && !fresh {
		st := v.(*accountState)
		st.mu.Lock()
		age := now.Sub(st.checkedAt)
		st.mu.Unlock()
		if age >= 0 && age < s.cfg.StateWindow {
			return st, nil
		}
	}
	a, err := s.Store.Account(ctx, account)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no account %s here. Create it with: %s", account, s.command("admin account create "+account))
	}
	if err != nil {
		return nil, internal(err, "reading account "+account)
	}
	if v, ok := s.states.Load(account); ok {
		if st := v.(*accountState); st.version == a.Version {
			st.mu.Lock()
			st.checkedAt = now
			st.mu.Unlock()
			return st, nil
		}
	}
	st := &accountState{version: a.Version, epoch: a.Epoch, checkedAt: now, records: map[string]any{}}
	if err := s.loadEpochs(ctx, account, st); err != nil {
		return nil, err
	}
	if err := s.loadBlocked(ctx, account, st); err != nil {
		return nil, err
	}
	s.states.Store(account, st)
	return st, nil
}

func (s *Service) loadEpochs(ctx context.Context, account string, st *accountState) error {
	list, err := s.Store.UserEpochs(ctx, account, maxEpochs+1)
	if err != nil {
		return internal(err, "reading the epochs of account "+account)
	}
	if st.allEpochs = len(list) <= maxEpochs; st.allEpochs {
		st.epochs = make(map[string]time.Time, len(list))
		for _, e := range list {
			st.epochs[e.User] = e.At
		}
	}
	return nil
}

// changed forgets what is cached of the account, after a change made here.
func (s *Service) changed(account string) { s.states.Delete(account) }

func (st *accountState) get(key string) (any, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	v, ok := st.records[key]
	return v, ok
}

func (st *accountState) put(key string, v any) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.records) >= maxCached {
		clear(st.records)
	}
	st.records[key] = v
}

// decoder turns a verified record into a noun.
type decoder[T any] func(r Record) (T, error)

// lookup returns the named record decoded, from the cache when the account has not changed. ErrNotFound is never
// cached, so what another replica has just made is found.
func lookup[T any](ctx context.Context, s *Service, st *accountState, account, kind, parent, name string, dec decoder[T]) (T, error) {
	key := kind + "\x00" + parent + "\x00" + name
	if v, ok := st.get(key); ok {
		if t, ok := v.(T); ok {
			return t, nil
		}
	}
	var zero T
	r, err := s.Store.Record(ctx, account, kind, parent, name)
	if err != nil {
		return zero, err
	}
	t, err := decode(ctx, s, r, dec)
	if err != nil {
		return zero, err
	}
	st.put(key, t)
	return t, nil
}

// lookupID is lookup by id, within one account.
func lookupID[T any](ctx context.Context, s *Service, st *accountState, account, kind, id string, dec decoder[T]) (T, error) {
	key := kind + "\x00#" + id
	if v, ok := st.get(key); ok {
		if t, ok := v.(T); ok {
			return t, nil
		}
	}
	var zero T
	r, err := s.Store.RecordByID(ctx, kind, id)
	if err == nil && r.Account != account { // ids are random, but the account is the wall
		err = ErrNotFound
	}
	if err != nil {
		return zero, err
	}
	t, err := decode(ctx, s, r, dec)
	if err != nil {
		return zero, err
	}
	st.put(key, t)
	return t, nil
}

// identified is stored in every record's data beside what the kind adds, so that the MAC over the data covers the
// columns by which the row was found.
type identified struct {
	Name   string `json:"name"`
	Parent string `json:"parent,omitempty"`
}

// recordPlace binds a record's secret and MAC to its row and kind.
func recordPlace(r *Record) vault.Place {
	return vault.Place{Account: r.Account, Table: "records", Row: r.ID, Field: r.Kind}
}

// decode verifies the record's MAC (A64) and that the columns are those that were written, then decodes it.
func decode[T any](ctx context.Context, s *Service, r Record, dec decoder[T]) (T, error) {
	var zero T
	if err := s.Vault.VerifyMAC(ctx, recordPlace(&r), r.Version, macInput(&r), r.MAC); err != nil {
		return zero, s.tampered(ctx, &r, err)
	}
	var id identified
	if err := json.Unmarshal(r.Data, &id); err != nil || id.Name != r.Name || id.Parent != r.Parent {
		return zero, s.tampered(ctx, &r, errors.New("name or owner differ from what was written"))
	}
	return dec(r)
}

func (s *Service) tampered(ctx context.Context, r *Record, cause error) error {
	if errors.Is(cause, vault.ErrKeySource) {
		return internal(cause, "the root key source")
	}
	s.Log.ErrorContext(ctx, "a record was changed behind Lanyard's back and is refused", "account", r.Account, "kind", r.Kind, "name", r.Name, "id", r.ID, "err", cause)
	return &Error{Code: Internal, Message: fmt.Sprintf("the stored %s %q was changed outside Lanyard and is refused; restore it from a backup or write it again", r.Kind, r.Name), Cause: cause}
}

// macInput is what a record's MAC covers beside its place and version: the data and the sealed secret.
func macInput(r *Record) []byte {
	b := make([]byte, 0, 8+len(r.Data)+len(r.Sealed))
	b = append(b, byte(len(r.Data)>>24), byte(len(r.Data)>>16), byte(len(r.Data)>>8), byte(len(r.Data)))
	b = append(b, r.Data...)
	return append(b, r.Sealed...)
}

// encode fills Data, Sealed and MAC of a record whose Version is already the one to be stored.
func (s *Service) encode(ctx context.Context, r *Record, data any, secret vault.Secret) error {
	var err error
	if r.Data, err = json.Marshal(data); err != nil {
		return internal(err, "encoding a record")
	}
	if !secret.Empty() {
		if r.Sealed, err = s.Vault.Seal(ctx, recordPlace(r), secret); err != nil {
			return internal(err, "sealing a secret")
		}
	}
	if r.MAC, err = s.Vault.MAC(ctx, recordPlace(r), r.Version, macInput(r)); err != nil {
		return internal(err, "authenticating a record")
	}
	return nil
}

// insert stores a new record and forgets the account's caches.
func (s *Service) insert(ctx context.Context, r *Record, data any, secret vault.Secret) error {
	return s.insertOneOf(ctx, r, data, secret, 0)
}

// insertOneOf is insert of a record of which its owner may have no more than most: ErrTooMany beyond that.
func (s *Service) insertOneOf(ctx context.Context, r *Record, data any, secret vault.Secret, most int) error {
	now := s.Now()
	r.Version, r.CreatedAt, r.UpdatedAt = 1, now, now
	if err := s.encode(ctx, r, data, secret); err != nil {
		return err
	}
	if err := s.Store.InsertRecord(ctx, *r, most); err != nil {
		return err
	}
	s.changed(r.Account)
	return nil
}

// replace stores a new version of a record; an empty secret keeps the sealed one.
func (s *Service) replace(ctx context.Context, r *Record, data any, secret vault.Secret) error {
	r.Version++
	r.UpdatedAt = s.Now()
	if err := s.encode(ctx, r, data, secret); err != nil {
		return err
	}
	if err := s.Store.UpdateRecord(ctx, *r); err != nil {
		return err
	}
	s.changed(r.Account)
	return nil
}
