package store

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRebind(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT 1":                       "SELECT 1",
		"a = $1 AND b = $2":              "a = ? AND b = ?",
		"a = $2 AND b = $1":              "a = $2 AND b = $1",
		"a = $1 AND b = $1":              "a = $1 AND b = $1",
		"$1,$2,$3,$4,$5,$6,$7,$8,$9,$10": "?,?,?,?,?,?,?,?,?,?",
		"$10":                            "$10",
		"$1 $20":                         "$1 $20",
		"'$'":                            "'$'",
	} {
		if got := rebind(query); got != want {
			t.Errorf("%q is bound as %q, want %q", query, got, want)
		}
	}
}

func TestListsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.String()).Draw(t, "list")
		got, err := fromList(toList(want))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q was read as %q (%v)", want, got, err)
		}
	})
	if _, err := fromList(`["a`); err == nil {
		t.Error("half a list was read")
	}
}

func TestTimesSurvive(t *testing.T) {
	for _, want := range []time.Time{{}, time.UnixMilli(1).UTC(), time.UnixMilli(-1).UTC(), time.UnixMilli(4e12).UTC()} {
		for _, write := range []func(time.Time) int64{toMillis, toMillisUp} {
			if got := fromMillis(write(want)); !got.Equal(want) {
				t.Errorf("%v was read as %v", want, got)
			}
		}
	}
	if got := toMillisUp(time.UnixMilli(7).Add(1)); got != 8 {
		t.Errorf("an epoch just after 7 ms is kept as %d ms", got)
	}
}
