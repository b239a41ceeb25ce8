package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A build of Lanyard that is profiled has one file more than the tree: a release has no way to turn profiling on.
const profilingSource = `package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"syscall"
)

func init() {
	start, stop := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(start, syscall.SIGUSR1)
	signal.Notify(stop, syscall.SIGUSR2)
	go func() {
		<-start
		name := os.Getenv("` + profileVariable + `") + "/" + strconv.Itoa(os.Getpid())
		f, err := os.Create(name)
		if err != nil {
			panic(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			panic(err)
		}
		<-stop
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			panic(err)
		}
		if err := os.Rename(name, name+".pprof"); err != nil {
			panic(err)
		}
	}()
}
`

const profileVariable = "LANYARD_BENCH_PROFILES"

// writeProfile writes where a server spends its time under the load of the wanted operations, on all engines together.
func (b *bench) writeProfile(ctx context.Context) error {
	if err := b.buildProfiled(ctx); err != nil {
		return err
	}
	if err := os.Setenv(profileVariable, b.dir); err != nil {
		return err
	}
	args := []string{"tool", "pprof", "-proto", "-output", b.options.profile}
	for _, name := range b.engines {
		file, err := b.profileEngine(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		args = append(args, file)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil { //nolint:gosec // our own files
		return fmt.Errorf("merging the profiles: %w\n%s", err, out)
	}
	b.say("wrote %s", b.options.profile)
	return nil
}

// buildProfiled builds Lanyard with symbols and with the one file more.
func (b *bench) buildProfiled(ctx context.Context) error {
	source, overlay, program := filepath.Join(b.dir, "profiling.go"), filepath.Join(b.dir, "overlay.json"), filepath.Join(b.dir, "lanyard")
	if err := os.WriteFile(source, []byte(profilingSource), 0o600); err != nil {
		return err
	}
	added, err := filepath.Abs("cmd/lanyard/profiling.go")
	if err != nil {
		return err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {added: source}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return err
	}
	b.programs = programs{lanyards: []string{program}, floor: filepath.Join(b.dir, "floor")}
	if err := b.goBuild(ctx, "./bench/floor", b.programs.floor); err != nil {
		return err
	}
	return b.goBuild(ctx, "./cmd/lanyard", program, "-overlay", overlay)
}

// hotPaths are profiled when -only names none.
var hotPaths = []string{"wat", "oauth2", "apikey"}

// profileEngine loads a server on one engine with each operation in turn, and returns its profile.
func (b *bench) profileEngine(ctx context.Context, name string) (string, error) {
	if len(b.only) == 0 {
		b.only = hotPaths
	}
	e := &engine{bench: b, name: name}
	defer e.close()
	if err := e.open(ctx); err != nil {
		return "", err
	}
	servers, err := e.servers(ctx)
	if err != nil {
		return "", err
	}
	s := servers[len(servers)-1]
	if err := syscall.Kill(s.pid, syscall.SIGUSR1); err != nil {
		return "", err
	}
	for range b.options.rounds {
		for i := range paths {
			if !b.wants(paths[i].name) {
				continue
			}
			if _, err := e.load(ctx, s, &paths[i]); err != nil {
				return "", err
			}
		}
	}
	if err := syscall.Kill(s.pid, syscall.SIGUSR2); err != nil {
		return "", err
	}
	file := filepath.Join(b.dir, strconv.Itoa(s.pid)+".pprof")
	return file, awaitFile(ctx, file)
}

// awaitFile waits until the server has written its profile.
func awaitFile(ctx context.Context, file string) error {
	for {
		_, err := os.Stat(file)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
