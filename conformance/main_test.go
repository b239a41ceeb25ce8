//go:build conformance

package conformance_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// bench is shared by all tests: providers, the browser and the built program start once.
var bench *lab.Lab

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	bench, err = lab.New(".")
	if err != nil {
		return 1, err
	}
	code = m.Run()
	return code, bench.Close()
}
