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
	routes  map[string]*route // method, space, raw path
	pages   *pages.Set
	metrics *metrics
	hosted  http.Handler
}

// New returns the edge. It starts nothing.
func New(cfg Config, d Deps) (*Server, error) {
	s := &Server{cfg: cfg, Deps: d, routes: map[string]*route{}}
	set, err := pages.New(stylePath, nil)
	if err != nil {
		return nil, err
	}
	s.pages, s.metrics = set, newMetrics(d.Metrics)
	for _, r := range s.table() {
		s.routes[r.op.Method+" "+r.op.Path] = r
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
	h := w.Header()
	h.Set("x-amzn-RequestId", id)
	h.Set("X-Content-Type-Options", "nosniff")
	r = r.WithContext(identity.WithRequestID(r.Context(), id))
	if rt, ok := s.routes[r.Method+" "+rawPath(r)]; ok {
		status := s.serve(w, r, rt)
		s.metrics.observe(rt.op.Name, status, s.Now().Sub(start))
		return
	}
	s.hosted.ServeHTTP(w, r)
}

// rawPath is the path as it came over the wire, still escaped, without a trailing slash.
func rawPath(r *http.Request) string {
	p := r.URL.EscapedPath()
	if len(p) > 1 && p[len(p)-1] == '/' {
		p = p[:len(p)-1]
	}
	return p
}

// serve runs one operation: body, caller, decoding, validation, use-case, answer. It returns the status.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, rt *route) int {
	body, err := readBody(w, r)
	if err != nil {
		return s.fail(w, r, rt.op.Name, s.refuseStranger(r, rt.op, err))
	}
	peer := s.peer(r)
	caller, err := s.Authn.Caller(r, body, peer, string(api.AgentCore), string(api.Lanyard))
	if err != nil {
		return s.fail(w, r, rt.op.Name, s.refuseStranger(r, rt.op, err))
	}
	out, err := rt.call(r.Context(), caller, body)
	if ex, ok := errors.AsType[*api.Exception](err); ok {
		err = s.Identity.RefuseRequest(r.Context(), caller, rt.op.Action(), ex)
	}
	if err != nil {
		return s.fail(w, r, rt.op.Name, err)
	}
	if err := writeJSON(w, rt.op.Status, out); err != nil {
		s.Log.DebugContext(r.Context(), "the client went away", "op", rt.op.Name, "err", err)
	}
	return rt.op.Status
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
	op   api.Operation
	call func(ctx context.Context, caller *policy.Caller, body []byte) (any, error)
}
