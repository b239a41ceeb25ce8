package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// event returns an audit record whose id follows those made before it.
func (s *suite) event(account, action string) identity.AuditRecord {
	n := s.ids.Add(1)
	return identity.AuditRecord{
		ID: fmt.Sprintf("%032d", n), At: start.Add(time.Duration(n) * time.Millisecond), Account: account,
		RequestID: "rq", Action: action, Result: identity.AuditAllowed,
	}
}

func (s *suite) find(t *testing.T, account string, f identity.AuditFilter) []identity.AuditRecord {
	t.Helper()
	got, err := s.store.FindAudit(t.Context(), account, f, "", 2000)
	ok(t, err)
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
	t.Run("one bad record", func(t *testing.T) { testAuditPoison(t, s) })
}

func testAppendAudit(t *testing.T, s *suite) {
	id := s.account(t)
	full := s.event(id, "GetResourceOauth2Token")
	full.Caller, full.AccessKey, full.SourceIP = "arn:aws:iam::1:user/agent", "AKIA1", "2001:db8::1"
	full.Resources = []string{"arn:1", `arn:"2"\`}
	full.Code, full.Reason, full.Decision = "Denied", "line one\nline two <&> \u2028", "policy#sid"
	full.Workload, full.Provider, full.User = "agent", "github", "jwt:alice"
	full.GrantID, full.SessionID = "gr-1", "se-1"
	bare := s.event(id, "Ping")
	durable := s.event(id, "CreateWorkloadIdentity")
	durable.Durable = true
	s.append(t, full, bare, durable)
	durable.Durable = false // it asks for a flush, and is not kept
	same(t, s.find(t, id, identity.AuditFilter{}), []identity.AuditRecord{durable, bare, full})
	fails(t, s.store.AppendAudit(t.Context(), full), identity.ErrExists)
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
			same(t, names(got, auditID), names(want, auditID))
		})
	}
}

func auditID(r identity.AuditRecord) string { return r.ID }

func testAuditPages(t *testing.T, s *suite) {
	id := s.account(t)
	var want []string
	for range 7 {
		r := s.event(id, "x")
		s.append(t, r)
		want = append([]string{r.ID}, want...)
	}
	var got []string
	for before := ""; ; {
		page, err := s.store.FindAudit(t.Context(), id, identity.AuditFilter{Action: "x"}, before, 2)
		ok(t, err)
		if len(page) == 0 {
			break
		}
		got = append(got, names(page, auditID)...)
		before = page[len(page)-1].ID
		s.append(t, s.event(id, "x")) // a newer one does not disturb the walk
	}
	same(t, got, want)
}

// testAuditTexts: whatever a client put into a name, its record is kept.
func testAuditTexts(t *testing.T, s *suite) {
	id := s.account(t)
	for _, text := range []string{"nul \x00 byte", "broken \xff\xfe utf-8", "quote \" \\ \u2028 \x01 \x7f", "ünïcödé"} {
		r := s.event(id, "x")
		r.User, r.Caller, r.Reason, r.Workload, r.Resources = text, text, text, text, []string{text}
		s.append(t, r)
		got := s.find(t, id, identity.AuditFilter{})
		same(t, got[0].ID, r.ID)
		if got[0].Reason == "" || got[0].User == "" {
			t.Errorf("%q was lost", text)
		}
	}
	r := s.event(id, "x")
	r.RequestID, r.GrantID, r.SessionID = "rq\x00", "gr\xff", "se\x00"
	s.append(t, r)
}

// testAuditAtOnce appends more records than one segment of an index takes: what shares a grant is found in all of them.
func testAuditAtOnce(t *testing.T, s *suite) {
	id := s.account(t)
	const callers, each = 32, 40
	done := race(callers, func(int) bool {
		for i := range each {
			r := s.event(id, "x")
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
	same(t, len(all), callers*each)
	other := s.event(s.account(t), "x") // another account's, of the same grant
	other.GrantID = "gr-1"
	s.append(t, other)
	want := slices.DeleteFunc(all, func(r identity.AuditRecord) bool { return r.GrantID != "gr-1" })
	var got []string
	for before := ""; ; before = got[len(got)-1] {
		page, err := s.store.FindAudit(t.Context(), id, identity.AuditFilter{GrantID: "gr-1"}, before, 100)
		ok(t, err)
		if len(page) == 0 {
			break
		}
		got = append(got, names(page, auditID)...)
	}
	same(t, got, names(want, auditID))
}

// testAuditPoison: records that share a batch with one that cannot be stored are stored all the same.
func testAuditPoison(t *testing.T, s *suite) {
	id := s.account(t)
	taken := s.event(id, "taken")
	s.append(t, taken)
	const callers = 64
	stored := race(callers, func(i int) bool {
		r := s.event(id, "x")
		if i%8 == 0 {
			r.ID = taken.ID
		}
		return s.store.AppendAudit(t.Context(), r) == nil
	})
	same(t, stored, callers-callers/8)
	same(t, len(s.find(t, id, identity.AuditFilter{Action: "x"})), stored)
}

func testAuditRetention(t *testing.T, s *suite) {
	one, two := s.account(t), s.account(t)
	var all []identity.AuditRecord
	for i := range 12 {
		account := []string{one, two, ""}[i%3]
		r := s.event(account, "x")
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
		same(t, names(s.find(t, account, identity.AuditFilter{}), auditID), []string{all[9+i].ID})
	}
}
