package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// event returns an audit record of its own time and mark, later than those made before it.
func (s *suite) event(account, action string) identity.AuditRecord {
	n := s.ids.Add(1)
	return identity.AuditRecord{
		At: start.Add(time.Duration(n) * time.Millisecond), Account: account, RequestID: "rq", Action: action,
		Result: identity.AuditAllowed, Code: fmt.Sprintf("mark %06d", n),
	}
}

// mark is by what the tests tell records apart: the store gives them their ids.
func mark(r identity.AuditRecord) string { return r.Code }

// find returns records newest first. Their ids descend, which is checked here and then forgotten.
func (s *suite) find(t *testing.T, account string, f identity.AuditFilter) []identity.AuditRecord {
	t.Helper()
	got, err := s.store.FindAudit(t.Context(), account, f, "", 10_000)
	ok(t, err)
	for i := range got {
		if i > 0 && got[i].ID >= got[i-1].ID || got[i].ID == "" {
			t.Errorf("the record after %q has the id %q", got[max(i, 1)-1].ID, got[i].ID)
		}
	}
	for i := range got {
		got[i].ID = ""
	}
	return got
}

func (s *suite) append(t *testing.T, records ...identity.AuditRecord) {
	t.Helper()
	for _, r := range records {
		ok(t, s.store.AppendAudit(t.Context(), r))
	}
}

func testAudit(t *testing.T, s *suite) {
	t.Run("append", func(t *testing.T) { testAppendAudit(t, s) })
	t.Run("find", func(t *testing.T) { testFindAudit(t, s) })
	t.Run("pages", func(t *testing.T) { testAuditPages(t, s) })
	t.Run("odd texts", func(t *testing.T) { testAuditTexts(t, s) })
	t.Run("at once", func(t *testing.T) { testAuditAtOnce(t, s) })
	t.Run("indexed", func(t *testing.T) { testAuditIndexed(t, s) })
}

func testAppendAudit(t *testing.T, s *suite) {
	id := s.account(t)
	full := s.event(id, "GetResourceOauth2Token")
	full.Caller, full.AccessKey, full.SourceIP = "arn:aws:iam::1:user/agent", "AKIA1", "2001:db8::1"
	full.Resources = []string{"arn:1", `arn:"2"\`}
	full.Reason, full.Decision = "line one\nline two <&> \u2028", "policy#sid"
	full.Workload, full.Provider, full.User = "agent", "github", "jwt:alice"
	full.GrantID, full.SessionID = "gr-1", "se-1"
	bare := s.event(id, "Ping")
	durable := s.event(id, "CreateWorkloadIdentity")
	durable.Durable = true
	s.append(t, full, bare, durable)
	durable.Durable = false // it asks for a flush, and is not kept
	same(t, s.find(t, id, identity.AuditFilter{}), []identity.AuditRecord{durable, bare, full})
	unauthenticated := s.event("", "Ping")
	s.append(t, unauthenticated)
	same(t, s.find(t, "", identity.AuditFilter{}), []identity.AuditRecord{unauthenticated})
}

func testFindAudit(t *testing.T, s *suite) {
	id := s.account(t)
	var all []identity.AuditRecord
	for i := range 24 {
		r := s.event(id, fmt.Sprint("action", i%2))
		r.RequestID, r.Caller, r.User = fmt.Sprint("rq", i%8), fmt.Sprint("caller", i%3), fmt.Sprint("user", i%4)
		if i%2 == 0 {
			r.GrantID, r.SessionID = fmt.Sprint("gr", i%6), fmt.Sprint("se", i%4)
		}
		r.AccessKey = []string{"AKIA1", "AKIA11", "", `AKIA%"ä`}[i%4]
		if i%4 == 0 && i%3 == 0 {
			r.Caller = "" // a stranger named the key
		}
		if i%5 == 0 {
			r.Result = identity.AuditDenied
		}
		all = append(all, r)
	}
	s.append(t, all...)
	slices.Reverse(all)
	for name, f := range map[string]struct {
		filter identity.AuditFilter
		keep   func(identity.AuditRecord) bool
	}{
		"request": {identity.AuditFilter{RequestID: "rq3"}, func(r identity.AuditRecord) bool { return r.RequestID == "rq3" }},
		"grant":   {identity.AuditFilter{GrantID: "gr2"}, func(r identity.AuditRecord) bool { return r.GrantID == "gr2" }},
		"session": {identity.AuditFilter{SessionID: "se0"}, func(r identity.AuditRecord) bool { return r.SessionID == "se0" }},
		"action":  {identity.AuditFilter{Action: "action1"}, func(r identity.AuditRecord) bool { return r.Action == "action1" }},
		"caller":  {identity.AuditFilter{Caller: "caller2"}, func(r identity.AuditRecord) bool { return r.Caller == "caller2" }},
		"user":    {identity.AuditFilter{User: "user1"}, func(r identity.AuditRecord) bool { return r.User == "user1" }},
		"result":  {identity.AuditFilter{Result: identity.AuditDenied}, func(r identity.AuditRecord) bool { return r.Result == identity.AuditDenied }},
		"time": {identity.AuditFilter{Since: all[9].At, Until: all[3].At}, func(r identity.AuditRecord) bool {
			return !r.At.Before(all[9].At) && r.At.Before(all[3].At)
		}},
		"access key":     {identity.AuditFilter{AccessKey: "AKIA1"}, func(r identity.AuditRecord) bool { return r.AccessKey == "AKIA1" && r.Caller != "" }},
		"odd access key": {identity.AuditFilter{AccessKey: `AKIA%"ä`}, func(r identity.AuditRecord) bool { return r.AccessKey == `AKIA%"ä` }},
		"several": {identity.AuditFilter{GrantID: "gr4", User: "user2", Result: identity.AuditAllowed}, func(r identity.AuditRecord) bool {
			return r.GrantID == "gr4" && r.User == "user2" && r.Result == identity.AuditAllowed
		}},
		"none": {identity.AuditFilter{GrantID: "gr-gone"}, func(identity.AuditRecord) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(all), func(r identity.AuditRecord) bool { return !f.keep(r) })
			got := s.find(t, id, f.filter)
			if len(want) == 0 && name != "none" {
				t.Fatal("the test finds nothing to compare")
			}
			same(t, names(got, mark), names(want, mark))
		})
	}
}

