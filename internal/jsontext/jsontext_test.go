package jsontext_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/jsontext"
)

// TestPlain: every byte, wherever it stands among plain ones or odd ones, counts.
func TestPlain(t *testing.T) {
	for c := range 256 {
		want := c >= ' ' && c <= '~' && c != '"' && c != '\\'
		for length := 1; length <= 24; length++ {
			for at := range length {
				for _, around := range []byte{' ', '!', '~', 'a', '0'} {
					b := bytes.Repeat([]byte{around}, length)
					b[at] = byte(c)
					if jsontext.Plain(b) != want || jsontext.Plain(string(b)) != want {
						t.Fatalf("%q: plain is %v", b, !want)
					}
				}
			}
		}
	}
	if !jsontext.Plain("") || jsontext.Plain(strings.Repeat("\x00", 16)) || jsontext.Plain(strings.Repeat("\xff", 16)) {
		t.Error("not what an empty text or sixteen odd bytes are")
	}
}

// FuzzAppend: whatever a text is, an object of it reads back as encoding/json's would.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "plain", `a"b\c`, "\x00\x1f\x7f", "\xff\xfe", "\u2028é漢", `","admin":"`, "</script>", strings.Repeat("x", 100)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		b := jsontext.AppendMember(jsontext.AppendMember([]byte{'{'}, "one", one), "two", two)
		var got map[string]string
		if err := json.Unmarshal(append(b, '}'), &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if len(got) != 2 || got["one"] != reread(t, one) || got["two"] != reread(t, two) {
			t.Errorf("%q and %q read back as %q", one, two, got)
		}
	})
}

// reread is what encoding/json makes of a text that it wrote.
func reread(t *testing.T, s string) (out string) {
	t.Helper()
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
