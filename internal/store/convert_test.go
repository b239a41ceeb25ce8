package store

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
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

// FuzzAuditRest: whatever the members hold, the JSON written by hand reads as what encoding/json would read.
func FuzzAuditRest(f *testing.F) {
	f.Add("AKIA", "10.0.0.1", "reason", "arn:1")
	f.Add("", "\x00", "\xff\"\\", "\u2028<>&\x7f")
	f.Fuzz(func(t *testing.T, key, ip, reason, resource string) {
		r := identity.AuditRecord{AccessKey: key, SourceIP: ip, Reason: reason, Resources: []string{resource, reason}}
		var got auditRest
		if err := json.Unmarshal([]byte(restOf(&r)), &got); err != nil {
			t.Fatalf("%q: %v", restOf(&r), err)
		}
		want := auditRest{AccessKey: washed(key), SourceIP: washed(ip), Reason: washed(reason)}
		if got.AccessKey != want.AccessKey || got.SourceIP != want.SourceIP || got.Reason != want.Reason ||
			!slices.Equal(got.Resources, []string{washed(resource), washed(reason)}) {
			t.Fatalf("%+v was written as %s", r, restOf(&r))
		}
		if !cleanText(restOf(&r)) {
			t.Fatal("the text cannot be kept")
		}
	})
}
