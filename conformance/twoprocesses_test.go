//go:build conformance

package conformance_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// twoProcesses are two services on one PostgreSQL, with a proxy under their common public URL.
type twoProcesses struct {
	t        *testing.T
	database *lab.Postgres
	replicas [2]*lab.Server
	turn     atomic.Int64
}

func newTwoProcesses(t *testing.T) *twoProcesses {
	t.Helper()
	p := &twoProcesses{t: t, database: bench.OwnPostgres(t)}
	public := httptest.NewServer(http.HandlerFunc(p.proxy))
	t.Cleanup(public.Close)
	config := fmt.Sprintf(`listen: "{{listen}}"
public_url: %q
insecure_http: true
database: {postgres: %q}
root_key: {file: %q}
egress: {allow: [127.0.0.1], insecure_http_hosts: [127.0.0.1]}
`, public.URL, p.database.URL, bench.RootKey(t))
	for i := range p.replicas {
		p.replicas[i] = bench.Replica(t, config)
	}
	key := strings.Fields(p.replicas[0].Admin(t, "bootstrap"))
	for _, r := range p.replicas {
		r.Setenv(key...)
	}
	return p
}

// proxy sends a browser's link to the first process and the provider's callback to the second.
func (p *twoProcesses) proxy(w http.ResponseWriter, r *http.Request) {
	replica := p.replicas[0]
	if strings.Contains(r.URL.Path, "/callback/") {
		replica = p.replicas[1]
	}
	target, err := url.Parse(replica.URL)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	(&httputil.ReverseProxy{Rewrite: func(out *httputil.ProxyRequest) {
		out.SetURL(target)
		out.Out.Host = out.In.Host
	}}).ServeHTTP(w, r)
}

// other is the process that did not answer last.
func (p *twoProcesses) other() lab.Caller {
	return p.replicas[p.turn.Add(1)%2].Caller()
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	p := newTwoProcesses(t)
	bench.Python(t, p.replicas[0], "two_processes.py", "LAB_PROVIDER=oidc-provider",
		"PROCESS_A="+p.replicas[0].URL, "PROCESS_B="+p.replicas[1].URL)

	provider, err := bench.StartOIDCProvider("--access-token-ttl", "1")
	check(t, err)
	s := atOIDCProvider(t, provider, "herded-agent", p.other)
	s.tell()
	before, err := provider.TokenRequests(t.Context())
	check(t, err)
	check(t, provider.SetAccessTokenTTL(t.Context(), 600))
	rp := newRelyingParty(t, provider)
	waitFor(t, "the provider refuses the expired token", func() bool { return rp.user(s.token) != "alice" })

	token := p.herd(s)
	if rp.user(token) != "alice" {
		t.Error("the refreshed token is not alice's")
	}
	p.outage(s, token)
	after, err := provider.TokenRequests(t.Context())
	check(t, err)
	if diff := cmp.Diff(map[string]int{"refresh_token": 1}, difference(before, after)); diff != "" {
		t.Errorf("token requests at the provider (-want +got):\n%s", diff)
	}
}

const herdSize = 1000

// herd lets a thousand callers ask both processes for one expired token at the same moment, and returns the one token
// that all of them get.
func (p *twoProcesses) herd(s *story) string {
	p.t.Helper()
	caller := p.replicas[0].Caller()
	caller.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: herdSize}}
	defer caller.HTTP.CloseIdleConnections()
	var asked sync.WaitGroup
	start := make(chan struct{})
	tokens, errs := make([]string, herdSize), make([]error, herdSize)
	for i := range herdSize {
		asked.Go(func() {
			mine := caller
			mine.URL = p.replicas[i%2].URL
			<-start
			var out pendingToken
			errs[i] = mine.Do(p.t.Context(), api.GetResourceOauth2Token, s.request(), &out)
			tokens[i] = out.AccessToken
		})
	}
	began := time.Now()
	close(start)
	asked.Wait()
	p.t.Logf("%d callers in %v", herdSize, time.Since(began).Round(time.Millisecond))
	for i, err := range errs {
		if err != nil {
			p.t.Errorf("caller %d of %d: %v", i, herdSize, err)
		}
		if tokens[i] != tokens[0] || tokens[i] == s.token || tokens[i] == "" {
			p.t.Fatalf("caller %d did not get the refreshed token", i)
		}
	}
	return tokens[0]
}

// outage stops the database under both processes and starts it again. In between they say what is the matter, in a way
// that clients retry; afterwards all is as before, without a restart.
func (p *twoProcesses) outage(s *story, token string) {
	p.t.Helper()
	grant := s.grant()
	p.database.Stop(p.t)
	for i, r := range p.replicas {
		waitFor(p.t, "/readyz says 503", func() bool { return status(p.t, r.URL+"/readyz") == http.StatusServiceUnavailable })
		if status(p.t, r.URL+"/healthz") != http.StatusOK {
			p.t.Errorf("process %d is not healthy, though only its database is away", i)
		}
		a, err := r.Caller().Call(p.t.Context(), api.GetResourceOauth2Token, s.request())
		check(p.t, err)
		p.t.Logf("without its database: %s", a)
		if a.Status != http.StatusInternalServerError || a.Exception != string(api.InternalServerException) || !strings.Contains(a.Message, "try again") {
			p.t.Errorf("process %d without its database: %s", i, a)
		}
	}
	p.database.Start(p.t)
	for i, r := range p.replicas {
		waitFor(p.t, "/readyz says 200", func() bool { return status(p.t, r.URL+"/readyz") == http.StatusOK })
		var out pendingToken
		check(p.t, r.Caller().Do(p.t.Context(), api.GetResourceOauth2Token, s.request(), &out))
		if out.AccessToken != token {
			p.t.Errorf("process %d has another token after the outage", i)
		}
	}
	if again := s.grant(); again != grant {
		p.t.Errorf("after the outage there is grant %s, before it was %s", again, grant)
	}
}

// status is the status of an answer to a GET.
func status(t testing.TB, address string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	check(t, err)
	res, err := http.DefaultClient.Do(r)
	check(t, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	check(t, err)
	return res.StatusCode
}

// waitFor polls until a condition holds.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	check(t, lab.Eventually(what, holds))
}
