package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resultFile keeps the figures between two markers; the text around them is written by people.
const (
	resultFile  = "docs/performance.md"
	beginMarker = "<!-- bench: begin -->"
	endMarker   = "<!-- bench: end -->"
)

// growthLimit is how many times the processor time may grow from the fewest grants to the most.
const growthLimit = 1.2

// report is what a run found.
type report struct {
	began       time.Time
	command     string
	loadBefore  string
	loadAfter   string
	comparisons []comparison
	figures     []figure
}

// comparison is one operation on one engine, at every server; the first row is the floor's.
type comparison struct {
	engine, operation string
	goal              float64
	rows              []row
}

type row struct {
	server, build string
	sample                 // the medians
	rounds        []sample // in order
}

func newRow(s *server, rounds []sample) row {
	return row{server: s.name, build: s.build, sample: medians(rounds), rounds: rounds}
}

// times is how many times the processor time of the other row this one takes: the median of what each round says, for
// the machine is not the same from one round to the next.
func (w *row) times(other *row) float64 {
	var all []float64
	for i := range w.rounds {
		all = append(all, w.rounds[i].cpu/other.rounds[i].cpu)
	}
	return median(all)
}

// figure is a single number with its upper goal, 0 for none.
type figure struct {
	label string
	value float64
	unit  string
	goal  float64
}

func newReport(o options) *report {
	return &report{began: time.Now(), command: o.command, loadBefore: loadAverage()}
}

func (r *report) figure(label string, value float64, unit string, goal float64) {
	r.figures = append(r.figures, figure{label, value, unit, goal})
}

func (r *report) finish() { r.loadAfter = loadAverage() }

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`, %s, %s, %d processors, %s; load average %s before, %s after.\n\n", r.command,
		r.began.UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), runtime.Version(), r.loadBefore, r.loadAfter)
	r.tabulate(&b)
	if len(r.figures) > 0 {
		b.WriteString("\n| figure | measured | goal | |\n|---|--:|--:|---|\n")
	}
	for _, f := range r.figures {
		goal := ""
		if f.goal > 0 {
			goal = fmt.Sprintf("%g %s", f.goal, f.unit)
		}
		fmt.Fprintf(&b, "| %s | %.1f %s | %s | %s |\n", f.label, f.value, f.unit, goal, verdict(f.value, f.goal))
	}
	return b.String()
}

func (r *report) tabulate(b *strings.Builder) {
	if len(r.comparisons) == 0 {
		return
	}
	b.WriteString("| engine | operation | server | CPU µs/request | requests/s | p50 ms | p99 ms | times floor | goal | |\n|---|---|---|--:|--:|--:|--:|--:|--:|---|\n")
	for _, c := range r.comparisons {
		for i, w := range c.rows {
			fmt.Fprintf(b, "| %s | %s | %s | %.1f | %.0f | %.2f | %.2f |", c.engine, c.operation, w.server, w.cpu, w.perSec, millis(w.p50), millis(w.p99))
			if i == 0 {
				b.WriteString(" | | |\n")
				continue
			}
			ratio := w.times(&c.rows[0])
			fmt.Fprintf(b, " %.2f | %g | %s |\n", ratio, c.goal, verdict(ratio, c.goal))
		}
	}
	r.growth(b)
}

// growth compares each instance with the one of the same build that has the fewest grants.
func (r *report) growth(b *strings.Builder) {
	for _, c := range r.comparisons {
		few := map[string]row{}
		for _, w := range c.rows[1:] {
			first, ok := few[w.build]
			if !ok {
				few[w.build] = w
				continue
			}
			ratio := w.times(&first)
			fmt.Fprintf(b, "| %s | %s | %s, against the fewest | | | | | %.2f | %.1f | %s |\n", c.engine, c.operation, w.server, ratio, growthLimit, verdict(ratio, growthLimit))
		}
	}
}

// verdict says whether a value keeps to its upper goal.
func verdict(value, goal float64) string {
	switch {
	case goal == 0:
		return ""
	case value <= goal:
		return "met"
	default:
		return "missed"
	}
}

// write replaces what stands between the markers of the file.
func (r *report) write(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := between(old, r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, text, 0o644)
}

func between(old []byte, text string) ([]byte, error) {
	before, rest, ok1 := bytes.Cut(old, []byte(beginMarker))
	_, after, ok2 := bytes.Cut(rest, []byte(endMarker))
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("it lacks the markers %s and %s between which figures are written", beginMarker, endMarker)
	}
	return slices.Concat(before, []byte(beginMarker+"\n\n"+text+"\n"+endMarker), after), nil
}

// median is the value in the middle, or halfway between the two in the middle.
func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// medians takes the median of each member by itself.
func medians(list []sample) (m sample) {
	pick := func(of func(sample) float64) float64 {
		var all []float64
		for _, s := range list {
			all = append(all, of(s))
		}
		return median(all)
	}
	m.requests = int(pick(func(s sample) float64 { return float64(s.requests) }))
	m.perSec = pick(func(s sample) float64 { return s.perSec })
	m.cpu = pick(func(s sample) float64 { return s.cpu })
	m.p50 = time.Duration(pick(func(s sample) float64 { return float64(s.p50) }))
	m.p99 = time.Duration(pick(func(s sample) float64 { return float64(s.p99) }))
	return m
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// count writes a number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// processor names the machine's processor.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
