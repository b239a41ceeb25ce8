package identity

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// FuzzWorkloadToken: whatever the bytes, decoding neither panics nor accepts two spellings of one token.
func FuzzWorkloadToken(f *testing.F) {
	t0 := &workloadToken{workloadID: "wl-1", user: User{"https://idp.example.com", "alice"}, mintedAt: time.UnixMilli(1), expiresAt: time.UnixMilli(2), jwt: "a.b.c"}
	f.Add(t0.encode())
	f.Add((&workloadToken{jwtID: "x"}).encode())
	f.Add([]byte{watFormat})
	f.Add(append(t0.encode(), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeWorkloadToken(b)
		if err != nil {
			return
		}
		again, err := decodeWorkloadToken(got.encode())
		if err != nil || *again != *got {
			t.Errorf("%x decodes to %+v and that to %+v, %v", b, got, again, err)
		}
	})
}

// FuzzTexts: strings come back as they went in, and no two lists share an encoding.
func FuzzTexts(f *testing.F) {
	f.Add("", "a", []byte{1, 'x'})
	f.Add("a\x01", "\x00", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, a, b string, raw []byte) {
		var x, y string
		if err := readTexts(appendTexts(nil, a, b), &x, &y); err != nil || x != a || y != b {
			t.Errorf("%q %q came back as %q %q: %v", a, b, x, y, err)
		}
		if a != "" && bytes.Equal(appendTexts(nil, a, b), appendTexts(nil, a+b, "")) && b != "" {
			t.Errorf("%q %q encodes like %q and nothing", a, b, a+b)
		}
		_ = readTexts(raw, &x, &y) // must not panic
	})
}

// FuzzGrant: whatever a ciphertext held, decoding it neither panics nor runs out of memory.
func FuzzGrant(f *testing.F) {
	f.Add([]byte{grantFormat, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 'a', 1, 'r', 1, 'i', 1, 't'})
	f.Add(append([]byte{grantFormat, 0, 0, 0, 0, 0, 0, 0, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := decodeGrant(b)
		if err == nil && len(g.access.Reveal())+len(g.refresh.Reveal()) > len(b) {
			t.Errorf("%x holds more than it is long", b)
		}
	})
}

// FuzzReturnURL: what the matcher accepts is, in production, one of the registered texts byte for byte; in development it
// may also be a loopback address. Nothing else, and never another origin.
func FuzzReturnURL(f *testing.F) {
	const registered = "https://app.example.com/cb?x=1"
	for _, s := range []string{registered, registered + "/", "http://127.0.0.1:80/x", "http://localhost@evil", "http://127.0.0.1.evil/", `http://127.0.0.1\@evil/`, "http://[::1]:1/", "http://localhost%2eevil/", "javascript:x"} {
		f.Add(s)
	}
	public := &url.URL{Scheme: "https", Host: "lanyard.example.com"}
	strict := &Service{cfg: Config{PublicURL: public}}
	dev := &Service{cfg: Config{PublicURL: public, InsecureLoopbackReturnURLs: true}}
	w := &Workload{ReturnURLs: []string{registered}}
	f.Fuzz(func(t *testing.T, raw string) {
		if strict.returnURLAllowed(w, raw) && raw != registered {
			t.Errorf("%q was taken for %q", raw, registered)
		}
		if !dev.returnURLAllowed(w, raw) || dev.checkReturnURL("x", raw) != nil || raw == registered {
			return
		}
		u, err := url.Parse(withParams(raw, [][2]string{{"session_id", "urn:x"}, {"state", "a&b=c#d"}}))
		if err != nil || u.Scheme != "http" || u.User != nil || !slices.Contains([]string{"localhost", "::1"}, u.Hostname()) && !strings.HasPrefix(u.Hostname(), "127.") {
			t.Errorf("%q leads to %v: %v", raw, u, err)
		}
		if q := u.Query(); q.Get("session_id") != "urn:x" || q.Get("state") != "a&b=c#d" || len(q["session_id"]) != 1 || u.Fragment != "" {
			t.Errorf("%q was given %v", raw, u)
		}
	})
}

// FuzzPageToken: a token leads to a place of its own list or is refused.
func FuzzPageToken(f *testing.F) {
	f.Add(pageToken("workload", "agent"))
	f.Add(pageToken("grant", "gr-1"))
	f.Add("!!")
	f.Fuzz(func(t *testing.T, token string) {
		last, err := pageStart("workload", token)
		if err != nil || token == "" {
			return
		}
		raw, derr := base64.RawURLEncoding.DecodeString(token)
		if derr != nil || last == "" || string(raw) != "workload\x00"+last {
			t.Errorf("%q leads to %q", token, last)
		}
		if _, err := pageStart("grant", token); err == nil {
			t.Errorf("%q serves two lists", token)
		}
	})
}

// FuzzUserKey: no two users share a key.
func FuzzUserKey(f *testing.F) {
	f.Add("https://idp", "alice", "", "jwt:https:%2F%2Fidp|alice")
	f.Add("a|b", "c", "a", "b|c")
	f.Fuzz(func(t *testing.T, iss1, sub1, iss2, sub2 string) {
		a, b := User{iss1, sub1}, User{iss2, sub2}
		if a != b && a.Key() == b.Key() {
			t.Errorf("%+v and %+v are both %q", a, b, a.Key())
		}
	})
}

// FuzzARN: names that pass the wire's patterns cannot make one resource look like another.
func FuzzARN(f *testing.F) {
	f.Add("agent", "default")
	f.Add("a", "a/workload-identity/b")
	s := &Service{cfg: Config{Region: "us-west-2"}}
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == b || strings.ContainsAny(a+b, "/:*?") { // the patterns refuse these
			return
		}
		if s.WorkloadARN("000000000000", a) == s.WorkloadARN("000000000000", b) || strings.Count(s.WorkloadARN("000000000000", a), ":") != 5 {
			t.Errorf("%q and %q", a, b)
		}
		if s.OAuth2ProviderARN("000000000000", a) == s.APIKeyProviderARN("000000000000", b) {
			t.Errorf("%q and %q are providers of two kinds and have one ARN", a, b)
		}
	})
}

