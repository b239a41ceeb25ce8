package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// signed is a good request of GetWorkloadIdentity, to be spoilt.
func (w *world) signed(t testing.TB) *http.Request {
	t.Helper()
	r := w.Request(t, api.GetWorkloadIdentity, `{"name":"agent"}`)
	w.Sign(t, w.Root, r, "bedrock-agentcore")
	return r
}

// TestA25_SignedBytes: a good request passes; with any signed part changed it does not, and neither does its answer tell
// more than that.
func TestA25_SignedBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.Do(t, w.signed(t)); a.Status != 200 {
		t.Fatalf("a good request answers %d %s", a.Status, a.Body)
	}
	authorization := w.signed(t).Header.Get("Authorization")
	for i := 0; i < len(authorization); i += 5 {
		r := w.signed(t)
		r.Header.Set("Authorization", flip(r.Header.Get("Authorization"), i))
		if a := w.Do(t, r); a.Status != 403 {
			t.Errorf("Authorization changed at %d: %d %s", i, a.Status, a.Body)
		}
	}
	for name, spoil := range map[string]func(*http.Request){
		"query":        func(r *http.Request) { r.URL.RawQuery = "x=1" },
		"content type": func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") },
		"host":         func(r *http.Request) { r.Host = "elsewhere.example.com" },
		"path":         func(r *http.Request) { r.URL.Path = api.GetWorkloadAccessToken.Path },
		"body": func(r *http.Request) {
			*r = *mustRequest(t, r, `{"name":"agenx"}`)
		},
		"hash":              func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") },
		"token added (A26)": func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "LYST1.000000000000.x") },
		"two signatures (A28)": func(r *http.Request) {
			r.Header.Add("Authorization", r.Header.Get("Authorization"))
		},
		"two dates (A28)": func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) },
	} {
		r := w.signed(t)
		spoil(r)
		if a := w.Do(t, r); a.Status != 403 {
			t.Errorf("%s changed: %d %s", name, a.Status, a.Body)
		}
	}
}

func mustRequest(t testing.TB, r *http.Request, body string) *http.Request {
	t.Helper()
	c, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
	check(t, err)
	c.Header = r.Header
	return c
}

// TestA27_ReplayBeyondTheSkew: a request is good for minutes, on the server's clock, into the past and into the future.
func TestA27_ReplayBeyondTheSkew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for move, ok := range map[time.Duration]bool{4 * time.Minute: true, 6 * time.Minute: false, -6 * time.Minute: false} {
		r := w.signed(t)
		w.Clock.Advance(move)
		a := w.Do(t, r)
		w.Clock.Advance(-move)
		if ok != (a.Status == 200) {
			t.Errorf("%v later: %d %s", move, a.Status, a.Body)
		}
		if !ok {
			refused(t, a, api.InvalidSignature)
		}
	}
}

// TestA29_PresignedForm: a presigned request works within its time, and not after it, nor with its time stretched, nor
// with a body it did not sign.
func TestA29_PresignedForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	presigned := func(spoil func(*http.Request)) *servertest.Answer {
		t.Helper()
		r, err := http.NewRequest("POST", w.URL+api.ListWorkloadIdentities.Path, nil)
		check(t, err)
		sigv4.Presign(r, sigv4.Credentials{AccessKeyID: w.Root.AccessKeyID, SecretAccessKey: w.Root.Secret}, "us-west-2", "bedrock-agentcore", time.Minute, w.Clock.Now())
		spoil(r)
		return w.Do(t, r)
	}
	if a := presigned(func(*http.Request) {}); a.Status != 200 {
		t.Errorf("a good one: %d %s", a.Status, a.Body)
	}
	for name, spoil := range map[string]func(*http.Request){
		"too late": func(*http.Request) { w.Clock.Advance(61 * time.Second) },
		"stretched": func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Expires=60", "Expires=600", 1)
		},
		"for another operation": func(r *http.Request) { r.URL.Path = api.ListGrants.Path },
		"with a body": func(r *http.Request) {
			*r = *mustRequest(t, r, `{"maxResults":1}`)
		},
		"and a header too": func(r *http.Request) { w.Sign(t, w.Root, r, "bedrock-agentcore") },
	} {
		if a := presigned(spoil); a.Status != 403 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}
