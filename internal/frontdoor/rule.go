package frontdoor

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Action is what happens to a request without a session.
type Action string

// The actions of a rule.
const (
	Authenticate Action = "authenticate" // to the sign-in; 401 where there is no person to redirect
	Allow        Action = "allow"        // forwarded without identity headers
	Deny         Action = "deny"         // 401
)

// Token names one of the issuer's tokens.
type Token string

// The tokens that a rule can forward.
const (
	NoToken     Token = ""
	AccessToken Token = "access_token"
	IDToken     Token = "id_token"
)

// Rule says where requests go and what they need. Of several that fit, the one with the longest path holds; of two with
// the same path, the one that names the host.
type Rule struct {
	Hosts   []string // of the public URLs; all of them when empty
	Path    string   // with everything below it; "/" when empty
	Backend *url.URL // fixed by the operator
	// Handler answers instead of a backend, with the same headers.
	Handler http.Handler
	// Public rules need no session, look at none and forward no identity.
	Public          bool
	Unauthenticated Action // Authenticate when empty
	// SendAccessToken adds x-amzn-oidc-accesstoken. The backend can then act as the user wherever the token is good (A63).
	SendAccessToken bool
	// ForwardJWT is sent as Authorization: Bearer, after it was verified as a JWT for this application.
	ForwardJWT Token
	// JWTAudiences is what the forwarded JWT may be for; the client id when empty.
	JWTAudiences []string
	MaxBody      int64 // bytes; DefaultMaxBody when 0
}

// DefaultMaxBody bounds a request's body where its rule says nothing.
const DefaultMaxBody = 10 << 20

// route is a rule at one host, or a page of the front door's own.
type route struct {
	Rule
	id    string // as the access log has it
	loose string // loosePath of its path
	named bool   // its rule names the host
	own   func(*exchange)
	exact bool // its path alone, nothing below
}

func (rt *route) fits(path, own string) bool {
	if rt.exact {
		return path == own
	}
	return under(path, own)
}

// table has the routes of each host, longest path first.
type table map[string][]*route

var errAmbiguous = errors.New("the path falls under one rule as it is written and under another as a careless program reads it")

// match finds the route of a canonical path; nil where no rule holds.
func (t table) match(host, path string) (*route, error) {
	var strict, loose *route
	careless := loosePath(path)
	for _, rt := range t[host] {
		if strict == nil && rt.fits(path, rt.Path) {
			strict = rt
		}
		if loose == nil && rt.fits(careless, rt.loose) {
			loose = rt
		}
	}
	if strict != loose {
		return nil, errAmbiguous
	}
	return strict, nil
}

// newTable makes the table of sites' hosts from rules and own pages, which win over rules of the same path.
func newTable(hosts []string, rules []Rule, own []*route) (table, error) {
	t := table{}
	for _, h := range hosts {
		t[h] = slices.Clone(own)
	}
	var problems []error
	for i, r := range rules {
		rt, err := compile(i, r)
		if err == nil {
			err = t.add(hosts, rt)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("rules[%d]: %w", i, err))
		}
	}
	for _, routes := range t {
		slices.SortStableFunc(routes, func(a, b *route) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	}
	return t, errors.Join(problems...)
}

func (t table) add(hosts []string, rt *route) error {
	at := hosts
	if rt.named {
		at = rt.Hosts
	}
	for _, h := range at {
		routes, ok := t[h]
		if !ok {
			return fmt.Errorf("hosts: %q is the host of no public URL; add it to public_urls, for a sign-in must come back to it", h)
		}
		if i := slices.IndexFunc(routes, func(o *route) bool { return o.loose == rt.loose }); i >= 0 {
			o := routes[i]
			switch {
			case o.own != nil:
				return fmt.Errorf("path: %s belongs to the front door itself; choose another", rt.Path)
			case o.named == rt.named:
				return fmt.Errorf("path: %s of %s has a rule already (%s), or one that differs in case only; keep one of them", rt.Path, h, o.id)
			case o.named:
				continue
			}
			routes = slices.Delete(routes, i, i+1)
		}
		t[h] = append(routes, rt)
	}
	return nil
}

func compile(i int, r Rule) (*route, error) {
	r.Path = cmp.Or(strings.TrimRight(r.Path, "/"), "/")
	r.Unauthenticated = cmp.Or(r.Unauthenticated, Authenticate)
	r.MaxBody = cmp.Or(r.MaxBody, DefaultMaxBody)
	p, err := canonicalPath(&url.URL{Path: r.Path})
	switch {
	case err != nil:
		return nil, fmt.Errorf("path: %q cannot be matched safely: %w", r.Path, err)
	case loosePath(p) != strings.ToLower(p):
		return nil, fmt.Errorf("path: %q has a parameter, or a dot or space at a segment's end, which some programs drop", r.Path)
	case !slices.Contains([]Action{Authenticate, Allow, Deny}, r.Unauthenticated):
		return nil, fmt.Errorf("unauthenticated: %q is not one of authenticate, allow, deny", r.Unauthenticated)
	case !slices.Contains([]Token{NoToken, AccessToken, IDToken}, r.ForwardJWT):
		return nil, fmt.Errorf("forward_jwt: %q is not one of access_token, id_token", r.ForwardJWT)
	case r.Public && (r.SendAccessToken || r.ForwardJWT != NoToken || r.Unauthenticated != Authenticate):
		return nil, errors.New("public: a public rule looks at no session, so access_token, forward_jwt and unauthenticated mean nothing there; write unauthenticated: allow instead of public, or leave them out")
	case r.MaxBody < 0:
		return nil, fmt.Errorf("max_body_bytes: %d is negative", r.MaxBody)
	}
	rt := &route{Rule: r, id: fmt.Sprintf("%d %s", i, r.Path), loose: loosePath(p), named: len(r.Hosts) > 0}
	return rt, errors.Join(rt.settleHosts(), rt.checkTarget())
}

func (rt *route) checkTarget() error {
	if rt.Handler != nil {
		return nil
	}
	b := rt.Backend
	if b == nil || b.Host == "" || (b.Scheme != "http" && b.Scheme != "https") || b.User != nil || b.RawQuery != "" || b.Fragment != "" || strings.Trim(b.Path, "/") != "" {
		return errors.New("backend: write the http or https URL of a host alone, such as http://127.0.0.1:8080")
	}
	return nil
}

func (rt *route) settleHosts() error {
	hosts := make([]string, len(rt.Hosts))
	for i, h := range rt.Hosts {
		var ok bool
		if hosts[i], ok = canonicalHost(h, "https"); !ok {
			return fmt.Errorf("hosts: %q is not a host such as app.example.com or app.example.com:8443", h)
		}
	}
	rt.Hosts = hosts
	return nil
}
