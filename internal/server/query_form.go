package server

import (
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

// form is the parameters of an AWS Query request, in order, and the first thing that is wrong with them.
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
	seen := map[string]bool{}
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
			continue
		case name == "" || len(name) > maxParameterName || !utf8.ValidString(name):
			f.refuse("parameter '%s' has a name that is empty, not UTF-8, or longer than %d bytes", clip(rawName), maxParameterName)
			continue
		case !utf8.ValidString(value): // different bytes would become the same text (A60)
			f.refuse("parameter '%s' is not valid UTF-8", clip(name))
			continue
		case seen[name]:
			f.refuse("parameter '%s' is sent twice; which one counts would be a guess", clip(name))
			continue
		}
		seen[name] = true
		f.parameters = append(f.parameters, parameter{name, value})
	}
	return f
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

// node is a parameter, or the parameters under a common name: Tags.member.1.Key is four nodes deep.
type node struct {
	value string
	sent  bool // the name itself came with a value, which may be empty
	kids  map[string]*node
}

// decode fills a pointer to a shape.
func (f *form) decode(read reader, into any) error {
	if f.err != nil {
		return f.err
	}
	root := &node{}
	for _, p := range f.parameters {
		if p.name == "Action" || p.name == "Version" {
			continue
		}
		if err := root.insert(p); err != nil {
			return err
		}
	}
	if ex := read(root, reflect.ValueOf(into).Elem(), ""); ex != nil {
		return ex
	}
	return nil
}

func (n *node) insert(p parameter) error {
	parts := strings.Split(p.name, ".")
	if len(parts) > maxParameterPart {
		return unreadable("parameter '%s' has more parts than any operation's; check its spelling", clip(p.name))
	}
	for _, part := range parts {
		kid := n.kids[part]
		if kid == nil {
			kid = &node{}
			if n.kids == nil {
				n.kids = map[string]*node{}
			}
			n.kids[part] = kid
		}
		n = kid
	}
	n.value, n.sent = p.value, true
	return nil
}
