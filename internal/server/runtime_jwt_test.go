package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// jwtWorld is a world whose runtime takes JWTs of an issuer.
type jwtWorld struct {
	*world
	issuer *servertest.Issuer
}

func newJWTWorld(t *testing.T, change func(*identity.JWTAuthorizer)) *jwtWorld {
	t.Helper()
	w := &jwtWorld{world: newWorld(t)}
	w.issuer = w.NewIssuer(t)
	a := &identity.JWTAuthorizer{DiscoveryURL: w.issuer.URL + "/.well-known/openid-configuration"}
	change(a)
	w.runtime = w.newRuntime(t, "jwt_agent", a)
	return w
}

func forLanyard(a *identity.JWTAuthorizer) { a.Audiences = []string{"lanyard"} }

// bearer sends an invocation with a token ("" for none).
func (w *jwtWorld) bearer(t testing.TB, token string, members map[string]any) *servertest.Answer {
	t.Helper()
	all := map[string]any{"agentRuntimeArn": w.runtimeARN(), "payload": "{}"}
	for k, v := range members {
		all[k] = v
	}
	r := w.Request(t, api.InvokeAgentRuntime, all)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return w.Do(t, r)
}

// TestBearersInvoke: a JWT's user is who invokes: the agent's token is theirs, their session is theirs, and the audit says
// so. The JWT itself reaches the agent because the runtime lists Authorization.
func TestBearersInvoke(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, forLanyard)
	token := w.issuer.Mint(t, "alice", time.Minute, nil)
	a := w.bearer(t, token, map[string]any{"runtimeSessionId": sessionA})
	if a.Status != 200 || a.Header.Get(api.HeaderRuntimeSession) != sessionA {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	in := w.host.last(t)
	if in.Inject.Get(hostlink.HeaderUserID) != "alice" || in.Spec.Forwardable(in.Caller).Get("Authorization") != "Bearer "+token {
		t.Errorf("the agent is told %v", in.Inject)
	}
	wat := in.Inject.Get(hostlink.HeaderWorkloadAccessToken)
	used := w.Call(t, w.Root, api.GetResourceApiKey, map[string]any{"workloadIdentityToken": wat, "resourceCredentialProviderName": "key"})
	user := identity.User{Issuer: w.issuer.URL, Subject: "alice"}.Key()
	for _, id := range []string{a.Header.Get("x-amzn-RequestId"), used.Header.Get("x-amzn-RequestId")} {
		if r := w.Audit(t, identity.AuditFilter{RequestID: id}); len(r) != 1 || r[0].User != user || r[0].Result != identity.AuditAllowed {
			t.Errorf("audited as %+v", r)
		}
	}
	w.bearer(t, w.issuer.Mint(t, "alice", 2*time.Minute, nil), nil)
	if w.host.last(t).UserKey != in.UserKey {
		t.Error("with a new JWT the same user is another to the agent host")
	}
	w.bearer(t, w.issuer.Mint(t, "bob", time.Minute, nil), nil)
	if w.host.last(t).UserKey == in.UserKey {
		t.Error("two users are one to the agent host")
	}
	w.Clock.Advance(61 * time.Second) // A21: the agent's token ends with the JWT
	if a := w.Call(t, w.Root, api.GetResourceApiKey, map[string]any{"workloadIdentityToken": wat, "resourceCredentialProviderName": "key"}); a.Status != 401 {
		t.Errorf("the agent's token outlives the JWT: %d", a.Status)
	}
}

