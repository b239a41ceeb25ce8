package vault

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrSealed says that something does not open, and deliberately not why.
	ErrSealed = errors.New("vault: does not open: altered, moved from another place, or sealed under a key that is not here")

	// ErrKeySource says that the root key's source cannot be used now. The
	// message around it names the source and what to do.
	ErrKeySource = errors.New("vault: root key source")

	// ErrDataKeyExists is what [DataKeyStore.InsertDataKey] answers when the
	// account already has a data key of that version.
	ErrDataKeyExists = errors.New("vault: data key exists")
)

// KeySource wraps data keys under a root key that it never gives away. The
// encryption context is authenticated, not stored: Unwrap succeeds only with
// the one given to Wrap. It answers an error that wraps [ErrSealed] when the
// wrapped key was altered or the context differs, and [ErrKeySource] when the
// source cannot be asked or refuses.
type KeySource interface {
	Wrap(ctx context.Context, key []byte, encryptionContext map[string]string) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error)
}

// DataKey is one version of an account's data key, as it rests: wrapped.
type DataKey struct {
	Account   string
	Version   uint32 // from 1; the highest is the current one
	Wrapped   []byte
	CreatedAt time.Time
}

// DataKeyStore keeps wrapped data keys. It is trusted for availability only:
// what it returns must still unwrap for the account and version it is filed under.
type DataKeyStore interface {
	// DataKeys returns all versions of an account's data key, ascending; none
	// is not an error.
	DataKeys(ctx context.Context, account string) ([]DataKey, error)
	// InsertDataKey stores a new version, or answers [ErrDataKeyExists] when
	// another replica stored that version first. It never overwrites.
	InsertDataKey(ctx context.Context, k DataKey) error
}

// Vault seals and opens. It is safe for concurrent use.
//
// The account given to any method must come from an authenticated caller or
// from the configuration, never from the thing to be opened.
type Vault struct {
	src  KeySource
	keys DataKeyStore
	now  func() time.Time

	maxAccounts int
	maxUses     uint64

	mu    sync.RWMutex
	rings map[string]*ring
}

const (
	// maxAccounts bounds the unwrapped data keys held in memory.
	maxAccounts = 1024
	// maxUses of one data key by one process, before it is rotated unasked: 16
	// processes stay within 2^32 random nonces.
	maxUses = 1 << 28
)

// New makes a vault. It asks neither the key source nor the store for anything
// until the first use.
func New(src KeySource, keys DataKeyStore, now func() time.Time) *Vault {
	return &Vault{
		src: src, keys: keys, now: now,
		maxAccounts: maxAccounts, maxUses: maxUses,
		rings: make(map[string]*ring),
	}
}

// CurrentVersion reads, past every cache, which data key version seals now; 0
// means that the account has none yet. A rewrap pass begins with it, so that
// this replica knows the newest key before it rewraps.
func (v *Vault) CurrentVersion(ctx context.Context, account string) (uint32, error) {
	r := v.ring(account)
	if err := r.lock(ctx); err != nil {
		return 0, err
	}
	defer r.unlock()
	set, err := v.readKeys(ctx, r)
	if err != nil {
		return 0, err
	}
	return set.newest, nil
}

// Rotate gives the account a new current data key and returns its version. When
// several replicas rotate at once, one of them makes the key and all of them
// return it. Records sealed before still open; [Vault.Rewrap] moves them.
func (v *Vault) Rotate(ctx context.Context, account string) (uint32, error) {
	version, err := v.CurrentVersion(ctx, account)
	if err != nil {
		return 0, err
	}
	k, err := v.advance(ctx, account, version)
	if err != nil {
		return 0, err
	}
	return k.version, nil
}

// Forget drops the account's unwrapped data keys. The next use unwraps them
// again, if they are still in the store and the key source agrees.
func (v *Vault) Forget(account string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.rings, account)
}
