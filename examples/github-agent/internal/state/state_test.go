package state_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/examples/github-agent/internal/state"
)

func keyOf(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func keys(t *testing.T, raw ...[]byte) *state.Keys {
	t.Helper()
	k, err := state.NewKeys(raw...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestA60_NamesNeitherCollideNorClimb(t *testing.T) {
	form := regexp.MustCompile(`^conversations/[a-z2-7]{52}/[a-z2-7]{52}$`)
	seen := map[string][]string{}
	parts := []string{"", "a", "A", "b", "ab", "a/b", "/", "..", "../..", "a\x00", "\x00a", "é", "e\u0301", "https://idp.example.com", "https://idp.example.com/", strings.Repeat("a", 5000)}
	for _, issuer := range parts {
		for _, subject := range parts {
			for _, session := range parts {
				name := state.Name(issuer, subject, session)
				if !form.MatchString(name) {
					t.Fatalf("%q %q %q rests at %s", issuer, subject, session, name)
				}
				if other := seen[name]; other != nil {
					t.Fatalf("%q and %q rest in one place", other, []string{issuer, subject, session})
				}
				seen[name] = []string{issuer, subject, session}
			}
		}
	}
}

func TestOneUsersSessionsShareAPrefix(t *testing.T) {
	a, b := state.Name("i", "alice", "s1"), state.Name("i", "alice", "s2")
	if filepath.Dir(a) != filepath.Dir(b) || filepath.Dir(a) == filepath.Dir(state.Name("i", "bob", "s1")) {
		t.Fatalf("%s %s", a, b)
	}
}

// testStore is what every store has to do.
func testStore(t *testing.T, s state.Store) {
	t.Helper()
	ctx, name := t.Context(), state.Name("i", "alice", "s1")
	if _, _, err := s.Get(ctx, name); !errors.Is(err, state.ErrNotFound) {
		t.Fatalf("an object that nobody wrote: %v", err)
	}
	if err := s.Put(ctx, name, []byte("one"), `"0123"`); !errors.Is(err, state.ErrConflict) {
		t.Fatalf("changing an object that there is none of: %v", err)
	}
	if err := s.Put(ctx, name, []byte("one"), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, name, []byte("another"), ""); !errors.Is(err, state.ErrConflict) {
		t.Fatalf("making an object a second time: %v", err)
	}
	one, version, err := s.Get(ctx, name)
	if err != nil || string(one) != "one" || version == "" {
		t.Fatalf("%q %q %v", one, version, err)
	}
	if err := s.Put(ctx, name, []byte("two"), version); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, name, []byte("late"), version); !errors.Is(err, state.ErrConflict) {
		t.Fatalf("changing an old version: %v", err)
	}
	if two, _, err := s.Get(ctx, name); err != nil || string(two) != "two" {
		t.Fatalf("%q %v", two, err)
	}
}

func TestDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	d, err := state.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	testStore(t, d)
	for _, name := range []string{"../outside", "/etc/passwd"} {
		if err := d.Put(t.Context(), name, []byte("x"), ""); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), "link/x", []byte("x"), ""); err == nil {
		t.Error("a symbolic link was followed out of the directory")
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // that is what must be refused
		t.Fatal(err)
	}
	if _, err := state.OpenDir(dir); err == nil {
		t.Error("a directory that others can read was opened")
	}
}

func TestSealed(t *testing.T) {
	d, err := state.OpenDir(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	testStore(t, state.Sealed{Store: d, Keys: keys(t, keyOf(1))})
}

func TestA32_SealedObjectsOpenInTheirPlaceOnly(t *testing.T) {
	d, err := state.OpenDir(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	ctx, here, there := t.Context(), state.Name("i", "alice", "s1"), state.Name("i", "bob", "s1")
	old := state.Sealed{Store: d, Keys: keys(t, keyOf(1))}
	if err := old.Put(ctx, here, []byte("the secret"), ""); err != nil {
		t.Fatal(err)
	}
	sealed, version, err := d.Get(ctx, here)
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("%q %v", sealed, err)
	}
	if err := d.Put(ctx, there, sealed, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := old.Get(ctx, there); !errors.Is(err, state.ErrSealed) {
		t.Errorf("moved to another user: %v", err)
	}
	both := state.Sealed{Store: d, Keys: keys(t, keyOf(2), keyOf(1))}
	if data, _, err := both.Get(ctx, here); err != nil || string(data) != "the secret" {
		t.Errorf("after a new key was put in front: %q %v", data, err)
	}
	if _, _, err := (state.Sealed{Store: d, Keys: keys(t, keyOf(2))}).Get(ctx, here); !errors.Is(err, state.ErrSealed) {
		t.Errorf("without its key: %v", err)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if err := d.Put(ctx, here, altered, version); err != nil {
			t.Fatal(err)
		}
		if _, version, err = old.Get(ctx, here); !errors.Is(err, state.ErrSealed) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
	for _, short := range [][]byte{{}, sealed[:1], sealed[:9], sealed[:30]} {
		if err := d.Put(ctx, here, short, version); err != nil {
			t.Fatal(err)
		}
		if _, version, err = old.Get(ctx, here); !errors.Is(err, state.ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", len(short), err)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	const good = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		keys int
	}{
		"one":             {good + "\n", 0o600, 1},
		"two":             {good + "\n\n  " + good, 0o400, 2},
		"empty":           {"\n", 0o600, 0},
		"short":           {good[:20] + "\n", 0o600, 0},
		"no base64":       {strings.Repeat("!", 44), 0o600, 0},
		"read by others":  {good, 0o644, 0},
		"read by a group": {good, 0o640, 0},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		raw, err := state.ReadKeyFile(path)
		if len(raw) != c.keys || (err == nil) != (c.keys > 0) || err != nil && strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %d keys, %v", name, len(raw), err)
		}
	}
	if _, err := state.ReadKeyFile(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "head -c 32 /dev/urandom") {
		t.Errorf("no file: %v", err)
	}
	if _, err := state.NewKeys(keyOf(1)[:16]); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := state.NewKeys(); err == nil {
		t.Error("no key was taken")
	}
}

func TestBusy(t *testing.T) {
	var b state.Busy
	end, ok := b.Begin("a")
	if !ok {
		t.Fatal("the first was refused")
	}
	if _, ok := b.Begin("a"); ok {
		t.Error("two at a time")
	}
	if _, ok := b.Begin("b"); !ok {
		t.Error("another object was refused")
	}
	end()
	if _, ok := b.Begin("a"); !ok {
		t.Error("refused after the end")
	}
}
