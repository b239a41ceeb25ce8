package signin

import (
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
)

// large makes the issuer tell much about a person.
func large(w *world, bytes int) {
	w.script(func() { w.userInfo = func(m map[string]any) { m["groups"] = strings.Repeat("g", bytes) } })
}

func TestLargeSessionIsSplit(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	large(w, 9000)
	rec := w.signIn(b)
	if len(b.cookies) != maxShards {
		t.Fatalf("%d cookies, want %d", len(b.cookies), maxShards)
	}
	for _, line := range rec.Header().Values("Set-Cookie") {
		if len(line) > 4096 {
			t.Errorf("a cookie of %d bytes, which no browser keeps", len(line))
		}
	}
	if got := w.mustSession(b).Claims["groups"]; got != strings.Repeat("g", 9000) {
		t.Error("the claims came back changed")
	}
	for name := range b.cookies {
		lost := b.copy()
		delete(lost.cookies, name)
		w.mustNot(lost, "without "+name)
	}
	swapped := b.copy()
	one, two := w.gate.jar.shard(1), w.gate.jar.shard(2)
	swapped.cookies[one], swapped.cookies[two] = swapped.cookies[two], swapped.cookies[one]
	w.mustNot(swapped, "shards in another order")
	twice := b.copy()
	twice.extra = []string{one + "=" + b.cookies[one]}
	w.mustNot(twice, "a shard that came twice")
}

func TestStaleShardsAreCleared(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	large(w, 9000)
	w.signIn(b)
	stale := maps.Clone(b.cookies)
	large(w, 10)
	w.signIn(b)
	if len(b.cookies) != 1 {
		t.Fatalf("cookies after a smaller session: %d", len(b.cookies))
	}
	w.mustSession(b)
	// A browser that kept them is not harmed by it.
	stale[shard0] = b.cookies[shard0]
	b.cookies = stale
	w.mustSession(b)
	// And a session that does not open takes all of its shards along.
	b.cookies[shard0] = "4.broken"
	w.mustNot(b, "a broken cookie")
	if len(b.cookies) != 0 {
		t.Fatalf("left: %v", b.cookies)
	}
}

func TestSessionTooLargeForCookies(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	large(w, maxRecord)
	rec, err := w.callback(b, w.answered(w.begin(b, "/")))
	wantKind(t, err, TooLarge, 500, "groups")
	if !strings.Contains(err.Error(), "userinfo 11") || len(rec.Header().Values("Set-Cookie")) != 1 {
		t.Errorf("error = %v, cookies %v", err, rec.Header().Values("Set-Cookie"))
	}
	w.mustNot(b, "a session that does not fit")
}

// What fits into a record fits into the shards.
func TestLargestRecordFits(t *testing.T) {
	g := newWorld(t).gate
	value := g.sealer.seal(purposeSession, g.jar.name, make([]byte, maxRecord))
	rec := httptest.NewRecorder()
	g.jar.writeSession(rec, newBrowser().request(site), value, 0)
	b := newBrowser()
	b.take(rec)
	if got, ok := g.jar.readSession(b.request(site)); !ok || got != value || len(b.cookies) > maxShards {
		t.Fatalf("%d shards, read back %v", len(b.cookies), ok)
	}
}