// FuzzGrantKey: different rights never share a grant, however they are cut.
func FuzzGrantKey(f *testing.F) {
	f.Add("a", "b", "c", "d")
	f.Fuzz(func(t *testing.T, w, u, p, scope string) {
		base := grantKey(w, u, p, rights{scopes: []string{scope}})
		for _, other := range [][32]byte{
			grantKey(w+u, "", p, rights{scopes: []string{scope}}), grantKey(w, u+p, "", rights{scopes: []string{scope}}),
			grantKey(w, u, p, rights{resources: []string{scope}}), grantKey(w, u, p, rights{scopes: []string{scope, ""}}), grantKey(w, u, p, rights{}),
		} {
			if other == base && u != "" && p != "" {
				t.Errorf("%q %q %q %q shares its key", w, u, p, scope)
			}
		}
	})
}

// TestGrantRoundTrip: what is sealed into a grant comes out again.
func TestGrantRoundTrip(t *testing.T) {
	want := grantTokens{access: vault.SecretString("a"), refresh: vault.SecretString("r"), issuer: "i", tokenEndpoint: "t", rights: newRights([]string{"b", "a", "b", " "}, nil, []string{"x"}), granted: []string{"b", "c"}, obtainedAt: time.UnixMilli(5)}
	got, err := decodeGrant(want.encode())
	if err != nil || got.access.RevealString() != "a" || got.refresh.RevealString() != "r" || got.issuer != "i" || got.tokenEndpoint != "t" || !slices.Equal(got.rights.scopes, []string{"a", "b"}) || !slices.Equal(got.rights.audiences, []string{"x"}) || !slices.Equal(got.granted, want.granted) || !got.obtainedAt.Equal(want.obtainedAt) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := decodeGrant(append(want.encode(), 1)); err == nil {
		t.Error("trailing bytes are accepted")
	}
}
