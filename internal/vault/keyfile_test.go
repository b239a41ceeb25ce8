package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

var bound = map[string]string{"lanyard:account": accountA, "lanyard:data-key-version": "1"}

func writeFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func keyLine(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, keySize)) + "\n"
}

func mustFile(t *testing.T, text string) *FileKeys {
	t.Helper()
	keys, err := FileKeySource(writeFile(t, text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestCreateKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if err := CreateKeyFile(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	before, _ := os.ReadFile(path)
	if before[0] != '#' {
		t.Error("the file does not begin with a comment")
	}
	if err := CreateKeyFile(path, rand.Reader); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second creation: got error %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was overwritten")
	}
	if _, err := FileKeySource(path); err != nil {
		t.Errorf("its own file is refused: %v", err)
	}
}

func TestCreateKeyFileNeverFollowsALink(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	link := filepath.Join(t.TempDir(), "root.key")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := CreateKeyFile(link, rand.Reader); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got error %v, want fs.ErrExist", err)
	}
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a key was written through a dangling link")
	}
}

func TestCreateKeyFileNeedsAllItsRandomness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if err := CreateKeyFile(path, strings.NewReader("too short")); err == nil {
		t.Error("made a key of 9 random bytes")
	}
	if err := CreateKeyFile(path, iotest.ErrReader(errOff)); !errors.Is(err, errOff) {
		t.Errorf("got error %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was left behind")
	}
}

func TestKeyFileModeIsEnforced(t *testing.T) {
	for mode := range os.FileMode(0o100) {
		path := writeFile(t, keyLine(1), 0o600|mode)
		_, err := FileKeySource(path)
		if (err == nil) != (mode == 0) {
			t.Errorf("mode %04o: error %v", 0o600|mode, err)
		}
		if mode != 0 && (!errors.Is(err, ErrKeySource) || !strings.Contains(err.Error(), "chmod 600 "+path)) {
			t.Errorf("mode %04o: the error does not say how to mend it: %v", 0o600|mode, err)
		}
	}
	if _, err := FileKeySource(writeFile(t, keyLine(1), 0o400)); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

func TestKeyFileBehindALinkIsCheckedItself(t *testing.T) {
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o644: false} {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(writeFile(t, keyLine(1), mode), link); err != nil {
			t.Fatal(err)
		}
		if _, err := FileKeySource(link); (err == nil) != ok {
			t.Errorf("link to mode %04o: error %v", mode, err)
		}
	}
}

func TestKeyFileContentIsChecked(t *testing.T) {
	short := base64.StdEncoding.EncodeToString(make([]byte, keySize-1))
	for name, text := range map[string]string{
		"empty":         "",
		"comments only": "# nothing\n\n",
		"short key":     short,
		"long key":      base64.StdEncoding.EncodeToString(make([]byte, keySize+1)),
		"no base64":     "marker-not-a-key",
		"two on a line": strings.TrimSpace(keyLine(1)) + " " + keyLine(2),
		"one bad line":  keyLine(1) + "marker-broken\n",
		"repeated":      keyLine(1) + keyLine(2) + keyLine(1),
		"huge":          strings.Repeat("#\n", maxFileSize),
		"loose bits":    strings.Replace(keyLine(1), "E=", "F=", 1),
	} {
		path := writeFile(t, text, 0o600)
		_, err := FileKeySource(path)
		if !errors.Is(err, ErrKeySource) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want ErrKeySource naming the file", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "marker") {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
}

func TestKeyFileMustBeAFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "missing"), os.DevNull} {
		if _, err := FileKeySource(path); !errors.Is(err, ErrKeySource) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want ErrKeySource naming it", path, err)
		}
	}
}

func TestFileKeysBindTheContext(t *testing.T) {
	keys := mustFile(t, keyLine(1))
	wrapped, err := keys.Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := keys.Unwrap(t.Context(), wrapped, bound); err != nil || string(got) != "data key" {
		t.Fatalf("Unwrap = %q, %v", got, err)
	}
	for name, other := range map[string]map[string]string{
		"none":     nil,
		"less":     {"lanyard:account": accountA},
		"changed":  {"lanyard:account": accountB, "lanyard:data-key-version": "1"},
		"more":     {"lanyard:account": accountA, "lanyard:data-key-version": "1", "x": ""},
		"swapped":  {"lanyard:account": "1", "lanyard:data-key-version": accountA},
		"inverted": {accountA: "lanyard:account", "1": "lanyard:data-key-version"},
	} {
		_, err := keys.Unwrap(t.Context(), wrapped, other)
		wantSealed(t, err, name)
	}
	eachFlip(wrapped, func(flipped []byte) {
		if _, err := keys.Unwrap(t.Context(), flipped, bound); err == nil {
			t.Fatal("unwrapped a damaged data key")
		}
	})
	for n := range wrapped {
		_, err := keys.Unwrap(t.Context(), wrapped[:n], bound)
		wantSealed(t, err, "truncated")
	}
}

func TestWrongRootKeyIsToldFromTampering(t *testing.T) {
	right, wrong := mustFile(t, keyLine(1)), mustFile(t, keyLine(2)+keyLine(3))
	wrapped, err := right.Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wrong.Unwrap(t.Context(), wrapped, bound)
	if !errors.Is(err, ErrKeySource) || errors.Is(err, ErrSealed) {
		t.Fatalf("got error %v, want ErrKeySource", err)
	}
	for _, part := range []string{right.ids(), wrong.ids(), wrong.path} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %s: %v", part, err)
		}
	}
}

func TestRootKeyRotation(t *testing.T) {
	before := mustFile(t, "# old\n"+keyLine(1))
	wrapped, err := before.Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	during := mustFile(t, "# new\n"+keyLine(2)+"\r\n# old\n"+keyLine(1))
	if got, err := during.Unwrap(t.Context(), wrapped, bound); err != nil || string(got) != "data key" {
		t.Fatalf("the old key no longer unwraps: %v", err)
	}
	renewed, err := during.Wrap(t.Context(), []byte("data key"), bound)
	if err != nil {
		t.Fatal(err)
	}
	after := mustFile(t, keyLine(2))
	if _, err := after.Unwrap(t.Context(), renewed, bound); err != nil {
		t.Errorf("the first line did not wrap: %v", err)
	}
}

func TestKeyFileIsNotReadThroughAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := FileKeySource(path); !errors.Is(err, ErrKeySource) {
		t.Errorf("got error %v, want ErrKeySource", err)
	}
}
