package server_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// invoke sends an invocation with the members, signed.
func (w *world) invoke(t testing.TB, c servertest.Credentials, members map[string]any, change ...func(*http.Request)) *servertest.Answer {
	t.Helper()
	return w.Do(t, w.invocation(t, c, members, change...))
}

func (w *world) invocation(t testing.TB, c servertest.Credentials, members map[string]any, change ...func(*http.Request)) *http.Request {
	t.Helper()
	all := map[string]any{"agentRuntimeArn": w.runtimeARN(), "payload": "{}"}
	for k, v := range members {
		all[k] = v
	}
	r := w.Request(t, api.InvokeAgentRuntime, all)
	for _, f := range change {
		f(r)
	}
	w.Sign(t, c, r, "bedrock-agentcore")
	return r
}

// TestA46_IdentityHeadersAreTheServersOwn: whatever a caller sends under the names by which agents learn who calls, in
// every spelling, reaches no agent; what the agent is told was decided here.
func TestA46_IdentityHeadersAreTheServersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	smuggled := []string{"WorkloadAccessToken", "Workload_Access_Token", "workloadaccesstoken", "X-Amz-Bedrock-AgentCore-Identity-WAT", "X_Amz_Bedrock_AgentCore_Identity_WAT",
		"OAuth2CallbackUrl", "oauth2_callback_url", "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id", "X_Amzn_Bedrock_AgentCore_Runtime_User_Id", "X_Amzn-Bedrock_AgentCore-Runtime_Session-Id",
		"Lanyard-Inject-Workloadaccesstoken", "Lanyard-User-Key", "X-Forwarded-User", "Cookie"}
	a := w.invoke(t, w.Root, map[string]any{"runtimeUserId": "alice", "runtimeSessionId": sessionA}, func(r *http.Request) {
		for _, name := range smuggled {
			r.Header.Set(name, "MARKER-smuggled")
		}
		r.Header.Set("X-Listed", "listed")
		r.Header.Set("X-Not-Listed", "MARKER-not-listed")
		r.Header.Set("X-Amzn-Bedrock-AgentCore-Runtime-Custom-Mine", "custom")
	})
	if a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	in := w.host.last(t)
	seen := in.Spec.ForAgent(linked(in))
	if text := fmt.Sprint(seen); strings.Contains(text, "MARKER") || strings.Contains(text, "AWS4-HMAC") {
		t.Errorf("the agent sees what a caller sent, or the caller's signature: %s", text)
	}
	for name, want := range map[string]string{hostlink.HeaderSessionID: sessionA, hostlink.HeaderUserID: "alice", hostlink.HeaderRequestID: a.Header.Get("x-amzn-RequestId"),
		"X-Listed": "listed", "X-Amzn-Bedrock-Agentcore-Runtime-Custom-Mine": "custom"} {
		if seen.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, seen.Get(name), want)
		}
	}
	if seen.Get(hostlink.HeaderWorkloadAccessToken) == "" || seen.Get(hostlink.HeaderWorkloadAccessToken) != seen.Get(hostlink.HeaderIdentityWAT) {
		t.Error("the agent has no workload access token, or two")
	}
}

// linked is an invocation's headers as they travel on the link.
func linked(in *hostlink.Invocation) http.Header {
	out := http.Header{}
	for name, values := range in.Inject {
		out[http.CanonicalHeaderKey("Lanyard-Inject-"+name)] = values
	}
	for name, values := range in.Spec.Forwardable(in.Caller) {
		out[http.CanonicalHeaderKey("Lanyard-Forward-"+name)] = values
	}
	return out
}

// TestA46_TheUserIsSigned: the header that says for whom a caller acts counts only under the caller's signature, once, and
// with the permission to act for users.
func TestA46_TheUserIsSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.invocation(t, w.Root, nil)
	r.Header.Set(api.HeaderRuntimeUser, "mallory") // after it was signed
	refused(t, w.Do(t, r), api.ValidationException)
	r = w.invocation(t, w.Root, nil, func(r *http.Request) {
		r.Header[http.CanonicalHeaderKey(api.HeaderRuntimeUser)] = []string{"alice", "bob"}
	})
	if a := w.Do(t, r); a.Status != 403 || w.host.count() != 0 {
		t.Errorf("two users at once: %d %s", a.Status, a.Body)
	}
	invoker := w.User(t, "invoker", servertest.Allow("*", "bedrock-agentcore:InvokeAgentRuntime"))
	if a := w.invoke(t, invoker, nil); a.Status != 200 {
		t.Fatalf("a caller who may invoke: %d %s", a.Status, a.Body)
	}
	n := w.host.count()
	refused(t, w.invoke(t, invoker, map[string]any{"runtimeUserId": "alice"}), api.AccessDeniedException)
	refused(t, w.invoke(t, w.Root, map[string]any{"runtimeUserId": strings.Repeat("u", 1025)}), api.ValidationException)
	if w.host.count() != n {
		t.Error("a refused invocation reached the agent host")
	}
}

