package sigv4

import (
	"strings"
	"testing"
)

// maxAllocs is what one verification may allocate; the test fails beyond it.
const maxAllocs = 4

func benchRequest(tb testing.TB) (verify func() error) {
	tb.Helper()
	body := []byte(strings.Repeat("x", 300))
	r := newRequest(tb, "POST", "http://127.0.0.1:8585/identities/GetWorkloadAccessToken", string(body))
	r.Header.Set("Content-Type", "application/json")
	Sign(r, body, testCredentials(strings.Repeat("t", 400)), testRegion, "bedrock-agentcore", testNow)
	got := wire(tb, r)
	cache, secret := NewKeyCache(16), func() ([]byte, error) { return []byte(testSecret), nil }
	return func() error {
		q, err := Parse(got)
		if err != nil {
			return err
		}
		key, err := cache.SigningKey(q.AccessKeyID, cache, q.Scope, testNow, secret)
		if err != nil {
			return err
		}
		return q.Verify(key, body, testNow)
	}
}

func TestVerifyAllocations(t *testing.T) {
	verify := benchRequest(t)
	got := testing.AllocsPerRun(100, func() {
		if err := verify(); err != nil {
			t.Fatal(err)
		}
	})
	if got > maxAllocs {
		t.Errorf("%v allocations, want at most %d", got, maxAllocs)
	}
}

func BenchmarkVerify(b *testing.B) {
	verify := benchRequest(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := verify(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeriveKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		DeriveKey([]byte(testSecret), Scope{"20260102", testRegion, "bedrock-agentcore"})
	}
}