func testAuditPages(t *testing.T, s *suite) {
	id := s.account(t)
	var want []string
	for range 7 {
		r := s.event(id, "x")
		s.append(t, r)
		want = append([]string{mark(r)}, want...)
	}
	same(t, s.pages(t, id, identity.AuditFilter{Action: "x"}, 2, func() { s.append(t, s.event(id, "x")) }), want)
	for _, before := range []string{"nonsense", "0000000000000001", "1-1", "0000000000000001-0001 "} {
		_, err := s.store.FindAudit(t.Context(), id, identity.AuditFilter{}, before, 2)
		fails(t, err, identity.ErrNotFound)
	}
}

// pages walks through what the filter keeps; between any two pages something happens, which must not disturb the walk.
func (s *suite) pages(t *testing.T, account string, f identity.AuditFilter, limit int, between func()) []string {
	t.Helper()
	marks := []string{}
	for before := ""; ; between() {
		page, err := s.store.FindAudit(t.Context(), account, f, before, limit)
		ok(t, err)
		if len(page) == 0 {
			return marks
		}
		marks = append(marks, names(page, mark)...)
		before = page[len(page)-1].ID
	}
}

// testAuditTexts: whatever a client put into a name, its record is kept.
func testAuditTexts(t *testing.T, s *suite) {
	id := s.account(t)
	for _, text := range []string{"nul \x00 byte", "broken \xff\xfe utf-8", "quote \" \\ \u2028 \x01 \x7f", "ünïcödé"} {
		r := s.event(id, "x")
		r.User, r.Caller, r.Reason, r.Workload, r.Resources = text, text, text, text, []string{text}
		s.append(t, r)
		got := s.find(t, id, identity.AuditFilter{})
		same(t, mark(got[0]), mark(r))
		if got[0].Reason == "" || got[0].User == "" {
			t.Errorf("%q was lost", text)
		}
		same(t, s.find(t, id, identity.AuditFilter{User: got[0].User})[0], got[0]) // by the name that is shown
	}
	r := s.event(id, "x")
	r.RequestID, r.GrantID, r.SessionID = "rq\x00", "gr\xff", "se\x00"
	s.append(t, r)
}

// testAuditAtOnce appends with many callers: every record is there once, however many share a commit.
func testAuditAtOnce(t *testing.T, s *suite) {
	id, other := s.account(t), s.account(t)
	const callers, each = 32, 40
	done := race(callers, func(int) bool {
		for i := range each {
			r := s.event([]string{id, other}[i%4/3], "x")
			r.Durable = i%7 == 0
			r.GrantID = fmt.Sprint("gr-", i%2)
			if err := s.store.AppendAudit(t.Context(), r); err != nil {
				t.Error(err)
				return false
			}
		}
		return true
	})
	same(t, done, callers)
	all := s.find(t, id, identity.AuditFilter{})
	same(t, len(all), callers*each*3/4)
	same(t, len(s.find(t, other, identity.AuditFilter{})), callers*each/4)
	want := slices.DeleteFunc(slices.Clone(all), func(r identity.AuditRecord) bool { return r.GrantID != "gr-1" })
	same(t, s.pages(t, id, identity.AuditFilter{GrantID: "gr-1"}, 100, func() {}), names(want, mark))
}

