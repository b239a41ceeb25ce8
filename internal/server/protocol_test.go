package server

import (
	"bytes"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// TestFindCostsNothing: the hot path finds its row and reads its body without an allocation more than the reading.
func TestFindCostsNothing(t *testing.T) {
	op := api.GetResourceApiKey
	s := &Server{routes: map[string]*route{op.Method + " " + op.Path: {op: op, protocol: restJSON{}}}}
	body := []byte(`{"name":"agent"}`)
	r := httptest.NewRequest(op.Method, op.Path, nil)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	reading := testing.AllocsPerRun(100, func() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := readJSON(w, r); err != nil {
			t.Fatal(err)
		}
	})
	finding := testing.AllocsPerRun(100, func() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if rt, _, err := s.find(w, r); err != nil || rt.op.Name != op.Name {
			t.Fatal(err)
		}
	})
	if finding > reading+1 { // the row's key
		t.Errorf("finding costs %v allocations, reading alone %v", finding, reading)
	}
}
