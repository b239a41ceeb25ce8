package oidcdata_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/client/oidcdata"
)

func visit(v *oidcdata.Verifier, header http.Header) (*httptest.ResponseRecorder, *oidcdata.Claims) {
	var seen *oidcdata.Claims
	h := v.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, _ = oidcdata.FromContext(r.Context()) }))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w, seen
}

func TestMiddlewareLetsUsersThrough(t *testing.T) {
	f := newFrontDoor(t)
	w, seen := visit(f.verifier(), http.Header{oidcdata.HeaderData: {f.good()}, oidcdata.HeaderIdentity: {"alice"}})
	if w.Code != http.StatusOK || seen == nil || seen.Subject != "alice" {
		t.Errorf("%d %+v", w.Code, seen)
	}
}

func TestA42_MiddlewareRefuses(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier()
	good := f.good()
	for name, tc := range map[string]struct {
		header http.Header
		want   string
	}{
		"nothing":            {http.Header{}, "did not come through"},
		"empty":              {http.Header{oidcdata.HeaderData: {""}}, "did not come through"},
		"two":                {http.Header{oidcdata.HeaderData: {good, good}}, "more than once"},
		"one folded":         {http.Header{oidcdata.HeaderData: {good + "," + good}}, "malformed"},
		"underscores":        {http.Header{"X_amzn_oidc_data": {good}}, "did not come through"},
		"identity alone":     {http.Header{oidcdata.HeaderIdentity: {"alice"}}, "did not come through"},
		"another identity":   {http.Header{oidcdata.HeaderData: {good}, oidcdata.HeaderIdentity: {"bob"}}, "another user"},
		"a second identity":  {http.Header{oidcdata.HeaderData: {good}, oidcdata.HeaderIdentity: {"alice", "bob"}}, "another user"},
		"as a bearer token":  {http.Header{"Authorization": {"Bearer " + good}}, "did not come through"},
		"signature cut away": {http.Header{oidcdata.HeaderData: {good[:strings.LastIndex(good, ".")+1]}}, "signature"},
	} {
		w, seen := visit(v, tc.header)
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusUnauthorized || seen != nil || !strings.Contains(body.Message, tc.want) {
			t.Errorf("%s: %d %s %v", name, w.Code, w.Body, err)
		}
		if strings.Contains(w.Body.String(), good[:40]) {
			t.Errorf("%s: the answer quotes the token", name)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// TestKeyHostDownIsNoRefusal: the user is not sent to sign in again for it.
func TestKeyHostDownIsNoRefusal(t *testing.T) {
	f := newFrontDoor(t)
	good := f.good()
	f.Close()
	w, seen := visit(f.verifier(), http.Header{oidcdata.HeaderData: {good}})
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || seen != nil {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestContext(t *testing.T) {
	if _, ok := oidcdata.FromContext(t.Context()); ok {
		t.Error("a user from nowhere")
	}
	if _, ok := oidcdata.FromContext(oidcdata.NewContext(t.Context(), nil)); ok {
		t.Error("nobody is a user")
	}
	if c, ok := oidcdata.FromContext(oidcdata.NewContext(t.Context(), &oidcdata.Claims{Subject: "alice"})); !ok || c.Subject != "alice" {
		t.Error("the user is lost")
	}
}
