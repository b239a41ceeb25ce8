// Package server is the HTTP edge: it routes by raw path, limits, decodes strictly, validates from the shapes'
// declared constraints, authenticates, converts between wire and domain, and writes answers, exceptions and the hosted
// OAuth pages.
//
// It protects the domain from malformed, oversized and unauthenticated requests, and browsers from what strangers put
// into names and errors. What it trusts of a connection: forwarded headers from listed proxies only. It never touches
// store, vault or oauth; it decides nothing about permissions; it never logs a query, a code, a state, a session URI or
// a token.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/pages"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what the edge is told once.
type Config struct {
	PublicURL *url.URL
	// Proxies are the peers whose X-Forwarded-For and X-Forwarded-Proto are believed (A43).
	Proxies []netip.Prefix
	// Extra handlers by path prefix ("/devidp/"), such as the development authorization server's.
	Extra map[string]http.Handler
	// UserPools serves the operations of user pools; nil refuses them as unknown. Development only.
	UserPools UserPools
	// Host runs agents. Nil: none is configured, and what needs it says how to.
	Host AgentHost
	// MaxInvocations bounds the invocations of one account that are at work at once; 1000 when zero.
	MaxInvocations int
	// BrowserURL is the address to which a browser is sent in place of one that it could not reach; nil changes none.
	// Development only.
	BrowserURL func(ctx context.Context, location string) string
}

// Deps are the parts the edge connects.
type Deps struct {
	Identity *identity.Service
	Authn    *authn.Authenticator
	Metrics  *prometheus.Registry
	Now      func() time.Time
	Log      *slog.Logger
}

// Server is the edge as an http.Handler.
type Server struct {
	cfg Config
	Deps
	routes  map[rawRoute]*route
	queries map[queryName]*route
	targets map[string]*route
	// templates are routes whose path has labels, by method and number of segments.
	templates map[segments][]template
	payloads  *payloads
	busy      accountGate
	pages     *pages.Set
	metrics   *metrics
	hosted    http.Handler
}

// New returns the edge. It starts nothing.
func New(cfg Config, d Deps) (*Server, error) {
	s := &Server{cfg: cfg, Deps: d, routes: map[rawRoute]*route{}, queries: map[queryName]*route{}, targets: map[string]*route{}, templates: map[segments][]template{}, payloads: newPayloads()}
	set, err := pages.New(stylePath, nil)
	if err != nil {
		return nil, err
	}
	s.pages, s.metrics = set, newMetrics(d.Metrics)
	for _, r := range s.table() {
		if v := r.op.Service.Version(); v != "" {
			s.queries[queryName{v, r.op.Name}] = r
		} else {
			s.addPath(r)
		}
	}
	for _, r := range s.cognitoTable() {
		s.targets[r.op.Name] = r
	}
	s.hosted = s.hostedHandler()
	return s, nil
}

const (
	// maxBody bounds a request's body: the largest members are an API key of 64 KiB and tokens of 128 KiB.
	maxBody   = 512 << 10
	stylePath = "/identities/oauth2/style.css"
)

// ServeHTTP gives the request its id and sends it to an operation, a page, or a stranger's answer.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := s.Now()
	id := identity.NewRequestID(start)
	setHeaders(w.Header(), "X-Amzn-Requestid", id, "X-Content-Type-Options", "nosniff") // as net/http writes them
	r = r.WithContext(identity.WithRequestID(r.Context(), id))
	rt, m, err := s.find(w, r)
	if rt == nil {
		s.hosted.ServeHTTP(w, r)
		return
	}
	status := s.answer(w, r, rt, m, err)
	if rt.call != nil || rt.raw != nil {
		s.metrics.observe(rt.op.Name, status, s.Now().Sub(start))
	}
}

// setHeaders sets headers, whose names must be in canonical spelling: each name and then its value. All values lie in one
// piece of memory, and none has room behind it, so that nothing that is added to one becomes another's.
func setHeaders(h http.Header, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1 : i+2 : i+2]
	}
}

