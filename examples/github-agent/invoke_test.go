package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

func completion(sessionURI, user string) *api.CompleteResourceTokenAuthRequest {
	return &api.CompleteResourceTokenAuthRequest{SessionURI: sessionURI, User: api.UserIdentifier{UserID: &user}}
}

func TestInvocationsThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"no session":        {`{"message":"hello"}`, http.StatusUnprocessableEntity},
		"no message":        {`{"sessionId":"s1"}`, http.StatusUnprocessableEntity},
		"no JSON":           {`hello`, http.StatusUnprocessableEntity},
		"a list":            {`[]`, http.StatusUnprocessableEntity},
		"a number":          {`{"sessionId":1,"message":"hello"}`, http.StatusUnprocessableEntity},
		"a long session":    {`{"sessionId":"` + strings.Repeat("ä", maxSessionID+1) + `","message":"hello"}`, http.StatusUnprocessableEntity},
		"a long message":    {`{"sessionId":"s1","message":"` + strings.Repeat("a", maxMessage+1) + `"}`, http.StatusUnprocessableEntity},
		"a giant body":      {`{"sessionId":"s1","message":"` + strings.Repeat("a", maxBody) + `"}`, http.StatusRequestEntityTooLarge},
		"a session of dots": {`{"sessionId":"../../s1","message":"hello"}`, http.StatusOK},
	} {
		if resp, body := w.do(t, "alice", http.MethodPost, "/invocations", c.body); resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

// slow is a connection whose body does not come, and notes until when it is waited for.
type slow struct {
	*httptest.ResponseRecorder
	until []time.Time
}

func (s *slow) SetReadDeadline(at time.Time) error { s.until = append(s.until, at); return nil }
func (s *slow) Read([]byte) (int, error)           { return 0, os.ErrDeadlineExceeded }

// TestABodyIsNotWaitedForWithoutEnd: nor does the answer end with the time for the body.
func TestABodyIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	w := &slow{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/invocations", w)
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	if _, no := readInvocation(w, r); no == nil || no.status != http.StatusRequestTimeout {
		t.Errorf("answered %+v", no)
	}
	if len(w.until) != 2 || !w.until[0].After(began) || w.until[0].After(time.Now().Add(readTimeout)) || !w.until[1].IsZero() {
		t.Errorf("the body is waited for until %v", w.until)
	}
}

func TestOneMessageAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	end, ok := w.server.busy.Begin(w.server.nameOf("alice", "s1"))
	if !ok {
		t.Fatal("the session is busy before anything was asked")
	}
	const body = `{"sessionId":"s1","message":"hello"}`
	if resp, answer := w.do(t, "alice", http.MethodPost, "/invocations", body); resp.StatusCode != http.StatusConflict {
		t.Fatalf("a second message at the same time: %d %s", resp.StatusCode, answer)
	}
	w.ask(t, "bob", "s1", "hello") // another user's session of this name is another
	end()
	w.ask(t, "alice", "s1", "hello")
}

func TestFailuresInTheMiddleAreEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"MAX_TURNS": "3"})
	w.model.calls("no_such_tool")
	events := w.ask(t, "alice", "s1", "hello")
	if last := events[len(events)-1]; last.Type != eventError || !strings.HasPrefix(last.Message, "The question needed more steps") {
		t.Fatalf("a model that never ends: %+v", last)
	}
	if n := strings.Count(w.model.seen(), "There is no tool of this name."); n != 3 {
		t.Fatalf("the model was told %d times of a tool that there is none of", n)
	}
	w.model.Close()
	events = w.ask(t, "alice", "s1", "hello")
	if last := events[len(events)-1]; last.Type != eventError || strings.Contains(last.Message, "127.0.0.1") {
		t.Fatalf("a model that is away: %+v", last)
	}
	if _, body := w.do(t, "alice", http.MethodGet, "/conversation?sessionId=s1", ""); body != "{\"messages\":[]}\n" {
		t.Fatalf("a question without an answer was kept: %s", body)
	}
}

func TestLanyardAwayOrRefusing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"WORKLOAD_IDENTITY_NAME": "another-agent"})
	resp, body := w.do(t, "alice", http.MethodPost, "/invocations", `{"sessionId":"s1","message":"hello"}`)
	if resp.StatusCode != http.StatusBadGateway || strings.Contains(body, "another-agent") || !strings.Contains(w.logs.String(), "another-agent") {
		t.Fatalf("an unknown workload identity: %d %s", resp.StatusCode, body)
	}
}

func TestForJWTNeedsTheForwardedJWT(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"WORKLOAD_TOKEN_BY": "jwt"})
	const body = `{"sessionId":"s1","message":"hello"}`
	for name, authorization := range map[string]string{"none": "", "basic": "Basic YTpi", "no JWT": "Bearer abc", "an untrusted issuer's": "Bearer e30.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsInN1YiI6ImFsaWNlIn0.c2ln"} {
		header := []string{"Authorization", authorization}
		if authorization == "" {
			header = nil
		}
		resp, answer := w.do(t, "alice", http.MethodPost, "/invocations", body, header...)
		if resp.StatusCode != http.StatusUnauthorized && !(name == "an untrusted issuer's" && resp.StatusCode == http.StatusBadGateway) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, answer)
		}
	}
}
