package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// path is one operation under load.
type path struct {
	name string // for -only
	op   api.Operation
	goal float64 // processor time at most this many times the floor's
	want string  // how a success begins
	// body is the request of the i-th user with his workload access token: a JSON value, or a form.
	body func(i int, token string) any
}

// minting asks for a web identity token, signed with the algorithm.
func minting(alg string) func(int, string) any {
	form := url.Values{"Action": {"GetWebIdentityToken"}, "Version": {"2011-06-15"}, "Audience.member.1": {webIdentityAudience},
		"SigningAlgorithm": {alg}, "DurationSeconds": {"300"}}
	return func(int, string) any { return form }
}

var paths = []path{
	{"wat", api.GetWorkloadAccessTokenForUserId, 2.0, `{"workloadAccessToken":"`, func(i int, _ string) any {
		return api.GetWorkloadAccessTokenForUserIdRequest{WorkloadName: workloadName, UserID: userName(i)}
	}},
	{"oauth2", api.GetResourceOauth2Token, 1.5, `{"accessToken":"`, func(_ int, token string) any { return tokenRequest(token) }},
	{"apikey", api.GetResourceApiKey, 1.5, `{"apiKey":"`, func(_ int, token string) any {
		return api.GetResourceApiKeyRequest{WorkloadToken: api.Sensitive(token), ProviderName: apiKeyProvider}
	}},
	{"es384", api.GetWebIdentityToken, 1.15, "<GetWebIdentityTokenResponse", minting("ES384")},
	{"rs256", api.GetWebIdentityToken, 1.10, "<GetWebIdentityTokenResponse", minting("RS256")},
}

// title tells paths of one operation apart.
func (p *path) title() string {
	if p.op.Name == api.GetWebIdentityToken.Name {
		return p.op.Name + " " + strings.ToUpper(p.name)
	}
	return p.op.Name
}

// maxUsers bounds how many users' requests take turns; with fewer grants, every grant is read.
const maxUsers = 16_384

// server is what a load is aimed at, with a workload access token for each user whose requests take turns.
type server struct {
	name   string
	build  string // "" for the floor
	addr   string
	pid    int
	keys   sigv4.Credentials
	stride int // between the users that take turns, so that they lie all over the grants
	tokens []string
}

func mint(ctx context.Context, client *http.Client, s server, user string) (string, error) {
	var out api.WorkloadAccessTokenResponse
	in := api.GetWorkloadAccessTokenForUserIdRequest{WorkloadName: workloadName, UserID: user}
	err := call(ctx, client, s.addr, api.GetWorkloadAccessTokenForUserId, s.keys, in, &out)
	return string(out.Token), err
}

// mintAll fetches the workload access tokens of the users that take turns.
func (s *server) mintAll(ctx context.Context, grants int) error {
	n := min(grants, maxUsers)
	s.stride = grants / n
	s.tokens = make([]string, n)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				token, err := mint(ctx, client, *s, userName(int(i)*s.stride))
				if err != nil {
					cancel(err)
				}
				s.tokens[i] = token
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// requests signs a request for each token. They are good for five minutes.
func (s *server) requests(ctx context.Context, p *path) ([][]byte, error) {
	list := make([][]byte, len(s.tokens))
	for i, token := range s.tokens {
		r, err := newRequest(ctx, s.addr, p.op, p.body(i*s.stride, token), s.keys)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			return nil, err
		}
		list[i] = b.Bytes()
	}
	return list, nil
}

// rounds measures every path on every server, one after the other, several times over. The order is another in every
// round, and none comes twice in a row: it would find its code and data in the processor's caches.
func (e *engine) rounds(ctx context.Context) error {
	wanted := slices.DeleteFunc(slices.Clone(paths), func(p path) bool { return !e.wants(p.name) })
	if len(wanted) == 0 {
		return nil
	}
	servers, err := e.servers(ctx)
	if err != nil {
		return err
	}
	samples := map[[2]int][]sample{}
	random, last := rand.New(rand.NewPCG(1, 2)), -1 //nolint:gosec // the same orders in every run
	for round := range e.options.rounds {
		for i := range wanted {
			for _, j := range turns(random, len(servers), last) {
				got, err := e.load(ctx, servers[j], &wanted[i])
				if err != nil {
					return fmt.Errorf("%s at %s: %w", wanted[i].op.Name, servers[j].name, err)
				}
				samples[[2]int{i, j}] = append(samples[[2]int{i, j}], got)
				last = j
			}
		}
		e.say("%s: round %d of %d done, load average %s", e.name, round+1, e.options.rounds, loadAverage())
	}
	for i, p := range wanted {
		c := comparison{engine: e.name, operation: p.title(), goal: p.goal}
		for j, s := range servers {
			c.rows = append(c.rows, newRow(s, samples[[2]int{i, j}]))
		}
		e.report.comparisons = append(e.report.comparisons, c)
	}
	return e.loadedMemory()
}

// turns is an order of n servers that does not begin with the last one.
func turns(random *rand.Rand, n, last int) []int {
	for {
		if order := random.Perm(n); order[0] != last {
			return order
		}
	}
}

// servers starts the instances and names them after the floor.
func (e *engine) servers(ctx context.Context) ([]*server, error) {
	list := []*server{{name: "floor", addr: e.floorAddr, pid: e.floor.pid(), keys: sigv4.Credentials{AccessKeyID: floorID, SecretAccessKey: floorSecret}}}
	if err := list[0].mintAll(ctx, e.grants[0]); err != nil {
		return nil, err
	}
	for _, in := range e.instances {
		if err := in.start(ctx); err != nil {
			return nil, err
		}
		s := &server{name: in.name(), build: in.program, addr: in.addr, pid: in.process.pid(), keys: in.user}
		if err := s.mintAll(ctx, in.grants); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func (e *engine) load(ctx context.Context, s *server, p *path) (sample, error) {
	requests, err := s.requests(ctx, p)
	if err != nil {
		return sample{}, err
	}
	duration := e.duration
	if p.op.Name == api.GetWebIdentityToken.Name { // few a second: what is under way at either end weighs more
		duration *= 3
	}
	l := load{addr: s.addr, requests: requests, want: p.want, conns: e.conns, warm: 200 * time.Millisecond, duration: duration, pid: s.pid}
	return l.run(ctx)
}

// loadedMemory notes what the instances hold after the load, and how it grows with the grants.
func (e *engine) loadedMemory() error {
	few := map[string]float64{} // by build
	for _, in := range e.instances {
		mb, err := residentMB(in.process.pid())
		if err != nil {
			return err
		}
		label := e.name + ", " + in.name() + ": memory after load"
		e.report.figure(label, mb, "MB", 0)
		if first, ok := few[in.program]; ok {
			e.report.figure(label+", more than with "+count(e.grants[0]), mb-first, "MB", growthGoal)
		} else {
			few[in.program] = mb
		}
	}
	return nil
}
