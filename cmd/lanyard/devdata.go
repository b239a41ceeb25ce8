package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
	"golang.org/x/crypto/bcrypt"
)

// The data directory of `lanyard dev`: databases, root key, and the credentials that it prints. It is 0700 and all in
// it 0600: who can read it is the developer.

// devData is what dev.json keeps between starts.
type devData struct {
	Endpoint     string `json:"endpoint"`
	Account      string `json:"account"`
	Region       string `json:"region"`
	AccessKeyID  string `json:"accessKeyId"`
	SecretKey    string `json:"secretAccessKey"`
	ClientID     string `json:"devClientId"`
	ClientSecret string `json:"devClientSecret"`
	Username     string `json:"devUsername"`
	Password     string `json:"devPassword"`
	PasswordHash []byte `json:"devPasswordHash"`
	Subject      string `json:"devSubject"`
	SigningKey   []byte `json:"devSigningKey"` // of the development authorization server

	dir string
}

const devFile = "dev.json"

// prepareDataDir makes the directory and its root key.
func prepareDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return fmt.Errorf("data directory: %w", err)
	}
	err := vault.CreateKeyFile(filepath.Join(dir, "root.key"), rand.Reader)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// lockDataDir keeps a second `lanyard dev` from taking over the directory. The lock ends with the process, however.
func lockDataDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "dev.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another lanyard dev is running on %s; stop it, or choose another --data-dir", dir)
	}
	return f, nil
}

// readDevData reads what a start of `lanyard dev` left.
func readDevData(dir string) (*devData, error) {
	b, err := os.ReadFile(filepath.Join(dir, devFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a data directory of a running or past `lanyard dev`: start one with: lanyard dev --data-dir %s", dir, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	d := &devData{dir: dir}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("%s/%s is damaged (%w); delete it to make new development credentials", dir, devFile, err)
	}
	return d, nil
}

// loadDevData reads the file or makes its contents.
func loadDevData(dir string) (*devData, error) {
	if _, err := os.Stat(filepath.Join(dir, devFile)); err == nil {
		return readDevData(dir)
	}
	key, err := issuer.GenerateKey("RS256", rand.Reader)
	if err != nil {
		return nil, err
	}
	d := &devData{dir: dir, ClientID: "lanyard-dev", ClientSecret: randomText(24), Username: "dev", Password: randomText(9), Subject: "dev-user-" + strings.ToLower(randomText(6)[:6])}
	if d.SigningKey, err = key.MarshalPrivate(); err != nil {
		return nil, err
	}
	if d.PasswordHash, err = bcrypt.GenerateFromPassword([]byte(d.Password), bcrypt.DefaultCost); err != nil {
		return nil, err
	}
	return d, d.save()
}

func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand stops the process instead
	return strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(b))
}

func (d *devData) save() error {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return writeFileAtomically(filepath.Join(d.dir, devFile), append(b, '\n'))
}

// writeFileAtomically replaces a file as one step, readable by its owner only: a reader sees the old or the new, whole.
func writeFileAtomically(path string, b []byte) error { return replaceFile(path, b, 0o600) }

func replaceFile(path string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	err = f.Chmod(mode)
	if err == nil {
		_, err = f.Write(b)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// ensureRootKey makes sure that the root access key of the file is one the instance knows.
func (d *devData) ensureRootKey(ctx context.Context, s *identity.Service) error {
	if d.AccessKeyID != "" {
		if _, _, err := s.Authenticate(ctx, d.AccessKeyID, ""); err == nil {
			return nil
		}
	}
	key, secret, err := s.CreateAccessKey(ctx, identity.LocalAdmin(d.Account), "")
	if err != nil {
		return err
	}
	d.AccessKeyID, d.SecretKey = key.ID, secret.RevealString()
	return d.save()
}

// devConfig is the configuration that `lanyard dev` runs with. Its weakenings are what makes it fit for a laptop only.
func devConfig(dir, listen, publicURL string) *config {
	c := defaultConfig()
	c.Listen, c.PublicURL = listen, publicURL
	c.Database.SQLite, c.Audit.Journal, c.RootKey.File = dir, dir, filepath.Join(dir, "root.key")
	c.InsecureHTTP, c.InsecureLoopbackReturnURLs, c.InsecureFinishSessions, c.InsecureLoopbackIssuers = true, true, true, true
	c.loopbackEgress, c.standIn = true, &standIn{}
	c.Log = logConfig{Level: "warn", Format: "text"}
	return &c
}
