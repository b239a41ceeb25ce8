package oidcdata_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/client/oidcdata"
)

func TestConfigTeaches(t *testing.T) {
	f := newFrontDoor(t)
	for name, tc := range map[string]struct {
		edit func(*oidcdata.Config)
		want string
	}{
		"no signer":          {func(c *oidcdata.Config) { c.Signer = "" }, "any load balancer"},
		"no keys":            {func(c *oidcdata.Config) { c.KeysURL = "" }, "RegionKeysURL"},
		"plain http":         {func(c *oidcdata.Config) { c.KeysURL = "http://keys.example.com" }, "use https"},
		"loopback lookalike": {func(c *oidcdata.Config) { c.KeysURL = "http://127.0.0.1.example.com" }, "use https"},
		"another scheme":     {func(c *oidcdata.Config) { c.KeysURL = "file:///etc" }, "https URL"},
		"a user":             {func(c *oidcdata.Config) { c.KeysURL = "https://u@keys.example.com" }, "no user name"},
		"a query":            {func(c *oidcdata.Config) { c.KeysURL = "https://keys.example.com/?k=" }, "query"},
		"leeway":             {func(c *oidcdata.Config) { c.Leeway = time.Hour }, "Leeway"},
		"negative leeway":    {func(c *oidcdata.Config) { c.Leeway = -1 }, "Leeway"},
	} {
		c := f.config()
		tc.edit(&c)
		if _, err := oidcdata.New(c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegionKeysURL(t *testing.T) {
	for region, want := range map[string]string{
		"us-west-2":     "https://public-keys.auth.elb.us-west-2.amazonaws.com",
		"eu-central-1":  "https://public-keys.auth.elb.eu-central-1.amazonaws.com",
		"us-gov-west-1": "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1",
		"us-gov-east-1": "https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1",
		"cn-north-1":    "", "us-iso-east-1": "", "us-isob-east-1": "", "evil.example/": "", "us-west-2.evil.example": "", "": "", "us-west-2\n": "",
	} {
		got, err := oidcdata.RegionKeysURL(region)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", region, got, err)
		}
	}
}

// TestKeysAreKept: for hours, then asked for again.
func TestKeysAreKept(t *testing.T) {
	f := newFrontDoor(t)
	now := testNow
	v := f.verifier(func(c *oidcdata.Config) { c.Now = func() time.Time { return now } })
	verify := func() {
		t.Helper()
		exp := now.Add(time.Minute).Unix()
		if _, err := v.Verify(t.Context(), f.token(goodHeader().with(object{"exp": exp}), goodPayload().with(object{"exp": exp}))); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		later time.Duration
		asked int
	}{{0, 1}, {11 * time.Hour, 1}, {2 * time.Hour, 2}} {
		now = now.Add(step.later)
		verify()
		if n := len(f.requests()); n != step.asked {
			t.Errorf("after %s: %d requests, want %d", step.later, n, step.asked)
		}
	}
}

// TestA22_KeysOutliveAnOutage: of the key host, for a day; and no longer than the host says that the key is gone.
func TestA22_KeysOutliveAnOutage(t *testing.T) {
	f := newFrontDoor(t)
	now := testNow
	v := f.verifier(func(c *oidcdata.Config) { c.Now = func() time.Time { return now } })
	verify := func() error {
		exp := now.Add(time.Minute).Unix()
		_, err := v.Verify(t.Context(), f.token(goodHeader().with(object{"exp": exp}), goodPayload().with(object{"exp": exp})))
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	f.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	now = now.Add(13 * time.Hour)
	for range 3 {
		if err := verify(); err != nil {
			t.Errorf("during the outage: %v", err)
		}
	}
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	now = now.Add(24 * time.Hour)
	if err := verify(); !errors.Is(err, oidcdata.ErrKeysUnavailable) {
		t.Errorf("after a day and a half: %v", err)
	}
	f.answers(nil)
	now = now.Add(6 * time.Second)
	if err := verify(); err != nil {
		t.Errorf("after the outage: %v", err)
	}
	f.answers(http.NotFound)
	now = now.Add(13 * time.Hour)
	if err := verify(); err == nil || errors.Is(err, oidcdata.ErrKeysUnavailable) {
		t.Errorf("a key that was withdrawn: %v", err)
	}
}

// TestA50_InventedKidsCannotFloodTheKeyHost: it is asked for a few at a time, and they push out no key that was found.
func TestA50_InventedKidsCannotFloodTheKeyHost(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier()
	if _, err := v.Verify(t.Context(), f.good()); err != nil {
		t.Fatal(err)
	}
	var asking, most atomic.Int32
	f.answers(func(w http.ResponseWriter, r *http.Request) {
		for n := asking.Add(1); ; {
			if before := most.Load(); n <= before || most.CompareAndSwap(before, n) {
				break
			}
		}
		defer asking.Add(-1)
		http.NotFound(w, r)
	})
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			token := f.token(goodHeader().with(object{"kid": fmt.Sprint("invented-", i)}), goodPayload())
			if _, err := v.Verify(t.Context(), token); err == nil {
				t.Error("accepted")
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 8 {
		t.Errorf("%d requests at once", n)
	}
	if _, err := v.Verify(t.Context(), f.good()); err != nil {
		t.Errorf("the known key is lost: %v", err)
	}
}

// TestA50_InventedKidsLockNobodyOut: of a service that just started and has no key yet, also where the same kid comes twice.
func TestA50_InventedKidsLockNobodyOut(t *testing.T) {
	f := newFrontDoor(t)
	v := f.verifier(func(c *oidcdata.Config) { c.Now = func() time.Time { return testNow } })
	for i := range 300 {
		token := f.token(goodHeader().with(object{"kid": fmt.Sprint("invented-", i/2)}), goodPayload())
		_, err := v.Verify(t.Context(), token)
		refused(t, "invented", token, err, "has no key of its kid")
	}
	if n := len(f.requests()); n != 150 {
		t.Errorf("%d requests for 150 kids", n)
	}
	if _, err := v.Verify(t.Context(), f.good()); err != nil {
		t.Errorf("the first user is locked out: %v", err)
	}
}

// TestA50_TheCacheIsBounded: slow invention, below the limit of fetches, still does not push out a key that was found.
func TestA50_TheCacheIsBounded(t *testing.T) {
	f := newFrontDoor(t)
	now := testNow
	v := f.verifier(func(c *oidcdata.Config) { c.Now = func() time.Time { return now } })
	long := object{"exp": testNow.Add(2 * time.Hour).Unix()}
	if _, err := v.Verify(t.Context(), f.token(goodHeader().with(long), goodPayload().with(long))); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		now = now.Add(4 * time.Second)
		token := f.token(goodHeader().with(long).with(object{"kid": fmt.Sprint("invented-", i)}), goodPayload().with(long))
		_, err := v.Verify(t.Context(), token)
		refused(t, "invented", token, err, "has no key of its kid")
	}
	before := len(f.requests())
	if _, err := v.Verify(t.Context(), f.token(goodHeader().with(long), goodPayload().with(long))); err != nil || len(f.requests()) != before {
		t.Errorf("the key that was found did not stay: %v, %d requests more", err, len(f.requests())-before)
	}
}

func TestUnknownKidIsAskedAgainSoon(t *testing.T) {
	f := newFrontDoor(t)
	now := testNow
	v := f.verifier(func(c *oidcdata.Config) { c.Now = func() time.Time { return now } })
	f.answers(http.NotFound)
	for range 3 {
		_, err := v.Verify(t.Context(), f.good())
		refused(t, "unknown", f.good(), err, "another region's")
	}
	if n := len(f.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	f.answers(nil)
	now = now.Add(31 * time.Second)
	if _, err := v.Verify(t.Context(), f.good()); err != nil {
		t.Error(err)
	}
}

// TestOneFetchServesAll: callers at once share one request, and one who leaves takes it from nobody.
func TestOneFetchServesAll(t *testing.T) {
	f := newFrontDoor(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.answers(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(arrived) })
		<-release
		_, _ = w.Write(f.pem)
	})
	v := f.verifier()
	token := f.good()
	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := v.Verify(leaving, token); left <- err }()
	<-arrived
	leave()
	if err := <-left; !errors.Is(err, oidcdata.ErrKeysUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 20 {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				failed.Add(1)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := len(f.requests()); n != 1 || failed.Load() != 0 {
		t.Errorf("%d requests, %d failed", n, failed.Load())
	}
}

func TestBadAnswersOfTheKeyHost(t *testing.T) {
	write := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) }
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := newFrontDoor(t)
	good := f.pem
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"error":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "status 500"},
		"A36 redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+kid+"/elsewhere", 302) }, "status 302"},
		"A37 giant":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("-", 1<<20)) }, "more than a key"},
		"A37 breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(200)
		}, "breaks off"},
		"not PEM":          {write([]byte("<html>")), "PEM"},
		"two keys":         {write(append(good, good...)), "PEM"},
		"a certificate":    {write([]byte(strings.ReplaceAll(string(good), "PUBLIC KEY", "CERTIFICATE"))), "PEM"},
		"not a key":        {write([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")), "can be read"},
		"A18 an RSA key":   {write(pemOf(t, &rsaKey.PublicKey)), "P-256"},
		"a key on P-384":   {write(pemOf(t, &p384.PublicKey)), "P-256"},
		"A37 closes early": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no answer"},
	} {
		f.answers(tc.answer)
		_, err := f.verifier().Verify(t.Context(), f.good())
		refused(t, name, f.good(), err, tc.want)
		if !errors.Is(err, oidcdata.ErrKeysUnavailable) || strings.Contains(fmt.Sprint(err), kid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range f.requests() {
		if path != "/"+kid {
			t.Errorf("%s was asked for", path)
		}
	}
}

// TestGivenClientFollowsNoRedirectEither: also A36; the caller's own client stays as it was.
func TestGivenClientFollowsNoRedirectEither(t *testing.T) {
	f := newFrontDoor(t)
	f.answers(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	given := &http.Client{}
	v := f.verifier(func(c *oidcdata.Config) { c.HTTPClient = given })
	_, err := v.Verify(t.Context(), f.good())
	refused(t, "redirect", f.good(), err, "status 302")
	if given.CheckRedirect != nil || len(f.requests()) != 1 {
		t.Error("the client given was changed, or the redirect followed")
	}
}
