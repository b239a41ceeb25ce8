package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const authorize, cancel = "authorize", "cancel"

// connect has a user consent to what a question needs and returns the answer.
func (w *world) connect(t *testing.T, user, session, question string) string {
	t.Helper()
	need := consentOf(t, w.ask(t, user, session, question))
	if status, page := w.consent(t, user, user, need.URL, authorize); status != http.StatusOK {
		t.Fatalf("the session binding service answered %d: %s", status, page)
	}
	return textOf(t, w.ask(t, user, session, question))
}

func (w *world) consentStatus(t *testing.T, user, session string) string {
	t.Helper()
	resp, body := w.do(t, user, http.MethodGet, "/consent?sessionId="+session, "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("/consent answered %d: %s", resp.StatusCode, body)
	}
	return strings.TrimSuffix(strings.TrimPrefix(body, `{"status":"`), "\"}\n")
}

func TestConsentIsAskedForAndTheQuestionAnsweredAfterIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	events := w.ask(t, "alice", "s1", "Who am I?")
	need := consentOf(t, events)
	if need.Provider != "github-provider" || !slices.Equal(need.Scopes, []string{"read:user"}) || !strings.HasPrefix(need.URL, w.lanyard.URL) {
		t.Fatalf("the consent asked for is %+v", need)
	}
	if last := events[len(events)-1]; last.Type != eventDone {
		t.Fatalf("the answer ends with %+v", last)
	}
	if len(w.apiRequests()) != 0 {
		t.Fatal("GitHub was called without consent")
	}
	if got := w.consentStatus(t, "alice", "s1"); got != consentWaiting {
		t.Fatalf("before the consent its status is %q", got)
	}
	if status, page := w.consent(t, "alice", "octocat", need.URL, authorize); status != http.StatusOK {
		t.Fatalf("the session binding service answered %d: %s", status, page)
	}
	if got := w.consentStatus(t, "alice", "s1"); got != consentGranted {
		t.Fatalf("after the consent its status is %q", got)
	}
	if answer := textOf(t, w.ask(t, "alice", "s1", "Who am I?")); !strings.Contains(answer, `"login":"octocat"`) {
		t.Fatalf("the answer has no fact of the tool: %s", answer)
	}
	if got := w.consentStatus(t, "alice", "s1"); got != consentNone {
		t.Fatalf("after the answer a consent is %q", got)
	}
}

func TestEachToolAsksForItsOwnScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, "alice", "s1", "Who am I?")
	need := consentOf(t, w.ask(t, "alice", "s1", "Show my projects"))
	if !slices.Equal(need.Scopes, []string{"repo"}) {
		t.Fatalf("the scopes asked for are %q", need.Scopes)
	}
	if status, _ := w.consent(t, "alice", "alice", need.URL, authorize); status != http.StatusOK {
		t.Fatalf("the session binding service answered %d", status)
	}
	answer := textOf(t, w.ask(t, "alice", "s1", "Show my projects"))
	if !strings.Contains(answer, "alice/lanyard") || strings.Contains(answer, "owner") {
		t.Fatalf("the answer is not the typed result: %s", answer)
	}
	r := w.apiRequests()[len(w.apiRequests())-1]
	if r.URL.RawQuery != "per_page=5&sort=updated" || r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") == "" || r.Header.Get("User-Agent") == "" {
		t.Fatalf("GitHub was asked %s with %v", r.URL, r.Header)
	}
}

func TestOneQuestionWithTwoTools(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, "alice", "s1", "Who am I?")
	w.connect(t, "alice", "s2", "List my projects")
	answer := textOf(t, w.ask(t, "alice", "s3", "Who am I, and what are my projects?"))
	if !strings.Contains(answer, `"login":"alice"`) || !strings.Contains(answer, "alice/lanyard") {
		t.Fatalf("the answer is %s", answer)
	}
	if !strings.HasPrefix(answer, "Let me look.\n\nLet me look.\n\nsuccess: ") {
		t.Fatalf("turns run into each other: %s", answer)
	}
}

func TestRevokedAtGitHubAsksForConsentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, "alice", "s1", "Who am I?")
	w.github.RevokeUser("alice")
	need := consentOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	if got := w.consentStatus(t, "alice", "s1"); got != consentWaiting {
		t.Fatalf("the status of the forced consent is %q", got)
	}
	if status, _ := w.consent(t, "alice", "alice", need.URL, authorize); status != http.StatusOK {
		t.Fatalf("the session binding service answered %d", status)
	}
	if answer := textOf(t, w.ask(t, "alice", "s1", "Who am I?")); !strings.Contains(answer, `"login":"alice"`) {
		t.Fatalf("the answer is %s", answer)
	}
}

func TestRefusedConsentEndsTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	need := consentOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	w.consent(t, "alice", "alice", need.URL, cancel)
	if got := w.consentStatus(t, "alice", "s1"); got != consentRefused {
		t.Fatalf("the status is %q", got)
	}
	if again := consentOf(t, w.ask(t, "alice", "s1", "Who am I?")); again.URL == need.URL {
		t.Fatal("the refused session is offered again")
	}
}

// TestAConsentThatEndsIsLogged: to the page it has expired; that the provider is gone only the operator can mend.
func TestAConsentThatEndsIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	consentOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	if err := w.clientOf(t, w.lanyard.Root).DeleteOauth2CredentialProvider(t.Context(), "github-provider"); err != nil {
		t.Fatal(err)
	}
	if got := w.consentStatus(t, "alice", "s1"); got != consentExpired {
		t.Fatalf("the status is %q", got)
	}
	if logs := w.logs.String(); !strings.Contains(logs, "a consent has ended without a grant") || !strings.Contains(logs, "GetResourceOauth2Token: ") {
		t.Fatalf("the log has:\n%s", logs)
	}
}

func TestConversationGoesOnAndIsShownAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.ask(t, "alice", "s1", "first")
	w.ask(t, "alice", "s1", "second")
	if seen := w.model.seen(); !strings.Contains(seen, "You said: first") {
		t.Fatalf("the model does not remember: %s", seen)
	}
	w.ask(t, "alice", "s1", "Who am I?")
	_, body := w.do(t, "alice", http.MethodGet, "/conversation?sessionId=s1", "")
	for _, want := range []string{`"text":"first"`, `"text":"You said: second"`, `"question":"Who am I?"`, `"type":"authorization_required"`, w.lanyard.URL} {
		if !strings.Contains(body, want) {
			t.Errorf("the conversation lacks %s: %s", want, body)
		}
	}
	if strings.Contains(body, "session_uri") {
		t.Fatalf("the session URI is shown: %s", body)
	}
}

func TestPlainTextIsStreamedBare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	resp, body := w.do(t, "alice", http.MethodPost, "/invocations", `{"session_id":"s1","user_message":"hello"}`, "Accept", "text/plain")
	if body != "You said: hello" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("the answer is %q as %s", body, resp.Header.Get("Content-Type"))
	}
	_, body = w.do(t, "alice", http.MethodPost, "/invocations", `{"session_id":"s1","user_message":"Who am I?"}`, "Accept", "text/plain")
	if !strings.Contains(body, "Authorization required: github-provider") || !strings.Contains(body, w.lanyard.URL) {
		t.Fatalf("the answer is %q", body)
	}
}

func TestSessionBindingNonce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"SESSION_BINDING_STATE_KEY_FILE": keyFile(t)})
	if answer := w.connect(t, "alice", "s1", "Who am I?"); !strings.Contains(answer, `"login":"alice"`) {
		t.Fatalf("the answer is %s", answer)
	}
}

// TestCallsAreWrittenDown: whose call it was, of which request, and what came of it; neither the token nor the query.
func TestCallsAreWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, "alice", "s1", "Who am I?")
	w.github.RevokeUser("alice")
	w.do(t, "alice", http.MethodPost, "/invocations", `{"sessionId":"s1","message":"Who am I?"}`, "X-Amzn-Trace-Id", "Root=1-trace")
	var calls []string
	for line := range strings.Lines(w.logs.String()) {
		var l struct {
			Msg, Provider, Method, URL, Issuer, Subject string
			Status                                      int
			TraceID                                     string `json:"trace_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if l.Msg == "called an API" {
			calls = append(calls, fmt.Sprint(l.Provider, " ", l.Method, " ", l.URL, " ", l.Status, " ", l.Issuer, " ", l.Subject, " ", l.TraceID))
		}
	}
	about := "github-provider GET " + w.api.URL + "/user "
	want := []string{about + "200 " + testIssuer + " alice ", about + "401 " + testIssuer + " alice Root=1-trace"}
	if !slices.Equal(calls, want) {
		t.Errorf("the log has the calls %q and not %q", calls, want)
	}
}
