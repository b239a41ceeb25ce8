package server_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// intruder is a way to call any operation that must be refused.
type intruder struct {
	name string
	send func(t *testing.T, w *world, op api.Operation) *servertest.Answer
	want api.ExceptionName
}

// TestDenyMatrix tries every operation of the table with every kind of caller that may not: each gets its exception, each
// try is audited as denied under the request id of its answer, and nothing is changed.
func TestDenyMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tried := map[string]string{} // request id -> action
	all := newIntruders(t, w)
	for _, op := range api.Operations() {
		for _, in := range all {
			want := in.want
			if op.Service.Version() != "" {
				want = queryNames[want]
			}
			if op.Unsigned || op.Name == api.GetCallerIdentity.Name && want == api.AccessDenied {
				continue // whoever has signed may know who they are; of unsigned operations see TestUnsignedOperations
			}
			a := in.send(t, w, op)
			if a.Exception.Name != want || a.Status != want.Status() {
				t.Errorf("%s, %s: %d %s, want %s", op.Name, in.name, a.Status, a.Body, want)
			}
			tried[a.Header.Get("x-amzn-RequestId")] = op.Action()
		}
		w.Clock.Advance(time.Second) // lets the gate of unauthenticated refusals refill
	}
	for _, r := range w.Audit(t, identity.AuditFilter{Result: identity.AuditDenied}) {
		if action, ok := tried[r.RequestID]; ok && r.Action == action && r.SourceIP == "127.0.0.1" {
			delete(tried, r.RequestID)
		}
	}
	if len(tried) > 0 {
		t.Errorf("%d refusals were not audited as denied: %v", len(tried), tried)
	}
	if a := w.Call(t, w.Root, api.GetWorkloadIdentity, map[string]any{"name": "another"}); a.Status != 404 {
		t.Errorf("a workload identity was made by somebody who may not: %d", a.Status)
	}
	for _, op := range []api.Operation{api.GetWorkloadIdentity, api.GetOauth2CredentialProvider, api.GetApiKeyCredentialProvider,
		api.GetUser, api.GetUserPolicy, api.GetRole, api.GetRolePolicy, api.GetPolicy, api.GetPolicyVersion, api.GetOpenIDConnectProvider, api.GetAccessKeyLastUsed} {
		if a := w.Call(t, w.Root, op, w.sample(op)); a.Status != 200 {
			t.Errorf("%s: deleted by somebody who may not: %d", op.Name, a.Status)
		}
	}
}

