package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/lanyard-id/lanyard/internal/egress"
)

// tokenUntil is signed with k1 and valid from the epoch for d.
func tokenUntil(key *ecdsa.PrivateKey, kid string, d time.Duration) string {
	return sign(jose.ES256, key, map[string]any{"kid": kid}, claimSet(map[string]any{"exp": epoch.Add(d).Unix()}))
}

const week = 7 * 24 * time.Hour

func TestA22_RotationIsNoticed(t *testing.T) {
	old, next := ecKey(elliptic.P256()), ecKey(elliptic.P256())
	p := newIDP(t, public("old", old))
	p.wantAccepted(tokenUntil(old, "old", week))
	p.publish(public("old", old), public("next", next))
	p.wantAccepted(tokenUntil(next, "next", week)) // an unknown kid fetches at once
	p.wantAccepted(tokenUntil(old, "old", week))
	if n := p.count(keysURL); n != 2 {
		t.Errorf("%d requests for the keys, want 2", n)
	}
}

func TestA22_RotationWithoutKidIsNoticed(t *testing.T) {
	old, next := ecKey(elliptic.P256()), ecKey(elliptic.P256())
	p := newIDP(t, public("", old))
	without := func(k *ecdsa.PrivateKey) string {
		return sign(jose.ES256, k, map[string]any{"kid": nil}, claimSet(nil))
	}
	p.wantAccepted(without(old))
	p.publish(public("", next))
	p.wantAccepted(without(next))
}

func TestA22_WithdrawnKeyStopsRememberedTokens(t *testing.T) {
	old, next := ecKey(elliptic.P256()), ecKey(elliptic.P256())
	p := newIDP(t, public("old", old))
	token := tokenUntil(old, "old", week)
	p.wantAccepted(token)
	p.publish(public("next", next))
	p.wantAccepted(token) // within the ten minutes that keys stay fresh
	p.advance(defaultFresh)
	p.wantRefused(token, UnknownKey)
	p.publish() // an issuer may withdraw everything
	p.advance(defaultFresh)
	p.wantRefused(tokenUntil(next, "next", week), UnknownKey)
}

func TestA22_OutageKeepsTheLastGoodKeysForADay(t *testing.T) {
	for name, breakIt := range map[string]func(p *idp){
		"discovery unreachable": func(p *idp) { p.fail(discoveryURL) },
		"keys unreachable":      func(p *idp) { p.fail(keysURL) },
		"keys malformed":        func(p *idp) { p.serve(keysURL, "<html>", nil) },
		"keys gone":             func(p *idp) { p.status(keysURL, http.StatusNotFound) },
		"discovery altered":     func(p *idp) { p.serve(discoveryURL, `{"issuer":"https://evil.example","jwks_uri":"x"}`, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			key, next := ecKey(elliptic.P256()), ecKey(elliptic.P256())
			p := newIDP(t, public("k1", key))
			p.wantAccepted(tokenUntil(key, "k1", week))
			breakIt(p)
			p.advance(lastGood - time.Second)
			p.wantAccepted(tokenUntil(key, "k1", week+time.Second))
			// A key that nobody has seen published stays unknown during the outage.
			p.wantRefused(tokenUntil(next, "next", week), UnknownKey)
			p.advance(time.Second)
			p.wantRefused(tokenUntil(key, "k1", week+2*time.Second), KeysUnavailable)
			// And when it is over the new key is found.
			p.serve(discoveryURL, `{"issuer":"`+testIssuer+`","jwks_uri":"`+keysURL+`"}`, nil)
			p.publish(public("next", next))
			p.advance(afterFailure)
			p.wantAccepted(tokenUntil(next, "next", week))
		})
	}
}

func (p *idp) status(url string, status int) {
	p.set(url, func() (*egress.Response, error) {
		return &egress.Response{Status: status, Body: []byte(`{"keys":[]}`)}, nil
	})
}

