package servertest

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// locatedRequest builds an unsigned request of an operation with members outside the body: each goes where its shape
// says. A payload is sent as it is; without members for it, the body is JSON.
func (s *Service) locatedRequest(t testing.TB, op api.Operation, in reflect.Type, members map[string]any) *http.Request {
	t.Helper()
	rest, path, query, header := maps.Clone(members), op.Path, url.Values{}, http.Header{}
	var payload []byte
	isPayload := false
	for _, m := range api.Located(in) {
		v, sent := rest[m.Name]
		delete(rest, m.Name)
		text := fmt.Sprint(v)
		switch {
		case m.Place == api.InPayload:
			isPayload = true
			if sent {
				payload = []byte(text)
			}
		case !sent && m.Place != api.InPath:
		case m.Place == api.InPath:
			path = strings.Replace(path, "{"+m.Name+"}", api.EscapeLabel(text), 1)
		case m.Place == api.InQuery:
			query.Set(m.Key, text)
		case m.Place == api.InHeader:
			header.Set(m.Key, text)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if !isPayload && len(rest) > 0 {
		payload = encoded(t, rest)
		header.Set("Content-Type", "application/json")
	}
	r, err := http.NewRequest(op.Method, s.URL+path, bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	return r
}