// TestTheTokenIsForThisUser: the workload access token that an agent is handed opens what its user and runtime may have;
// without a user there is none.
func TestTheTokenIsForThisUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invoke(t, w.Root, nil)
	if h := w.host.last(t).Inject; h.Get(hostlink.HeaderWorkloadAccessToken)+h.Get(hostlink.HeaderIdentityWAT)+h.Get(hostlink.HeaderUserID) != "" {
		t.Errorf("without a user the agent is told %v", h)
	}
	w.invoke(t, w.Root, map[string]any{"runtimeUserId": "alice"})
	token := w.host.last(t).Inject.Get(hostlink.HeaderWorkloadAccessToken)
	a := w.Call(t, w.Root, api.GetResourceApiKey, map[string]any{"workloadIdentityToken": token, "resourceCredentialProviderName": "key"})
	if a.Status != 200 {
		t.Fatalf("the token opens nothing: %s", a.Body)
	}
	records := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
	if len(records) != 1 || records[0].Workload != w.runtime || records[0].User != "userid:alice" {
		t.Errorf("the token is of %+v", records)
	}
	begun := w.Audit(t, identity.AuditFilter{Action: "bedrock-agentcore:InvokeAgentRuntime"})
	if n := len(begun); n != 2 || begun[1].User != "userid:alice" || begun[0].User != "" || begun[1].Workload != w.runtime {
		t.Errorf("invocations are audited as %+v", begun)
	}
}

// TestA53_LinkedWorkloadsGiveNoTokens: nobody but the runtime gets tokens of a runtime's own workload identity, and nobody
// removes it from under the runtime.
func TestA53_LinkedWorkloadsGiveNoTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for op, body := range map[*api.Operation]map[string]any{
		&api.GetWorkloadAccessToken:          {"workloadName": w.runtime},
		&api.GetWorkloadAccessTokenForUserId: {"workloadName": w.runtime, "userId": "alice"},
	} {
		a := w.Call(t, w.Root, *op, body)
		refused(t, a, api.ValidationException)
		if !strings.HasPrefix(a.Exception.Message, "WorkloadIdentity is linked to a service and cannot retrieve an access token by the caller") {
			t.Errorf("%s: %s", op.Name, a.Exception.Message)
		}
	}
	refused(t, w.Call(t, w.Root, api.DeleteWorkloadIdentity, map[string]any{"name": w.runtime}), api.ConflictException)
}

// TestA54_SettingsOfTheWorkloadHold: what an operator demands of a workload identity holds for a runtime's as well.
func TestA54_SettingsOfTheWorkloadHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, yes := 1, true
	_, err := w.Identity.SetWorkload(t.Context(), w.Account, w.runtime, identity.WorkloadSettings{UsersPerMinute: &one})
	check(t, err)
	if a := w.invoke(t, w.Root, map[string]any{"runtimeUserId": "alice"}); a.Status != 200 {
		t.Fatalf("the first user: %s", a.Body)
	}
	refused(t, w.invoke(t, w.Root, map[string]any{"runtimeUserId": "bob"}), api.ThrottlingException)
	_, err = w.Identity.SetWorkload(t.Context(), w.Account, w.runtime, identity.WorkloadSettings{VerifiedUsersOnly: &yes})
	check(t, err)
	refused(t, w.invoke(t, w.Root, map[string]any{"runtimeUserId": "alice"}), api.AccessDeniedException)
	check(t, w.Identity.BlockUser(t.Context(), w.Account, identity.User{Subject: "carol"}, ""))
	no := false
	_, err = w.Identity.SetWorkload(t.Context(), w.Account, w.runtime, identity.WorkloadSettings{VerifiedUsersOnly: &no, UsersPerMinute: new(int)})
	check(t, err)
	refused(t, w.invoke(t, w.Root, map[string]any{"runtimeUserId": "carol"}), api.AccessDeniedException)
}

