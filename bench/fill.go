package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/store"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// filler multiplies the one grant that a consent made: each copy is sealed anew for another user's place, so that it
// opens as if that user had consented. A million consents through the front would take hours.
type filler struct {
	vault *vault.Vault
	first identity.Grant
	plain vault.Secret
}

// copied is what a copy does not share with the first grant.
type copied struct {
	id, user    string
	key, sealed []byte
}

// fill brings a stopped instance to n grants.
func fill(ctx context.Context, in *instance, n int) (err error) {
	st, err := store.Open(ctx, store.Config{SQLiteDir: in.sqlite, PostgresURL: in.postgresURL})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	f, err := newFiller(ctx, in, st)
	if err != nil {
		return err
	}
	rows, wait := f.copies(ctx, n)
	if in.sqlite != "" {
		err = insertSQLite(ctx, in.sqlite, f.first.ID, rows)
	} else {
		err = insertPostgres(ctx, in.postgresURL, f.first.ID, rows)
	}
	return errors.Join(err, wait())
}

func newFiller(ctx context.Context, in *instance, st *store.Store) (*filler, error) {
	source, err := vault.FileKeySource(in.rootKey())
	if err != nil {
		return nil, err
	}
	f := &filler{vault: vault.New(source, st, time.Now)}
	grants, err := st.ListGrants(ctx, account, identity.GrantFilter{User: userKey(firstUser)}, "", 2)
	if err != nil {
		return nil, err
	}
	if len(grants) != 1 {
		return nil, fmt.Errorf("the first user has %d grants, not one", len(grants))
	}
	f.first = grants[0]
	if f.key(firstUser) != f.first.Key {
		return nil, errors.New("the domain computes the keys of grants in another way than fill.go: bring the two together")
	}
	f.plain, err = f.vault.Open(ctx, f.place(f.first.ID, f.first.Key), f.first.Sealed)
	return f, err
}

func userKey(user string) string { return identity.User{Subject: user}.Key() }

func (f *filler) place(id string, key [32]byte) vault.Place {
	return vault.Place{Account: account, Table: "grants", Row: id, Field: hex.EncodeToString(key[:])}
}

// key is the identity of a grant; newFiller checks it against one that the domain made.
func (f *filler) key(user string) [32]byte {
	texts := func(b []byte, list ...string) []byte {
		for _, s := range list {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
		return b
	}
	b := texts(nil, f.first.WorkloadID, userKey(user), f.first.ProviderID)
	b = texts(binary.AppendUvarint(b, uint64(len(scopes))), scopes...)
	b = append(b, 0, 0) // no resources, no audiences
	return sha256.Sum256(b)
}

func (f *filler) copy(ctx context.Context, i int) (copied, error) {
	user := userName(i)
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	id, key := "gr-"+hex.EncodeToString(random[:]), f.key(user)
	sealed, err := f.vault.Seal(ctx, f.place(id, key), f.plain)
	return copied{id: id, user: userKey(user), key: key[:], sealed: sealed}, err
}

func userName(i int) string { return fmt.Sprintf("user-%08d", i) }

// copies seals grants 1 to n-1 on all processors. wait returns the first error, after the channel was read to its end.
func (f *filler) copies(ctx context.Context, n int) (rows <-chan copied, wait func() error) {
	out := make(chan copied, 1024)
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1); i < int64(n); i = next.Add(1) {
				c, err := f.copy(ctx, int(i))
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				select {
				case out <- c:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go func() {
		wg.Wait()
		close(out)
	}()
	return out, func() error {
		for range out { //nolint:revive // what an inserter that failed has left
		}
		return errors.Join(failed, ctx.Err())
	}
}
