//go:build !quick

package store

import (
	"slices"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// TestPostgresAuditOnce: a group whose commit nobody knows of is written again only if it is not there.
func TestPostgresAuditOnce(t *testing.T) {
	s := openPostgresTest(t)
	h := s.engine.readAudit(t.Context())
	insert := func(query string, actions ...string) {
		var rows []*auditRow
		for _, a := range actions {
			rows = append(rows, newAuditRow(&identity.AuditRecord{Action: a}))
		}
		g := newAuditGroup(rows)
		if _, err := h.exec(query, g.firstAt, g.lastAt, g.terms, g.records, true); err != nil {
			t.Fatal(err)
		}
	}
	insert(insertAuditGroupOnce, "first of all") // into an empty table
	insert(insertAuditGroup, "one", "two")
	insert(insertAuditGroupOnce, "one", "two")
	insert(insertAuditGroupOnce, "one")
	got, err := list(h, `SELECT jsonb_array_elements(records::jsonb)->>'action' FROM audit_groups ORDER BY n`, nil, // as the manual shows it
		func(scan scanner, action *string) error { return scan(action) })
	if want := []string{"first of all", "one", "two", "one"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
