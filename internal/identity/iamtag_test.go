package identity

import (
	"fmt"
	"strings"
	"testing"
)

// TestA41_TagsAreHeldToTheirForm: tags decide where policies ask for them, so none may pass for another.
func TestA41_TagsAreHeldToTheirForm(t *testing.T) {
	many := map[string]string{}
	for i := range maxTags {
		many[fmt.Sprint("key", i)] = "value"
	}
	if err := checkTags(many); err != nil {
		t.Errorf("%d tags: %v", len(many), err)
	}
	longest := map[string]string{strings.Repeat("ä", 128): strings.Repeat("ö", 256), "a b_.:/=+-@1": ""}
	if err := checkTags(longest); err != nil {
		t.Errorf("the longest tags: %v", err)
	}
	many["one more"] = ""
	for name, tags := range map[string]map[string]string{
		"too many": many, "no key": {"": "x"}, "a long key": {strings.Repeat("a", 129): ""}, "a long value": {"a": strings.Repeat("a", 257)},
		"a control character": {"a\x00": ""}, "a line's end": {"a": "red\n"}, "a sign that turns text round": {"a\u202e": ""}, "no UTF-8": {"a": "\xff"},
		"a star": {"a": "*"}, "a variable": {"a": "${aws:username}"}, "a reserved key": {"AWS:x": "y"}, "two that differ in case": {"Team": "x", "tEAM": "y"},
	} {
		if err := checkTags(tags); err == nil || codeOf(err) != Invalid && codeOf(err) != LimitExceeded {
			t.Errorf("%s: %v", name, err)
		}
	}
}