// index summarises all there is and returns in how many steps. Where several write at once it looks, waits until what it
// saw is settled, and looks again.
func (s *suite) index(t *testing.T) (steps int) {
	t.Helper()
	for range 2 {
		for more := true; more; steps++ {
			var err error
			more, err = s.store.IndexAudit(t.Context())
			ok(t, err)
		}
		s.pass(time.Hour)
	}
	return steps
}

// testAuditIndexed: what is found in summarised records and in those that are not is the same, page by page, and a
// summary in the middle of a walk does not disturb it.
func testAuditIndexed(t *testing.T, s *suite) {
	id := s.account(t)
	const n = 3000
	done := race(30, func(caller int) bool {
		for i := range n / 30 {
			r := s.event(id, fmt.Sprint("action", i%3))
			r.RequestID, r.GrantID, r.User = mark(r), fmt.Sprint("gr-", i), fmt.Sprint("user", caller)
			if err := s.store.AppendAudit(t.Context(), r); err != nil {
				t.Error(err)
				return false
			}
		}
		return true
	})
	same(t, done, 30)
	filters := []identity.AuditFilter{
		{}, {GrantID: "gr-7"}, {User: "user3", Action: "action1"}, {GrantID: "gr-gone"}, {Action: "action0"}, {Result: identity.AuditDenied},
	}
	var before [][]string
	for _, f := range filters {
		before = append(before, names(s.find(t, id, f), mark))
	}
	same(t, len(before[0]), n)
	one := s.find(t, id, identity.AuditFilter{})[n/2]
	if steps := s.index(t); steps < 3 { // two of them found nothing more to do
		t.Errorf("%d records were summarised in %d steps", n, steps)
	}
	for i, f := range filters {
		same(t, names(s.find(t, id, f), mark), before[i])
		same(t, s.pages(t, id, f, 700, func() { s.append(t, s.event(s.account(t), "x")) }), before[i])
	}
	same(t, s.find(t, id, identity.AuditFilter{RequestID: one.RequestID}), []identity.AuditRecord{one})
	early := s.find(t, id, identity.AuditFilter{Since: one.At, Until: one.At.Add(time.Millisecond)})
	same(t, early, []identity.AuditRecord{one})
	for range n / 10 {
		s.append(t, s.event(id, "y"))
	}
	same(t, len(s.find(t, id, identity.AuditFilter{Action: "y"})), n/10)
	same(t, s.pages(t, id, filters[1], 7, func() { _ = s.index(t) }), before[1])
}

func testAuditRetention(t *testing.T, s *suite) {
	one, two := s.account(t), s.account(t)
	var all []identity.AuditRecord
	for i := range 12 {
		account := []string{one, two, ""}[i%3]
		r := s.event(account, "x")
		r.Durable = true // and so a group of its own
		all = append(all, r)
	}
	s.append(t, all...)
	before := all[9].At
	var counts [4]int
	for i := range counts {
		n, err := s.store.DeleteAuditBefore(t.Context(), before, 4)
		ok(t, err)
		counts[i] = n
	}
	same(t, counts, [4]int{4, 4, 1, 0})
	for i, account := range []string{one, two, ""} {
		same(t, names(s.find(t, account, identity.AuditFilter{}), mark), []string{mark(all[9+i])})
	}
}

// testAuditRetentionAhead: groups of a clock that ran ahead keep no others.
func testAuditRetentionAhead(t *testing.T, s *suite) {
	id := s.account(t)
	ahead := s.event(id, "x")
	ahead.At = ahead.At.Add(24 * time.Hour)
	old, young := s.event(id, "x"), s.event(id, "x")
	for _, r := range []*identity.AuditRecord{&ahead, &old, &young} {
		r.Durable = true // and so a group of its own
	}
	s.append(t, ahead, old, young)
	n, err := s.store.DeleteAuditBefore(t.Context(), young.At, 1)
	ok(t, err)
	same(t, n, 1)
	same(t, names(s.find(t, id, identity.AuditFilter{}), mark), []string{mark(young), mark(ahead)})
	_, err = s.store.DeleteAuditBefore(t.Context(), ahead.At.Add(time.Hour), 10)
	ok(t, err)
	same(t, len(s.find(t, id, identity.AuditFilter{})), 0)
	s.append(t, young)
	same(t, len(s.find(t, id, identity.AuditFilter{RequestID: "rq"})), 1)
}
