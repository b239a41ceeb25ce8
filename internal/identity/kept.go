package identity

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// Shelf keeps records of another part of this process beside the domain's own, with the same protection: the vault seals
// the secret and authenticates the rest, bound to the row. Its prefix keeps it from the domain's kinds.
type Shelf struct {
	s      *Service
	prefix string
}

// Shelf returns the shelf whose kinds begin with the prefix and a hyphen.
func (s *Service) Shelf(prefix string) *Shelf { return &Shelf{s: s, prefix: prefix + "-"} }

// keptData wraps a value of the shelf's user, so that it cannot collide with the columns which the MAC covers.
type keptData struct {
	identified
	Value json.RawMessage `json:"value"`
}

// Insert stores a new record: ErrExists when its name or id is taken, ErrNotFound when its owner is gone. Account, Kind,
// ID, Name and Parent say what it is; the rest is filled in.
func (h *Shelf) Insert(ctx context.Context, r *Record, value any, secret vault.Secret) error {
	return h.write(ctx, r, value, secret, h.s.insert)
}

// Replace stores a new version of a record: ErrVersion when somebody else changed it meanwhile. An empty secret keeps
// the sealed one.
func (h *Shelf) Replace(ctx context.Context, r *Record, value any, secret vault.Secret) error {
	return h.write(ctx, r, value, secret, h.s.replace)
}

func (h *Shelf) write(ctx context.Context, r *Record, value any, secret vault.Secret, store func(context.Context, *Record, any, vault.Secret) error) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return internal(err, "encoding a record")
	}
	kind := r.Kind
	r.Kind = h.prefix + kind
	err = store(ctx, r, keptData{identified{r.Name, r.Parent}, raw}, secret)
	r.Kind = kind
	return plainStoreError(err, "storing a record of kind "+kind)
}

// ByName reads a record and decodes its value into the pointer.
func (h *Shelf) ByName(ctx context.Context, account, kind, parent, name string, into any) (Record, error) {
	r, err := h.s.Store.Record(ctx, account, h.prefix+kind, parent, name)
	if err != nil {
		return Record{}, plainStoreError(err, "reading a record of kind "+kind)
	}
	return h.open(ctx, r, into)
}

// ByID reads a record by its id in any account: the caller checks account and owner.
func (h *Shelf) ByID(ctx context.Context, kind, id string, into any) (Record, error) {
	r, err := h.s.Store.RecordByID(ctx, h.prefix+kind, id)
	if err != nil {
		return Record{}, plainStoreError(err, "reading a record of kind "+kind)
	}
	return h.open(ctx, r, into)
}

// List reads records in order of name, those after the name given, and hands each to f.
func (h *Shelf) List(ctx context.Context, account, kind, parent, after string, limit int, f func(r Record, value json.RawMessage) error) error {
	rows, err := h.s.Store.ListRecords(ctx, account, h.prefix+kind, parent, after, limit)
	if err != nil {
		return plainStoreError(err, "listing records of kind "+kind)
	}
	for _, r := range rows {
		var value json.RawMessage
		if r, err = h.open(ctx, r, &value); err != nil {
			return err
		}
		if err := f(r, value); err != nil {
			return err
		}
	}
	return nil
}

// open verifies a record before it decodes anything of it (A64).
func (h *Shelf) open(ctx context.Context, r Record, into any) (Record, error) {
	raw, err := decode(ctx, h.s, r, func(r Record) (json.RawMessage, error) {
		var d keptData
		err := json.Unmarshal(r.Data, &d)
		return d.Value, err
	})
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	r.Kind = r.Kind[len(h.prefix):]
	return r, internal(err, "decoding a record of kind "+r.Kind)
}

// Secret opens a record's secret; it is empty where the record has none.
func (h *Shelf) Secret(ctx context.Context, r Record) (vault.Secret, error) {
	if len(r.Sealed) == 0 {
		return vault.Secret{}, nil
	}
	r.Kind = h.prefix + r.Kind
	secret, err := h.s.Vault.Open(ctx, recordPlace(&r), r.Sealed)
	return secret, internal(err, "opening a secret")
}

// Delete removes a record with all that it owns; one that is gone already is no error.
func (h *Shelf) Delete(ctx context.Context, r Record) error {
	r.Kind = h.prefix + r.Kind
	return h.s.remove(ctx, &r)
}

// plainStoreError keeps what a shelf's user decides on, and makes everything else an internal fault.
func plainStoreError(err error, what string) error {
	for _, known := range []error{ErrNotFound, ErrExists, ErrVersion} {
		if errors.Is(err, known) {
			return known
		}
	}
	return internal(err, what)
}
