package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// fakeHost is an agent host whose agents answer what a test wants. What agents do when they are real is tested against
// the real one, see TestRealHost.
type fakeHost struct {
	mu       sync.Mutex
	invoked  []*hostlink.Invocation
	bodies   []string
	stopped  []hostlink.StopRequest
	archives map[string]bool
	answer   func(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error)
	check    func(s *hostlink.Spec) error
	sessions []hostlink.Session
	echo     atomic.Bool // the payload is the answer, while it comes
}

func (h *fakeHost) Invoke(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error) {
	if h.echo.Load() {
		return &hostlink.Response{Status: 200, Header: http.Header{}, Body: io.NopCloser(in.Body)}, nil
	}
	b, err := io.ReadAll(in.Body)
	h.mu.Lock()
	h.invoked, h.bodies = append(h.invoked, in), append(h.bodies, string(b))
	f := h.answer
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if f != nil {
		return f(ctx, in)
	}
	return agentSays(200, "application/json", `"hello"`), nil
}

// agentSays is an agent's answer.
func agentSays(status int, contentType, body string) *hostlink.Response {
	return &hostlink.Response{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}
}

// last is the last invocation that reached the host.
func (h *fakeHost) last(t testing.TB) *hostlink.Invocation {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.invoked) == 0 {
		t.Fatal("no invocation reached the host")
	}
	return h.invoked[len(h.invoked)-1]
}

func (h *fakeHost) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.invoked)
}

func (h *fakeHost) says(f func(ctx context.Context, in *hostlink.Invocation) (*hostlink.Response, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

func (h *fakeHost) Stop(_ context.Context, in hostlink.StopRequest) (*hostlink.StopAnswer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = append(h.stopped, in)
	n := 0
	if slices.ContainsFunc(h.invoked, func(i *hostlink.Invocation) bool {
		return i.SessionID == in.SessionID && (in.UserKey == "" || in.UserKey == i.UserKey)
	}) {
		n = 1
	}
	return &hostlink.StopAnswer{Stopped: n}, nil
}

func (h *fakeHost) PutSpec(_ context.Context, s *hostlink.Spec) error {
	if err := s.Validate(); err != nil {
		return hostlink.Errorf(hostlink.CodeInvalid, "%s", err.Error())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.check != nil {
		return h.check(s)
	}
	return nil
}

func (h *fakeHost) PutArchive(_ context.Context, sum string, archive io.Reader) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.archives[sum] {
		return nil
	}
	b, err := io.ReadAll(archive)
	if err != nil {
		return err
	}
	if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
		return hostlink.Errorf(hostlink.CodeInvalid, "the archive does not have the SHA-256 that it was announced with")
	}
	if h.archives == nil {
		h.archives = map[string]bool{}
	}
	h.archives[sum] = true
	return nil
}

func (h *fakeHost) Sessions(context.Context, string) ([]hostlink.Session, error) {
	return h.sessions, nil
}

func (h *fakeHost) Logs(_ context.Context, in hostlink.LogRequest) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader([]byte("a line of " + in.RuntimeID + "\n"))), nil
}

const (
	runtimeRoleARN = iamPrefix + "role/agents"
	serviceTrust   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"bedrock-agentcore.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"},"ArnLike":{"aws:SourceArn":"arn:aws:bedrock-agentcore:us-west-2:000000000000:*"}}}}`
	sessionA = "session-a-0123456789abcdef0123456789abcdef"
	sessionB = "session-b-0123456789abcdef0123456789abcdef"
)

// runtimeRole makes the role of agents, once.
func runtimeRole(t testing.TB, s *servertest.Service) {
	t.Helper()
	root := identity.LocalAdmin(s.Account)
	if _, err := s.Identity.GetRole(t.Context(), root, "agents"); err == nil {
		return
	}
	_, err := s.Identity.CreateRole(t.Context(), root, identity.NewRole{Name: "agents", Trust: serviceTrust})
	check(t, err)
}

// newRuntime makes an agent runtime and returns its id.
func (w *world) newRuntime(t testing.TB, name string, a *identity.JWTAuthorizer) string {
	t.Helper()
	runtimeRole(t, w.Service)
	cfg := identity.RuntimeConfig{RoleARN: runtimeRoleARN, Source: identity.RuntimeSource{Directory: "/srv/agent"}, EntryPoint: []string{"agent.py"},
		Language: "PYTHON_3_12", Authorizer: a, HeaderAllowList: []string{"X-Listed", "Authorization"}, Environment: map[string]string{"MODEL_KEY": "marker-of-the-environment"}}
	r, err := w.Identity.CreateRuntime(t.Context(), identity.LocalAdmin(w.Account), identity.NewRuntime{Name: name, Config: cfg},
		func(context.Context, *identity.Runtime, *identity.RuntimeVersion) error { return nil })
	check(t, err)
	return r.ID
}

func (w *world) runtimeARN() string { return w.Identity.RuntimeARN(w.Account, w.runtime) }

// runtimeSample is a request of an operation of agent runtimes that would be carried out.
func (w *world) runtimeSample(op api.Operation) map[string]any {
	config := map[string]any{"agentRuntimeArtifact": map[string]any{"codeConfiguration": map[string]any{"code": map[string]any{"s3": map[string]any{"bucket": "lanyard-directory", "prefix": "/srv/agent"}},
		"runtime": "PYTHON_3_12", "entryPoint": []any{"agent.py"}}}, "roleArn": runtimeRoleARN, "networkConfiguration": map[string]any{"networkMode": "PUBLIC"},
		"description": "d", "protocolConfiguration": map[string]any{"serverProtocol": "HTTP"}, "environmentVariables": map[string]any{"A": "b"},
		"lifecycleConfiguration":     map[string]any{"idleRuntimeSessionTimeout": 600, "maxLifetime": 3600},
		"requestHeaderConfiguration": map[string]any{"requestHeaderAllowlist": []any{"X-Mine"}},
		"authorizerConfiguration": map[string]any{"customJWTAuthorizer": map[string]any{"discoveryUrl": w.agent.IDP.DiscoveryURL, "allowedAudience": []any{"lanyard"}, "allowedClients": []any{"c"}, "allowedScopes": []any{"s"},
			"customClaims": []any{map[string]any{"inboundTokenClaimName": "team", "inboundTokenClaimValueType": "STRING", "authorizingClaimMatchValue": map[string]any{"claimMatchOperator": "EQUALS", "claimMatchValue": map[string]any{"matchValueString": "x"}}}}}}}
	out := map[string]any{}
	switch op.Name {
	case "CreateAgentRuntime":
		config["agentRuntimeName"] = "another"
		return config
	case "UpdateAgentRuntime":
		config["agentRuntimeId"] = w.runtime
		return config
	case "InvokeAgentRuntime":
		return map[string]any{"agentRuntimeArn": w.runtimeARN(), "runtimeSessionId": sessionA, "payload": "{}"}
	case "StopRuntimeSession":
		return map[string]any{"agentRuntimeArn": w.runtimeARN(), "runtimeSessionId": sessionA}
	case "UploadAgentArchive":
		return map[string]any{"payload": "archive"}
	case "ListAgentRuntimes":
		return out
	case "CreateAgentRuntimeEndpoint":
		out["name"] = "another"
	case "GetAgentRuntimeEndpoint", "UpdateAgentRuntimeEndpoint", "DeleteAgentRuntimeEndpoint":
		out["endpointName"] = "DEFAULT"
	}
	out["agentRuntimeId"] = w.runtime
	return out
}