// find reads a request and gives the row of the table that it asks for, or none, which leaves it unread. An error is
// what the row's clients are told.
func (s *Server) find(w http.ResponseWriter, r *http.Request) (*route, message, error) {
	if rt, labels := s.byPath(r); rt != nil {
		if rt.raw != nil {
			return rt, message{request: r, labels: labels}, nil
		}
		body, err := readJSON(w, r)
		return rt, message{body: body, request: r, labels: labels}, err
	}
	if s.isTarget(r) {
		return s.findTarget(w, r)
	}
	if isQuery(r) {
		return s.findQuery(w, r)
	}
	return nil, message{}, nil
}

// rawPath is the path as it came over the wire, still escaped, without a trailing slash.
func rawPath(r *http.Request) string {
	p := r.URL.EscapedPath()
	if len(p) > 1 && p[len(p)-1] == '/' {
		p = p[:len(p)-1]
	}
	return p
}

// answer runs the operation, or lets it run itself.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, rt *route, m message, err error) int {
	if rt.raw != nil {
		return rt.raw(&exchange{s: s, w: w, r: r, rt: rt, m: m})
	}
	return s.serve(w, r, rt, m, err)
}

// serve runs one operation: caller, decoding, validation, use-case, answer. It returns the status.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt *route, m message, err error) int {
	if rt.call == nil { // it stands for a row that there is not
		return s.fail(w, r, rt, err)
	}
	if err != nil {
		return s.fail(w, r, rt, s.refuseStranger(r, rt.op, err))
	}
	caller, err := s.caller(r, rt, m)
	if err != nil {
		return s.fail(w, r, rt, s.refuseStranger(r, rt.op, err))
	}
	out, err := rt.call(r.Context(), caller, m)
	if ex, ok := errors.AsType[*api.Exception](err); ok {
		err = s.refuseRequest(r, rt.op, caller, ex)
	}
	if err != nil {
		return s.fail(w, r, rt, err)
	}
	if err := rt.encode(w, rt.op, out); err != nil {
		s.Log.DebugContext(r.Context(), "the client went away", "op", rt.op.Name, "err", err)
	}
	return rt.op.Status
}

// caller authenticates. An unsigned operation has nobody for a caller yet: only where the request comes from is known.
func (s *Server) caller(r *http.Request, rt *route, m message) (*policy.Caller, error) {
	peer := s.peer(r)
	if rt.op.Unsigned {
		return &policy.Caller{SourceIP: peer.SourceIP, SecureTransport: peer.Secure}, nil
	}
	return s.Authn.Caller(r, m.body, peer, rt.services...)
}

// refuseRequest audits a request whose form is wrong.
func (s *Server) refuseRequest(r *http.Request, op api.Operation, caller *policy.Caller, ex *api.Exception) error {
	if op.Unsigned {
		return s.refuseStranger(r, op, ex)
	}
	return s.Identity.RefuseRequest(r.Context(), caller, op.Action(), ex)
}

// refuseStranger audits a request that has no caller.
func (s *Server) refuseStranger(r *http.Request, op api.Operation, err error) error {
	who := identity.Stranger{Action: op.Action(), SourceIP: s.peer(r).SourceIP}
	if ref, ok := errors.AsType[*authn.Refusal](err); ok {
		who.AccessKeyID, err = ref.AccessKeyID, ref.Err
	}
	if e, ok := errors.AsType[*identity.Error](err); ok && e.Code == identity.Internal {
		return err
	}
	return s.Identity.RefuseStranger(r.Context(), who, err)
}

// route is one row of the table with its handler.
type route struct {
	op       api.Operation
	protocol protocol
	services []string // for which its requests are signed
	call     func(ctx context.Context, caller *policy.Caller, m message) (any, error)
	raw      func(x *exchange) int // in place of call: reads the body and answers by itself
	encode   func(w http.ResponseWriter, op api.Operation, out any) error
}
