package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	accountA = "000000000000"
	accountB = "111122223333"
)

var grantPlace = Place{Account: accountA, Table: "grants", Row: "g-1", Field: "refresh_token"}

// memoryStore is a DataKeyStore that counts and can be made to fail.
type memoryStore struct {
	mu    sync.Mutex
	rows  []DataKey
	fail  error
	reads atomic.Int64

	beforeInsert func() // called once, before the next insert
}

func (m *memoryStore) DataKeys(_ context.Context, account string) ([]DataKey, error) {
	m.reads.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []DataKey
	for _, row := range m.rows {
		if row.Account == account {
			out = append(out, row)
		}
	}
	return out, m.fail
}

func (m *memoryStore) InsertDataKey(_ context.Context, k DataKey) error {
	if hook := m.takeHook(); hook != nil {
		hook()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.rows, func(o DataKey) bool { return o.Account == k.Account && o.Version == k.Version }) {
		return ErrDataKeyExists
	}
	m.rows = append(m.rows, k)
	return m.fail
}

func (m *memoryStore) takeHook() func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	hook := m.beforeInsert
	m.beforeInsert = nil
	return hook
}

func (m *memoryStore) setFail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memoryStore) retire(account string, version uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = slices.DeleteFunc(m.rows, func(k DataKey) bool { return k.Account == account && k.Version == version })
}

func (m *memoryStore) edit(account string, version uint32, change func(*DataKey)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		if m.rows[i].Account == account && m.rows[i].Version == version {
			change(&m.rows[i])
		}
	}
}

// switchSource is a KeySource that counts and can be switched off.
type switchSource struct {
	KeySource
	noWrap, noUnwrap, garbled atomic.Bool
	unwraps                   atomic.Int64

	duringWrap func()
}

var errOff = errors.New("source is off")

func (s *switchSource) Wrap(ctx context.Context, key []byte, ec map[string]string) ([]byte, error) {
	if s.duringWrap != nil {
		s.duringWrap()
	}
	if s.noWrap.Load() {
		return nil, errOff
	}
	return s.KeySource.Wrap(ctx, key, ec)
}

func (s *switchSource) Unwrap(ctx context.Context, wrapped []byte, ec map[string]string) ([]byte, error) {
	s.unwraps.Add(1)
	if s.noUnwrap.Load() {
		return nil, errOff
	}
	key, err := s.KeySource.Unwrap(ctx, wrapped, ec)
	if s.garbled.Load() && err == nil {
		key[0]++
	}
	return key, err
}

// clock is moved by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_800_000_000, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// world is what replicas share.
type world struct {
	store *memoryStore
	src   *switchSource
	clock *clock
}

func newWorld(t testing.TB) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := CreateKeyFile(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	keys, err := FileKeySource(path)
	if err != nil {
		t.Fatal(err)
	}
	return &world{store: &memoryStore{}, src: &switchSource{KeySource: keys}, clock: &clock{}}
}

func (w *world) replica() *Vault { return New(w.src, w.store, w.clock.now) }

func mustSeal(t testing.TB, v *Vault, p Place, plaintext string) []byte {
	t.Helper()
	ct, err := v.Seal(t.Context(), p, SecretString(plaintext))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return ct
}

func mustOpen(t testing.TB, v *Vault, p Place, ct []byte, want string) {
	t.Helper()
	got, err := v.Open(t.Context(), p, ct)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if got.RevealString() != want {
		t.Fatal("Open returned another plaintext")
	}
}

func mustRotate(t testing.TB, v *Vault, account string) uint32 {
	t.Helper()
	n, err := v.Rotate(t.Context(), account)
	if err != nil {
		t.Fatalf("Rotate: %v", err)
	}
	return n
}

func wantSealed(t testing.TB, err error, what string) {
	t.Helper()
	if !errors.Is(err, ErrSealed) {
		t.Fatalf("%s: got error %v, want ErrSealed", what, err)
	}
}

func TestSealOpen(t *testing.T) {
	v := newWorld(t).replica()
	for _, plaintext := range []string{"", "x", "a refresh token", string(make([]byte, 100_000))} {
		mustOpen(t, v, grantPlace, mustSeal(t, v, grantPlace, plaintext), plaintext)
	}
}

func TestSealHidesAndNeverRepeats(t *testing.T) {
	v := newWorld(t).replica()
	const marker = "marker-4711-refresh-token"
	first, second := mustSeal(t, v, grantPlace, marker), mustSeal(t, v, grantPlace, marker)
	if bytes.Contains(first, []byte(marker)) {
		t.Error("the ciphertext contains the plaintext")
	}
	if bytes.Equal(first[recordHeader:], second[recordHeader:]) || bytes.Equal(first[:recordHeader], second[:recordHeader]) {
		t.Error("sealing twice gave the same bytes")
	}
}

