package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/signin"
)

// everything names each file below a directory with its inode, time and content.
func everything(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var b []byte
		if info.Mode().IsRegular() {
			b, err = os.ReadFile(path)
		}
		out = append(out, fmt.Sprint(path, info.Sys().(*syscall.Stat_t).Ino, info.ModTime(), string(b)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A check beside the service, perhaps as root, must neither make files that the service cannot read nor put others in the
// place of those that it uses.
func TestA44_FrontDoorCheckWritesNothing(t *testing.T) {
	listen := freeAddress(t)
	idp, backend := doorIDP(t, "http://"+listen), behindDoor(t)
	path := writeDoorConfig(t, listen, idp.URL+"/idp", backend.URL, "")
	dir := filepath.Dir(path)
	check := func() (int, string) {
		var out strings.Builder
		code := run(t.Context(), testEnvironment(nil, &out, &out, "frontdoor", "check", "--config", path))
		return code, out.String()
	}
	before := everything(t, dir)
	if code, out := check(); code != 0 {
		t.Fatalf("check: %d %s", code, out)
	}
	if after := everything(t, dir); !slices.Equal(after, before) {
		t.Errorf("before a first start: %q, then %q", before, after)
	}
	_, stop := startDoor(t, `"msg":"ready"`, "frontdoor", "--config", path)
	defer stop()
	before = everything(t, dir)
	if code, out := check(); code != 0 {
		t.Fatalf("check: %d %s", code, out)
	}
	if after := everything(t, dir); !slices.Equal(after, before) {
		t.Errorf("beside the service: %q, then %q", before, after)
	}
	if err := os.Chmod(filepath.Join(dir, "state", endedFileName), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, out := check(); code == 0 || !strings.Contains(out, "chmod 600") {
		t.Errorf("check of a record that others can write: %d %s", code, out)
	}
}

func TestEndedFileIsBesideTheCookieKeys(t *testing.T) {
	for want, keys := range map[string]doorKeys{
		"/state/ended-sessions":  {},
		"/shared/ended-sessions": {CookieFile: "/shared/cookie-keys.json"},
		"/other/ended":           {CookieFile: "/shared/cookie-keys.json", EndedFile: "/other/ended"},
	} {
		if got := (&doorConfig{StateDir: "/state", Keys: keys}).endedFile(); got != want {
			t.Errorf("%+v: %s, want %s", keys, got, want)
		}
	}
}

// Replicas of one configuration know of each other's sign-outs.
func TestA44_ReplicasShareTheEndedSessions(t *testing.T) {
	shared, now := t.TempDir(), time.Now
	open := func() signin.EndedSessions {
		t.Helper()
		d := &runningDoor{cfg: &doorConfig{StateDir: t.TempDir(), Keys: doorKeys{CookieFile: filepath.Join(shared, "cookie-keys.json")}}, log: slog.New(slog.DiscardHandler)}
		e, err := d.openEnded(&environment{now: now})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	here := open()
	if err := here.End(t.Context(), "session", now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if ended, err := open().Ended(t.Context(), "session"); err != nil || !ended {
		t.Fatalf("Ended at another replica = %t, %v", ended, err)
	}
}

// A mounted secret is no place for the record; one that is there and cannot be used must not be passed over.
func TestEndedFileBesideAMountedSecret(t *testing.T) {
	missing := filepath.Join(t.TempDir(), endedFileName)
	there := filepath.Join(t.TempDir(), endedFileName)
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	denied := &fs.PathError{Op: "open", Path: missing, Err: syscall.EACCES}
	readOnly := &fs.PathError{Op: "open", Path: missing, Err: syscall.EROFS}
	for _, tc := range []struct {
		path string
		err  error
		want bool
	}{{missing, denied, true}, {missing, readOnly, true}, {there, denied, false}, {there, readOnly, false}, {missing, errors.New("disk"), false}} {
		if got := neverWritable(tc.path, tc.err); got != tc.want {
			t.Errorf("neverWritable(%s, %v) = %t", tc.path, tc.err, got)
		}
	}
}
