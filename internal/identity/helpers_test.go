package identity_test

import (
	"errors"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/aws/smithy-go"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// input edits a request for a resource token.
type input = data.GetResourceOauth2TokenInput

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused expects an SDK error of this name whose message contains the text.
func refused(t testing.TB, err error, name api.ExceptionName, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != string(name) || !strings.Contains(e.ErrorMessage(), text) {
		t.Fatalf("error is %v, want %s with %q", err, name, text)
	}
	if resp, ok := errors.AsType[*awshttp.ResponseError](err); !ok || resp.HTTPStatusCode() != name.Status() {
		t.Errorf("the status of %v is not %d", err, name.Status())
	}
}

// grants lists the grants as the wire shows them.
func grants(t testing.TB, s *servertest.Service) []api.GrantItem {
	t.Helper()
	var out api.ListGrantsResponse
	s.Call(t, s.Root, api.ListGrants, map[string]any{}).Into(t, &out)
	return out.Grants
}

// audited expects exactly one record that matches the filter and whose reason contains the text.
func audited(t testing.TB, s *servertest.Service, f identity.AuditFilter, text string) identity.AuditRecord {
	t.Helper()
	var found []identity.AuditRecord
	all := s.Audit(t, f)
	for _, r := range all {
		if strings.Contains(r.Reason, text) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d of %d audit records of %+v say %q: %+v", len(found), len(all), f, text, all)
	}
	return found[0]
}

func m2m(in *input) {
	in.Oauth2Flow, in.ResourceOauth2ReturnUrl = dtypes.Oauth2FlowTypeM2m, nil
}

func returnTo(u string) func(*input) {
	return func(in *input) {
		in.ResourceOauth2ReturnUrl = &u
		if u == "" {
			in.ResourceOauth2ReturnUrl = nil
		}
	}
}

func polling(sessionURI string) func(*input) {
	return func(in *input) { in.SessionUri = &sessionURI }
}

func scopes(list ...string) func(*input) {
	return func(in *input) { in.Scopes = append([]string{}, list...) }
}

func force(in *input) {
	yes := true
	in.ForceAuthentication = &yes
}

// refusedQuery expects an SDK error of this code.
func refusedQuery(t testing.TB, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code {
		t.Fatalf("error is %v, want %s", err, code)
	}
}
