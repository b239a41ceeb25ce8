//go:build conformance

package conformance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var articleRow = regexp.MustCompile("(?m)^\\| (E[0-9]+) \\|.*\\| `([^`]+)` \\|$")

// articleLedger checks docs/seeds.md: every row about the article names a part that was played, or a test that there is.
func articleLedger(t *testing.T, played map[string]bool) {
	t.Helper()
	rows := articleRow.FindAllStringSubmatch(read(t, "../docs/seeds.md"), -1)
	if len(rows) == 0 {
		t.Fatal("docs/seeds.md has no row about the article")
	}
	seen := map[string]bool{}
	shows := map[string]bool{}
	for _, row := range rows {
		number, test := row[1], row[2]
		if seen[number] {
			t.Errorf("docs/seeds.md has %s twice", number)
		}
		seen[number] = true
		part, ours := strings.CutPrefix(test, "TestArticle/")
		shows[part] = shows[part] || ours
		if ours && !played[part] || !ours && !hasTest(t, test) {
			t.Errorf("docs/seeds.md says that %s shows %s, and it does not", test, number)
		}
	}
	for part := range played {
		if !shows[part] {
			t.Errorf("docs/seeds.md has no row for what TestArticle/%s shows", part)
		}
	}
}

// hasTest looks for a test function in the checkout.
func hasTest(t *testing.T, name string) (found bool) {
	t.Helper()
	declaration := "\nfunc " + name + "("
	check(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || found || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			if err == nil && entry.IsDir() && (entry.Name() == ".cache" || entry.Name() == ".git" || entry.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		found = found || strings.Contains(string(text), declaration)
		return err
	}))
	return found
}
