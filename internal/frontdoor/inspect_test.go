package frontdoor_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

// Whoever inspects a front door that runs changes none of its files, not even when a key is due.
func TestInspectingKeysWritesNothing(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := func() time.Time { return now }
	signing, cookie := filepath.Join(dir, "signing"), filepath.Join(dir, "cookie")
	inspect := func() [][]byte {
		t.Helper()
		if _, err := frontdoor.InspectKeys(signing, 0, clock, nil); err != nil {
			t.Fatal(err)
		}
		k, err := frontdoor.InspectCookieKeys(cookie, 0, 12*time.Hour, clock, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k.Keys()
	}
	if got := inspect(); len(got) != 1 {
		t.Fatalf("%d cookie keys", len(got))
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Fatalf("made %v, %v", names, err)
	}
	if _, err := frontdoor.OpenKeys(signing, 0, clock, nil); err != nil {
		t.Fatal(err)
	}
	k, err := frontdoor.OpenCookieKeys(cookie, 0, 12*time.Hour, clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(inspect(), k.Keys(), slices.Equal[[]byte]) {
		t.Error("other keys than the file's")
	}
	before := contents(t, dir)
	now = now.Add(2 * frontdoor.DefaultKeyLife)
	inspect()
	if after := contents(t, dir); !slices.Equal(after, before) {
		t.Errorf("files %v, then %v", before, after)
	}
	if err := os.WriteFile(cookie, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := frontdoor.InspectCookieKeys(cookie, 0, 12*time.Hour, clock, nil); err == nil {
		t.Error("a file that cannot be used was found in order")
	}
}

func contents(t *testing.T, dir string) []string {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n.Name()+" "+string(b))
	}
	return out
}