// The guarded client is the judge of a URL from a discovery document; here the
// real one is, with the network behind it never reached.
func TestA22_KeyURLThatIsNotPublicHTTPS(t *testing.T) {
	client, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	key := ecKey(elliptic.P256())
	for _, url := range []string{
		"http://idp.example/keys", "https://127.0.0.1/keys", "https://10.0.0.1/keys", "https://169.254.169.254/keys",
		"https://[::ffff:169.254.169.254]/keys", "file:///etc/passwd", "https://user@idp.example/keys", "/keys", "keys", "data:application/json,{}",
	} {
		p := newIDP(t, public("k1", key))
		p.serve(discoveryURL, `{"issuer":"`+testIssuer+`","jwks_uri":"`+url+`"}`, nil)
		p.set(url, func() (*egress.Response, error) { return client.Get(t.Context(), url, nil) })
		e := p.wantRefused(tokenUntil(key, "k1", time.Hour), KeysUnavailable)
		refusal, ok := errors.AsType[*egress.Error](e)
		if !ok || refusal.Kind != egress.Refused {
			t.Errorf("%s: %v, want the guard's refusal", url, e)
		}
	}
}

func TestA22_KeysMayMoveToAnotherPublicHost(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	p.wantAccepted(tokenUntil(key, "k1", week))
	const elsewhere = "https://keys.cdn.example/v2"
	next := ecKey(elliptic.P256())
	p.serve(discoveryURL, `{"issuer":"`+testIssuer+`","jwks_uri":"`+elsewhere+`"}`, nil)
	p.serve(elsewhere, jwks(public("k2", next)), nil)
	p.wantAccepted(tokenUntil(next, "k2", week))
}

func TestA22_DiscoveryMustBeTheIssuersOwn(t *testing.T) {
	key := ecKey(elliptic.P256())
	for name, doc := range map[string]string{
		"other issuer":    `{"issuer":"https://idp.example/other","jwks_uri":"` + keysURL + `"}`,
		"trailing slash":  `{"issuer":"` + testIssuer + `/","jwks_uri":"` + keysURL + `"}`,
		"template":        `{"issuer":"https://idp.example/{tenantid}","jwks_uri":"` + keysURL + `"}`,
		"no issuer":       `{"jwks_uri":"` + keysURL + `"}`,
		"no jwks_uri":     `{"issuer":"` + testIssuer + `"}`,
		"issuer twice":    `{"issuer":"https://evil.example","issuer":"` + testIssuer + `","jwks_uri":"` + keysURL + `"}`,
		"capital members": `{"ISSUER":"` + testIssuer + `","JWKS_URI":"` + keysURL + `"}`,
		"not an object":   `["` + testIssuer + `"]`,
		"not JSON":        `<html>`,
		"empty":           ``,
		"deep":            strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t, public("k1", key))
			p.serve(discoveryURL, doc, nil)
			p.wantRefused(tokenUntil(key, "k1", time.Hour), KeysUnavailable)
		})
	}
}

// Two accounts trust one issuer name; the second one's own discovery URL, which
// answers with a key of its choice, must not reach the first.
func TestA22_DiscoveryOverrideDoesNotReachAnotherTrust(t *testing.T) {
	good, forged := ecKey(elliptic.P256()), ecKey(elliptic.P256())
	p := newIDP(t, public("k1", good))
	honest := p.trusted
	p.serve("https://evil.example/discovery", `{"issuer":"`+testIssuer+`","jwks_uri":"https://evil.example/keys"}`, nil)
	p.serve("https://evil.example/keys", jwks(public("k1", forged)), nil)
	token := tokenUntil(forged, "k1", time.Hour)

	p.trusted.DiscoveryURL = "https://evil.example/discovery"
	p.wantAccepted(token)
	p.trusted = honest
	p.wantRefused(token, Signature)
	p.trusted.DiscoveryURL = "https://evil.example/discovery"
	p.wantAccepted(token)
}

