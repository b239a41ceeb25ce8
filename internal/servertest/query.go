package servertest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// queryRequest builds an unsigned request of an AWS Query operation: a form from a body like that of other operations, or
// the body itself (a string) after Action and Version.
func (s *Service) queryRequest(t testing.TB, op api.Operation, body any) *http.Request {
	t.Helper()
	text := "Action=" + op.Name + "&Version=" + op.Service.Version()
	if raw, ok := body.(string); ok {
		if raw != "" {
			text += "&" + raw
		}
	} else {
		form := url.Values{}
		flatten(t, form, "", body)
		if len(form) > 0 {
			text += "&" + form.Encode()
		}
	}
	r, err := http.NewRequest(http.MethodPost, s.URL+"/", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

// flatten names every value by its place, as AWS Query clients do.
func flatten(t testing.TB, form url.Values, name string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for k, e := range v {
			flatten(t, form, strings.TrimPrefix(name+"."+k, "."), e)
		}
	case []any:
		if len(v) == 0 {
			form.Set(name, "")
		}
		for i, e := range v {
			flatten(t, form, fmt.Sprintf("%s.member.%d", name, i+1), e)
		}
	case string, bool, int, int64, float64:
		form.Set(name, fmt.Sprint(v))
	default:
		t.Fatalf("%s: AWS Query has no form for %T", name, v)
	}
}

// SignedAs is the service for which clients sign the operation's requests.
func SignedAs(op api.Operation) string {
	if op.Service.Version() != "" {
		return string(op.Service)
	}
	return string(api.AgentCore)
}

// queryException reads the answer that refused an AWS Query request.
func (a *Answer) queryException(t testing.TB) {
	t.Helper()
	var e struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if err := xml.Unmarshal(a.Body, &e); err != nil {
		t.Fatalf("answer %d %s: %v", a.Status, a.Body, err)
	}
	a.Exception = api.Exception{Name: api.ExceptionName(e.Code), Message: e.Message}
}
