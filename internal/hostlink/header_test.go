package hostlink

import (
	"net/http"
	"strings"
	"testing"
)

func TestA46_ForwardableDropsIdentityInEverySpelling(t *testing.T) {
	s := &Spec{HeaderAllowList: []string{"X-Tenant", "authorization"}}
	for name, want := range map[string]bool{
		"X-Tenant": true, "x-tenant": true, "Authorization": true, "Content-Type": true, "Accept": true, "Baggage": true, "Traceparent": true,
		"X-Amzn-Trace-Id": true, "Mcp-Session-Id": true, "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Colour": true,
		"X-Other": false, "X_Tenant": false, "Cookie": false, "WorkloadAccessToken": false, "workload_access_token": false, "WORKLOADACCESSTOKEN": false,
		"OAuth2CallbackUrl": false, "X-Amz-Bedrock-AgentCore-Identity-WAT": false, "X_Amz_Bedrock_AgentCore_Identity_WAT": false,
		"X-Amzn-Bedrock-AgentCore-Runtime-User-Id": false, "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": false, "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id": false,
		"X-Amzn-Oidc-Data": false, "X-Forwarded-For": false, "X_Forwarded_For": false, "Host": false, "Transfer-Encoding": false, "Content-Length": false,
		"Lanyard-Inject-Workloadaccesstoken": false, "Lanyard_Inject_Workloadaccesstoken": false, "Lanyard-Spec": false, "X-Amz-Date": false, "X-Amz-Security-Token": false,
		"Upgrade": false, "Connection": false, "Expect": false, "Proxy-Authorization": false, "Origin": false,
	} {
		got := s.Forwardable(http.Header{name: {"v"}})
		if (len(got) == 1) != want {
			t.Errorf("%s: forwarded %v, want %v", name, got, want)
		}
	}
}

func TestA46_AuthorizationMustBeListed(t *testing.T) {
	if got := (&Spec{}).Forwardable(http.Header{"Authorization": {"Bearer x"}}); len(got) != 0 {
		t.Error(got)
	}
}

func TestA46_HostTakesNothingWithoutAPrefix(t *testing.T) {
	s := &Spec{HeaderAllowList: []string{"X-Tenant"}}
	link := http.Header{}
	link.Set("WorkloadAccessToken", "forged")
	link.Set("X-Tenant", "forged")
	link.Set("Lanyard-Forward-Workloadaccesstoken", "forged")
	link.Set("Lanyard-Forward-X-Other", "forged")
	link.Set("Lanyard-Inject-X-Tenant", "forged")
	link.Set("Lanyard-Inject-Authorization", "forged")
	link.Set("Lanyard-Forward-", "forged")
	if got := s.ForAgent(link); len(got) != 0 {
		t.Error(got)
	}
	link.Set("Lanyard-Inject-Workloadaccesstoken", "wat")
	link.Set("Lanyard-Forward-X-Tenant", "t1")
	if got := s.ForAgent(link); len(got) != 2 || got.Get("WorkloadAccessToken") != "wat" || got.Get("X-Tenant") != "t1" {
		t.Error(got)
	}
}

func TestAnswerableKeepsAgentsOffLanyardsOrigin(t *testing.T) {
	agent := http.Header{}
	for _, name := range []string{"Set-Cookie", "Location", "Access-Control-Allow-Origin", "Content-Security-Policy", "Strict-Transport-Security", "Www-Authenticate", "Clear-Site-Data",
		"Service-Worker-Allowed", "Transfer-Encoding", "Content-Length", "X-Amzn-Requestid", "Trailer", "Lanyard-Outcome"} {
		agent.Set(name, "v")
	}
	if got := Answerable(agent); len(got) != 0 {
		t.Error(got)
	}
	agent.Set("Content-Type", "text/event-stream")
	agent.Set("Mcp-Session-Id", "m")
	if got := Answerable(agent); len(got) != 2 {
		t.Error(got)
	}
}

// FuzzA46_Forwardable: whatever a header is called, none that folds to one of Lanyard's is forwarded.
func FuzzA46_Forwardable(f *testing.F) {
	f.Add("X-Tenant", "X-Tenant")
	f.Add("workload_Access-token", "workloadaccesstoken")
	f.Fuzz(func(t *testing.T, name, listed string) {
		s := &Spec{HeaderAllowList: []string{listed}}
		for out := range s.Forwardable(http.Header{name: {"v"}}) {
			n := folded(out)
			if injectable[n] || strings.HasPrefix(n, "lanyard-") {
				t.Errorf("%q listed as %q became %q", name, listed, out)
			}
		}
	})
}
