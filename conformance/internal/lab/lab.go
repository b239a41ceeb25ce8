package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
)

// Environment variables that the package reads.
const (
	// EnvCache is where the components are installed; .cache in the conformance directory when unset.
	EnvCache = "LANYARD_CONFORMANCE_CACHE"
	// EnvBinary is a lanyard to test in place of one that is built from the checkout, such as a release.
	EnvBinary = "LANYARD_CONFORMANCE_BINARY"
	// EnvScreenshots is a directory that gets a picture of every page a browser shows.
	EnvScreenshots = "LANYARD_CONFORMANCE_SCREENSHOTS"
)

const installCommand = "bash conformance/install.sh"

// Lab holds what the tests of one run share. What is costly starts at its first use and ends with Close.
type Lab struct {
	dir   string // the conformance directory
	cache string
	tmp   string
	ctx   context.Context // ends with Close: the shared processes live longer than a test
	stop  context.CancelFunc

	closers []func()
	mu      sync.Mutex

	binary   func() (string, error)
	agent    func() (string, error)
	chromium func() (*Browser, error)
	oidc     func() (*OIDCProvider, error)
	short    func() (*OIDCProvider, error)
	keycloak func() (*Keycloak, error)
	github   func() (*GitHub, error)
	secure   func() (*GitHub, error)
	postgres func() (*postgres, error)
	ca       func() (*authority, error)
	issuers  func() *issuertest.Server
	dev      func() (*Server, error)

	databases atomic.Int32
	alone     sync.Map // provider's name to the lock of Alone
}

// New returns a lab for the conformance directory dir.
func New(dir string) (*Lab, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "lanyard-conformance-")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Lab{dir: dir, cache: os.Getenv(EnvCache), tmp: tmp, ctx: ctx, stop: stop}
	if l.cache == "" {
		l.cache = filepath.Join(dir, ".cache")
	}
	l.binary = sync.OnceValues(l.build)
	l.agent = sync.OnceValues(l.buildAgent)
	l.chromium = sync.OnceValues(l.startChromium)
	l.oidc = sync.OnceValues(func() (*OIDCProvider, error) { return l.StartOIDCProvider() })
	l.short = sync.OnceValues(func() (*OIDCProvider, error) { return l.StartOIDCProvider("--access-token-ttl", "4") })
	l.keycloak = sync.OnceValues(l.startKeycloak)
	l.github = sync.OnceValues(func() (*GitHub, error) { return l.startGitHub(httptest.NewServer) })
	l.secure = sync.OnceValues(l.startSecureGitHub)
	l.postgres = sync.OnceValues(l.startPostgres)
	l.ca = sync.OnceValues(l.newAuthority)
	l.issuers = sync.OnceValue(l.startIssuers)
	l.dev = sync.OnceValues(l.startSharedDev)
	return l, nil
}

// Close ends every process of the lab and removes its files.
func (l *Lab) Close() error {
	l.mu.Lock()
	closers := l.closers
	l.closers = nil
	l.mu.Unlock()
	for _, f := range closers {
		f()
	}
	l.stop()
	return os.RemoveAll(l.tmp)
}

func (l *Lab) onClose(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append([]func(){f}, l.closers...)
}

// build compiles the program once a run.
func (l *Lab) build() (string, error) {
	if binary := os.Getenv(EnvBinary); binary != "" {
		return filepath.Abs(binary)
	}
	binary := filepath.Join(l.tmp, "lanyard")
	build := exec.CommandContext(l.ctx, "go", "build", "-o", binary, "./cmd/lanyard")
	build.Dir = filepath.Dir(l.dir)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building cmd/lanyard: %w\n%s", err, out)
	}
	return binary, nil
}

// component returns the path of an installed component below the cache.
func (l *Lab) component(name string, path ...string) (string, error) {
	full := filepath.Join(append([]string{l.cache, name}, path...)...)
	if _, err := os.Stat(filepath.Join(l.cache, name, ".installed")); err != nil {
		return "", fmt.Errorf("component %s is not installed: run %s", name, installCommand)
	}
	if _, err := os.Stat(full); err != nil {
		return "", fmt.Errorf("component %s is incomplete (%w): remove %s and run %s", name, err, filepath.Join(l.cache, name), installCommand)
	}
	return full, nil
}

// systemProgram returns the path of a program that the distribution brings.
func systemProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not installed: run %s", name, installCommand)
	}
	return path, err
}

// must fails the test with the error, which names the command that mends it.
func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