func newIntruders(t *testing.T, w *world) []intruder {
	as := func(c servertest.Credentials) func(*testing.T, *world, api.Operation) *servertest.Answer {
		return func(t *testing.T, w *world, op api.Operation) *servertest.Answer {
			return w.Call(t, c, op, w.sample(op))
		}
	}
	wrongSecret := w.Root
	wrongSecret.Secret += "x"
	deactivated := w.User(t, "deactivated", servertest.Allow("*", "*"))
	check(t, w.Identity.UpdateAccessKey(context.Background(), identity.LocalAdmin(w.Account), "deactivated", deactivated.AccessKeyID, false))
	deleted := w.User(t, "deleted", servertest.Allow("*", "*"))
	check(t, w.Identity.DeleteUserWithAll(context.Background(), w.Account, "deleted"))
	return []intruder{
		{"no authentication", func(t *testing.T, w *world, op api.Operation) *servertest.Answer {
			return w.Do(t, w.Request(t, op, w.sample(op)))
		}, api.MissingAuthenticationToken},
		{"bearer token", func(t *testing.T, w *world, op api.Operation) *servertest.Answer {
			r := w.Request(t, op, w.sample(op))
			r.Header.Set("Authorization", "Bearer a.b.c")
			return w.Do(t, r)
		}, api.MissingAuthenticationToken},
		{"wrong secret", as(wrongSecret), api.InvalidSignature},
		{"unknown key", as(servertest.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", Secret: w.Root.Secret}), api.UnrecognizedClient},
		{"deactivated key", as(deactivated), api.UnrecognizedClient},
		{"key of a deleted user", as(deleted), api.UnrecognizedClient},
		{"expired temporary credentials", as(temporary(t, w, -time.Second)), api.ExpiredToken},
		{"temporary credentials of a deleted user", as(temporaryOfDeleted(t, w)), api.UnrecognizedClient},
		{"session token of another key", swappedToken(t, w), api.UnrecognizedClient},
		{"another service", func(t *testing.T, w *world, op api.Operation) *servertest.Answer {
			r := w.Request(t, op, w.sample(op))
			w.Sign(t, w.Root, r, "execute-api")
			return w.Do(t, r)
		}, api.InvalidSignature},
		{"yesterday's signature", func(t *testing.T, w *world, op api.Operation) *servertest.Answer {
			r := w.Request(t, op, w.sample(op))
			w.Sign(t, w.Root, r, servertest.SignedAs(op))
			r.Header.Set("X-Amz-Date", w.Clock.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
			return w.Do(t, r)
		}, api.InvalidSignature},
		{"user without a policy", as(w.User(t, "nobody", "")), api.AccessDeniedException},
		{"user with an explicit deny", as(w.User(t, "denied", servertest.AllowAllBut("bedrock-agentcore:*", "lanyard:*", "iam:*", "sts:*"))), api.AccessDeniedException},
		{"user allowed elsewhere", as(w.User(t, "elsewhere", servertest.Allow("arn:aws:bedrock-agentcore:us-west-2:111111111111:*", "*"))), api.AccessDeniedException},
		{"user allowed another action", as(w.User(t, "another-action", servertest.Allow("*", "bedrock-agentcore:GetWorkloadIdentit", "bedrock-agentcore:Nothing"))), api.AccessDeniedException},
	}
}

func temporary(t *testing.T, w *world, ttl time.Duration) servertest.Credentials {
	t.Helper()
	u, err := w.Identity.CreateUser(context.Background(), identity.LocalAdmin(w.Account), identity.NewUser{Name: "temporary" + ttl.String()})
	check(t, err)
	check(t, w.Identity.PutUserPolicy(context.Background(), identity.LocalAdmin(w.Account), u.Name, "all", servertest.Allow("*", "*")))
	c, err := w.Identity.MintTemporaryCredentials(context.Background(), w.Account, u.ID, "session", ttl)
	check(t, err)
	return servertest.Credentials{Account: w.Account, AccessKeyID: c.AccessKeyID, Secret: c.SecretAccessKey.RevealString(), SessionToken: c.SessionToken.RevealString()}
}

func temporaryOfDeleted(t *testing.T, w *world) servertest.Credentials {
	t.Helper()
	c := temporary(t, w, time.Hour)
	if a := w.Call(t, c, api.GetWorkloadIdentity, map[string]any{"name": "agent"}); a.Status != 200 {
		t.Fatalf("temporary credentials do not work: %s", a.Body)
	}
	check(t, w.Identity.DeleteUserWithAll(context.Background(), w.Account, "temporary"+time.Hour.String()))
	return c
}

// swappedToken signs with good credentials and the session token of others (A26).
func swappedToken(t *testing.T, w *world) func(*testing.T, *world, api.Operation) *servertest.Answer {
	t.Helper()
	mine, other := temporary(t, w, 48*time.Hour), temporary(t, w, 49*time.Hour)
	mine.SessionToken = other.SessionToken
	return func(t *testing.T, w *world, op api.Operation) *servertest.Answer {
		return w.Call(t, mine, op, w.sample(op))
	}
}

// TestRootIsAudited: a call of root passes without a policy, and its record says so.
func TestRootIsAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.Call(t, w.Root, api.GetWorkloadIdentity, map[string]any{"name": "agent"})
	records := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
	if len(records) != 1 || records[0].Decision != "root" || records[0].Result != identity.AuditAllowed || records[0].Caller != "arn:aws:iam::000000000000:root" {
		t.Errorf("audited as %+v", records)
	}
}

// TestA11_AnotherAccountSeesNothing: root of another account passes authentication and finds none of this account's
// things, nor can it read their audit; its own things of the same names are others.
func TestA11_AnotherAccountSeesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.Grant(t, "alice")
	const other = "111111111111"
	root := w.RootOf(t, other)
	for _, op := range api.Operations() {
		if op.Service.Version() != "" {
			continue // see TestA11_AnotherAccountsPrincipals
		}
		a := w.Call(t, root, op, w.sample(op))
		switch op.Name {
		case "GetResourceOauth2Token", "GetResourceApiKey":
			refused(t, a, api.UnauthorizedException) // the token is of another account
		case "CompleteResourceTokenAuth":
			refused(t, a, api.AccessDeniedException)
		case "CreateWorkloadIdentity", "CreateOauth2CredentialProvider", "CreateApiKeyCredentialProvider", "RotateDataKeys", "UploadAgentArchive":
			if a.Status != op.Status {
				t.Errorf("%s: %d %s", op.Name, a.Status, a.Body)
			}
		case "CreateAgentRuntime":
			refused(t, a, api.ValidationException) // the role is of this account
		case "ListWorkloadIdentities", "ListOauth2CredentialProviders", "ListApiKeyCredentialProviders", "FindAuditRecords", "ListAuthorizationSessions", "ListGrants", "ListAgentRuntimes":
			listsOnlyOwn(t, op, a)
		default:
			refused(t, a, api.ResourceNotFoundException)
		}
	}
}

// listsOnlyOwn: what the other account lists was made by itself in this test.
func listsOnlyOwn(t *testing.T, op api.Operation, a *servertest.Answer) {
	t.Helper()
	var lists map[string]any
	a.Into(t, &lists)
	for member, v := range lists {
		items, _ := v.([]any)
		for _, item := range items {
			fields := item.(map[string]any)
			if fields["name"] == "another" || op.Name == "FindAuditRecords" && fields["caller"] == "arn:aws:iam::111111111111:root" {
				continue
			}
			t.Errorf("%s lists in %s: %v", op.Name, member, fields)
		}
	}
}

// TestA16_TokenDenyMatrix tries the operations that carry a workload access token with every token that must not count.
func TestA16_TokenDenyMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	check(t, w.Identity.EnsureAccount(t.Context(), "111111111111"))
	tokens := map[string]string{
		"of another account": foreignToken(t, w), "empty but for spaces": "   ", "truncated": w.token[:len(w.token)-1],
		"cut to a stub": w.token[:8], "doubled": w.token + w.token, "padded": w.token + "=", "a session token": temporary(t, w, time.Hour).SessionToken,
		"an OAuth state": servertest.Query(t, w.agent.IDP.Authorize(t, leave(t, w)).String()).Get("state"),
	}
	for i := range len(w.token) { // every byte of it
		if i%7 == 0 {
			tokens["tampered at "+string(rune('0'+i%10))+w.token[:i]] = flip(w.token, i)
		}
	}
	for name, token := range tokens {
		for _, op := range []api.Operation{api.GetResourceOauth2Token, api.GetResourceApiKey} {
			body := maps.Clone(w.sample(op))
			body["workloadIdentityToken"] = token
			deniedToken(t, w, op, body, name)
		}
	}
}

