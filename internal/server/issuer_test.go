package server_test

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// issuing is a service whose account has an issuer.
func issuing(t testing.TB, opts ...servertest.Option) (*servertest.Service, string) {
	t.Helper()
	s := servertest.New(t, opts...)
	u, err := s.Identity.EnableOutboundFederation(t.Context(), identity.LocalAdmin(s.Account))
	if err != nil {
		t.Fatal(err)
	}
	return s, u
}

// ask sends a plain request, as anybody may.
func ask(t testing.TB, s *servertest.Service, method, address string, header ...string) *servertest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for kv := range slices.Chunk(header, 2) {
		r.Header.Set(kv[0], kv[1])
	}
	return s.Do(t, r)
}

func TestIssuerDocuments(t *testing.T) {
	s, iss := issuing(t)
	var doc map[string]any
	ask(t, s, http.MethodGet, iss+"/.well-known/openid-configuration").Into(t, &doc)
	names := slices.Sorted(maps.Keys(doc))
	if strings.Join(names, " ") != "claims_supported id_token_signing_alg_values_supported issuer jwks_uri subject_types_supported" || doc["issuer"] != iss {
		t.Errorf("the discovery document is %v", doc)
	}
	var set struct{ Keys []map[string]any }
	ask(t, s, http.MethodGet, doc["jwks_uri"].(string)).Into(t, &set)
	if len(set.Keys) != 2 {
		t.Fatalf("the keys are %v", set.Keys)
	}
	for _, k := range set.Keys {
		members := strings.Join(slices.Sorted(maps.Keys(k)), " ")
		if members != "alg e kid kty n use" && members != "alg crv kid kty use x y" {
			t.Errorf("a key has the members %s", members)
		}
	}
}

func TestIssuerDocumentsAreForCachesAndBrowsers(t *testing.T) {
	s, iss := issuing(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		a := ask(t, s, http.MethodGet, iss+path)
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "public, max-age=900", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", path)
		}
		head := ask(t, s, http.MethodHead, iss+path)
		if head.Status != http.StatusOK || len(head.Body) != 0 || head.Header.Get("ETag") != a.Header.Get("ETag") || head.Header.Get("Content-Length") != a.Header.Get("Content-Length") {
			t.Errorf("%s: HEAD answers %d %v", path, head.Status, head.Header)
		}
		for _, tag := range []string{a.Header.Get("ETag"), `"other", W/` + a.Header.Get("ETag"), "*"} {
			same := ask(t, s, http.MethodGet, iss+path, "If-None-Match", tag)
			if same.Status != http.StatusNotModified || len(same.Body) != 0 || same.Header.Get("Cache-Control") == "" {
				t.Errorf("%s: If-None-Match %s answers %d %s", path, tag, same.Status, same.Body)
			}
		}
		if other := ask(t, s, http.MethodGet, iss+path, "If-None-Match", `"other"`); other.Status != http.StatusOK {
			t.Errorf("%s: another tag answers %d", path, other.Status)
		}
		if post := ask(t, s, http.MethodPost, iss+path); post.Status < 400 {
			t.Errorf("%s: POST answers %d", path, post.Status)
		}
	}
}

// TestRotationChangesTheKeysTag so that caches that ask see new keys at once.
func TestRotationChangesTheKeysTag(t *testing.T) {
	s, iss := issuing(t)
	before := ask(t, s, http.MethodGet, iss+"/.well-known/jwks.json").Header.Get("ETag")
	if _, err := s.Identity.RotateIssuer(t.Context(), s.Account, false); err != nil {
		t.Fatal(err)
	}
	if a := ask(t, s, http.MethodGet, iss+"/.well-known/jwks.json", "If-None-Match", before); a.Status != http.StatusOK {
		t.Errorf("after a rotation the old tag answers %d", a.Status)
	}
}

func TestUnknownIssuersAreNotFound(t *testing.T) {
	s, iss := issuing(t)
	id := iss[strings.LastIndexByte(iss, '/')+1:]
	calls := 0
	s.OnStore(func(call string) error {
		if call == "RecordByID" {
			calls++
		}
		return nil
	})
	for _, other := range []string{
		"00000000-0000-4000-8000-000000000000", strings.ToUpper(id), id[:35], id + "0", "outbound", "%2e%2e", id + "%2f", id + "%00", "..%2f" + id, s.Account,
	} {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
			if a := ask(t, s, http.MethodGet, s.URL+"/issuer/"+other+path); a.Status != http.StatusNotFound || strings.Contains(string(a.Body), id) {
				t.Errorf("%s%s answers %d %s", other, path, a.Status, a.Body)
			}
		}
	}
	if calls != 2 { // both documents of the one that could be an id
		t.Errorf("ids that cannot be any were looked up: %d times", calls)
	}
}

// TestFaultsOfIssuersAreNotTold: a verifier learns that it may try again, and nothing else.
func TestFaultsOfIssuersAreNotTold(t *testing.T) {
	s, iss := issuing(t)
	s.Clock.Advance(time.Second)
	s.OnStore(func(call string) error { return io.ErrUnexpectedEOF })
	a := ask(t, s, http.MethodGet, iss+"/.well-known/jwks.json")
	if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Header.Get("Cache-Control") != "no-store" || strings.Contains(string(a.Body), "EOF") {
		t.Errorf("answer is %d %v %s", a.Status, a.Header, a.Body)
	}
}

// TestIssuerPathFollowsItsURL: behind a public host of its own the documents are where that host asks for them.
func TestIssuerPathFollowsItsURL(t *testing.T) {
	for base, path := range map[string]string{"https://tokens.example.com": "", "https://tokens.example.com/a/b/": "/a/b"} {
		at, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		s, iss := issuing(t, servertest.Configure(func(c *identity.Config) { c.IssuerURL = at }))
		id := iss[strings.LastIndexByte(iss, '/')+1:]
		a := ask(t, s, http.MethodGet, s.URL+path+"/"+id+"/.well-known/openid-configuration")
		if a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"`+iss+`"`) {
			t.Errorf("%s: answer is %d %s", base, a.Status, a.Body)
		}
	}
}
