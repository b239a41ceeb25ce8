package oauth

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	discoveryFresh   = 10 * time.Minute
	discoveryStale   = 24 * time.Hour
	discoveryRetry   = 30 * time.Second // between attempts at a server that cannot be reached
	discoveryEntries = 512
)

// discoveryCache keeps documents by the URL they were asked for, never by what
// they say about themselves.
type discoveryCache struct {
	flight *singleflight.Group

	mu      *sync.Mutex
	entries map[string]cachedMetadata
}

type cachedMetadata struct {
	metadata   Metadata
	fetchedAt  time.Time
	freshUntil time.Time
}

func newDiscoveryCache() discoveryCache {
	return discoveryCache{flight: new(singleflight.Group), mu: new(sync.Mutex), entries: map[string]cachedMetadata{}}
}

func (c discoveryCache) fresh(url string, now time.Time) (Metadata, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.entries[url]
	if !ok || !now.Before(entry.freshUntil) {
		return Metadata{}, false
	}
	return entry.metadata.clone(), true
}

// stale bridges an outage, and puts off the next attempt.
func (c discoveryCache) stale(url string, now time.Time) (Metadata, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.entries[url]
	end := entry.fetchedAt.Add(discoveryStale)
	if !ok || !now.Before(end) {
		return Metadata{}, false
	}
	entry.freshUntil = now.Add(discoveryRetry)
	if entry.freshUntil.After(end) {
		entry.freshUntil = end
	}
	c.entries[url] = entry
	return entry.metadata.clone(), true
}

func (c discoveryCache) put(url string, m Metadata, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.entries[url]; !known && len(c.entries) >= discoveryEntries {
		c.evictOldest()
	}
	c.entries[url] = cachedMetadata{metadata: m.clone(), fetchedAt: now, freshUntil: now.Add(discoveryFresh)}
}

func (c discoveryCache) evictOldest() {
	var oldest string
	var at time.Time
	for url, entry := range c.entries {
		if oldest == "" || entry.fetchedAt.Before(at) {
			oldest, at = url, entry.fetchedAt
		}
	}
	delete(c.entries, oldest)
}
