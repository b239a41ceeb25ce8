package lab

import "testing"

// Two programs that were given one port would take each other for the one that was to be reached there.
func TestNoPortIsGivenTwice(t *testing.T) {
	t.Parallel()
	given := map[int]bool{}
	for range 1_000 {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if given[port] {
			t.Fatalf("port %d was given twice", port)
		}
		given[port] = true
	}
}
