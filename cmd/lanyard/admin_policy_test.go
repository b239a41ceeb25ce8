package main

import (
	"strings"
	"testing"
)

// TestPutPolicyNamesTraps: what is allowed but rarely meant is said with its place, and what is well said is not.
func TestPutPolicyNamesTraps(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	trap := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}`
	if err := printTraps(&out, "p", trap); err != nil || !strings.Contains(out.String(), "note: line 1, column ") || !strings.Contains(out.String(), "NotAction") {
		t.Errorf("%v: %q", err, out.String())
	}
	out.Reset()
	plain := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}`
	if err := printTraps(&out, "p", plain); err != nil || out.Len() > 0 {
		t.Errorf("%v: %q", err, out.String())
	}
	if printTraps(&out, "p", "{") == nil {
		t.Error("a document that does not parse has no traps to name")
	}
}
