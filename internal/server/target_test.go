package server_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// fakePools serves two operations; the others are not called here.
type fakePools struct {
	server.UserPools
	err    error
	caller *policy.Caller
}

func (f *fakePools) DeleteUserPool(_ context.Context, caller *policy.Caller, _ *api.UserPoolID) (*api.Empty, error) {
	f.caller = caller
	return nil, f.err
}

func (f *fakePools) InitiateAuth(_ context.Context, caller *policy.Caller, _ *api.InitiateAuthRequest) (*api.AuthResponse, error) {
	f.caller = caller
	return &api.AuthResponse{ChallengeName: "<&>"}, f.err
}

func target(t *testing.T, s *servertest.Service, name, contentType, body string, sign bool) *servertest.Answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+"/", strings.NewReader(body))
	check(t, err)
	r.Header.Set("X-Amz-Target", api.CognitoTarget+name)
	r.Header.Set("Content-Type", contentType)
	if sign {
		s.Sign(t, s.Root, r, "cognito-idp")
	}
	a := s.Do(t, r)
	if a.Status >= 400 {
		a.Into(t, &a.Exception)
	}
	return a
}

const (
	json11 = "application/x-amz-json-1.1"
	aPool  = `{"UserPoolId":"us-west-2_abc"}`
)

// TestTargetProtocol: the header names the operation, errors have the form and the statuses of JSON 1.1, and a signature
// on an operation that carries its own proof counts for nothing.
func TestTargetProtocol(t *testing.T) {
	t.Parallel()
	pools := &fakePools{}
	s := servertest.New(t, servertest.Edge(func(c *server.Config) { c.UserPools = pools }))
	if a := target(t, s, "DeleteUserPool", json11, aPool, true); a.Status != 200 || string(a.Body) != "{}\n" || a.Header.Get("Content-Type") != json11 || pools.caller.Kind != policy.KindRoot {
		t.Errorf("%d %q %v", a.Status, a.Body, a.Header)
	}
	if a := target(t, s, "InitiateAuth", json11, `{"ClientId":"x","AuthFlow":"y"}`, true); a.Status != 200 || !strings.Contains(string(a.Body), `"<&>"`) || pools.caller.ARN != "" || pools.caller.SourceIP == "" {
		t.Errorf("%d %s, called by %+v", a.Status, a.Body, pools.caller)
	}
	for name, c := range map[string]struct {
		op, contentType, body string
		sign                  bool
		err                   error
		want                  api.ExceptionName
		status                int
	}{
		"unknown operation":   {"ListGroups", json11, "{}", true, nil, api.UnknownOperationException, 400},
		"unsigned":            {"DeleteUserPool", json11, aPool, false, nil, api.MissingAuthenticationToken, 400},
		"not JSON":            {"DeleteUserPool", json11, "{", true, nil, api.SerializationException, 400},
		"unknown member":      {"DeleteUserPool", json11, `{"x":1}`, true, nil, api.SerializationException, 400},
		"missing member":      {"DeleteUserPool", json11, "{}", true, nil, api.InvalidParameterException, 400},
		"another media type":  {"DeleteUserPool", "text/plain", aPool, true, nil, api.UnsupportedMediaType, 400},
		"a domain's refusal":  {"DeleteUserPool", json11, aPool, true, &identity.Error{Code: identity.Throttled, Message: "m"}, api.TooManyRequestsException, 400},
		"a fault of our own":  {"DeleteUserPool", json11, aPool, true, context.DeadlineExceeded, api.InternalErrorException, 500},
		"a domain's fault":    {"DeleteUserPool", json11, aPool, true, &identity.Error{Code: identity.Internal, Message: "m"}, api.InternalErrorException, 500},
		"proof that is wrong": {"InitiateAuth", json11, `{"ClientId":"x","AuthFlow":"y"}`, false, &api.Exception{Name: api.NotAuthorizedException, Message: "m"}, api.NotAuthorizedException, 400},
	} {
		pools.err = c.err
		a := target(t, s, c.op, c.contentType, c.body, c.sign)
		if a.Status != c.status || a.Exception.Name != c.want || a.Exception.Message == "" || a.Header.Get("Content-Type") != json11 || a.Header.Get("x-amzn-RequestId") == "" {
			t.Errorf("%s: %d %s, want %d %s", name, a.Status, a.Body, c.status, c.want)
		}
	}
}

// TestRefusedProofIsAudited: as a stranger's, under the operation's name.
func TestRefusedProofIsAudited(t *testing.T) {
	t.Parallel()
	pools := &fakePools{err: &api.Exception{Name: api.NotAuthorizedException, Message: "no"}}
	s := servertest.New(t, servertest.Edge(func(c *server.Config) { c.UserPools = pools }))
	a := target(t, s, "InitiateAuth", json11, `{"ClientId":"x","AuthFlow":"y"}`, false)
	records := s.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
	if len(records) != 1 || records[0].Action != "cognito-idp:InitiateAuth" || records[0].Result != identity.AuditDenied || records[0].SourceIP == "" {
		t.Errorf("audited as %+v", records)
	}
}

// TestNoUserPoolsByDefault: a server that is given none does not know their operations, signed or not.
func TestNoUserPoolsByDefault(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, op := range api.CognitoOperations() {
		for _, sign := range []bool{true, false} {
			if a := target(t, s, op.Name, json11, "{}", sign); a.Status != http.StatusNotFound || !strings.Contains(string(a.Body), string(api.UnknownOperationException)) {
				t.Errorf("%s: %d %s", op.Name, a.Status, a.Body)
			}
		}
	}
}

// TestBrowserURL: where a browser cannot reach the provider's own name, it is sent to the address that stands for it.
func TestBrowserURL(t *testing.T) {
	t.Parallel()
	var seen string
	var unreachable atomic.Bool
	w := newWorld(t, servertest.Edge(func(c *server.Config) {
		c.BrowserURL = func(_ context.Context, location string) string {
			if !unreachable.Load() {
				return location
			}
			seen = location
			return "https://local.example/authorize"
		}
	}))
	unreachable.Store(true)
	a := get(t, w.Service, http.MethodGet, strings.TrimPrefix(*w.agent.Begin(t, "alice").AuthorizationUrl, w.Public), nil, "")
	if a.Status != http.StatusFound || a.Header.Get("Location") != "https://local.example/authorize" || !strings.Contains(seen, "client_id=") {
		t.Errorf("%d to %q; asked about %q", a.Status, a.Header.Get("Location"), seen)
	}
}
