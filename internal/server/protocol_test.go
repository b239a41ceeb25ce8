package server

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// TestFindCostsNothing: the hot path finds its row and reads its body without an allocation more than the reading.
func TestFindCostsNothing(t *testing.T) {
	op := api.GetResourceApiKey
	s := &Server{routes: map[rawRoute]*route{{op.Method, op.Path}: {op: op, protocol: restJSON{}}}}
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
	if finding > reading {
		t.Errorf("finding costs %v allocations, reading alone %v", finding, reading)
	}
}

// TestReadBody: a body is read whole, whether or not its length is known, and one that ends early or goes on too long is
// no body.
func TestReadBody(t *testing.T) {
	const text = `{"name":"agent"}`
	for name, tt := range map[string]struct {
		body   string
		length int64
		want   string
		fails  api.ExceptionName
	}{
		"known":          {text, int64(len(text)), text, ""},
		"unknown":        {text, -1, text, ""},
		"none":           {"", 0, "", ""},
		"early":          {text[:3], int64(len(text)), "", api.ValidationException},
		"missing":        {"", int64(len(text)), "", api.ValidationException},
		"too long":       {strings.Repeat(" ", maxBody+1), -1, "", api.RequestEntityTooLarge},
		"known too long": {strings.Repeat(" ", maxBody+1), maxBody + 1, "", api.RequestEntityTooLarge},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.ContentLength, r.Body = tt.length, io.NopCloser(strings.NewReader(tt.body))
		got, err := readBody(httptest.NewRecorder(), r)
		ex, _ := errors.AsType[*api.Exception](err)
		if string(got) != tt.want || (ex != nil) != (tt.fails != "") || ex != nil && ex.Name != tt.fails {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
