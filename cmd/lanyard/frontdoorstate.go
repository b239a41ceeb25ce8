package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
	"github.com/lanyard-id/lanyard/internal/signin"
)

// makeStateDir makes the directory of what this process keeps. Whoever only inspects a front door makes none: one that
// belongs to somebody else would keep the service from starting.
func (d *runningDoor) makeStateDir() error {
	if d.inspects {
		return nil
	}
	if err := os.MkdirAll(d.cfg.StateDir, 0o700); err != nil {
		return fmt.Errorf("state_dir: %w", err)
	}
	return nil
}

func (c *doorConfig) stateFile(configured, name string) string {
	if configured != "" {
		return configured
	}
	return filepath.Join(c.StateDir, name)
}

// openKeys gives the front door its keys; in memory alone where it is only inspected.
func (d *runningDoor) openKeys(env *environment, c *frontdoor.Config) (err error) {
	cfg, keys, cookieKeys := d.cfg, frontdoor.OpenKeys, frontdoor.OpenCookieKeys
	if d.inspects {
		keys, cookieKeys = frontdoor.InspectKeys, frontdoor.InspectCookieKeys
	}
	if c.Keys, err = keys(cfg.stateFile(cfg.Keys.SigningFile, "signing-keys.json"), cfg.Keys.Life, env.now, rand.Reader); err != nil {
		return fmt.Errorf("keys.signing_file: %w", err)
	}
	if c.CookieKeys, err = cookieKeys(cfg.stateFile(cfg.Keys.CookieFile, "cookie-keys.json"), cfg.Keys.Life, cfg.Session.Absolute, env.now, rand.Reader); err != nil {
		return fmt.Errorf("keys.cookie_file: %w", err)
	}
	return nil
}

const endedFileName = "ended-sessions"

// endedFile is beside the cookie keys unless configured: who shares those shares the sessions, and so their ends.
func (c *doorConfig) endedFile() string {
	if c.Keys.EndedFile == "" && c.Keys.CookieFile != "" {
		return filepath.Join(filepath.Dir(c.Keys.CookieFile), endedFileName)
	}
	return c.stateFile(c.Keys.EndedFile, endedFileName)
}

// openEnded opens the record of ended sessions.
func (d *runningDoor) openEnded(env *environment) (signin.EndedSessions, error) {
	path := d.cfg.endedFile()
	if d.inspects {
		return signin.NewEndedMemory(env.now), signin.CheckEndedFile(path, env.now)
	}
	f, err := signin.OpenEndedFile(path, env.now)
	own := filepath.Join(d.cfg.StateDir, endedFileName)
	if err == nil || d.cfg.Keys.EndedFile != "" || path == own || !neverWritable(path, err) {
		return f, err
	}
	d.log.Warn("keys.cookie_file is in a directory that cannot be written, so a sign-out at this replica is not known to others; name keys.ended_file in a directory that they share",
		"ended_file", own)
	return signin.OpenEndedFile(own, env.now)
}

// neverWritable tells a directory of mounted secrets from a record that is there and was spoiled: to go on without that
// would revive the sessions in it.
func neverWritable(path string, err error) bool {
	_, missing := os.Lstat(path)
	return errors.Is(missing, fs.ErrNotExist) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS))
}