func TestDefaultDiscoveryURL(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://idp.example":       "https://idp.example/.well-known/openid-configuration",
		"https://idp.example/":      "https://idp.example/.well-known/openid-configuration",
		"https://idp.example/a/b":   "https://idp.example/a/b/.well-known/openid-configuration",
		"http://127.0.0.1:8585/i/x": "http://127.0.0.1:8585/i/x/.well-known/openid-configuration",
	} {
		if got := (sourceID{issuer: issuer}).url(); got != want {
			t.Errorf("%s: %s, want %s", issuer, got, want)
		}
	}
}

func TestFreshness(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                             defaultFresh,
		"public":                       defaultFresh,
		"max-age=3600":                 time.Hour,
		"public, Max-Age=7200, x":      2 * time.Hour,
		`max-age="600"`:                10 * time.Minute,
		"max-age=0":                    minFresh,
		"max-age=5":                    minFresh,
		"max-age=-1":                   minFresh,
		"max-age=999999999":            maxFresh,
		"max-age=99999999999999999999": minFresh,
		"no-store":                     minFresh,
		"no-cache, max-age=3600":       minFresh,
		"s-maxage=3600":                defaultFresh,
	} {
		if got := freshness(http.Header{"Cache-Control": {header}}); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestMaxAgeDecidesTheNextFetch(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t)
	p.serve(keysURL, jwks(public("k1", key)), http.Header{"Cache-Control": {"max-age=3600"}})
	p.wantAccepted(tokenUntil(key, "k1", week))
	p.advance(time.Hour - time.Second)
	p.wantAccepted(tokenUntil(key, "k1", week+time.Second))
	if n := p.count(keysURL); n != 1 {
		t.Errorf("%d requests before max-age, want 1", n)
	}
	p.advance(time.Second)
	p.wantAccepted(tokenUntil(key, "k1", week+2*time.Second))
	if n := p.count(keysURL); n != 2 {
		t.Errorf("%d requests after max-age, want 2", n)
	}
}

func TestA50_UnknownKidsDoNotFloodTheIssuer(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	p.wantAccepted(tokenUntil(key, "k1", week))
	for i := range 100 {
		p.wantRefused(tokenUntil(key, fmt.Sprintf("x%d", i), week), UnknownKey)
	}
	if n := p.count(keysURL); n != 2 {
		t.Errorf("%d requests for 100 unknown keys, want 2", n)
	}
	p.advance(betweenForced)
	p.wantRefused(tokenUntil(key, "x", week), UnknownKey)
	if n := p.count(keysURL); n != 3 {
		t.Errorf("%d requests after the pause, want 3", n)
	}
}

func TestA50_BadSignaturesDoNotFloodTheIssuer(t *testing.T) {
	key, forged := ecKey(elliptic.P256()), ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	for range 20 {
		p.wantRefused(tokenUntil(forged, "k1", week), Signature)
	}
	if n := p.count(keysURL); n != 2 {
		t.Errorf("%d requests for 20 forgeries, want 2", n)
	}
}

func TestA50_UnreachableIssuerIsAskedOncePerPause(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	p.fail(discoveryURL)
	for range 50 {
		e := p.wantRefused(tokenUntil(key, "k1", week), KeysUnavailable)
		if strings.Contains(e.Error(), "10.0.0.1") {
			t.Fatalf("an unknown error's text is shown: %v", e)
		}
	}
	if n := p.count(discoveryURL); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	p.advance(afterFailure)
	p.serve(discoveryURL, `{"issuer":"`+testIssuer+`","jwks_uri":"`+keysURL+`"}`, nil)
	p.wantAccepted(tokenUntil(key, "k1", week))
}

