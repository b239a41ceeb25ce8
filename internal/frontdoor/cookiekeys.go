package frontdoor

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// CookieKeys holds the keys that seal session cookies, in a file that replicas share. The newest seals, those before it
// still open what they sealed until every such session has reached its absolute end.
type CookieKeys struct {
	file *stateFile
	life time.Duration // of a key
	keep time.Duration // of a session
	now  func() time.Time
	rand io.Reader
	keys atomic.Pointer[[]cookieKey]
}

type cookieKey struct {
	MadeAt time.Time `json:"madeAt"`
	Key    []byte    `json:"key"`
}

type cookieKeyFile struct {
	Keys []cookieKey `json:"keys"` // newest first
}

const (
	cookieKeySize = 32
	// sealAfter is how long a new key only opens cookies, so that every replica knows it before one seals with it.
	sealAfter = 10 * time.Minute
)

// OpenCookieKeys reads the keys of a file and makes the first where there is none. life is how long a key seals
// (DefaultKeyLife when 0), session the absolute time-out of a session.
func OpenCookieKeys(path string, life, session time.Duration, now func() time.Time, rnd io.Reader) (*CookieKeys, error) {
	return openCookieKeys(&stateFile{path: path}, life, session, now, rnd)
}

// InspectCookieKeys is OpenCookieKeys without a trace: it writes nothing, and a key that it has to make is in memory alone.
func InspectCookieKeys(path string, life, session time.Duration, now func() time.Time, rnd io.Reader) (*CookieKeys, error) {
	return openCookieKeys(&stateFile{path: path, looks: true}, life, session, now, rnd)
}

func openCookieKeys(file *stateFile, life, session time.Duration, now func() time.Time, rnd io.Reader) (*CookieKeys, error) {
	k := &CookieKeys{file: file, life: cmp.Or(life, DefaultKeyLife), keep: session, now: now, rand: rnd}
	if k.life < max(24*time.Hour, session) {
		return nil, fmt.Errorf("the life of a cookie key is %s; give it a day or more, and no less than a session's absolute time-out", k.life)
	}
	if k.rand == nil {
		k.rand = rand.Reader
	}
	return k, k.Maintain()
}

// Keys returns the keys as signin takes them: the one that seals comes first.
func (k *CookieKeys) Keys() [][]byte {
	keys, now := *k.keys.Load(), k.now()
	out := make([][]byte, 0, len(keys))
	for _, key := range keys {
		out = append(out, key.Key)
	}
	if len(keys) > 1 && now.Before(keys[0].MadeAt.Add(sealAfter)) {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

// Maintain takes over what another replica wrote, adds a key when it is time, and forgets those whose last session is
// over. Call it every minute or so.
func (k *CookieKeys) Maintain() error {
	return k.file.update(func(b []byte) ([]byte, error) {
		keys, err := parseCookieKeys(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.file.path, err)
		}
		next, renewed, err := k.renew(keys)
		if err != nil {
			return nil, err
		}
		if !renewed {
			k.keys.Store(&next)
			return nil, nil
		}
		return json.MarshalIndent(cookieKeyFile{next}, "", "  ")
	}, func(b []byte) error {
		keys, err := parseCookieKeys(b)
		if err == nil {
			k.keys.Store(&keys)
		}
		return err
	})
}

func sameCookieKey(a, b cookieKey) bool { return bytes.Equal(a.Key, b.Key) }

func (k *CookieKeys) renew(keys []cookieKey) ([]cookieKey, bool, error) {
	now := k.now()
	next := slices.Clone(keys)
	if len(next) == 0 || !now.Before(next[0].MadeAt.Add(k.life)) {
		key := cookieKey{MadeAt: now.UTC(), Key: make([]byte, cookieKeySize)}
		if _, err := io.ReadFull(k.rand, key.Key); err != nil {
			return nil, false, fmt.Errorf("making a cookie key: %w", err)
		}
		next = slices.Insert(next, 0, key)
	}
	for len(next) > 1 && now.After(next[len(next)-2].MadeAt.Add(sealAfter+k.keep+time.Hour)) {
		next = next[:len(next)-1]
	}
	return next, !slices.EqualFunc(next, keys, sameCookieKey), nil
}

var errNotCookieKeys = errors.New("it is not a file of cookie keys; restore it, or remove it to have a new key made, which signs everybody out")

func parseCookieKeys(b []byte) ([]cookieKey, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var f cookieKeyFile
	if err := json.Unmarshal(b, &f); err != nil || len(f.Keys) == 0 {
		return nil, errNotCookieKeys // the cause may quote the file
	}
	if slices.ContainsFunc(f.Keys, func(k cookieKey) bool { return len(k.Key) != cookieKeySize }) {
		return nil, errNotCookieKeys
	}
	slices.SortStableFunc(f.Keys, func(a, b cookieKey) int { return b.MadeAt.Compare(a.MadeAt) })
	return f.Keys, nil
}
