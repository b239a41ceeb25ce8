package devidp_test

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/devidp"
)

// failingStore breaks after a number of calls, as a killed process leaves a store.
type failingStore struct {
	devidp.Store
	left *int
}

func (f failingStore) call() error {
	if *f.left--; *f.left < 0 {
		return errors.New("killed")
	}
	return nil
}

func (f failingStore) PutRecord(ctx context.Context, kind, id string, data []byte, expiresAt time.Time) error {
	if err := f.call(); err != nil {
		return err
	}
	return f.Store.PutRecord(ctx, kind, id, data, expiresAt)
}

func (f failingStore) Record(ctx context.Context, kind, id string) ([]byte, bool, error) {
	if err := f.call(); err != nil {
		return nil, false, err
	}
	return f.Store.Record(ctx, kind, id)
}

func (f failingStore) TakeRecord(ctx context.Context, kind, id string) ([]byte, bool, error) {
	if err := f.call(); err != nil {
		return nil, false, err
	}
	return f.Store.TakeRecord(ctx, kind, id)
}

func (f failingStore) DeleteRecord(ctx context.Context, kind, id string) error {
	if err := f.call(); err != nil {
		return err
	}
	return f.Store.DeleteRecord(ctx, kind, id)
}

// beaten is a store in which somebody else is always the first to take a record of one kind.
type beaten struct {
	devidp.Store
	kind string
}

func (b beaten) TakeRecord(ctx context.Context, kind, id string) ([]byte, bool, error) {
	data, ok, err := b.Store.TakeRecord(ctx, kind, id)
	return data, ok && kind != b.kind, err
}
