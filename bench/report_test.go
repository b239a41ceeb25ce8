package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sampleReport() *report {
	r := newReport(options{command: "go run ./bench"})
	r.comparisons = []comparison{{engine: "sqlite", operation: "GetResourceApiKey", goal: 1.5, rows: []row{
		newRow(&server{name: "floor"}, []sample{{cpu: 100}, {cpu: 50}, {cpu: 200}}),
		newRow(&server{name: "lanyard, 1 000 grants", build: "lanyard"}, []sample{{cpu: 140, p99: 3 * time.Millisecond}, {cpu: 70}, {cpu: 290}}),
		newRow(&server{name: "lanyard, 1 000 000 grants", build: "lanyard"}, []sample{{cpu: 210}, {cpu: 100}, {cpu: 435}}),
	}}}
	r.figure("binary", 34, "MB", 35)
	r.figure("start", 61, "ms", 60)
	r.figure("memory after load", 50, "MB", 0)
	return r
}

func TestReportJudgesAgainstTheFloorAndTheFewest(t *testing.T) {
	text := sampleReport().markdown()
	for _, want := range []string{
		"lanyard, 1 000 grants | 140.0 | 0 | 0.00 | 0.00 | 1.40 | 1.5 | met |",
		"lanyard, 1 000 000 grants | 210.0 | 0 | 0.00 | 0.00 | 2.10 | 1.5 | missed |",
		"against the fewest | | | | | 1.50 | 1.2 | missed |",
		"| binary | 34.0 MB | 35 MB | met |",
		"| start | 61.0 ms | 60 ms | missed |",
		"| memory after load | 50.0 MB |  |  |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

func TestWriteReplacesOnlyBetweenTheMarkers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	page := "before\n" + beginMarker + "\nold figures\n" + endMarker + "\nafter\n"
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second run finds the markers again
		if err := sampleReport().write(file); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(got)
	if !strings.HasPrefix(text, "before\n"+beginMarker) || !strings.HasSuffix(text, endMarker+"\nafter\n") || strings.Contains(text, "old figures") || strings.Count(text, "| binary |") != 1 {
		t.Errorf("the page became:\n%s", text)
	}
}

func TestWriteLeavesAPageWithoutMarkersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte("a page"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sampleReport().write(file); err == nil {
		t.Error("figures were written without markers")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "a page" {
		t.Errorf("the page became %q, %v", got, err)
	}
}

func TestThePageHasTheMarkers(t *testing.T) {
	page, err := os.ReadFile("../" + resultFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := between(page, ""); err != nil {
		t.Error(err)
	}
}

func TestMedianOfEachMember(t *testing.T) {
	m := medians([]sample{{cpu: 3, perSec: 10}, {cpu: 1, perSec: 30}, {cpu: 2, perSec: 20}})
	if m.cpu != 2 || m.perSec != 20 {
		t.Errorf("medians %+v", m)
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-full", "-engines", "sqlite", "-only", "wat,start"}, io.Discard)
	if err != nil || o.rounds != 11 || len(o.grants) != 2 || o.grants[1] != 1_000_000 || !o.wants("start") || o.wants("size") {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range [][]string{{"-grants", "0"}, {"-grants", "many"}, {"-engines", "oracle"}, {"-only", "everything"}, {"-rounds", "0"}, {"-duration", "-1s"}} {
		if _, err := parseOptions(bad, io.Discard); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{7: "7", 1000: "1 000", 1_000_000: "1 000 000"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q", n, got)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, list := range map[float64][]float64{1: {1}, 2: {3, 2, 1}, 2.5: {4, 1, 2, 3}} {
		if got := median(list); got != want {
			t.Errorf("the median of %v is %g, want %g", list, got, want)
		}
	}
}
