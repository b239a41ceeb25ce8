package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/internal/identity"
)

func TestOnlyPingIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	resp, body := w.do(t, "", http.MethodGet, "/ping", "")
	if resp.StatusCode != http.StatusOK || body != "{\"environment\":\"development\",\"status\":\"healthy\"}\n" {
		t.Fatalf("/ping answered %d: %s", resp.StatusCode, body)
	}
	for _, path := range []string{"/", "/docs", "/openapi.json", "/app.js", "/me", "/conversation?sessionId=s1", "/consent?sessionId=s1", "/no-such-page"} {
		if resp, _ := w.do(t, "", http.MethodGet, path, ""); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without sign-in: %d", path, resp.StatusCode)
		}
	}
	if resp, _ := w.do(t, "", http.MethodPost, "/invocations", `{"sessionId":"s","message":"m"}`); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("/invocations without sign-in: %d", resp.StatusCode)
	}
}

func TestA42_HeadersThatNoFrontDoorSignedAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	good := w.door.sign(t, "alice")
	for name, header := range map[string][]string{
		"another load balancer": {oidcdata.HeaderData, w.door.signAs(t, "alice", testSigner+"0", time.Now().Add(time.Minute))},
		"expired":               {oidcdata.HeaderData, w.door.signAs(t, "alice", testSigner, time.Now().Add(-time.Minute))},
		"another key":           {oidcdata.HeaderData, newFrontDoor(t).sign(t, "alice")},
		"identity alone":        {oidcdata.HeaderIdentity, "alice"},
		"another spelling":      {"X_Amzn_Oidc_Data", good},
		"two opinions":          {oidcdata.HeaderData, good, oidcdata.HeaderIdentity, "bob"},
	} {
		if resp, body := w.do(t, "", http.MethodGet, "/me", "", header...); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

func TestA62_CrossSiteRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const body = `{"sessionId":"s1","message":"hello"}`
	for name, c := range map[string]struct {
		status int
		header []string
	}{
		"another site's page":         {http.StatusForbidden, []string{"Sec-Fetch-Site", "cross-site"}},
		"a sibling host's page":       {http.StatusForbidden, []string{"Sec-Fetch-Site", "same-site"}},
		"an old browser's other page": {http.StatusForbidden, []string{"Origin", "https://evil.example.com"}},
		"a form":                      {http.StatusUnsupportedMediaType, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		"a form of text":              {http.StatusUnsupportedMediaType, []string{"Content-Type", "text/plain"}},
		"our own page":                {http.StatusOK, []string{"Sec-Fetch-Site", "same-origin"}},
	} {
		if resp, answer := w.do(t, "alice", http.MethodPost, "/invocations", body, c.header...); resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, answer)
		}
	}
}

func TestA62_PagesRunNothingThatWasWrittenElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, path := range []string{"/", "/docs", "/app.js", "/openapi.json", "/me"} {
		resp, body := w.do(t, "alice", http.MethodGet, path, "")
		policy := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") ||
			!strings.Contains(policy, "require-trusted-types-for 'script'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d with %v", path, resp.StatusCode, resp.Header)
		}
		if strings.Contains(body, "https://") && strings.HasSuffix(resp.Header.Get("Content-Type"), "html; charset=utf-8") {
			t.Errorf("%s loads something from elsewhere", path)
		}
	}
	files, err := filepath.Glob("web/*")
	if err != nil || len(files) < 7 {
		t.Fatalf("the pages are not all there: %v %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", "onclick", "onload", "javascript:"} {
			if strings.Contains(string(content), sink) {
				t.Errorf("%s has %s", file, sink)
			}
		}
	}
}

func TestA62_HostileTextStaysTextInOneEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const hostile = "</pre><script>alert(1)</script>\n\nevent: authorization_required\ndata: {\"type\":\"authorization_required\",\"url\":\"https://evil.example.com\"}\n\n"
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.repos = `[{"name":"lanyard","full_name":"alice/lanyard","description":` + string(quoted) + `}]`
	w.mu.Unlock()
	w.connect(t, "alice", "s1", "my projects")
	if answer := textOf(t, w.ask(t, "alice", "s1", "my projects")); !strings.Contains(answer, "alice/lanyard") {
		t.Fatalf("the answer is %s", answer)
	}
	w.model.says(hostile)
	if answer := textOf(t, w.ask(t, "alice", "s1", "hello")); answer != hostile {
		t.Fatalf("the model's text came as %q", answer)
	}
}

func TestA60_UsersWhoseNamesResembleEachOtherHaveNothingInCommon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	users := []string{"alice", "Alice", "alice/", "alice/../alice", "../alice", "alice\u0301", "alic\u00e9", "alice%2f", "al", "ce"}
	for _, user := range users {
		w.ask(t, user, "s1", "I am <"+user+">")
	}
	for _, user := range users {
		_, body := w.do(t, user, http.MethodGet, "/conversation?sessionId=s1", "")
		var got struct{ Messages []shown }
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Messages) != 2 || got.Messages[0].Text != "I am <"+user+">" {
			t.Errorf("%q reads %s (%v)", user, body, err)
		}
	}
}

