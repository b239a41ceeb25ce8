//go:build linux

package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStartForgetsWhatIsUnusedOrUnfinished(t *testing.T) {
	cfg := hostConfig(t)
	old := time.Now().Add(-unusedFor - time.Hour)
	made := map[string]bool{ // and whether it stays
		"code/copy-old": false, "code/copy-new": true, "code/.new-half": false, "envs/aa.1/env": true, "envs/bb.2/env": false, "envs/cc.3/env": false, "logs/old.log": false, "run/left/home": false,
	}
	for path := range made {
		if err := os.MkdirAll(filepath.Join(cfg.StateDir, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"code/copy-old", "envs/cc.3", "logs/old.log"} {
		if err := os.Chtimes(filepath.Join(cfg.StateDir, path), old, old); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"aa.1", "cc.3"} {
		if err := os.Symlink(filepath.Join(cfg.StateDir, "envs", link, "env"), filepath.Join(cfg.StateDir, "envs", link[:2])); err != nil {
			t.Fatal(err)
		}
	}
	start(t, func(c *Config) { *c = cfg })
	for path, stays := range made {
		if _, err := os.Stat(filepath.Join(cfg.StateDir, path)); (err == nil) != stays {
			t.Errorf("%s: stays %v", path, err == nil)
		}
	}
	if _, err := os.Lstat(filepath.Join(cfg.StateDir, "envs", "cc")); err == nil {
		t.Error("a link to nothing stays")
	}
}
