package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unusedFor is how long code, environments and logs that nothing used are kept.
const unusedFor = 30 * 24 * time.Hour

// touch notes that a directory is used.
func (h *Host) touch(dir string) {
	now := h.now()
	_ = os.Chtimes(dir, now, now) // at worst it is made again
}

// forgetUnused removes, when a host starts, what was not used for long and what an earlier host did not finish.
func (h *Host) forgetUnused(kind string) error {
	all, err := os.ReadDir(h.path(kind))
	if err != nil {
		return err
	}
	for _, e := range all {
		info, infoErr := e.Info()
		if infoErr != nil || e.Type() == fs.ModeSymlink {
			continue // a link goes with what it shows
		}
		if strings.HasPrefix(e.Name(), ".") || h.now().Sub(info.ModTime()) > unusedFor {
			err = errors.Join(err, os.RemoveAll(h.path(kind, e.Name())))
		}
	}
	return err
}

// forgetHalfBuilt removes environments that no link shows, which a host that was killed left, and links that show none.
func (h *Host) forgetHalfBuilt() error {
	all, err := os.ReadDir(h.path("envs"))
	if err != nil {
		return err
	}
	shown := map[string]bool{}
	for _, e := range all {
		target, readErr := os.Readlink(h.path("envs", e.Name()))
		if readErr != nil {
			continue
		}
		if isDir(target) {
			shown[filepath.Base(filepath.Dir(target))] = true
		} else {
			err = errors.Join(err, os.Remove(h.path("envs", e.Name())))
		}
	}
	for _, e := range all {
		if e.IsDir() && !shown[e.Name()] {
			err = errors.Join(err, os.RemoveAll(h.path("envs", e.Name())))
		}
	}
	return err
}
