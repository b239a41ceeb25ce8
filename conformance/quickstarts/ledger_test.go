//go:build quickstarts

package quickstarts_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// records is docs/seeds.md: what a document says, by its number, and the test that shows it.
type records struct {
	mu    sync.Mutex
	shown map[string]string // number to the test
}

var ledger = records{shown: map[string]string{}}

const ledgerFile = "../../docs/seeds.md"

var ledgerRow = regexp.MustCompile("(?m)^\\| ([KC][0-9]+) \\|.*\\| `([^`]+)` \\|$")

// entries are the ledger's rows.
func entries() (map[string]string, error) {
	text, err := os.ReadFile(ledgerFile)
	if err != nil {
		return nil, err
	}
	rows := map[string]string{}
	var problems []error
	for _, m := range ledgerRow.FindAllStringSubmatch(string(text), -1) {
		if rows[m[1]] != "" {
			problems = append(problems, fmt.Errorf("%s: %s is there twice", ledgerFile, m[1]))
		}
		rows[m[1]] = m[2]
	}
	return rows, errors.Join(problems...)
}

// shows notes what a test showed, unless it has failed.
func shows(t *testing.T, numbers ...string) {
	t.Helper()
	if t.Failed() {
		return
	}
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	for _, n := range numbers {
		ledger.shown[n] = t.Name()
	}
}

// complete tells what the ledger promises and this run did not show, and the other way round.
func (r *records) complete() error {
	rows, err := entries()
	problems := []error{err}
	for n, test := range rows {
		if got := r.shown[n]; got != test {
			problems = append(problems, fmt.Errorf("%s says that %s is shown by %s, and it was shown by %q", ledgerFile, n, test, got))
		}
	}
	for n, test := range r.shown {
		if rows[n] == "" {
			problems = append(problems, fmt.Errorf("%s lacks %s, which %s shows", ledgerFile, n, test))
		}
	}
	return errors.Join(problems...)
}

// TestLedger checks that docs/seeds.md has a row for all that the documents have, and that no block was overlooked.
func TestLedger(t *testing.T) {
	lines, blocks := keylessBlocks(t)
	numbered(t, "K", "Block", len(blocks))
	numbered(t, "K", "Table row", len(lines.Rows()))
	numbered(t, "K", "Trouble", len(lines.Headings("Troubleshooting", 3)))
	numbered(t, "K", "Point", len(lines.Items(blocks)))

	lines, blocks = consentBlocks(t)
	if left := lines.Left(blocks); left != nil {
		t.Errorf("no block has these lines:\n%s", strings.Join(left, "\n"))
	}
	numbered(t, "C", "Block", len(blocks))
	numbered(t, "C", "Point", len(lines.Items(blocks)))
	if _, err := entries(); err != nil {
		t.Error(err)
	}
}

// numbered checks that the ledger has a row for each thing of a kind, whose rows say "KIND i of n".
func numbered(t *testing.T, document, kind string, n int) {
	t.Helper()
	text, err := os.ReadFile(ledgerFile)
	check(t, err)
	for i := range n {
		row := fmt.Sprintf("(?m)^\\| %s[0-9]+ \\| %s %d:", document, kind, i+1)
		if !regexp.MustCompile(row).Match(text) {
			t.Errorf("%s has no row for %s %d", ledgerFile, kind, i+1)
		}
	}
	if more := fmt.Sprintf("| %s %d:", kind, n+1); strings.Contains(section(string(text), document), more) {
		t.Errorf("%s has a row for %s %d, and the document has %d", ledgerFile, kind, n+1, n)
	}
}

// section is the ledger's rows of one document.
func section(text, document string) string {
	var rows []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| "+document) {
			rows = append(rows, line)
		}
	}
	return strings.Join(rows, "")
}