// TestA52_UserKeys: the agent host can tell users apart, and learns no more of them. The same user has the same key, also
// after the account's data keys were rotated; nobody else has it, nor the user at another runtime.
func TestA52_UserKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := func(c servertest.Credentials, user string) string {
		t.Helper()
		members := map[string]any{}
		if user != "" {
			members["runtimeUserId"] = user
		}
		if a := w.invoke(t, c, members); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		return w.host.last(t).UserKey
	}
	other := w.User(t, "other", servertest.Allow("*", "*"))
	keys := map[string]string{"alice": key(w.Root, "alice"), "bob": key(w.Root, "bob"), "root": key(w.Root, ""), "other caller": key(other, "")}
	if key(other, "alice") != keys["alice"] {
		t.Error("the same user has two keys")
	}
	if a := w.Call(t, w.Root, api.RotateDataKeys, nil); a.Status != 200 {
		t.Fatal(string(a.Body))
	}
	if key(w.Root, "alice") != keys["alice"] {
		t.Error("a user's key changed with the account's data keys: sessions are lost")
	}
	w.runtime = w.newRuntime(t, "second_agent", nil)
	keys["alice elsewhere"] = key(w.Root, "alice")
	seen := map[string]string{}
	for who, k := range keys {
		if before, ok := seen[k]; ok {
			t.Errorf("%s and %s share a key", who, before)
		}
		if strings.Contains(k, "alice") || len(k) < 64 {
			t.Errorf("the key of %s tells who it is: %s", who, k)
		}
		seen[k] = who
	}
}

// TestA12_ReturnURLsOfInvocations: an invocation may name the return URL for consents only among those registered.
func TestA12_ReturnURLsOfInvocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const own = "http://127.0.0.1:8976/lanyard"
	told := func() string { return w.host.last(t).Inject.Get(hostlink.HeaderCallbackURL) }
	refused(t, w.invoke(t, w.Root, map[string]any{"oauth2ReturnUrl": own}), api.ValidationException)
	w.invoke(t, w.Root, nil)
	if told() != "" {
		t.Errorf("with none registered the agent is told %s", told())
	}
	w.Call(t, w.Root, api.UpdateWorkloadIdentity, map[string]any{"name": w.runtime, "allowedResourceOauth2ReturnUrls": []any{own}})
	w.invoke(t, w.Root, nil)
	if told() != own {
		t.Errorf("with one registered the agent is told %q", told())
	}
	w.Call(t, w.Root, api.UpdateWorkloadIdentity, map[string]any{"name": w.runtime, "allowedResourceOauth2ReturnUrls": []any{own, "https://app.example.com/back"}})
	w.invoke(t, w.Root, nil)
	if told() != "" {
		t.Errorf("with two registered the agent is told %q", told())
	}
	w.invoke(t, w.Root, map[string]any{"oauth2ReturnUrl": own})
	if told() != own {
		t.Errorf("the invocation's own return URL: the agent is told %q", told())
	}
	for _, evil := range []string{own + "/", "http://127.0.0.1:8977/lanyard", "http://127.0.0.1:8976/lanyard?x", "HTTP://127.0.0.1:8976/lanyard", "http://127.0.0.1:8976@evil.example/lanyard"} {
		refused(t, w.invoke(t, w.Root, map[string]any{"oauth2ReturnUrl": evil}), api.ValidationException)
	}
}

// TestRuntimesAreNamed: by ARN, or by id and account; qualifiers lead to their versions.
func TestRuntimesAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Call(t, w.Root, api.CreateAgentRuntimeEndpoint, map[string]any{"agentRuntimeId": w.runtime, "name": "prod"})
	if a := w.Call(t, w.Root, api.UpdateAgentRuntime, w.sample(api.UpdateAgentRuntime)); a.Status != 202 {
		t.Fatal(string(a.Body))
	}
	for name, c := range map[string]struct {
		members map[string]any
		version string
		refused api.ExceptionName
	}{
		"ARN":                  {map[string]any{"qualifier": "prod"}, "1", ""},
		"id with account":      {map[string]any{"agentRuntimeArn": w.runtime, "accountId": w.Account, "qualifier": "prod"}, "1", ""},
		"id alone":             {map[string]any{"agentRuntimeArn": w.runtime}, "", api.ValidationException},
		"two accounts":         {map[string]any{"accountId": "111111111111"}, "", api.ValidationException},
		"unknown":              {map[string]any{"agentRuntimeArn": w.runtimeARN()[:len(w.runtimeARN())-1] + "_"}, "", api.ValidationException},
		"another account":      {map[string]any{"agentRuntimeArn": w.Identity.RuntimeARN("111111111111", w.runtime)}, "", api.ResourceNotFoundException},
		"another id":           {map[string]any{"agentRuntimeArn": w.Identity.RuntimeARN(w.Account, "my_agent-0000000000")}, "", api.ResourceNotFoundException},
		"another region":       {map[string]any{"agentRuntimeArn": strings.Replace(w.runtimeARN(), "us-west-2", "eu-west-1", 1)}, "", api.ValidationException},
		"an endpoint's ARN":    {map[string]any{"agentRuntimeArn": w.runtimeARN() + "/runtime-endpoint/prod"}, "", api.ValidationException},
		"unknown endpoint":     {map[string]any{"qualifier": "nowhere"}, "", api.ResourceNotFoundException},
		"short session id":     {map[string]any{"runtimeSessionId": strings.Repeat("s", 32), "qualifier": "prod"}, "", api.ValidationException},
		"long session id":      {map[string]any{"runtimeSessionId": strings.Repeat("s", 257), "qualifier": "prod"}, "", api.ValidationException},
		"longest session id":   {map[string]any{"runtimeSessionId": strings.Repeat("s", 256), "qualifier": "prod"}, "1", ""},
		"shortest session id":  {map[string]any{"runtimeSessionId": strings.Repeat("s", 33), "qualifier": "prod"}, "1", ""},
		"version with a JWT":   {nil, "", api.AccessDeniedException},
		"id of another's name": {map[string]any{"agentRuntimeArn": "..%2f..", "accountId": w.Account}, "", api.ValidationException},
	} {
		a := w.invoke(t, w.Root, c.members)
		if c.refused != "" {
			if a.Exception.Name != c.refused {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
			continue
		}
		if got := w.host.last(t).Spec.Version; a.Status != 200 || got != c.version {
			t.Errorf("%s: %d, version %s: %s", name, a.Status, got, a.Body)
		}
	}
}

