package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEnvFile(t *testing.T) {
	const file = `# for a shell
export AWS_REGION='us-west-2'
export EMPTY=''
export QUOTE='it'\''s = a $test'
unset AWS_PROFILE
`
	got, err := parseEnvFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"AWS_REGION=us-west-2", "EMPTY=", "QUOTE=it's = a $test"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseEnvFileRefusesWhatAShellWouldReadDifferently(t *testing.T) {
	for _, line := range []string{"export NAME", "export ='x'", "export A=x", "export A='x", `export A='x' 'y'`, "export A='"} {
		if got, err := parseEnvFile(line); err == nil {
			t.Errorf("%s was read as %q", line, got)
		}
	}
}
