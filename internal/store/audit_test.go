package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/internal/identity"
	"pgregory.net/rapid"
)

// FuzzAuditRecord: whatever the members hold, the JSON written by hand reads as the record with odd bytes replaced, can be
// kept by every engine, and is found by each of its values.
func FuzzAuditRecord(f *testing.F) {
	f.Add("000000000000", "AKIA", "10.0.0.1", "reason", "arn:1")
	f.Add("", "", "\x00", "\xff\"\\", "\u2028<>&\x7f")
	f.Fuzz(func(t *testing.T, account, key, caller, reason, resource string) {
		r := identity.AuditRecord{
			At: time.UnixMilli(1_700_000_000_000).UTC(), Account: account, RequestID: reason, Caller: caller, AccessKey: key, SourceIP: caller,
			Action: resource, Resources: []string{resource, reason}, Result: key, Code: account, Reason: reason, Decision: reason,
			Workload: resource, Provider: key, User: caller, GrantID: reason, SessionID: resource,
		}
		row := newAuditRow(&r)
		var stored storedAudit
		if err := json.Unmarshal(row.json(), &stored); err != nil {
			t.Fatalf("%q: %v", row.json(), err)
		}
		want := r
		for _, s := range []*string{
			&want.Account, &want.RequestID, &want.Caller, &want.AccessKey, &want.SourceIP, &want.Action, &want.Result, &want.Code, &want.Reason,
			&want.Decision, &want.Workload, &want.Provider, &want.User, &want.GrantID, &want.SessionID,
		} {
			*s = washed(*s)
		}
		want.Resources = []string{washed(resource), washed(reason)}
		want.ID = auditPlace{7, 1}.String()
		got := stored.record(auditPlace{7, 1})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("written as %s:\n%s", row.json(), diff)
		}
		if !cleanText(string(row.json())) {
			t.Fatalf("%q cannot be kept", row.json())
		}
		by := identity.AuditFilter{
			RequestID: got.RequestID, GrantID: got.GrantID, SessionID: got.SessionID, User: got.User, Caller: got.Caller, Action: got.Action,
			Result: got.Result,
		}
		if got.Caller != "" {
			by.AccessKey = got.AccessKey
		}
		if g := newAuditGroup([]*auditRow{row}); !packed(g.terms).hasAll(filterTerms(got.Account, &by)) {
			t.Fatal("the record is not found by its own values")
		}
	})
}

// TestTermsTellApart: the same text as another kind of value, or of another account, is another term.
func TestTermsTellApart(t *testing.T) {
	seen := map[uint32]string{}
	for _, account := range []string{"", "1", "11", "2"} {
		for _, f := range []identity.AuditFilter{
			{}, {RequestID: "1"}, {GrantID: "1"}, {SessionID: "1"}, {User: "1"}, {Caller: "1"}, {Action: "1"}, {Result: "1"}, {AccessKey: "1"}, {User: "11"},
		} {
			name := fmt.Sprintf("%q %+v", account, f)
			terms := filterTerms(account, &f)
			if other, taken := seen[terms[len(terms)-1]]; taken {
				t.Errorf("%s is the same term as %s", name, other)
			}
			seen[terms[len(terms)-1]] = name
		}
	}
	stranger := recordTerms(&identity.AuditRecord{AccessKey: "AKIA"})
	if slices.Contains(stranger.all(), filterTerms("", &identity.AuditFilter{AccessKey: "AKIA"})[1]) {
		t.Error("a key that a stranger named counts as used")
	}
}

// TestTermFilters: a filter never misses a term that it has, and passes over nearly all that it has not.
func TestTermFilters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.SliceOfDistinct(rapid.Uint32(), rapid.ID).Draw(t, "terms")
		f, p := newTermFilter(terms), packed(packTerms(slices.Clone(terms)))
		if !f.hasAll(terms) || !p.hasAll(terms) || p.len() != len(terms) {
			t.Fatal("a term was lost")
		}
		if other := rapid.Uint32().Draw(t, "other"); p.has(other) != slices.Contains(terms, other) {
			t.Fatalf("%d: %v", other, p.has(other))
		}
	})
	var have []uint32
	for i := range uint32(segmentTerms) {
		have = append(have, i*2)
	}
	f, wrong := newTermFilter(have), 0
	for _, t := range have {
		if f.hasAll([]uint32{t + 1}) {
			wrong++
		}
	}
	if wrong > segmentTerms/100 {
		t.Errorf("%d of %d terms that are not there were found", wrong, segmentTerms)
	}
	if !termFilter(nil).hasAll([]uint32{1}) {
		t.Error("a filter that is missing hides records")
	}
}

// TestPlaces: ids sort as records were committed, and only what was written is read.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) auditPlace {
			return auditPlace{rapid.Int64Min(0).Draw(t, name), rapid.IntRange(0, maxBatch).Draw(t, name+" index")}
		}
		a, b := draw("a"), draw("b")
		if a.before(b) != (a.String() < b.String()) {
			t.Fatalf("%v and %v", a, b)
		}
		if got, err := parseAuditPlace(a.String()); err != nil || got != a {
			t.Fatalf("%v was read as %v: %v", a, got, err)
		}
	})
}

// TestCompletion: a number counts as complete when it was the greatest long enough ago and every transaction that was under
// way then has ended, whatever the clocks of replicas say.
func TestCompletion(t *testing.T) {
	var s completion
	now := time.UnixMilli(1000)
	for i, step := range []struct {
		after time.Duration
		horizon
		want int64
	}{
		{0, horizon{10, 5, 8}, 0},
		{completeTime - 1, horizon{20, 9, 9}, 0}, // too soon
		{1, horizon{30, 7, 12}, 0},               // one of then is still under way
		{time.Hour, horizon{31, 7, 13}, 0},       // and waits for its commit
		{time.Second, horizon{40, 8, 14}, 10},    // it has ended
		{completeTime, horizon{50, 14, 20}, 40},  //
		{-time.Hour, horizon{60, 20, 21}, 40},    // the clock was set back
		{2 * time.Hour, horizon{70, 21, 22}, 50}, //
		{completeTime, horizon{65, 22, 23}, 0},   // the database lost some
		{completeTime, horizon{80, 23, 24}, 65},
	} {
		now = now.Add(step.after)
		if got := s.advance(step.horizon, now); got != step.want {
			t.Errorf("step %d: complete until %d, want %d", i, got, step.want)
		}
	}
	if got := (&completion{}).advance(horizon{greatest: 10}, now); got != 10 {
		t.Errorf("where one writes at a time, all there is counts as complete: %d", got)
	}
}

// TestAuditIsReadableBySQL runs the query that the manual shows.
func TestAuditIsReadableBySQL(t *testing.T) {
	s, e := openTest(t)
	for _, action := range []string{"one", "two"} {
		if err := s.AppendAudit(t.Context(), identity.AuditRecord{Action: action}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.auditor.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := list(e.readAudit(t.Context()), `SELECT value->>'action' FROM audit_groups, json_each(records) ORDER BY n`, nil,
		func(scan scanner, action *string) error { return scan(action) })
	if err != nil || !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%v, %v", got, err)
	}
}
