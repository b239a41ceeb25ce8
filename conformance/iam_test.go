//go:build conformance

package conformance_test

import "testing"

func TestIAM(t *testing.T) {
	t.Parallel()
	bench.Python(t, bench.Dev(t), "iam.py")
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	bench.Python(t, bench.Dev(t), "assume_role.py")
}
