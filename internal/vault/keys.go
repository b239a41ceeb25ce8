package vault

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// newest stands for the current version where a version is asked for. No data
// key has it as its number.
const newest = 0

// errNoDataKey reads as ErrSealed to whoever opens, and is the first use to
// whoever seals.
var errNoDataKey = fmt.Errorf("%w", ErrSealed)

// sealingKey returns the current data key, making the account's first one.
func (v *Vault) sealingKey(ctx context.Context, account string) (*dataKey, error) {
	k, err := v.key(ctx, account, newest)
	if errors.Is(err, errNoDataKey) {
		k, err = v.advance(ctx, account, 0)
	}
	if err != nil {
		return nil, err
	}
	uses := k.uses.Add(1)
	if uses <= v.maxUses {
		return k, nil
	}
	next, err := v.advance(ctx, account, k.version)
	if err != nil && uses <= 2*v.maxUses {
		return k, nil // an outage must not lose a grant; there is room still
	}
	return next, err
}

// key returns a data key by version, from memory wherever possible. It never
// makes one.
func (v *Vault) key(ctx context.Context, account string, version uint32) (*dataKey, error) {
	r, now := v.ring(account), v.now()
	r.used.Store(now.UnixNano())
	seen := r.set.Load()
	k := seen.key(version)
	stale := seen.stale(now)
	usable := k != nil && !stale
	due := r.claimRecheck(now)
	if usable && !due {
		return k, nil
	}
	fetched, err := v.fetch(ctx, r, seen, version, due || stale)
	if err != nil && usable && !errors.Is(err, ErrSealed) {
		return k, nil // an outage: what was known a moment ago still holds
	}
	return fetched, err
}

// fetch reads the list of data keys if that is due and nobody else did since the
// caller saw the set, or if the version is unknown; then it unwraps.
func (v *Vault) fetch(ctx context.Context, r *ring, seen *keySet, version uint32, due bool) (*dataKey, error) {
	if err := r.lock(ctx); err != nil {
		return nil, err
	}
	defer r.unlock()
	set := r.set.Load()
	if set == nil || due && set == seen || !set.has(version) && r.mayReread(v.now()) {
		var err error
		if set, err = v.readKeys(ctx, r); err != nil {
			return nil, err
		}
	}
	return v.unwrap(ctx, r, set, version)
}

// readKeys reads the list of an account's data keys. Needs the gate.
func (v *Vault) readKeys(ctx context.Context, r *ring) (*keySet, error) {
	now := v.now()
	if err := r.recall(newest, now); err != nil {
		return nil, err
	}
	rows, err := v.keys.DataKeys(ctx, r.account)
	if err != nil {
		return nil, r.remember(ctx, newest, now, fmt.Errorf("vault: read data keys of account %s: %w", r.account, err))
	}
	set, err := newKeySet(r.account, rows, r.set.Load(), now)
	if err != nil {
		return nil, r.remember(ctx, newest, now, err)
	}
	r.publish(set)
	return set, nil
}

// unwrap returns a data key of the set, asking the key source if need be. While
// the source is away, the newest key is the newest that is still unwrapped: to
// seal under the previous one is better than to lose a grant. Needs the gate.
func (v *Vault) unwrap(ctx context.Context, r *ring, set *keySet, version uint32) (*dataKey, error) {
	row, ok := set.rows[set.resolve(version)]
	if !ok {
		return nil, errNoDataKey
	}
	if k := set.keys[row.Version]; k != nil {
		return k, nil
	}
	k, err := v.unwrapRow(ctx, r, row)
	if err == nil {
		r.add(set, k)
		return k, nil
	}
	if last := set.newestUnwrapped(); version == newest && last != nil && !errors.Is(err, ErrSealed) {
		return last, nil
	}
	return nil, err
}

