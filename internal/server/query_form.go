package server

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/api"
)

// Bounds of a form (A50). A simulation has the most parameters; names of the shapes here have at most five parts.
const (
	maxParameters    = 1000
	maxParameterName = 256
	maxParameterPart = 8
)

// form is the parameters of an AWS Query request in the order of their names, in which a dot comes before everything
// else, so that those under a common name stand together; and the first thing that is wrong with them.
type form struct {
	parameters []parameter
	err        *api.Exception
}

type parameter struct{ name, value string }

// parseRequest reads the parameters from where the method has them. The URL of a POST may carry a signature and nothing
// else: a parameter there would be read by one reader and missed by the next.
func parseRequest(r *http.Request, body []byte) *form {
	inURL := parseForm(r.URL.RawQuery)
	inURL.parameters = slices.DeleteFunc(inURL.parameters, func(p parameter) bool { return strings.HasPrefix(p.name, "X-Amz-") })
	if r.Method == http.MethodGet {
		if len(body) > 0 {
			inURL.refuse("a GET has no body; send the parameters in a POST")
		}
		return inURL
	}
	f := parseForm(string(body))
	if len(inURL.parameters) > 0 {
		f.refuse("parameter '%s' is in the URL of a POST; send it in the body", clip(inURL.parameters[0].name))
	}
	if f.err == nil {
		f.err = inURL.err
	}
	return f
}

// parseForm reads a urlencoded form. It keeps what could be read, so that the operation can be told even of a form that
// is refused.
func parseForm(text string) *form {
	f := &form{}
	if text == "" {
		return f
	}
	f.parameters = make([]parameter, 0, min(strings.Count(text, "&")+1, maxParameters))
	for pair := range strings.SplitSeq(text, "&") {
		if len(f.parameters) == maxParameters {
			f.refuse("the form has more than %d parameters, more than any operation takes", maxParameters)
			break
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		value, verr := url.QueryUnescape(rawValue)
		switch {
		case err != nil || verr != nil:
			f.refuse("parameter '%s' is not urlencoded: a percent sign must be followed by two hexadecimal digits", clip(rawName))
		case name == "" || len(name) > maxParameterName || !utf8.ValidString(name):
			f.refuse("parameter '%s' has a name that is empty, not UTF-8, or longer than %d bytes", clip(rawName), maxParameterName)
		case !utf8.ValidString(value): // different bytes would become the same text (A60)
			f.refuse("parameter '%s' is not valid UTF-8", clip(name))
		default:
			f.parameters = append(f.parameters, parameter{name, value})
		}
	}
	f.sort()
	return f
}

// sort brings the parameters into their order. Of two with one name the first that was sent stays.
func (f *form) sort() {
	slices.SortStableFunc(f.parameters, func(a, b parameter) int { return comparePaths(a.name, b.name) })
	f.parameters = slices.CompactFunc(f.parameters, func(a, b parameter) bool {
		if a.name == b.name {
			f.refuse("parameter '%s' is sent twice; which one counts would be a guess", clip(a.name))
		}
		return a.name == b.name
	})
}

// comparePaths orders names part by part.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch x, y := a[i], b[i]; {
		case x == y:
		case x == '.':
			return -1
		case y == '.':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// refuse keeps the first fault.
func (f *form) refuse(format string, args ...any) {
	if f.err == nil {
		f.err = unreadable(format, args...)
	}
}

// unreadable refuses a form. Values are not repeated: they may be secrets.
func unreadable(format string, args ...any) *api.Exception {
	return &api.Exception{Name: api.ValidationException, Reason: api.ReasonCannotParse, Message: "the request cannot be read: " + fmt.Sprintf(format, args...)}
}

func (f *form) get(name string) string {
	for _, p := range f.parameters {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// node is a parameter, or the parameters under a common name: Tags.member.1.Key is four nodes deep. It is a range of the
// form's parameters; end is how long the common name is, and -1 at the root, which has none.
type node struct {
	parameters []parameter
	end        int
}

func (n node) path() string {
	if n.end < 0 {
		return ""
	}
	return n.parameters[0].name[:n.end]
}

// name is the last part of the path.
func (n node) name() string { p := n.path(); return p[strings.LastIndexByte(p, '.')+1:] }

// sent tells whether the name itself came with a value, which may be empty.
func (n node) sent() bool { return len(n.parameters) > 0 && len(n.parameters[0].name) == n.end }

func (n node) value() string {
	if !n.sent() {
		return ""
	}
	return n.parameters[0].value
}

// kids are the nodes right below, in the order of their names.
func (n node) kids(yield func(node) bool) {
	rest := n.parameters
	if n.sent() {
		rest = rest[1:]
	}
	for len(rest) > 0 {
		begin := n.end + 1
		end, first := len(rest[0].name), rest[0].name
		if i := strings.IndexByte(first[begin:], '.'); i >= 0 {
			end = begin + i
		}
		count := 1
		for count < len(rest) && under(rest[count].name, first[:end]) {
			count++
		}
		if !yield(node{rest[:count], end}) {
			return
		}
		rest = rest[count:]
	}
}

// under tells names that begin with the path.
func under(name, path string) bool {
	return len(name) > len(path) && name[len(path)] == '.' && name[:len(path)] == path
}

// childless reports whether nothing is below the node.
func (n node) childless() bool { return len(n.parameters) == 0 || len(n.parameters) == 1 && n.sent() }

// decode fills a pointer to a shape.
func (f *form) decode(read reader, into any) error {
	if f.err != nil {
		return f.err
	}
	rest := make([]parameter, 0, len(f.parameters))
	for _, p := range f.parameters {
		if p.name == "Action" || p.name == "Version" {
			continue
		}
		if strings.Count(p.name, ".") >= maxParameterPart {
			return unreadable("parameter '%s' has more parts than any operation's; check its spelling", clip(p.name))
		}
		rest = append(rest, p)
	}
	if ex := read(node{rest, -1}, reflect.ValueOf(into).Elem()); ex != nil {
		return ex
	}
	return nil
}
