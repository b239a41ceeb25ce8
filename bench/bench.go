package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// bench is one run.
type bench struct {
	options
	dir      string
	programs programs
	progress io.Writer
	report   *report
}

type programs struct {
	lanyards []string
	floor    string
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

func (b *bench) measure(ctx context.Context) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	b.say("load average %s", loadAverage())
	if b.wants(sectionSize) {
		if err := b.size(); err != nil {
			return err
		}
	}
	for _, name := range b.engines {
		if err := b.engine(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.report.finish()
	return nil
}

// build builds both programs as a release is built.
func (b *bench) build(ctx context.Context) error {
	b.programs = programs{lanyards: b.lanyards, floor: filepath.Join(b.dir, "floor")}
	list := map[string]string{"./bench/floor": b.programs.floor}
	if len(b.lanyards) == 0 {
		b.programs.lanyards = []string{filepath.Join(b.dir, "lanyard")}
		list["./cmd/lanyard"] = b.programs.lanyards[0]
	}
	for pkg, file := range list {
		if err := b.goBuild(ctx, pkg, file, "-ldflags", "-s -w"); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) goBuild(ctx context.Context, pkg, file string, flags ...string) error {
	b.say("building %s", pkg)
	args := append([]string{"build", "-trimpath", "-o", file}, flags...)
	c := exec.CommandContext(ctx, "go", append(args, pkg)...) //nolint:gosec // of this tree
	c.Env = append(c.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=jsonv2")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s (run it from the root of the repository): %w\n%s", pkg, err, out)
	}
	return nil
}

const sizeGoal = 35 // millions of bytes

func (b *bench) size() error {
	for _, file := range b.programs.lanyards {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		b.report.figure(filepath.Base(file)+": binary, stripped and static", float64(info.Size())/1e6, "MB", sizeGoal)
	}
	return nil
}

// engine measures all on one database engine.
func (b *bench) engine(ctx context.Context, name string) error {
	e := &engine{bench: b, name: name}
	defer e.close()
	if err := e.open(ctx); err != nil {
		return err
	}
	if b.wants(sectionStart) {
		for _, in := range e.instances {
			if err := e.starts(ctx, in); err != nil {
				return err
			}
		}
	}
	return e.rounds(ctx)
}

// engine is a database engine with the servers that use it.
type engine struct {
	*bench
	name      string
	postgres  *postgres
	floor     *process
	floorAddr string
	instances []*filled
}

// filled is an instance and how many grants it has.
type filled struct {
	*instance
	grants int
}

// name is how reports call it: after its build, which is "lanyard" but when builds are compared.
func (in *filled) name() string {
	return filepath.Base(in.program) + ", " + count(in.grants) + " grants"
}

func (e *engine) open(ctx context.Context) (err error) {
	if e.name == "postgres" {
		dir, err := e.subdir("server")
		if err != nil {
			return err
		}
		if e.postgres, err = startPostgres(ctx, dir); err != nil {
			return err
		}
	}
	for _, program := range e.programs.lanyards {
		for _, n := range e.grants {
			if err := e.addInstance(ctx, program, n); err != nil {
				return err
			}
		}
	}
	return e.startFloor(ctx)
}

func (e *engine) subdir(name string) (string, error) {
	dir := filepath.Join(e.dir, e.name+"-"+name)
	return dir, os.Mkdir(dir, 0o700)
}

// database makes a database and returns its URL; "" for SQLite, whose files come with the directory.
func (e *engine) database(ctx context.Context, name string) (string, error) {
	if e.postgres == nil {
		return "", nil
	}
	return e.postgres.database(ctx, name)
}

func (e *engine) addInstance(ctx context.Context, program string, grants int) error {
	serial := strconv.Itoa(len(e.instances))
	dir, err := e.subdir("lanyard-" + serial)
	if err != nil {
		return err
	}
	url, err := e.database(ctx, "lanyard_"+serial)
	if err != nil {
		return err
	}
	in, err := newInstance(ctx, program, dir, url)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := fill(ctx, in, grants); err != nil {
		return fmt.Errorf("storing %d grants: %w", grants, err)
	}
	e.say("%s: stored %d grants in %s", e.name, grants, time.Since(began).Round(10*time.Millisecond))
	e.instances = append(e.instances, &filled{instance: in, grants: grants})
	return nil
}

// floorKey signs requests to the floor program.
const floorID, floorSecret = "AKIDFLOOR", "floor-secret"

// startFloor starts the floor with as many rows as the smallest instance has grants.
func (e *engine) startFloor(ctx context.Context) error {
	dir, err := e.subdir("floor")
	if err != nil {
		return err
	}
	url, err := e.database(ctx, "floor")
	if err != nil {
		return err
	}
	if e.floorAddr, err = freeAddr(); err != nil {
		return err
	}
	args := []string{"-listen", e.floorAddr, "-rows", strconv.Itoa(e.grants[0]), "-access-key", floorID, "-secret", floorSecret}
	if url == "" {
		args = append(args, "-sqlite", filepath.Join(dir, "floor.db"))
	} else {
		args = append(args, "-postgres", url)
	}
	e.floor, err = start(ctx, e.floorAddr, e.programs.floor, args...)
	return err
}

func (e *engine) close() {
	for _, in := range e.instances {
		in.stop()
	}
	if e.floor != nil {
		e.floor.stop()
	}
	if e.postgres != nil {
		e.postgres.close()
	}
}

const (
	startsMeasured = 5
	readyGoal      = 60 // milliseconds
	idleGoal       = 40 // MB
	growthGoal     = 20 // MB
)

// starts measures from exec to ready, and the memory of an instance that nobody has asked anything.
func (e *engine) starts(ctx context.Context, in *filled) error {
	var ready, resident []float64
	for range startsMeasured {
		if err := in.start(ctx); err != nil {
			return err
		}
		ready = append(ready, float64(in.process.ready.Microseconds())/1000)
		if err := pause(ctx, 500*time.Millisecond); err != nil { // what a start leaves to be collected
			return err
		}
		mb, err := residentMB(in.process.pid())
		in.stop()
		if err != nil {
			return err
		}
		resident = append(resident, mb)
	}
	label := e.name + ", " + in.name() + ": "
	e.report.figure(label+"exec to ready", median(ready), "ms", readyGoal)
	e.report.figure(label+"memory when idle", median(resident), "MB", idleGoal)
	return nil
}
