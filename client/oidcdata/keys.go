package oidcdata

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// How keys are kept. A kid names one key for ever, so a key is kept long; a kid without a key is asked about again soon,
// for a new one may not have reached the host yet.
const (
	maxKeys         = 64
	keepKey         = 12 * time.Hour
	keepStale       = 24 * time.Hour // beyond keepKey, while the host cannot be asked
	keepUnknown     = 30 * time.Second
	keepFailure     = 5 * time.Second
	fetchTimeout    = 5 * time.Second
	maxKeyBytes     = 4 << 10
	maxFetches      = 8
	maxKeyHostBytes = 16 << 10
)

// keyCache fetches public keys. However many kids strangers invent, it holds or waits for maxKeys of them, asks the host
// for maxFetches at a time, and a key that was found is not pushed out by one that was not (A50). There is no limit a minute:
// strangers would use it up, and a key that is new here could not be had.
type keyCache struct {
	base string
	http *http.Client
	now  func() time.Time

	mu      sync.Mutex
	entries map[string]*keyEntry

	turns chan struct{} // held by fetches
}

// keyEntry is one kid's answer. All but done is written before done is closed.
type keyEntry struct {
	done  chan struct{}
	key   *ecdsa.PublicKey
	err   error
	until time.Time
	stale time.Time // until when a key serves that could not be asked for again
}

func newKeyCache(base string, given *http.Client, now func() time.Time) *keyCache {
	h := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: fetchTimeout, MaxResponseHeaderBytes: maxKeyHostBytes,
	}}
	if given != nil {
		h = *given
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.Jar = nil
	return &keyCache{base: base, http: &h, now: now, entries: map[string]*keyEntry{}, turns: make(chan struct{}, maxFetches)}
}

// get answers from the cache, or with the one fetch that is under way for this kid.
func (k *keyCache) get(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	e, err := k.entry(ctx, kid)
	if err != nil {
		return nil, err
	}
	select {
	case <-e.done:
		return e.key, e.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, context.Cause(ctx))
	}
}

func (k *keyCache) entry(ctx context.Context, kid string) (*keyEntry, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	before := k.entries[kid]
	if before != nil && (!before.settled() || now.Before(before.until)) {
		return before, nil
	}
	if before != nil && (before.key == nil || !now.Before(before.stale)) {
		before = nil
	}
	switch {
	case k.makeRoom(kid):
	case before != nil:
		return before, nil
	default:
		return nil, fmt.Errorf("%w: too many key ids are being asked about; try again in a moment", ErrKeysUnavailable)
	}
	e := &keyEntry{done: make(chan struct{})}
	k.entries[kid] = e
	go k.fill(context.WithoutCancel(ctx), kid, e, before) // ends by fetchTimeout; others may wait for it when this caller has gone
	return e, nil
}

func (e *keyEntry) settled() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// makeRoom drops the entry that is missed least: one without a key before one with, and the one that ends first. A key goes
// only where all others are keys too: entries that are being asked about soon make room themselves.
func (k *keyCache) makeRoom(kid string) bool {
	if delete(k.entries, kid); len(k.entries) < maxKeys {
		return true
	}
	var victim string
	var least *keyEntry
	asking := false
	for id, e := range k.entries {
		switch {
		case !e.settled():
			asking = true
		case least == nil || e.missedLess(least):
			victim, least = id, e
		}
	}
	if least == nil || asking && least.key != nil {
		return false
	}
	delete(k.entries, victim)
	return true
}

func (e *keyEntry) missedLess(other *keyEntry) bool {
	if (e.key == nil) != (other.key == nil) {
		return e.key == nil
	}
	return e.until.Before(other.until)
}

// fill fetches. Where the host cannot be asked, the key from before, if there is one, serves a while longer: an outage
// there must not sign everybody out. A host that says that the key is gone is believed at once.
func (k *keyCache) fill(ctx context.Context, kid string, e, before *keyEntry) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	defer close(e.done)
	e.key, e.err = k.fetch(ctx, kid)
	now := k.now()
	switch {
	case e.err == nil:
		e.until, e.stale = now.Add(keepKey), now.Add(keepKey+keepStale)
	case !errors.Is(e.err, ErrKeysUnavailable):
		e.until = now.Add(keepUnknown)
	case before != nil:
		e.key, e.err, e.until, e.stale = before.key, nil, now.Add(keepFailure), before.stale
	default:
		e.until = now.Add(keepFailure)
	}
}

// fetch reads one key when it is its turn. kid was checked to be no path.
func (k *keyCache) fetch(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	select {
	case k.turns <- struct{}{}:
		defer func() { <-k.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %s is being asked about too many key ids", ErrKeysUnavailable, k.base)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.base+"/"+kid, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	resp, err := k.http.Do(r)
	if err != nil { // the error would quote the kid, which is a stranger's text
		return nil, fmt.Errorf("%w: %s gives no answer; this host must be able to reach it", ErrKeysUnavailable, k.base)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeyBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s breaks off its answer", ErrKeysUnavailable, k.base)
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusGone:
		return nil, fmt.Errorf("the token of the front door is refused: %s has no key of its kid; if the front door is yours, KeysURL is another region's", k.base)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s answers with status %d", ErrKeysUnavailable, k.base, resp.StatusCode)
	case len(body) > maxKeyBytes:
		return nil, fmt.Errorf("%w: %s answers with more than a key", ErrKeysUnavailable, k.base)
	}
	key, err := parseKey(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %s answers with what is %w", ErrKeysUnavailable, k.base, err)
	}
	return key, nil
}

// parseKey accepts one PEM block with a public key on P-256, the curve of ES256 (RFC 7518 section 3.4).
func parseKey(b []byte) (*ecdsa.PublicKey, error) {
	block, rest := pem.Decode(b)
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("not one public key in PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a public key that can be read")
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("not a key on P-256")
	}
	return key, nil
}
