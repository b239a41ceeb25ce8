package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// asked is what the agent host asks the server in this test, of a process that really began.
type asked struct {
	*world
	up      hostlink.Upstream
	process hostlink.Process
}

func newAsked(t *testing.T) *asked {
	t.Helper()
	w := newWorld(t)
	if a := w.invoke(t, w.Root, map[string]any{"runtimeUserId": "alice", "runtimeSessionId": sessionA}); a.Status != 200 {
		t.Fatal(string(a.Body))
	}
	in := w.host.last(t)
	return &asked{world: w, up: server.NewUpstream(w.Identity, authn.New(w.Identity, w.Clock.Now)),
		process: hostlink.Process{RuntimeARN: in.Spec.RuntimeARN, RuntimeID: in.Spec.RuntimeID, Version: in.Spec.Version, SessionID: in.SessionID, UserKey: in.UserKey}}
}

// TestAgentsGetTheirRole: the credentials that the host fetches are a session of the runtime's role, with its permissions
// and no others, for an hour, and the audit says whose.
func TestAgentsGetTheirRole(t *testing.T) {
	t.Parallel()
	w := newAsked(t)
	c, err := w.up.Credentials(t.Context(), w.process)
	check(t, err)
	if c.RoleARN != runtimeRoleARN || c.Expiration.Sub(w.Clock.Now()) > time.Hour || strings.Contains(c.String(), c.SecretAccessKey) {
		t.Errorf("credentials of %s until %s", c.RoleARN, c.Expiration)
	}
	agent := servertest.Credentials{Account: w.Account, AccessKeyID: c.AccessKeyID, Secret: c.SecretAccessKey, SessionToken: c.Token}
	who := w.Call(t, agent, api.GetCallerIdentity, nil)
	if want := "arn:aws:sts::000000000000:assumed-role/agents/" + sessionA; !strings.Contains(string(who.Body), want) {
		t.Errorf("the agent is %s", who.Body)
	}
	refused(t, w.Call(t, agent, api.GetWorkloadIdentity, map[string]any{"name": "agent"}), api.AccessDeniedException)
	root := identity.LocalAdmin(w.Account)
	check(t, w.Identity.PutRolePolicy(t.Context(), root, "agents", "some", servertest.Allow("*", "bedrock-agentcore:GetWorkloadIdentity")))
	if a := w.Call(t, agent, api.GetWorkloadIdentity, map[string]any{"name": "agent"}); a.Status != 200 {
		t.Errorf("with a policy: %d %s", a.Status, a.Body)
	}
	records := w.Audit(t, identity.AuditFilter{Action: "sts:AssumeRole"})
	if len(records) != 1 || records[0].Caller != "bedrock-agentcore.amazonaws.com" || records[0].Workload != w.runtime || records[0].Resources[0] != runtimeRoleARN {
		t.Errorf("audited as %+v", records)
	}
}

