package server

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// FuzzRequest: decoding and validating never panic; what passes is valid when it is written and read again; what fails
// says why in one line and never repeats a token.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"workloadIdentityToken":"t","resourceCredentialProviderName":"p","scopes":["a"],"oauth2Flow":"M2M"}`, `{"scopes":null}`, `{"scopes":[null]}`, `{"customParameters":{"":""}}`,
		`{"sessionUri":"urn:ietf:params:oauth:request_uri:x"}`, `{"customState":""}`, `[]`, `{"workloadIdentityToken":"` + strings.Repeat("x", 200) + `"}`, `{"x":1}`, "\xff",
	} {
		f.Add([]byte(s))
	}
	shape := api.Compile(reflect.TypeFor[api.GetResourceOauth2TokenRequest]())
	f.Fuzz(func(t *testing.T, body []byte) {
		in := new(api.GetResourceOauth2TokenRequest)
		if err := decode(body, in); err != nil {
			oneLine(t, exception(err))
			return
		}
		if ex := shape.Validate(in); ex != nil {
			oneLine(t, ex)
			if len(in.WorkloadToken) > 20 && strings.Contains(ex.Message, string(in.WorkloadToken)) {
				t.Errorf("the message repeats the token: %s", ex.Message)
			}
			return
		}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		again := new(api.GetResourceOauth2TokenRequest)
		if err := decode(b, again); err != nil || shape.Validate(again) != nil {
			t.Errorf("%s was valid and %s is not", body, b)
		}
	})
}

func oneLine(t *testing.T, ex *api.Exception) {
	t.Helper()
	if ex.Name != api.ValidationException || ex.Reason == "" || strings.ContainsAny(ex.Message, "\n\r\x00\x1b") {
		t.Errorf("refused with %q", ex.Message)
	}
}
