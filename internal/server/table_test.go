package server

import (
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/prometheus/client_golang/prometheus"
)

// TestTableIsTheOperations: every row of the contract has a handler, and nothing is served that is no row.
func TestTableIsTheOperations(t *testing.T) {
	s, err := New(Config{PublicURL: &url.URL{Scheme: "https", Host: "lanyard.example.com"}},
		Deps{Metrics: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	rows := api.Operations()
	for _, op := range rows {
		r, ok := s.routes[op.Method+" "+op.Path]
		if !ok || r.op.Name != op.Name {
			t.Errorf("%s has no route of its own", op.Name)
		}
	}
	if len(s.routes) != len(rows) || len(s.table()) != len(rows) {
		t.Errorf("%d rows, %d handlers and %d routes must be as many", len(rows), len(s.table()), len(s.routes))
	}
}