func (v *Vault) unwrapRow(ctx context.Context, r *ring, row DataKey) (*dataKey, error) {
	now := v.now()
	if err := r.recall(row.Version, now); err != nil {
		return nil, err
	}
	plain, err := v.src.Unwrap(ctx, row.Wrapped, encryptionContext(row.Account, row.Version))
	if err != nil {
		return nil, r.remember(ctx, row.Version, now, sourceError("unwrap", row, err))
	}
	k, err := newDataKey(row, plain)
	if err != nil {
		return nil, r.remember(ctx, row.Version, now, sourceError("unwrap", row, err))
	}
	return k, nil
}

// advance makes sure that the current data key is newer than a given version,
// and returns it. The store decides which replica's key it is.
func (v *Vault) advance(ctx context.Context, account string, than uint32) (*dataKey, error) {
	r := v.ring(account)
	if err := r.lock(ctx); err != nil {
		return nil, err
	}
	defer r.unlock()
	set, err := v.readKeys(ctx, r)
	if err != nil {
		return nil, err
	}
	if set.newest <= than {
		if set, err = v.create(ctx, r, than+1); err != nil {
			return nil, err
		}
	}
	return v.unwrap(ctx, r, set, newest)
}

// create stores a new data key, or finds that another replica did. Needs the gate.
func (v *Vault) create(ctx context.Context, r *ring, version uint32) (*keySet, error) {
	now := v.now()
	if err := r.recall(version, now); err != nil {
		return nil, err
	}
	row, err := v.newRow(ctx, r.account, version)
	if err != nil {
		return nil, r.remember(ctx, version, now, err)
	}
	if err := v.keys.InsertDataKey(ctx, row); err != nil && !errors.Is(err, ErrDataKeyExists) {
		return nil, fmt.Errorf("vault: store data key version %d of account %s: %w", version, r.account, err)
	}
	set, err := v.readKeys(ctx, r)
	if err != nil {
		return nil, err
	}
	if !set.has(version) {
		return nil, fmt.Errorf("vault: data key version %d of account %s was stored but is not listed", version, r.account)
	}
	return set, nil
}

// newRow draws and wraps a data key. It unwraps it again before anything is
// sealed under it: a key source that may wrap but not unwrap would turn every
// record into a loss at the next start.
func (v *Vault) newRow(ctx context.Context, account string, version uint32) (DataKey, error) {
	row := DataKey{Account: account, Version: version, CreatedAt: v.now().UTC().Truncate(time.Microsecond)}
	plain := make([]byte, keySize)
	defer clear(plain)
	_, _ = rand.Read(plain) // never fails

	bound := encryptionContext(account, version)
	var err error
	if row.Wrapped, err = v.src.Wrap(ctx, plain, bound); err != nil {
		return DataKey{}, sourceError("wrap", row, err)
	}
	back, err := v.src.Unwrap(ctx, row.Wrapped, bound)
	if err != nil {
		return DataKey{}, sourceError("unwrap the new", row, err)
	}
	defer clear(back)
	if subtle.ConstantTimeCompare(back, plain) != 1 {
		return DataKey{}, sourceError("unwrap the new", row, errors.New("it came back as another key"))
	}
	return row, nil
}

// encryptionContext is what a wrapped data key is bound to at its key source,
// where it also shows in the source's own audit trail.
func encryptionContext(account string, version uint32) map[string]string {
	return map[string]string{
		"lanyard:account":          account,
		"lanyard:data-key-version": strconv.FormatUint(uint64(version), 10),
		"lanyard:purpose":          "data-key",
	}
}

// sourceError names the data key that a key source refused. Whatever is not
// plainly a data key that does not open counts as the source's failure.
func sourceError(verb string, row DataKey, err error) error {
	if errors.Is(err, ErrSealed) || errors.Is(err, ErrKeySource) {
		return fmt.Errorf("%s data key version %d of account %s: %w", verb, row.Version, row.Account, err)
	}
	return fmt.Errorf("%w: %s data key version %d of account %s: %w", ErrKeySource, verb, row.Version, row.Account, err)
}