// TestA20_AuthorizersCheckEverything: each thing that an authorizer demands is demanded for itself.
func TestA20_AuthorizersCheckEverything(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, func(a *identity.JWTAuthorizer) {
		a.Audiences, a.Clients, a.Scopes = []string{"lanyard"}, []string{"web", "cli"}, []string{"agents/invoke", "agents/all"}
		a.AdvertisedScopes = map[string]string{"agents/invoke": "api://agents/invoke"}
		a.Claims = []identity.ClaimRule{{Name: "team", Values: []string{"blue"}}, {Name: "groups", List: true, Values: []string{"ops", "dev"}}}
	})
	good := map[string]any{"client_id": "web", "scope": "openid agents/all", "team": "blue", "groups": []string{"x", "dev"}}
	if a := w.bearer(t, w.issuer.Mint(t, "alice", time.Minute, good), nil); a.Status != 200 {
		t.Fatalf("a token that has it all: %d %s", a.Status, a.Body)
	}
	n := w.host.count()
	for name, change := range map[string]map[string]any{
		"another audience": {"aud": "other"}, "no audience": {"aud": nil}, "another client": {"client_id": "evil"}, "no client": {"client_id": nil},
		"another scope": {"scope": "agents"}, "part of a scope": {"scope": "agents/invokex xagents/all"}, "no scope": {"scope": nil},
		"another team": {"team": "red"}, "a list for a string": {"team": []string{"blue"}}, "no team": {"team": nil}, "empty team": {"team": ""},
		"other groups": {"groups": []string{"x"}}, "a string for a list": {"groups": "dev"}, "no groups": {"groups": nil},
	} {
		claims := map[string]any{}
		for k, v := range good {
			claims[k] = v
		}
		for k, v := range change {
			if claims[k] = v; v == nil && k != "aud" { // which Mint would set
				delete(claims, k)
			}
		}
		a := w.bearer(t, w.issuer.Mint(t, "alice", time.Minute, claims), nil)
		refused(t, a, api.AccessDeniedException)
		challenge := a.Header.Get("WWW-Authenticate")
		if wants := strings.Contains(name, "scope"); wants != strings.Contains(challenge, `error="insufficient_scope", scope="api://agents/invoke agents/all"`) {
			t.Errorf("%s: challenged with %q", name, challenge)
		}
		if r := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")}); len(r) != 1 || r[0].Result != identity.AuditDenied || r[0].User == "" {
			t.Errorf("%s: audited as %+v", name, r)
		}
	}
	if w.host.count() != n {
		t.Error("a refused invocation reached the agent host")
	}
}

// TestBearersAreChallenged: without a token, and with one that proves nothing, the answer says where to get one (RFC 6750
// section 3, RFC 9728 section 5.1), and strangers are audited.
func TestBearersAreChallenged(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, forLanyard)
	other := w.NewIssuer(t)
	metadata := `resource_metadata="` + w.Public + "/runtimes/" + api.EscapeLabel(w.runtimeARN()) + `/invocations/.well-known/oauth-protected-resource"`
	for name, token := range map[string]string{
		"none": "", "not a JWT": "abc", "another issuer's": other.Mint(t, "alice", time.Minute, nil), "expired": w.issuer.Mint(t, "alice", -time.Minute, nil),
		"without a subject": w.issuer.Mint(t, "", time.Minute, nil), "issuer look-alike": w.issuer.Mint(t, "alice", time.Minute, map[string]any{"iss": w.issuer.URL + "/"}),
		"alg none (A17)": "eyJhbGciOiJub25lIn0." + strings.Split(w.issuer.Mint(t, "alice", time.Minute, nil), ".")[1] + ".",
	} {
		a := w.bearer(t, token, nil)
		refused(t, a, api.UnauthorizedException)
		challenge := a.Header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, metadata) || (token != "") != strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("%s: challenged with %q", name, challenge)
		}
		if r := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")}); len(r) != 1 || r[0].Result != identity.AuditDenied {
			t.Errorf("%s: audited as %+v", name, r)
		}
		if token != "" && strings.Contains(string(a.Body), token) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
	if w.host.count() != 0 {
		t.Error("a stranger's request reached the agent host")
	}
}

