package devidp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
)

// FuzzAuthorizeQuery: whatever the query, a stranger gets a page of ours or is sent to the one allowed callback, never
// with a code, never with a doubled state, and nothing is stored.
func FuzzAuthorizeQuery(f *testing.F) {
	f.Add(query().Encode())
	f.Add(query().Encode() + "&redirect_uri=https%3A%2F%2Fevil.example")
	f.Add(query().Encode() + "&state=second&prompt=none")
	f.Add("client_id=" + clientID + "&redirect_uri=" + url.QueryEscape(callback) + "&prompt=none+login&max_age=99999999999")
	f.Add("client_id=a;b&%zz")
	f.Add(query().Encode() + "&resource=%00&audience=%0d%0aX:y")
	store := devidptest.NewStore(time.Now)
	s, err := devidp.New(baseConfig("http://127.0.0.1:8585/devidp", store, time.Now))
	if err != nil {
		f.Fatal(err)
	}
	handler := s.Handler()
	f.Fuzz(func(t *testing.T, raw string) {
		req := httptest.NewRequest(http.MethodGet, "/devidp/authorize", nil)
		req.URL.RawQuery = raw
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, req)
		location := rec.Header().Get("Location")
		switch rec.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusRequestURITooLong:
			if location != "" || rec.Header().Get("Content-Security-Policy") == "" || strings.Contains(rec.Body.String(), "<script") {
				t.Fatalf("status %d, Location %q, header %v", rec.Code, location, rec.Header())
			}
		case http.StatusFound:
			checkErrorRedirect(t, location)
		default:
			t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
		if store.Len() != 0 {
			t.Fatal("a stranger's request was stored")
		}
	})
}

func checkErrorRedirect(t *testing.T, location string) {
	t.Helper()
	if !strings.HasPrefix(location, callback+"&") || strings.ContainsFunc(location, func(r rune) bool { return r < 0x20 }) {
		t.Fatalf("redirect to %q", location)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Has("code") || q.Get("error") == "" || q.Get("iss") == "" || len(q["state"]) > 1 {
		t.Fatalf("authorization response %v", q)
	}
}
