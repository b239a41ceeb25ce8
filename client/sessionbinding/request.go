package sessionbinding

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// asked is what the browser brought back.
type asked struct {
	session string
	state   string
	failure string // the provider's error code, where the user or the provider refused
}

// maxQuery bounds the query: a session id of 1024 bytes and a customState of 4096, percent-encoded.
const maxQuery = 16 << 10

// failureCode is the form of an error code that is worth a page (RFC 6749 section 4.1.2.1, and shorter).
var failureCode = regexp.MustCompile(`^[a-zA-Z0-9_.\-]{1,64}$`)

// parseQuery takes session_id, state and error, each once, and nothing else: a URL with more was put together by somebody
// else than the service (A58).
func parseQuery(raw string) (asked, error) {
	if len(raw) > maxQuery {
		return asked{}, errors.New("the query is too long")
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return asked{}, errors.New("the query is malformed")
	}
	for name, values := range q {
		switch {
		case name != "session_id" && name != "state" && name != "error":
			return asked{}, errors.New("the query has a parameter that the service does not add")
		case len(values) != 1:
			return asked{}, errors.New("the query has " + name + " more than once")
		}
	}
	if q.Has("error") && !failureCode.MatchString(q.Get("error")) {
		return asked{}, errors.New("the error is not a code")
	}
	return asked{q.Get("session_id"), q.Get("state"), q.Get("error")}, nil
}

// isVisit tells a person's visit from a fetch in advance, and from a page that shows this one within itself: neither is
// anybody's decision. Browsers that say nothing of it are believed.
func isVisit(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, v := range h.Values(name) {
			if v = strings.ToLower(v); strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
				return false
			}
		}
	}
	mode, dest := h.Get("Sec-Fetch-Mode"), h.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}
