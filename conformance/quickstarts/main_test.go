//go:build quickstarts

package quickstarts_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
	"github.com/lanyard-id/lanyard/conformance/quickstarts/document"
)

var (
	bench *lab.Lab
	seeds = flag.String("seeds", "", "directory that holds the two documents")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if *seeds == "" {
		return 1, errors.New("say where the documents are: make quickstarts SEEDS=DIR")
	}
	bench, err = lab.New("..")
	if err != nil {
		return 1, err
	}
	code = m.Run()
	if code == 0 && whole() {
		err = ledger.complete()
	}
	return code, errors.Join(err, bench.Close())
}

// whole tells whether nothing was left out of this run.
func whole() bool {
	chosen := flag.Lookup("test.run").Value.String() + flag.Lookup("test.skip").Value.String() + flag.Lookup("test.list").Value.String()
	return chosen == ""
}

// The documents, by how their names begin.
const (
	keylessDocument = "000_"
	consentDocument = "001_"
)

func seed(t *testing.T, name string) document.Lines {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(*seeds, name+"*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d files of %s begin with %s (%v); the documents are there, one file each, as they were published", len(found), *seeds, name, err)
	}
	lines, err := document.Read(found[0])
	check(t, err)
	return lines
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
