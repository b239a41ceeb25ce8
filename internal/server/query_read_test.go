package server

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/api"
)

// queryShape has every kind of member that a form may carry.
type queryShape struct {
	Name     string        `json:"Name"`
	Count    *int32        `json:"Count"`
	Flag     bool          `json:"Flag"`
	Words    []string      `json:"Words"`
	Tags     []api.Tag     `json:"Tags"`
	Nested   *queryNested  `json:"Nested"`
	Refused  *api.Unserved `json:"Refused"`
	Secret   api.Sensitive `json:"Secret"`
	Contexts []queryNested `json:"Contexts"`
}

type queryNested struct {
	Values []string `json:"Values"`
}

func decodeForm(text string, into any) error {
	return parseForm(text).decode(compileReader(reflect.TypeOf(into).Elem()), into)
}

func TestFormsAreRead(t *testing.T) {
	n, v := int32(-7), ""
	for text, want := range map[string]queryShape{
		"":                                  {},
		"Action=X&Version=2011-06-15":       {},
		"Name=a%20b+c%2B%C3%A9":             {Name: "a b c+é"},
		"Name":                              {},
		"Count=-7&Flag=true":                {Count: &n, Flag: true},
		"Flag=false":                        {},
		"Words=":                            {Words: []string{}},
		"Words.member.1=a":                  {Words: []string{"a"}},
		"Words.member.1=":                   {Words: []string{""}},
		"Words.member.2=b&Words.member.1=a": {Words: []string{"a", "b"}},
		"Tags.member.1.Key=k&Tags.member.1.Value=": {Tags: []api.Tag{{Key: "k", Value: &v}}},
		"Nested.Values.member.1=x":                 {Nested: &queryNested{Values: []string{"x"}}},
		"Contexts.member.1.Values.member.1=x":      {Contexts: []queryNested{{Values: []string{"x"}}}},
		"Refused=anything":                         {Refused: &api.Unserved{}},
		"Refused.member.1.ProviderArn=a&Name=n":    {Refused: &api.Unserved{}, Name: "n"},
		"Secret=" + url.QueryEscape("a&b=c%"):      {Secret: "a&b=c%"},
	} {
		var got queryShape
		if err := decodeForm(text, &got); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// TestFormsAreReadStrictly: whatever has two readings is refused, by the parameter's name and without any value.
func TestFormsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"Name=1&Name=1":                       "parameter 'Name' is sent twice",
		"Name=1&N%61me=2":                     "parameter 'Name' is sent twice",
		"Name=1&":                             "a name that is empty",
		"=1":                                  "a name that is empty",
		"Name=%zz":                            "parameter 'Name' is not urlencoded",
		"Name=%ff":                            "parameter 'Name' is not valid UTF-8",
		"%ff=1":                               "not UTF-8",
		strings.Repeat("n", 300) + "=1":       "longer than 256 bytes",
		"name=1":                              "unknown parameter 'name'",
		"Unknown=1":                           "unknown parameter 'Unknown'",
		"X-Amz-Date=1":                        "unknown parameter 'X-Amz-Date'",
		"Nested.Other=1":                      "unknown parameter 'Nested.Other'",
		"Nested=1":                            "parameter 'Nested' has members",
		"Nested-x=1&Nested.Values.member.1=a": "unknown parameter 'Nested-x'",
		"Nested=&Nested-x=1&Nested.Values=":   "parameter 'Nested' has members",
		".Name=a":                             "unknown parameter ''",
		"Name.=a":                             "parameter 'Name' is one value, but 'Name.' was sent",
		"Nested..Values=":                     "unknown parameter 'Nested.'",
		"Name.member.1=a":                     "parameter 'Name' is one value",
		"Count=1.5":                           "parameter 'Count' must be a whole number",
		"Count=":                              "parameter 'Count' must be a whole number",
		"Count=99999999999":                   "parameter 'Count' must be a whole number",
		"Flag=True":                           "parameter 'Flag' must be true or false",
		"Flag=1":                              "parameter 'Flag' must be true or false",
		"Words=a":                             "parameter 'Words' is a list",
		"Words=&Words.member.1=a":             "parameter 'Words' is a list",
		"Words.1=a":                           "parameter 'Words' is a list",
		"Words.member=a":                      "parameter 'Words' is a list",
		"Words.member.1=a&Words.item.1=b":     "parameter 'Words' is a list",
		"Words.member.0=a":                    "none is 'Words.member.1'",
		"Words.member.01=a":                   "none is 'Words.member.1'",
		"Words.member.-1=a":                   "none is 'Words.member.1'",
		"Words.member.+1=a":                   "none is 'Words.member.1'",
		"Words.member.x=a":                    "none is 'Words.member.1'",
		"Words.member.99999999999999999999=a": "none is 'Words.member.1'",
		"Words.member.1=a&Words.member.3=b":   "none is 'Words.member.2'",
		"Tags.member.1=a":                     "parameter 'Tags.member.1' has members",
		"Tags.member.1.Key.x=a":               "parameter 'Tags.member.1.Key' is one value",
		"a.b.c.d.e.f.g.h.i=1":                 "more parts",
		"Secret=s3cret&Secret=s3cret":         "parameter 'Secret' is sent twice",
		"Secret=s3cret&Secret.x=s3cret":       "parameter 'Secret' is one value",
		"Count=s3cret":                        "parameter 'Count' must be a whole number",
		"evil%0a%1b%5b=1":                     `unknown parameter 'evil\n\x1b['`,
	} {
		var got queryShape
		err := decodeForm(text, &got)
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\x1b") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
}

// TestA50_FormsAreBounded: so many parameters are read and no more.
func TestA50_FormsAreBounded(t *testing.T) {
	var fits []string
	for i := range maxParameters {
		fits = append(fits, fmt.Sprintf("Words.member.%d=x", i+1))
	}
	var got queryShape
	if err := decodeForm(strings.Join(fits, "&"), &got); err != nil || len(got.Words) != maxParameters {
		t.Errorf("%d parameters: %v", maxParameters, err)
	}
	f := parseForm(strings.Join(append(fits, "Name=x", "Name=x"), "&"))
	if err := f.err; err == nil || !strings.Contains(err.Message, "more than 1000 parameters") || len(f.parameters) != maxParameters {
		t.Errorf("one more: %v", err)
	}
}

// TestParametersHaveOnePlace: those of a POST are in its body and those of a GET in its URL. A signature may be in either
// URL and is no parameter.
func TestParametersHaveOnePlace(t *testing.T) {
	for name, c := range map[string]struct {
		method, query, body string
		want                string
	}{
		"post":                 {"POST", "", "Name=a", ""},
		"presigned post":       {"POST", "X-Amz-Date=d&X-Amz-Signature=s", "Name=a", ""},
		"post with a query":    {"POST", "Name=b", "Name=a", "parameter 'Name' is in the URL of a POST"},
		"post, query only":     {"POST", "Name=a", "", "parameter 'Name' is in the URL of a POST"},
		"post, broken query":   {"POST", "X-Amz-Date=%zz", "Name=a", "not urlencoded"},
		"get":                  {"GET", "Name=a&X-Amz-Date=d", "", ""},
		"get with a body":      {"GET", "Name=a", "Name=b", "a GET has no body"},
		"signature in a body":  {"POST", "", "Name=a&X-Amz-Date=d", "unknown parameter 'X-Amz-Date'"},
		"get with a bad query": {"GET", "Name=a&Name=b", "", "sent twice"},
	} {
		r := httptest.NewRequest(c.method, "/?"+c.query, nil)
		var got queryShape
		err := parseRequest(r, []byte(c.body)).decode(compileReader(reflect.TypeFor[queryShape]()), &got)
		switch {
		case c.want == "" && (err != nil || got.Name != "a"):
			t.Errorf("%s: %v, %q", name, err, got.Name)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestShapesWithoutAFormStopTheServer: a shape that the protocol cannot carry is found when the server starts.
func TestShapesWithoutAFormStopTheServer(t *testing.T) {
	for _, bad := range []any{
		struct {
			A map[string]string `json:"A"`
		}{},
		struct {
			A float64 `json:"A"`
		}{},
	} {
		for name, compile := range map[string]func(){"reader": func() { compileReader(reflect.TypeOf(bad)) }, "writer": func() { compileWriter(reflect.TypeOf(bad)) }} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%T has a %s", bad, name)
					}
				}()
				compile()
			}()
		}
	}
}
