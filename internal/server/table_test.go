package server

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/prometheus/client_golang/prometheus"
)

// TestTableIsTheOperations: every row of the contract has a handler, and nothing is served that is no row.
func TestTableIsTheOperations(t *testing.T) {
	public := &url.URL{Scheme: "https", Host: "lanyard.example.com"}
	s, err := New(Config{PublicURL: public}, Deps{Identity: identity.New(identity.Config{PublicURL: public}, identity.Deps{}),
		Metrics: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	rows := api.Operations()
	for _, op := range rows {
		r, ok := s.pathRoute(op)
		if v := op.Service.Version(); v != "" {
			r, ok = s.queries[queryName{v, op.Name}]
		}
		if !ok || r.op.Name != op.Name {
			t.Errorf("%s has no route of its own", op.Name)
		}
	}
	routes := len(s.routes) + len(s.queries)
	for _, all := range s.templates {
		routes += len(all)
	}
	if routes != len(rows) || len(s.table()) != len(rows) {
		t.Errorf("%d rows, %d handlers and %d routes must be as many", len(rows), len(s.table()), routes)
	}
}

// pathRoute finds the route of a row as a request would, with labels that hold a slash.
func (s *Server) pathRoute(op api.Operation) (*route, bool) {
	path := strings.NewReplacer("{agentRuntimeId}", "id-0123456789", "{endpointName}", "e", "{agentRuntimeArn}", "arn%3Aaws%3Aa%2Fb").Replace(op.Path)
	r, err := http.NewRequest(op.Method, "http://lanyard.example.com"+path, nil)
	if err != nil {
		return nil, false
	}
	rt, _ := s.byPath(r)
	return rt, rt != nil
}