func TestA50_SourcesAreBounded(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	for i := range maxSources + 10 {
		issuer := fmt.Sprintf("https://idp-%d.example", i)
		p.trusted = Trust{Issuer: issuer, AnyAudience: true}
		p.serve(issuer+"/.well-known/openid-configuration", `{"issuer":"`+issuer+`","jwks_uri":"`+keysURL+`"}`, nil)
		p.wantAccepted(sign(jose.ES256, key, nil, claimSet(map[string]any{"iss": issuer})))
	}
	if n := p.verifier.sources.Len(); n != maxSources {
		t.Errorf("%d sources are kept, want %d", n, maxSources)
	}
}

func TestA50_LargeTokensAreNotRemembered(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	p.wantAccepted(sign(jose.ES256, key, nil, claimSet(map[string]any{"x": strings.Repeat("a", maxCachedBytes)})))
	if n := p.verifier.verified.Len(); n != 0 {
		t.Errorf("%d tokens are remembered", n)
	}
}

func TestSignatureIsVerifiedOncePerToken(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	token := tokenUntil(key, "k1", week)
	p.wantAccepted(token)
	before, _ := p.verifier.verified.Get(sha(token))
	p.wantAccepted(token)
	after, ok := p.verifier.verified.Get(sha(token))
	if !ok || before != after {
		t.Error("the second call did not use what the first remembered")
	}
	p.wantRefused(tamper(token), Signature)
	if n := p.verifier.verified.Len(); n != 1 {
		t.Errorf("%d tokens are remembered, want the good one alone", n)
	}
}

// hold makes the discovery request wait for release.
func (p *idp) hold() (release func()) {
	gate := make(chan struct{})
	p.set(discoveryURL, func() (*egress.Response, error) {
		<-gate
		return &egress.Response{Status: http.StatusOK, Body: []byte(`{"issuer":"` + testIssuer + `","jwks_uri":"` + keysURL + `"}`)}, nil
	})
	return func() { close(gate) }
}

func TestConcurrentCallersShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := ecKey(elliptic.P256()), ecKey(elliptic.P256())
		p := newIDP(t, public("old", old))
		release := p.hold()
		inParallel := func(token string) (errs [20]error) {
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { _, errs[i] = p.verify(token) })
			}
			synctest.Wait()
			release()
			wg.Wait()
			return errs
		}
		if errs := inParallel(tokenUntil(old, "old", week)); errors.Join(errs[:]...) != nil {
			t.Error(errors.Join(errs[:]...))
		}
		// Nobody is refused while the fetch for a new key is under way.
		p.publish(public("next", next))
		release = p.hold()
		if errs := inParallel(tokenUntil(next, "next", week)); errors.Join(errs[:]...) != nil {
			t.Error(errors.Join(errs[:]...))
		}
		if n := p.count(discoveryURL); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
}

func TestCallerThatLeavesFailsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := ecKey(elliptic.P256())
		p := newIDP(t, public("k1", key))
		release := p.hold()
		token := tokenUntil(key, "k1", week)
		ctx, cancel := context.WithCancel(t.Context())
		var first, second error
		var wg sync.WaitGroup
		wg.Go(func() { _, first = p.verifier.Verify(ctx, token, p.trust) })
		synctest.Wait()
		wg.Go(func() { _, second = p.verify(token) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		release()
		wg.Wait()
		if e, ok := errors.AsType[*Error](first); !ok || e.Reason != KeysUnavailable || !errors.Is(first, context.Canceled) {
			t.Errorf("the caller that left got %v", first)
		}
		if second != nil {
			t.Errorf("the caller that stayed got %v", second)
		}
	})
}

func TestA22_HangingIssuerDelaysKnownKeysBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := ecKey(elliptic.P256())
		p := newIDP(t, public("k1", key))
		p.wantAccepted(tokenUntil(key, "k1", week))
		p.advance(defaultFresh)
		release := p.hold()
		start := time.Now()
		p.wantAccepted(tokenUntil(key, "k1", week+time.Second))
		if took := time.Since(start); took != staleWait {
			t.Errorf("took %v, want %v", took, staleWait)
		}
		release()
	})
}
