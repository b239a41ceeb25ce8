package store

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// plan asks SQLite how it would run a query.
func (e *sqliteEngine) plan(t *testing.T, query string) string {
	t.Helper()
	pool := e.mainRead
	if strings.Contains(query, " audit_") {
		pool = e.auditGet
	}
	args := make([]any, strings.Count(query, "$"))
	rows, err := pool.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// TestQueriesUseIndexes: no query of a request, a page or a sweep reads a whole table or sorts more than it returns.
func TestQueriesUseIndexes(t *testing.T) {
	_, e := openTest(t)
	grants := func(f identity.GrantFilter) string {
		w := where{query: selectGrant + ` WHERE account = $1`, args: []any{""}}
		w.text("workload_id =", f.WorkloadID)
		w.text("provider_id =", f.ProviderID)
		w.text("user_key =", f.User)
		w.text("state =", string(f.State))
		w.text("id >", "x")
		query, _ := w.page("id", 1)
		return query
	}
	queries := []string{
		selectGrant + ` WHERE account = $1 AND key = $2`,
		selectGrant + ` WHERE account = $1 AND id = $2`,
		grants(identity.GrantFilter{}), grants(identity.GrantFilter{WorkloadID: "w"}), grants(identity.GrantFilter{ProviderID: "p"}),
		grants(identity.GrantFilter{WorkloadID: "w", ProviderID: "p", User: "u", State: identity.GrantActive}),
		selectRecord + ` WHERE account = $1 AND kind = $2 AND parent = $3 AND name = $4`,
		selectRecord + ` WHERE id = $1 AND kind = $2`, countRecords,
		selectRecord + ` WHERE account = $1 AND kind = $2 AND parent = $3 AND name > $4 ORDER BY name LIMIT $5`,
		selectSession + ` WHERE id = $1`,
		selectSession + ` WHERE account = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`,
		`DELETE FROM sessions WHERE account = $1 AND provider_id = $2`,
		`DELETE FROM grants WHERE account = $1 AND provider_id = $2`,
		`DELETE FROM sessions WHERE (account, id) IN (SELECT account, id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
		selectSegments, selectGroupTerms, selectGroupRecords, selectUnindexed, selectLastSegment,
	}
	for _, c := range sealedColumns {
		queries = append(queries, c.query)
	}
	for _, query := range queries {
		plan := e.plan(t, query)
		if regexp.MustCompile(`(?m)^SCAN `).MatchString(plan) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nruns as\n%s", query, plan)
		}
	}
}

// TestSealedColumnsAreComplete: every column that holds ciphertexts takes part in a rotation.
func TestSealedColumnsAreComplete(t *testing.T) {
	_, e := openTest(t)
	found, err := list(e.read(t.Context()), `SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name LIKE 'sealed%' ORDER BY 1`, nil,
		func(scan scanner, name *string) error { return scan(name) })
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(`(sealed\w*) FROM (\w+)`)
	var walked []string
	for _, c := range sealedColumns {
		m := column.FindStringSubmatch(c.query)
		walked = append(walked, m[2]+"."+m[1])
	}
	slices.Sort(walked)
	if !slices.Equal(found, walked) || len(found) == 0 {
		t.Errorf("the schema seals %v, the walk has %v", found, walked)
	}
}