// TestOneWayIn: a runtime takes signed requests or JWTs, never both, and of runtimes that take none a bearer learns
// nothing (A49).
func TestOneWayIn(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, forLanyard)
	token := w.issuer.Mint(t, "alice", time.Minute, nil)
	a := w.invoke(t, w.Root, nil)
	refused(t, a, api.AccessDeniedException)
	if !strings.Contains(a.Exception.Message, "Authorization method mismatch") {
		t.Errorf("told %s", a.Exception.Message)
	}
	refused(t, w.bearer(t, token, map[string]any{"runtimeUserId": "bob"}), api.ValidationException)
	signed := w.newRuntime(t, "signed_agent", nil)
	var messages []string
	for _, arn := range []string{w.Identity.RuntimeARN(w.Account, signed), w.Identity.RuntimeARN(w.Account, "no_agent-0000000000"), w.Identity.RuntimeARN("111111111111", w.runtime)} {
		a := w.bearer(t, token, map[string]any{"agentRuntimeArn": arn})
		refused(t, a, api.MissingAuthenticationToken)
		messages = append(messages, a.Exception.Message)
	}
	if messages[0] != messages[1] || messages[0] != messages[2] {
		t.Errorf("the answers tell which runtime exists: %q", messages)
	}
	r := w.invocation(t, w.Root, nil)
	r.Header.Add("Authorization", "Bearer "+token)
	if a := w.Do(t, r); a.Status/100 != 4 {
		t.Errorf("two ways in at once: %d", a.Status)
	}
	r = w.Request(t, api.InvokeAgentRuntime, map[string]any{"agentRuntimeArn": w.runtimeARN()})
	r.URL.RawQuery = "access_token=" + token // RFC 6750 section 2.3: it would be logged
	refused(t, w.Do(t, r), api.UnauthorizedException)
}

// TestProtectedResourceMetadata is what RFC 9728 clients read before they get a token.
func TestProtectedResourceMetadata(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, func(a *identity.JWTAuthorizer) { a.Scopes = []string{"agents/invoke"} })
	arn := api.EscapeLabel(w.runtimeARN())
	for _, path := range []string{"/runtimes/" + arn + "/invocations/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/runtimes/" + arn + "/invocations"} {
		a := get(t, w.Service, "GET", path, nil, "")
		var m struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
			Scopes   []string `json:"scopes_supported"`
			Methods  []string `json:"bearer_methods_supported"`
		}
		a.Into(t, &m)
		if a.Status != 200 || m.Resource != w.Public+"/runtimes/"+arn+"/invocations" || len(m.Servers) != 1 || m.Servers[0] != w.issuer.URL || len(m.Scopes) != 1 || m.Methods[0] != "header" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	signed := api.EscapeLabel(w.Identity.RuntimeARN(w.Account, w.newRuntime(t, "signed_agent", nil)))
	for _, name := range []string{signed, api.EscapeLabel(w.Identity.RuntimeARN(w.Account, "no_agent-0000000000")), "nonsense", "..%2f.."} {
		if a := get(t, w.Service, "GET", "/runtimes/"+name+"/invocations/.well-known/oauth-protected-resource", nil, ""); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

// TestA23_BlockedUsersInvokeNothing: a user who was blocked here is refused whatever their issuer says.
func TestA23_BlockedUsersInvokeNothing(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, forLanyard)
	token := w.issuer.Mint(t, "alice", time.Minute, nil)
	if a := w.bearer(t, token, nil); a.Status != 200 {
		t.Fatal(string(a.Body))
	}
	check(t, w.Identity.BlockUser(t.Context(), w.Account, identity.User{Issuer: w.issuer.URL, Subject: "alice"}, "left"))
	refused(t, w.bearer(t, token, nil), api.AccessDeniedException)
}

// TestBearersStopTheirOwn: a JWT's user ends their own session and nobody else's.
func TestBearersStopTheirOwn(t *testing.T) {
	t.Parallel()
	w := newJWTWorld(t, forLanyard)
	stop := func(subject string) *servertest.Answer {
		t.Helper()
		r := w.Request(t, api.StopRuntimeSession, map[string]any{"agentRuntimeArn": w.runtimeARN(), "runtimeSessionId": sessionA})
		if subject != "" {
			r.Header.Set("Authorization", "Bearer "+w.issuer.Mint(t, subject, time.Minute, nil))
		}
		return w.Do(t, r)
	}
	w.bearer(t, w.issuer.Mint(t, "alice", time.Minute, nil), map[string]any{"runtimeSessionId": sessionA})
	refused(t, stop(""), api.UnauthorizedException)
	refused(t, stop("bob"), api.ResourceNotFoundException)
	if a := stop("alice"); a.Status != 200 {
		t.Errorf("her own: %d %s", a.Status, a.Body)
	}
	if a := w.Call(t, w.Root, api.StopRuntimeSession, w.sample(api.StopRuntimeSession)); a.Status != 200 {
		t.Errorf("an operator: %d %s", a.Status, a.Body)
	}
}
