// Command bench measures what a request costs: processor time, rate and latency of `lanyard serve` beside a floor
// program that does the unavoidable parts alone, on the same engine, in turns, in one run. Only the ratio of the two is
// a figure that may be compared with another day's or another machine's.
//
// It starts everything that it measures, in a directory of its own that it removes. It protects nothing: its keys are
// on command lines and its provider consents to everything, so it must never be pointed at a database in use.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	rounds   int
	duration time.Duration
	engines  []string
	grants   []int
	only     []string
	conns    int
	lanyards []string // builds to compare; none for one of this tree
	write    bool
	profile  string // the file for a profile; "" to measure
	command  string // as typed, for the record
}

// Names that -only takes: the paths of measure.go, and these.
const (
	sectionStart = "start"
	sectionSize  = "size"
)

func parseOptions(args []string, stderr io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 11, "rounds; figures are medians")
	duration := flags.Duration("duration", 300*time.Millisecond, "of one measurement; of signatures three times that")
	engines := flags.String("engines", "sqlite,postgres", "comma-separated")
	grants := flags.String("grants", "1000", "stored grants, comma-separated; each makes an instance")
	full := flags.Bool("full", false, "the same as -grants 1000,1000000")
	only := flags.String("only", "", "sections, comma-separated: wat, oauth2, apikey, es384, rs256, start, size; all when empty")
	conns := flags.Int("conns", 32, "keep-alive connections")
	lanyard := flags.String("lanyard", "", "builds to measure instead of this tree, comma-separated: they take turns like the rest")
	write := flags.Bool("write", false, "write the figures into "+resultFile)
	profile := flags.String("profile", "", "measure nothing, and write into this file where the server spends its time (for go tool pprof)")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if *full {
		*grants = "1000,1000000"
	}
	o := options{rounds: *rounds, duration: *duration, engines: split(*engines), only: split(*only), conns: *conns, lanyards: split(*lanyard),
		write: *write, profile: *profile, command: strings.Join(append([]string{"go run ./bench"}, args...), " ")}
	for _, s := range split(*grants) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-grants: %q is not a number of grants", s)
		}
		o.grants = append(o.grants, n)
	}
	slices.Sort(o.grants)
	return o, o.validate()
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func (o *options) validate() error {
	for _, e := range o.engines {
		if e != "sqlite" && e != "postgres" {
			return fmt.Errorf("-engines: %q is neither sqlite nor postgres", e)
		}
	}
	known := []string{sectionStart, sectionSize}
	for _, p := range paths {
		known = append(known, p.name)
	}
	for _, s := range o.only {
		if !slices.Contains(known, s) {
			return fmt.Errorf("-only: %q is not one of %s", s, strings.Join(known, ", "))
		}
	}
	if o.rounds < 1 || o.conns < 1 || o.duration <= 0 || len(o.grants) == 0 {
		return fmt.Errorf("-rounds, -conns, -duration and -grants must be positive")
	}
	return nil
}

func (o *options) wants(section string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, section)
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parseOptions(args, os.Stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lanyard-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // PostgreSQL's user must pass through
		return err
	}
	b := &bench{options: o, dir: dir, progress: os.Stderr, report: newReport(o)}
	if o.profile != "" {
		return b.writeProfile(ctx)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if _, err := io.WriteString(out, b.report.markdown()); err != nil || !o.write {
		return err
	}
	return b.report.write(resultFile)
}