func TestA52_ASessionIDOpensNobodyElsesConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.ask(t, "alice", "s1", "my secret is 4711")
	need := consentOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	_, body := w.do(t, "bob", http.MethodGet, "/conversation?sessionId=s1", "")
	if body != "{\"messages\":[]}\n" {
		t.Fatalf("bob reads %s", body)
	}
	if got := w.consentStatus(t, "bob", "s1"); got != consentNone {
		t.Fatalf("bob sees the consent of alice: %s", got)
	}
	w.ask(t, "bob", "s1", "what do you know?")
	if seen := w.model.seen(); strings.Count(seen[strings.LastIndex(seen, "what do you know?")-400:], "4711") != 0 {
		t.Fatal("the model was told of alice's conversation in bob's")
	}
	if status, _ := w.consent(t, "alice", "alice", need.URL, authorize); status != http.StatusOK {
		t.Fatalf("alice cannot consent after all: %d", status)
	}
}

func TestA09_AnotherUsersGrantIsOfNoUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, "alice", "s1", "Who am I?")
	before := len(w.apiRequests())
	consentOf(t, w.ask(t, "bob", "s1", "Who am I?"))
	if len(w.apiRequests()) != before {
		t.Fatal("GitHub was called for bob")
	}
}

func TestA08_AConsentGivenByAnotherPersonConnectsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	need := consentOf(t, w.ask(t, "mallory", "s1", "Who am I?"))
	if status, page := w.consent(t, "alice", "alice", need.URL, authorize); status == http.StatusOK {
		t.Fatalf("alice completed the consent of mallory: %s", page)
	}
	consentOf(t, w.ask(t, "mallory", "s1", "Who am I?"))
	consentOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	if len(w.apiRequests()) != 0 {
		t.Fatal("GitHub was called")
	}
}

func TestNoCredentialReachesTheModelTheLogOrTheUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	answer := w.connect(t, "alice", "s1", "Who am I?")
	w.github.RevokeUser("alice")
	w.ask(t, "alice", "s1", "Who am I?")
	_, page := w.do(t, "alice", http.MethodGet, "/conversation?sessionId=s1", "")
	token := strings.TrimPrefix(w.apiRequests()[0].Header.Get("Authorization"), "Bearer ")
	if !strings.HasPrefix(token, "gho_") {
		t.Fatalf("GitHub was called with %q", token)
	}
	for place, text := range map[string]string{"model": w.model.seen(), "log": w.logs.String(), "answer": answer, "page": page} {
		for _, secret := range []string{token, "gho_", "Bearer", "request_uri:", "github-client-secret"} {
			if strings.Contains(text, secret) && !(place == "page" && secret == "request_uri:") {
				t.Errorf("%s is in the %s", secret, place)
			}
		}
	}
}

func TestTheTokenIsSentToTheConfiguredAPIAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, "alice", "s1", "Who am I?")
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = append(stolen, r.Header.Get("Authorization")) }))
	t.Cleanup(thief.Close)
	redirecting := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusFound))
	t.Cleanup(redirecting.Close)
	w.server.loop.Tools = githubTools(&provider{name: "github-provider", base: redirecting.URL, lanyard: w.server.lanyard, returnURL: w.server.config.SessionBindingURL, now: time.Now})
	answer := textOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	if len(stolen) != 0 || !strings.Contains(answer, "error: GitHub answered 302") {
		t.Fatalf("after a redirect: %q, %s", stolen, answer)
	}
}

func TestStateAtRestIsSealedAndPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.ask(t, "alice", "s1", "my secret is 4711")
	dir, files := w.server.config.StateDir, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		if strings.Contains(path[len(dir):], "alice") || strings.Contains(path[len(dir):], "s1") {
			t.Errorf("the name %s tells of whom it is", path)
		}
		if d.IsDir() {
			return nil
		}
		files++
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), "4711") {
			t.Error("the conversation rests in clear")
		}
		return err
	})
	if err != nil || files != 1 {
		t.Fatalf("%d files, %v", files, err)
	}
}

func TestWhatWasAlteredInTheStoreIsNotUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.ask(t, "alice", "s1", "hello")
	w.ask(t, "bob", "s1", "hello")
	files, err := filepath.Glob(filepath.Join(w.server.config.StateDir, "conversations", "*", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v %v", files, err)
	}
	one, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[1], one, 0o600); err != nil { // one user's conversation in the other's place
		t.Fatal(err)
	}
	statuses := map[int]int{}
	for _, user := range []string{"alice", "bob"} {
		resp, _ := w.do(t, user, http.MethodPost, "/invocations", `{"sessionId":"s1","message":"hello"}`)
		statuses[resp.StatusCode]++
	}
	if statuses[http.StatusOK] != 1 || statuses[http.StatusInternalServerError] != 1 {
		t.Fatalf("the statuses are %v", statuses)
	}
}

func TestA53_TheAgentCannotCompleteItsOwnConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	consentOf(t, w.ask(t, "alice", "s1", "Who am I?"))
	err := w.server.lanyard.CompleteResourceTokenAuth(t.Context(), completion("urn:ietf:params:oauth:request_uri:"+strings.Repeat("a", 43), "alice"))
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Fatalf("the agent's own completion: %v", err)
	}
	if denied := w.lanyard.Audit(t, identity.AuditFilter{}); !strings.Contains(denied[len(denied)-1].Action, "CompleteResourceTokenAuth") {
		t.Fatalf("the last record is %+v", denied[len(denied)-1])
	}
}
