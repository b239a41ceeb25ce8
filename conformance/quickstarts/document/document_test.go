package document_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-id/lanyard/conformance/quickstarts/document"
)

const markdown = "# Title\n\n| A | B |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n## Run\n\n```bash\ncd here\n\necho 'a  b'\n```\n" +
	"text\n```\n# no heading\n```\n## Help\n### One\n```bash\ntrue\n```\n### Two\n# End\n### Three\n"

func TestFencedBlocksAreTheDocumentsBytes(t *testing.T) {
	got, err := document.Parse(markdown).Fenced()
	if err != nil {
		t.Fatal(err)
	}
	want := []document.Block{
		{Name: "Run", Language: "bash", Text: "cd here\n\necho 'a  b'\n", Line: 11},
		{Name: "Run", Text: "# no heading\n", Line: 17},
		{Name: "One", Language: "bash", Text: "true\n", Line: 22},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAFenceThatIsNotClosedIsAnError(t *testing.T) {
	if _, err := document.Parse("a\n```bash\nb\n").Fenced(); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestRowsAndHeadings(t *testing.T) {
	l := document.Parse(markdown)
	if d := cmp.Diff([]string{"| 1 | 2 |", "| 3 | 4 |"}, l.Rows()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"One", "Two"}, l.Headings("Help", 3)); d != "" {
		t.Error(d)
	}
}

const pasted = `Some words.

mkdir here
cd here

Type mk one and mk two now.

#!/bin/sh
echo "a"

echo done
The end, from a hand.
`

var spans = []document.Span{
	{Name: "install", First: regexp.MustCompile(`^mkdir `), Last: regexp.MustCompile(`^cd `)},
	{Name: "make", First: regexp.MustCompile(`^Type (mk \w+) and (mk \w+)`)},
	{Name: "script", First: regexp.MustCompile(`^#!/bin/sh`), Last: regexp.MustCompile(`^echo done`)},
}

func TestPastedBlocks(t *testing.T) {
	l := document.Parse(pasted)
	got, err := l.Pasted(spans)
	if err != nil {
		t.Fatal(err)
	}
	want := []document.Block{
		{Name: "install", Text: "mkdir here\ncd here\n", Line: 3},
		{Name: "make", Text: "mk one\n", Line: 6},
		{Name: "make", Text: "mk two\n", Line: 6},
		{Name: "script", Text: "#!/bin/sh\necho \"a\"\n\necho done\n", Line: 8},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if left := l.Left(got); left != nil {
		t.Errorf("left: %q", left)
	}
}

func TestWhatNoSpanCoversIsSeen(t *testing.T) {
	l := document.Parse(pasted)
	got, err := l.Pasted(spans[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"3: mkdir here", "4: cd here", "8: #!/bin/sh", "9: echo \"a\"", "11: echo done"}, l.Left(got)); d != "" {
		t.Error(d)
	}
}

func TestASpanThatIsNotThereIsAnError(t *testing.T) {
	l := document.Parse(pasted)
	never := regexp.MustCompile(`^never$`)
	for _, s := range []document.Span{{Name: "x", First: never}, {Name: "x", First: spans[0].First, Last: never}} {
		if _, err := l.Pasted([]document.Span{s}); err == nil {
			t.Errorf("%v was found", s)
		}
	}
	if _, err := l.Pasted([]document.Span{spans[2], spans[0]}); err == nil {
		t.Error("the order does not matter")
	}
}

func TestItems(t *testing.T) {
	l := document.Parse("  • one\ntwo\n2. three\n- four\n  - in a block\n-five\n")
	if d := cmp.Diff([]string{"one", "three", "four"}, l.Items([]document.Block{{Text: "  - in a block\n", Line: 5}})); d != "" {
		t.Error(d)
	}
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc")
	if _, err := document.Read(file); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := os.WriteFile(file, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := document.Read(file)
	if err != nil || len(l) != 2 {
		t.Errorf("%q, %v", l, err)
	}
}
