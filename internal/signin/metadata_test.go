package signin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

func (w *world) tryBegin() error {
	return w.gate.Begin(httptest.NewRecorder(), newBrowser().request(site), "/")
}

func TestIssuerIsAskedOnceForItsEndpoints(t *testing.T) {
	w := newWorld(t)
	if w.counted(issuer.DiscoveryPath) != 0 {
		t.Fatal("asked before anybody signed in")
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := w.tryBegin(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.signIn(newBrowser()) // with the keys, which the verifier finds through the same knowledge
	if n := w.counted(issuer.DiscoveryPath); n != 1 {
		t.Fatalf("asked %d times", n)
	}
	w.clock.advance(metadataFresh)
	if err := w.tryBegin(); err != nil || w.counted(issuer.DiscoveryPath) != 2 {
		t.Fatalf("asked %d times after ten minutes, %v", w.counted(issuer.DiscoveryPath), err)
	}
}

func TestIssuerThatIsDown(t *testing.T) {
	w := newWorld(t)
	w.at(issuer.DiscoveryPath, status(503))
	wantKind(t, w.tryBegin(), Unreachable, 504, "status 503")
	wantKind(t, w.tryBegin(), Unreachable, 504, "status 503")
	if n := w.counted(issuer.DiscoveryPath); n != 1 {
		t.Fatalf("an issuer that is down was asked %d times at once", n)
	}
	w.at(issuer.DiscoveryPath, nil)
	w.clock.advance(metadataPause)
	if err := w.tryBegin(); err != nil {
		t.Fatal(err)
	}
	w.at(issuer.DiscoveryPath, status(503))
	w.clock.advance(metadataLast - time.Second)
	if err := w.tryBegin(); err != nil {
		t.Fatalf("endpoints of yesterday are not bridged: %v", err)
	}
	w.clock.advance(metadataPause)
	wantKind(t, w.tryBegin(), Unreachable, 504, "status 503")
}

func TestDiscoveryThatIsNotUsable(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(m map[string]any)
		says   string
	}{
		"another issuer":         {func(m map[string]any) { m["issuer"] = "https://evil.example" }, "exactly this text"},
		"a tenant's placeholder": {func(m map[string]any) { m["issuer"] = "https://login.example/{tenantid}/v2.0" }, "placeholder"},
		"a slash more":           {func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" }, "exactly this text"},
		"no issuer":              {func(m map[string]any) { delete(m, "issuer") }, "exactly this text"},
		"no authorization":       {func(m map[string]any) { delete(m, "authorization_endpoint") }, "authorization"},
		"authorization in clear": {func(m map[string]any) { m["authorization_endpoint"] = "http://idp.example/authorize" }, "not https"},
		"authorization, script":  {func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" }, "whole URL"},
		"token in clear":         {func(m map[string]any) { m["token_endpoint"] = "http://idp.example/token" }, "https"},
		"token at metadata":      {func(m map[string]any) { m["token_endpoint"] = "https://169.254.169.254/" }, "never contacted"},
		"no keys":                {func(m map[string]any) { delete(m, "jwks_uri") }, "jwks_uri"},
		"no userinfo":            {func(m map[string]any) { delete(m, "userinfo_endpoint") }, "userinfo_endpoint"},
		"userinfo at metadata":   {func(m map[string]any) { m["userinfo_endpoint"] = "https://169.254.169.254/" }, "never contacted"},
		"sign-out in clear":      {func(m map[string]any) { m["end_session_endpoint"] = "http://idp.example/out" }, "not https"},
	} {
		w := newWorld(t)
		w.script(func() { w.metadata = tc.change })
		err := w.tryBegin()
		wantKind(t, err, Misconfigured, 500, tc.says)
		if !strings.Contains(err.Error(), issuer.DiscoveryPath) {
			t.Errorf("%s: the error does not name the document: %v", name, err)
		}
	}
	w := newWorld(t)
	w.at(issuer.DiscoveryPath, status(404))
	wantKind(t, w.tryBegin(), Misconfigured, 500, "check the issuer's URL")
	w = newWorld(t)
	w.at(issuer.DiscoveryPath, func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<html>")) })
	wantKind(t, w.tryBegin(), Misconfigured, 500, "not one JSON object")
}

// A document that has become wrong is not bridged by what it said before.
func TestDiscoveryThatBecomesWrong(t *testing.T) {
	w := newWorld(t)
	if err := w.tryBegin(); err != nil {
		t.Fatal(err)
	}
	w.script(func() { w.metadata = func(m map[string]any) { m["issuer"] = "https://evil.example" } })
	w.clock.advance(metadataFresh)
	wantKind(t, w.tryBegin(), Misconfigured, 500, "exactly this text")
}

// Configured endpoints count, also against a document that says otherwise; only the keys are looked up.
func TestConfiguredEndpointsWithDiscoveredKeys(t *testing.T) {
	w := newWorld(t)
	w.cfg.Endpoints = &Endpoints{Authorization: w.web.URL + "/mine", Token: w.web.URL + "/token", UserInfo: w.web.URL + "/userinfo"}
	w.restart()
	w.script(func() {
		w.metadata = func(m map[string]any) {
			m["authorization_endpoint"], m["token_endpoint"] = w.web.URL+"/theirs", w.web.URL+"/theirs"
		}
	})
	b := newBrowser()
	begun := w.begin(b, "/")
	if !strings.HasPrefix(begun, w.web.URL+"/mine?") {
		t.Fatalf("sent to %s", begun)
	}
	if _, err := w.callback(b, w.answered(begun)); err != nil {
		t.Fatal(err)
	}
	rec, err := w.logout(b, "")
	if err != nil || rec.Header().Get("Location") != site+"/" {
		t.Fatalf("signed out to %s, %v: a page that is not configured", rec.Header().Get("Location"), err)
	}
}
