package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/client"
)

const custom = "X-Amzn-Bedrock-Agentcore-Runtime-Custom-Tenant"

type seen struct {
	Request Request
	Token   string
	Return  string
}

// look answers what an invocation knows.
func look(ctx context.Context, _ json.RawMessage) (seen, error) {
	r, _ := FromContext(ctx)
	wat, _ := client.WorkloadToken(ctx)
	url, _ := client.ReturnURL(ctx)
	return seen{r, string(wat), url}, nil
}

func looked(t *testing.T, headers ...string) seen {
	t.Helper()
	a, _ := newApp(JSON(look))
	resp, body := invoke(t, served(t, a), "{}", headers...)
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
	}
	return s
}

func TestWhatAnInvocationKnows(t *testing.T) {
	got := looked(t, "WorkloadAccessToken", "wat", "OAuth2CallbackUrl", "https://app.example.com/return", "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "session",
		"X-Amzn-Bedrock-AgentCore-Runtime-Request-Id", "request", "X-Amzn-Bedrock-AgentCore-Runtime-User-Id", "alice", "Authorization", "Bearer a",
		custom, "acme", "X-Team", "blue", "X-Team", "green")
	want := seen{Request{SessionID: "session", RequestID: "request", UserID: "alice", ReturnURL: "https://app.example.com/return", Authorization: "Bearer a",
		Header: http.Header{custom: {"acme"}, "X-Team": {"blue", "green"}}}, "wat", "https://app.example.com/return"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = looked(t)
	if len(got.Request.RequestID) < 20 || got.Token != "" || got.Return != "" || len(got.Request.Header) != 0 {
		t.Errorf("of nobody it knows %+v", got)
	}
	if got := looked(t, "WorkloadAccessToken", "old", "X-Amz-Bedrock-AgentCore-Identity-WAT", "new"); got.Token != "new" {
		t.Errorf("of the two names of the token, the old one won: %s", got.Token)
	}
}

// TestA46_HeadersThatSayWhoCalls are never among those for the agent's own use, and are there once.
func TestA46_HeadersThatSayWhoCalls(t *testing.T) {
	got := looked(t, "workloadaccesstoken", "MARKER", "x-amz-bedrock-agentcore-identity-wat", "MARKER", "Cookie", "a=MARKER", "X-Forwarded-For", "MARKER", "X-Amzn-Oidc-Data", "MARKER",
		"X_Amzn_Bedrock_AgentCore_Runtime_User_Id", "MARKER", "X-Amz-Security-Token", "MARKER", "Referer", "MARKER", "Proxy-Authorization", "MARKER", "OAuth2CallbackUrl", "MARKER", "Authorization", "MARKER")
	for name, values := range got.Request.Header {
		if strings.Contains(strings.Join(values, " "), "MARKER") {
			t.Errorf("the agent gets %s", name)
		}
	}
	if got.Request.UserID != "" {
		t.Error("an underscore made a user")
	}
	a, _ := newApp(JSON(look))
	s := served(t, a)
	for _, name := range []string{headerWorkloadToken, headerIdentityWAT, headerReturnURL, headerRequestID, "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "X-Amzn-Bedrock-AgentCore-Runtime-User-Id", "Authorization"} {
		if resp, body := invoke(t, s, "{}", name, "one", name, "two"); resp.StatusCode != 400 || !strings.Contains(body, "more than once") || strings.Contains(body, "two") {
			t.Errorf("two of %s: %d %s", name, resp.StatusCode, body)
		}
	}
}

// TestARequestIsItsOwn: what one tool changes, another does not see; and it prints no credential.
func TestARequestIsItsOwn(t *testing.T) {
	ctx, err := withRequest(t.Context(), http.Header{"X-Team": {"blue"}, "Authorization": {"MARKER"}})
	if err != nil {
		t.Fatal(err)
	}
	one, _ := FromContext(ctx)
	one.Header.Set("X-Team", "red")
	two, ok := FromContext(ctx)
	if !ok || two.Header.Get("X-Team") != "blue" {
		t.Errorf("the second sees %v", two.Header)
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(verb, two); strings.Contains(text, "MARKER") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	if _, ok := FromContext(t.Context()); ok {
		t.Error("there is a request where none came")
	}
}

// TestMiddleware: another server's handlers know the same, and refuse the same.
func TestMiddleware(t *testing.T) {
	var got seen
	h := Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = look(r.Context(), nil) }))
	r := httptest.NewRequestWithContext(client.WithWorkloadToken(t.Context(), "outer"), http.MethodGet, "/anything", nil)
	r.Header.Set(headerReturnURL, "https://app.example.com/return")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got.Token != "" || got.Return != "https://app.example.com/return" || got.Request.RequestID == "" {
		t.Errorf("the handler knows %+v", got)
	}
	got = seen{}
	r.Header[http.CanonicalHeaderKey(headerIdentityWAT)] = []string{"one", "two"}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusBadRequest || got.Request.RequestID != "" {
		t.Errorf("two tokens: %d", w.Code)
	}
}