// TestA47_CredentialsForOwnProcessesOnly: a host gets credentials for processes of runtimes that this server sent to it,
// named whole and unaltered, and for no other; never of another role than the server has on record.
func TestA47_CredentialsForOwnProcessesOnly(t *testing.T) {
	t.Parallel()
	w := newAsked(t)
	other := w.newRuntime(t, "other_agent", nil)
	for name, change := range map[string]func(p *hostlink.Process){
		"another runtime":      func(p *hostlink.Process) { p.RuntimeID, p.RuntimeARN = other, w.Identity.RuntimeARN(w.Account, other) },
		"id of another":        func(p *hostlink.Process) { p.RuntimeID = other },
		"no such runtime":      func(p *hostlink.Process) { p.RuntimeARN = strings.Replace(p.RuntimeARN, "my_agent", "no_agent", 1) },
		"another account":      func(p *hostlink.Process) { p.RuntimeARN = w.Identity.RuntimeARN("111111111111", p.RuntimeID) },
		"no user key":          func(p *hostlink.Process) { p.UserKey = "" },
		"user key without tag": func(p *hostlink.Process) { p.UserKey, _, _ = strings.Cut(p.UserKey, ".") },
		"user of its own":      func(p *hostlink.Process) { _, tag, _ := strings.Cut(p.UserKey, "."); p.UserKey = "mallory." + tag },
		"user key altered":     func(p *hostlink.Process) { p.UserKey = flip(p.UserKey, len(p.UserKey)-2) },
		"no such version":      func(p *hostlink.Process) { p.Version = "7" },
		"no version":           func(p *hostlink.Process) { p.Version = "" },
		"latest":               func(p *hostlink.Process) { p.Version = "0" },
	} {
		p := w.process
		change(&p)
		c, err := w.up.Credentials(t.Context(), p)
		if err == nil || c.AccessKeyID != "" || hostlink.CodeOf(err) != hostlink.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(w.Audit(t, identity.AuditFilter{Action: "lanyard:GetRuntimeCredentials", Result: identity.AuditDenied})); n != 11 {
		t.Errorf("%d refusals are audited", n)
	}
	check(t, w.Identity.UpdateTrustPolicy(t.Context(), identity.LocalAdmin(w.Account), "agents", trust))
	if _, err := w.up.Credentials(t.Context(), w.process); err == nil {
		t.Error("a role that trusts runtimes no more is still taken on")
	}
	check(t, w.Identity.UpdateTrustPolicy(t.Context(), identity.LocalAdmin(w.Account), "agents", serviceTrust))
	if a := w.Call(t, w.Root, api.DeleteAgentRuntime, map[string]any{"agentRuntimeId": w.runtime}); a.Status != 202 {
		t.Fatal(string(a.Body))
	}
	if _, err := w.up.Credentials(t.Context(), w.process); err == nil {
		t.Error("a deleted runtime's role is still taken on")
	}
}

// TestModelCallsAreTheAgentsOwn: a call of a model passes if the agent's own process signed it and its role may make it,
// and only then.
func TestModelCallsAreTheAgentsOwn(t *testing.T) {
	t.Parallel()
	w := newAsked(t)
	root := identity.LocalAdmin(w.Account)
	check(t, w.Identity.PutRolePolicy(t.Context(), root, "agents", "models", servertest.Allow("arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-*", "bedrock:InvokeModel")))
	creds := func(p hostlink.Process) servertest.Credentials {
		c, err := w.up.Credentials(t.Context(), p)
		check(t, err)
		return servertest.Credentials{Account: w.Account, AccessKeyID: c.AccessKeyID, Secret: c.SecretAccessKey, SessionToken: c.Token}
	}
	own := creds(w.process)
	other := w.process
	other.SessionID = sessionB
	const claude = "/model/anthropic.claude-3%3A0/converse"
	for name, c := range map[string]struct {
		as      servertest.Credentials
		path    string
		service string
		change  func(*hostlink.ModelCall)
		ok      bool
	}{
		"own call":             {own, claude, "bedrock", nil, true},
		"another operation":    {own, "/model/anthropic.claude-3%3A0/converse-stream", "bedrock", nil, false},
		"another model":        {own, "/model/meta.llama/converse", "bedrock", nil, false},
		"a profile":            {own, "/model/us.anthropic.claude-3%3A0/converse", "bedrock", nil, false},
		"something else":       {own, "/guardrail/x/version/1/apply", "bedrock", nil, false},
		"climbing":             {own, "/model/anthropic.claude-3%3A0/converse/../../x/invoke", "bedrock", nil, false},
		"another service":      {own, claude, "s3", nil, false},
		"another session's":    {creds(other), claude, "bedrock", nil, false},
		"root's":               {w.Root, claude, "bedrock", nil, false},
		"another payload":      {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.PayloadSHA256 = strings.Repeat("0", 64) }, false},
		"another path":         {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.URI = strings.Replace(c.URI, "claude-3", "claude-9", 1) }, false},
		"not signed":           {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.Header.Del("Authorization") }, false},
		"another process":      {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.Process.SessionID = sessionB }, false},
		"forged process":       {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.Process.UserKey = "x.y" }, false},
		"malformed hash":       {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.PayloadSHA256 = "x" }, false},
		"no path":              {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.URI = "" }, false},
		"another host service": {own, claude, "bedrock", func(c *hostlink.ModelCall) { c.Service = "s3" }, false},
	} {
		call := w.modelCall(t, c.as, c.path, c.service)
		if c.change != nil {
			c.change(&call)
		}
		if err := w.up.ModelAccess(t.Context(), call); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := w.Audit(t, identity.AuditFilter{Action: "bedrock:InvokeModel", Result: identity.AuditAllowed}); len(r) != 1 || r[0].Resources[0] != "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3:0" {
		t.Errorf("audited as %+v", r)
	}
}

// modelCall is a call as the agent host passes it on.
func (w *asked) modelCall(t *testing.T, c servertest.Credentials, path, service string) hostlink.ModelCall {
	t.Helper()
	body := []byte(`{"messages":[]}`)
	r, err := http.NewRequest("POST", "http://127.0.0.1:4000/models/5ec4e7/bedrock-runtime"+path, bytes.NewReader(body))
	check(t, err)
	w.Sign(t, c, r, service)
	sum := sha256.Sum256(body)
	return hostlink.ModelCall{Process: w.process, Service: "bedrock-runtime", Region: "us-west-2", Method: r.Method, Host: r.URL.Host, URI: r.URL.RequestURI(), Header: r.Header, PayloadSHA256: hex.EncodeToString(sum[:])}
}
