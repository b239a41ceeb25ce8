package server

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

const benchBody = `{"workloadIdentityToken":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","resourceCredentialProviderName":"github","scopes":["repo","read:user"],"oauth2Flow":"USER_FEDERATION"}`

// BenchmarkRead compares a plan with encoding/json, which reads what a plan does not.
func BenchmarkRead(b *testing.B) {
	plan := flatten(reflect.TypeFor[api.GetResourceOauth2TokenRequest]())
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var in api.GetResourceOauth2TokenRequest
			if !plan.read([]byte(benchBody), reflect.ValueOf(&in).Elem()) {
				b.Fatal("not read")
			}
		}
	})
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var in api.GetResourceOauth2TokenRequest
			if err := decode([]byte(benchBody), &in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWrite does the same for an answer of 2 KiB.
func BenchmarkWrite(b *testing.B) {
	out := &api.GetResourceOauth2TokenResponse{AccessToken: api.Sensitive(strings.Repeat("0123456789abcdef", 128))}
	plan := flatten(reflect.TypeOf(out).Elem())
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text, _ := plan.append(reflect.ValueOf(out).Elem())
			if err := writeJSONText(httptest.NewRecorder(), 200, text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := writeJSON(httptest.NewRecorder(), 200, out); err != nil {
				b.Fatal(err)
			}
		}
	})
}