// TestA50_InvocationsAreBounded: an account may have so many at work, and no more; others are not in its way. A payload
// that is too large is refused before it is read.
func TestA50_InvocationsAreBounded(t *testing.T) {
	t.Parallel()
	h := &fakeHost{}
	w := newWorld(t, servertest.Edge(func(c *server.Config) { c.Host, c.MaxInvocations = h, 1 }))
	w.host = h
	began, release := make(chan struct{}), make(chan struct{})
	h.says(func(ctx context.Context, _ *hostlink.Invocation) (*hostlink.Response, error) {
		close(began)
		<-release
		return agentSays(200, "text/plain", "late"), nil
	})
	first := make(chan int)
	r := w.invocation(t, w.Root, nil)
	go func() { first <- w.Do(t, r).Status }()
	<-began
	refused(t, w.invoke(t, w.Root, nil), api.ThrottlingException)
	close(release)
	if got := <-first; got != 200 {
		t.Errorf("the first invocation: %d", got)
	}
	h.says(nil)
	if a := w.invoke(t, w.Root, nil); a.Status != 200 {
		t.Errorf("after it: %d %s", a.Status, a.Body)
	}
	r = w.invocation(t, w.Root, nil)
	unread := &countingBody{}
	r.Body, r.GetBody, r.ContentLength = unread, nil, api.MaxInvocationPayload+1
	r.Header.Set("Expect", "100-continue")
	refused(t, w.Do(t, r), api.RequestEntityTooLarge)
	if n := unread.n.Load(); n > 1<<20 {
		t.Errorf("%d bytes of a giant payload were taken", n)
	}
}

// countingBody is an endless body that knows how much of it was sent.
type countingBody struct{ n atomic.Int64 }

func (c *countingBody) Read(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

func (c *countingBody) Close() error { return nil }

// TestEnvironmentsRestSealed: the values of a runtime's variables are nowhere in the database, the log or the audit.
func TestEnvironmentsRestSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.invoke(t, w.Root, nil)
	if got := w.host.last(t).Spec.Environment["MODEL_KEY"]; got != "marker-of-the-environment" {
		t.Fatalf("the agent gets %q", got)
	}
	files, err := filepath.Glob(filepath.Join(w.Dir, "*"))
	check(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		check(t, err)
		if strings.Contains(string(b), "marker-of-the-environment") {
			t.Errorf("%s has a variable's value in clear", filepath.Base(f))
		}
	}
	if len(files) == 0 || strings.Contains(w.Logs(), "marker-of-the-environment") {
		t.Error("the log has a variable's value in clear, or there is no database")
	}
}

// TestNoHost: without an agent host, what needs one says how to have one; what exists is still shown and removed.
func TestNoHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.Edge(func(c *server.Config) { c.Host = nil }))
	for _, op := range []api.Operation{api.CreateAgentRuntime, api.UpdateAgentRuntime, api.InvokeAgentRuntime, api.StopRuntimeSession, api.UploadAgentArchive, api.ListRuntimeSessions, api.GetRuntimeLogs} {
		a := w.Call(t, w.Root, op, w.sample(op))
		refused(t, a, api.ValidationException)
		if !strings.Contains(a.Exception.Message, "lanyard host") {
			t.Errorf("%s: %s", op.Name, a.Exception.Message)
		}
	}
	for _, op := range []api.Operation{api.GetAgentRuntime, api.ListAgentRuntimes, api.ListAgentRuntimeEndpoints, api.DeleteAgentRuntime} {
		if a := w.Call(t, w.Root, op, w.sample(op)); a.Status != op.Status {
			t.Errorf("%s: %d %s", op.Name, a.Status, a.Body)
		}
	}
}
