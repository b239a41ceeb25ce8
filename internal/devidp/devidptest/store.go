package devidptest

import (
	"context"
	"sync"
	"time"
)

// Store keeps records in memory.
type Store struct {
	now func() time.Time

	mu      sync.Mutex
	records map[[2]string]record
}

type record struct {
	data      []byte
	expiresAt time.Time
}

// NewStore returns an empty store. now decides what has expired.
func NewStore(now func() time.Time) *Store {
	return &Store{now: now, records: map[[2]string]record{}}
}

// PutRecord inserts or replaces a record.
func (s *Store) PutRecord(_ context.Context, kind, id string, data []byte, expiresAt time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[[2]string{kind, id}] = record{append([]byte(nil), data...), expiresAt}
	return nil
}

// Record reads a record.
func (s *Store) Record(_ context.Context, kind, id string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(kind, id)
}

func (s *Store) read(kind, id string) ([]byte, bool, error) {
	r, ok := s.records[[2]string{kind, id}]
	if !ok || (!r.expiresAt.IsZero() && !s.now().Before(r.expiresAt)) {
		return nil, false, nil
	}
	return append([]byte(nil), r.data...), true, nil
}

// TakeRecord reads and deletes a record as one step.
func (s *Store) TakeRecord(_ context.Context, kind, id string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok, err := s.read(kind, id)
	delete(s.records, [2]string{kind, id})
	return data, ok, err
}

// DeleteRecord deletes a record.
func (s *Store) DeleteRecord(_ context.Context, kind, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, [2]string{kind, id})
	return nil
}

// Dump returns every id and all data, for tests that look for what must not be there.
func (s *Store) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []byte
	for name, r := range s.records {
		all = append(append(append(all, name[0]+" "+name[1]+" "...), r.data...), '\n')
	}
	return string(all)
}

// Len is the number of records, expired ones included.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}
