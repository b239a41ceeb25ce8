package server

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// rawRoute is what tells paths without labels apart.
type rawRoute struct{ method, path string }

// segments is the first thing that tells paths with labels apart.
type segments struct {
	method string
	count  int
}

// template is a path with labels, such as /runtimes/{agentRuntimeId}/versions.
type template struct {
	parts []string // "{name}" is a label
	route *route
}

// addPath adds a route by its path.
func (s *Server) addPath(r *route) {
	path := strings.TrimSuffix(r.op.Path, "/")
	if !strings.Contains(path, "{") {
		s.routes[rawRoute{r.op.Method, path}] = r
		return
	}
	parts := strings.Split(path, "/")
	key := segments{r.op.Method, len(parts)}
	s.templates[key] = append(s.templates[key], template{parts, r})
}

// byPath finds a route by the raw path: exactly, or by a template whose labels it then has. Labels are decoded once, and
// only here (clients write %3A and %2F in them).
func (s *Server) byPath(r *http.Request) (*route, map[string]string) {
	path := rawPath(r)
	if rt, ok := s.routes[rawRoute{r.Method, path}]; ok {
		return rt, nil
	}
	all := s.templates[segments{r.Method, strings.Count(path, "/") + 1}]
	if len(all) == 0 {
		return nil, nil
	}
	parts := strings.Split(path, "/")
	for _, t := range all {
		if labels := t.match(parts); labels != nil {
			return t.route, labels
		}
	}
	return nil, nil
}

// match returns the labels of a path, nil if it is another path.
func (t *template) match(parts []string) map[string]string {
	labels := map[string]string{}
	for i, want := range t.parts {
		name, isLabel := strings.CutPrefix(want, "{")
		if !isLabel {
			if parts[i] != want {
				return nil
			}
			continue
		}
		text, err := url.PathUnescape(parts[i])
		if err != nil || text == "" {
			return nil
		}
		labels[strings.TrimSuffix(name, "}")] = text
	}
	return labels
}

// listHeaders are headers that may be sent in several lines (RFC 9110 section 5.3) and decide nothing here.
var listHeaders = map[string]bool{"Accept": true, "baggage": true, "tracestate": true}

// bind fills the members that are not in the body. Whoever sends one in the body means something else by it than the
// operation does.
func (m message) bind(located []api.Member, into reflect.Value) error {
	for i := range located {
		l := &located[i]
		if l.Place == api.InPayload {
			continue
		}
		if l.Sent(into) {
			return misplaced(l, "is no member of the body; send it in the "+placeName(l.Place))
		}
		values := m.values(l)
		if len(values) > 1 && !listHeaders[l.Key] {
			return misplaced(l, "is sent "+placeName(l.Place)+" more than once")
		}
		if len(values) == 0 {
			continue
		}
		if ex := l.Set(into, strings.Join(values, ",")); ex != nil {
			return ex
		}
	}
	return nil
}

func (m message) values(l *api.Member) []string {
	switch l.Place {
	case api.InPath:
		if text, ok := m.labels[l.Name]; ok {
			return []string{text}
		}
	case api.InQuery:
		return m.request.URL.Query()[l.Key]
	case api.InHeader:
		return m.request.Header.Values(l.Key)
	}
	return nil
}

func placeName(p api.Place) string {
	return map[api.Place]string{api.InPath: "path", api.InQuery: "query", api.InHeader: "header"}[p]
}

func misplaced(l *api.Member, what string) error {
	return &api.Exception{Name: api.ValidationException, Reason: api.ReasonCannotParse, Message: "member '" + l.Name + "' " + what,
		Fields: []api.FieldProblem{{Name: l.Name, Message: "Member " + what}}}
}

// exchange is one request of an operation that reads its body by itself.
type exchange struct {
	s  *Server
	w  http.ResponseWriter
	r  *http.Request
	rt *route
	m  message
}

func (x *exchange) fail(err error) int { return x.s.fail(x.w, x.r, x.rt, err) }

// raw makes a route of an operation that reads its body by itself. head decodes and validates all but the body.
func raw[Req any](op api.Operation, f func(x *exchange, head func() (*Req, error)) int) *route {
	shape, located := api.Compile(reflect.TypeFor[Req]()), api.Located(reflect.TypeFor[Req]())
	return &route{op: op, protocol: restJSON{}, services: signedAs(op.Service), raw: func(x *exchange) int {
		return f(x, func() (*Req, error) {
			in := new(Req)
			if err := x.m.bind(located, reflect.ValueOf(in).Elem()); err != nil {
				return nil, err
			}
			if ex := shape.Validate(in); ex != nil {
				return nil, ex
			}
			return in, nil
		})
	}}
}
