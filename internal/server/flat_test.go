package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// shape has a member of every kind that a plan reads, and one that it does not.
type shape struct {
	Text     string            `json:"text"`
	Secret   api.Sensitive     `json:"secret,omitempty"`
	List     []string          `json:"list"`
	On       bool              `json:"on,omitempty"`
	Optional *api.Sensitive    `json:"optional,omitempty"`
	Map      map[string]string `json:"map,omitempty"`
}

// readsAlike demands that what a plan reads is what encoding/json reads. It returns whether the plan read it.
func readsAlike[T any](t *testing.T, body []byte) bool {
	t.Helper()
	var quick, full T
	read := flatten(reflect.TypeFor[T]()).read(body, reflect.ValueOf(&quick).Elem())
	if !read {
		if !reflect.ValueOf(quick).IsZero() {
			t.Errorf("%q was not read, and left %#v", body, quick)
		}
		return false
	}
	if err := decode(body, &full); err != nil || !reflect.DeepEqual(quick, full) {
		t.Errorf("%q is read as %#v, and in full as %#v, %v", body, quick, full, err)
	}
	return true
}

func TestFlatReads(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: true, " {\t}\r\n": true, `{"text":"a"}`: true, `{"text":""}`: true, `{"secret":"s","text":"t"}`: true,
		` { "list" : [ "a" , "b" ] , "on" : true } `: true, `{"list":[]}`: true, `{"on":false,"optional":"x"}`: true, `{"optional":""}`: true,
		// Spelled otherwise, or wrong: not for a plan to say.
		``: false, `null`: false, `[]`: false, `{`: false, `{"text"}`: false, `{"text":}`: false, `{"text":"a",}`: false, `{,}`: false,
		`{"text":"a"} {}`: false, `{"text":"a"}x`: false, `{"text":1}`: false, `{"text":null}`: false, `{"text":true}`: false, `{"text":["a"]}`: false,
		`{"Text":"a"}`: false, `{"text":"a","text":"b"}`: false, `{"unknown":"a"}`: false, `{"map":{}}`: false,
		`{"text":"\u0061"}`: false, `{"te\u0078t":"a"}`: false, `{"text":"ä"}`: false, "{\"text\":\"\x00\"}": false, "{\"text\":\"\xff\"}": false, `{"text":"a`: false,
		`{"list":null}`: false, `{"list":"a"}`: false, `{"list":["a",]}`: false, `{"list":[null]}`: false, `{"list":["a" "b"]}`: false, `{"list":["a"`: false,
		`{"on":1}`: false, `{"on":"true"}`: false, `{"on":tru}`: false, `{"on":truefalse}`: false, `{"optional":null}`: false, "{\"text\":\"a\"}\x00": false, "\ufeff{}": false,
	} {
		if got := readsAlike[shape](t, []byte(body)); got != want {
			t.Errorf("%q: read %v", body, got)
		}
	}
}

// TestFlatServesHotOperations: the plans exist for what is asked most, and as clients spell it.
func TestFlatServesHotOperations(t *testing.T) {
	if !readsAlike[api.GetWorkloadAccessTokenForUserIdRequest](t, []byte(`{"workloadName": "agent", "userId": "alice@example.com"}`)) ||
		!readsAlike[api.GetResourceOauth2TokenRequest](t, []byte(`{"workloadIdentityToken":"t","resourceCredentialProviderName":"p","scopes":["a","b"],"oauth2Flow":"M2M","forceAuthentication":false,"sessionUri":"urn:x"}`)) ||
		!readsAlike[api.GetResourceApiKeyRequest](t, []byte(`{"workloadIdentityToken":"t","resourceCredentialProviderName":"p"}`)) {
		t.Error("a hot operation is not read by its plan")
	}
	for _, out := range []any{&api.WorkloadAccessTokenResponse{Token: "t"}, &api.GetResourceOauth2TokenResponse{AccessToken: "t"}, &api.GetResourceApiKeyResponse{APIKey: "k"}} {
		if _, ok := flatten(reflect.TypeOf(out).Elem()).append(reflect.ValueOf(out).Elem()); !ok {
			t.Errorf("%T is not written by its plan", out)
		}
	}
}

// writesAlike demands that what a plan writes is byte for byte what encoding/json writes.
func writesAlike(t *testing.T, out any) bool {
	t.Helper()
	quick, ok := flatten(reflect.TypeOf(out).Elem()).append(reflect.ValueOf(out).Elem())
	if !ok {
		return false
	}
	w := httptest.NewRecorder()
	if err := writeJSON(w, 200, out); err != nil || !bytes.Equal(quick, w.Body.Bytes()) || !json.Valid(quick) {
		t.Errorf("%#v is written as %q, and in full as %q, %v", out, quick, w.Body, err)
	}
	return true
}

func TestFlatWrites(t *testing.T) {
	type answer struct {
		First  api.Sensitive `json:"first,omitempty"`
		Second string        `json:"second"`
		Third  string        `json:"third,omitempty"`
	}
	for _, out := range []answer{{}, {First: "a"}, {Second: "b", Third: "c"}, {"a", "<b>&", "c d"}} {
		if !writesAlike(t, &out) {
			t.Errorf("%#v was not written", out)
		}
	}
	for _, text := range []string{`"`, `\`, "\n", "\x7f", "ä", "\u2028", "\xff", "\x00"} {
		if writesAlike(t, &answer{Second: text}) || writesAlike(t, &answer{First: api.Sensitive(strings.Repeat("x", 100) + text)}) {
			t.Errorf("%q was written without an escape", text)
		}
	}
}

// loud and strict are texts that spell their own JSON, one way each.
type (
	loud   string
	strict string
)

func (l loud) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(l))), nil }
func (*strict) UnmarshalJSON([]byte) error  { return errors.New("refused") }

// TestFlatLeavesOthersAlone: a shape that has more to say than texts is no plan's.
func TestFlatLeavesOthersAlone(t *testing.T) {
	if writesAlike(t, &shape{Text: "a"}) {
		t.Error("a value with a list was written as texts")
	}
	type hidden struct {
		Text  string `json:"text"`
		Other string `json:"-"`
	}
	if writesAlike(t, &hidden{"a", "b"}) {
		t.Error("a struct was written that has a member without a name")
	}
	for _, none := range []any{struct{}{}, struct{ A api.Timestamp }{}, struct {
		A loud `json:"a"`
	}{}, struct {
		A []loud `json:"a"`
	}{}, struct {
		A *strict `json:"a"`
	}{}, struct {
		A int `json:"a"`
	}{}, struct {
		A api.Timestamp `json:"a"`
	}{}, struct {
		A string `json:"a,string"`
	}{}, ""} {
		if flatten(reflect.TypeOf(none)) != nil {
			t.Errorf("%T has a plan", none)
		}
	}
}

// FuzzFlatReads: whatever a plan reads, encoding/json reads alike.
func FuzzFlatReads(f *testing.F) {
	f.Add([]byte(`{"text":"a","list":["b","c"],"on":true,"optional":"d"}`))
	f.Add([]byte(` { "list" : [ ] , "secret" : "x" } `))
	f.Fuzz(func(t *testing.T, body []byte) {
		readsAlike[shape](t, body)
		readsAlike[api.GetResourceOauth2TokenRequest](t, body)
	})
}