func deniedToken(t *testing.T, w *world, op api.Operation, body map[string]any, name string) {
	t.Helper()
	a := w.Call(t, w.Root, op, body)
	if a.Exception.Name != api.UnauthorizedException || a.Status != 401 {
		t.Errorf("%s with a token %.40s: %d %s", op.Name, name, a.Status, a.Body)
		return
	}
	if r := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")}); len(r) != 1 || r[0].Result != identity.AuditDenied {
		t.Errorf("%s with a token %.40s: audited as %+v", op.Name, name, r)
	}
}

func foreignToken(t *testing.T, w *world) string {
	t.Helper()
	root := w.RootOf(t, "111111111111")
	w.Call(t, root, api.CreateWorkloadIdentity, map[string]any{"name": "agent"})
	var out api.WorkloadAccessTokenResponse
	w.Call(t, root, api.GetWorkloadAccessTokenForUserId, map[string]any{"workloadName": "agent", "userId": "alice"}).Into(t, &out)
	if out.Token == "" {
		t.Fatal("the other account got no token")
	}
	return string(out.Token)
}

func leave(t *testing.T, w *world) string {
	t.Helper()
	return w.NewBrowser(t).Open(t, *w.agent.Begin(t, "alice").AuthorizationUrl).Location
}

func flip(s string, i int) string {
	b := []byte(s)
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// TestA55_TokensEndAndAreRevoked (A16 too): an expired token, and one minted before the epoch of its account, workload or
// user, are refused on every replica; tokens minted afterwards hold.
func TestA55_TokensEndAndAreRevoked(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*world) error{
		"expired":          func(w *world) error { w.Clock.Advance(time.Hour); return nil },
		"account's epoch":  func(w *world) error { return w.Identity.RevokeTokens(t.Context(), w.Account, "", "") },
		"workload's epoch": func(w *world) error { return w.Identity.RevokeTokens(t.Context(), w.Account, "agent", "") },
		"user's epoch":     func(w *world) error { return w.Identity.RevokeTokens(t.Context(), w.Account, "", "userid:alice") },
		"workload deleted": func(w *world) error {
			return status(w.Call(t, w.Root, api.DeleteWorkloadIdentity, map[string]any{"name": "agent"}), 204)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			other := &world{Service: w.Replica(t), agent: w.agent, token: w.token}
			for _, replica := range []*world{w, other} { // fills the caches
				if a := replica.Call(t, w.Root, api.GetResourceApiKey, w.sample(api.GetResourceApiKey)); a.Status != 200 {
					t.Fatalf("the token does not work: %s", a.Body)
				}
			}
			check(t, end(w))
			w.Clock.Advance(250 * time.Millisecond)
			for _, replica := range []*world{w, other} {
				for _, op := range []api.Operation{api.GetResourceOauth2Token, api.GetResourceApiKey} {
					deniedToken(t, replica, op, w.sample(op), name)
				}
			}
			if name == "workload deleted" {
				return
			}
			w.token = w.agent.Token(t, "alice")
			if a := other.Call(t, w.Root, api.GetResourceApiKey, w.sample(api.GetResourceApiKey)); a.Status != 200 {
				t.Errorf("a new token does not work: %s", a.Body)
			}
		})
	}
}

type unexpected struct{ *servertest.Answer }

func (u unexpected) Error() string { return string(u.Body) }

func status(a *servertest.Answer, want int) error {
	if a.Status != want {
		return unexpected{a}
	}
	return nil
}