func TestOpenInAnotherProcess(t *testing.T) {
	w := newWorld(t)
	ct := mustSeal(t, w.replica(), grantPlace, "secret")
	mustOpen(t, w.replica(), grantPlace, ct, "secret")
}

func TestPlaceMustBeComplete(t *testing.T) {
	v := newWorld(t).replica()
	whole := Place{Account: accountA, Table: "t", Row: "r"}
	ct := mustSeal(t, v, whole, "x")
	for _, p := range []Place{{Table: "t", Row: "r"}, {Account: accountA, Row: "r"}, {Account: accountA, Table: "t"}} {
		_, sealErr := v.Seal(t.Context(), p, SecretString("x"))
		_, openErr := v.Open(t.Context(), p, ct)
		_, _, rewrapErr := v.Rewrap(t.Context(), p, ct)
		_, macErr := v.MAC(t.Context(), p, 1, nil)
		verifyErr := v.VerifyMAC(t.Context(), p, 1, nil, make([]byte, macSize))
		for _, err := range []error{sealErr, openErr, rewrapErr, macErr, verifyErr} {
			if !errors.Is(err, errPlace) {
				t.Errorf("place %+v: got error %v", p, err)
			}
		}
	}
}

func TestRotateAndRewrap(t *testing.T) {
	v := newWorld(t).replica()
	old := mustSeal(t, v, grantPlace, "secret")
	if n := mustRotate(t, v, accountA); n != 2 {
		t.Fatalf("rotated to version %d, want 2", n)
	}
	mustOpen(t, v, grantPlace, old, "secret")

	moved, changed, err := v.Rewrap(t.Context(), grantPlace, old)
	if err != nil || !changed {
		t.Fatalf("Rewrap = changed %v, error %v", changed, err)
	}
	if n, err := v.KeyVersion(moved); err != nil || n != 2 {
		t.Errorf("KeyVersion = %d, %v, want 2", n, err)
	}
	if !bytes.Equal(moved[recordHeader:], old[recordHeader:]) {
		t.Error("Rewrap touched the body")
	}
	mustOpen(t, v, grantPlace, moved, "secret")
	again, changed, err := v.Rewrap(t.Context(), grantPlace, moved)
	if err != nil || changed || !bytes.Equal(again, moved) {
		t.Errorf("second Rewrap = changed %v, error %v", changed, err)
	}
}

func TestRewrappedRecordSurvivesRetirement(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	old := mustSeal(t, v, grantPlace, "secret")
	mustRotate(t, v, accountA)
	moved, _, err := v.Rewrap(t.Context(), grantPlace, old)
	if err != nil {
		t.Fatal(err)
	}
	w.store.retire(accountA, 1)
	v.Forget(accountA)
	mustOpen(t, v, grantPlace, moved, "secret")
	_, err = v.Open(t.Context(), grantPlace, old)
	wantSealed(t, err, "record under a retired data key")
}

func TestCurrentVersion(t *testing.T) {
	w := newWorld(t)
	v, other := w.replica(), w.replica()
	check := func(want uint32) {
		t.Helper()
		if n, err := v.CurrentVersion(t.Context(), accountA); err != nil || n != want {
			t.Fatalf("CurrentVersion = %d, %v, want %d", n, err, want)
		}
	}
	check(0)
	mustSeal(t, v, grantPlace, "x")
	check(1)
	mustRotate(t, other, accountA)
	check(2)
	if n, _ := v.KeyVersion(mustSeal(t, v, grantPlace, "x")); n != 2 {
		t.Errorf("sealed under version %d after CurrentVersion saw 2", n)
	}
}

func TestWrappedKeysAreBoundAndHidden(t *testing.T) {
	w := newWorld(t)
	mustSeal(t, w.replica(), grantPlace, "x")
	row := w.store.rows[0]
	if row.Account != accountA || row.Version != 1 || !row.CreatedAt.Equal(w.clock.now()) {
		t.Errorf("stored data key = account %s, version %d, created %v", row.Account, row.Version, row.CreatedAt)
	}
	want := map[string]string{"lanyard:account": accountA, "lanyard:data-key-version": "1", "lanyard:purpose": "data-key"}
	plain, err := w.src.Unwrap(t.Context(), row.Wrapped, want)
	if err != nil || len(plain) != keySize {
		t.Fatalf("data key of %d bytes, error %v", len(plain), err)
	}
	if bytes.Contains(row.Wrapped, plain) {
		t.Error("the data key rests in clear")
	}
}
