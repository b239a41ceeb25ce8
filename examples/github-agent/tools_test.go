package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

var toolsNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// vaultOf is Lanyard as far as one resource token goes.
func vaultOf(t *testing.T) *client.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"accessToken":"the-token"}`)
	}))
	t.Cleanup(s.Close)
	return newClient(t, s.URL, credentials.NewStaticCredentialsProvider("AKID", "secret", ""))
}

// call has a tool run against an API that answers so.
func call(t *testing.T, tools func(*provider) []chat.Tool, name, input string, answer http.HandlerFunc) (string, error) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	p := &provider{name: "p", base: s.URL, lanyard: vaultOf(t), returnURL: "https://agent.example.com/back", now: func() time.Time { return toolsNow }}
	for _, tool := range tools(p) {
		if tool.Name == name {
			out, err := tool.Run(client.WithWorkloadToken(t.Context(), api.Sensitive("wat")), json.RawMessage(input))
			return string(out), err
		}
	}
	t.Fatalf("there is no tool %s", name)
	return "", nil
}

func TestGoogleTools(t *testing.T) {
	t.Parallel()
	out, err := call(t, googleTools, "list_calendar_events", `{"limit":2}`, func(w http.ResponseWriter, r *http.Request) {
		want := url.Values{"maxResults": {"2"}, "timeMin": {"2026-01-02T03:04:05Z"}, "singleEvents": {"true"}, "orderBy": {"startTime"}}
		if diff := cmp.Diff(want, r.URL.Query()); diff != "" || r.URL.Path != "/calendar/v3/calendars/primary/events" || r.Header.Get("Authorization") != "Bearer the-token" {
			t.Errorf("%s %v\n%s", r.URL, r.Header, diff)
		}
		_, _ = io.WriteString(w, `{"kind":"calendar#events","items":[{"id":"x","summary":"Lunch","start":{"dateTime":"2026-01-02T12:00:00Z"},"end":{"date":"2026-01-03"}}]}`)
	})
	if err != nil || out != `{"items":[{"summary":"Lunch","start":{"dateTime":"2026-01-02T12:00:00Z"},"end":{"date":"2026-01-03"}}]}` {
		t.Errorf("%s %v", out, err)
	}
	out, err = call(t, googleTools, "get_google_user", ``, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"sub":"1","name":"Alice","email":"alice@example.com","picture":"https://p.example.com"}`)
	})
	if err != nil || out != `{"sub":"1","name":"Alice","email":"alice@example.com"}` {
		t.Errorf("%s %v", out, err)
	}
}

func TestWhatAnAPISaysIsToldInOurWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		header map[string]string
		want   string
	}{
		"retry after":    {http.StatusTooManyRequests, map[string]string{"Retry-After": "30"}, "GitHub allows no more requests for now; try again in 30 seconds."},
		"primary limit":  {http.StatusForbidden, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767323105"}, "GitHub allows no more requests for now; try again in 1m0s."},
		"limit, no time": {http.StatusTooManyRequests, nil, "GitHub allows no more requests for now."},
		"forbidden":      {http.StatusForbidden, nil, "GitHub answered 403: the user may not see this, or has not allowed it to this agent."},
		"not found":      {http.StatusNotFound, nil, "GitHub answered 404: the user may not see this, or has not allowed it to this agent."},
		"trouble":        {http.StatusBadGateway, nil, "GitHub answered 502. It may work later."},
		"redirect":       {http.StatusFound, map[string]string{"Location": "https://evil.example.com"}, "GitHub answered 302. It may work later."},
		"no JSON":        {http.StatusOK, nil, "GitHub gave an answer that cannot be read."},
		"still refused":  {http.StatusUnauthorized, nil, "GitHub refuses the access that the user has given."},
	} {
		_, err := call(t, githubTools, "get_github_user", `{}`, func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, "the-token is what the API repeats")
		})
		said, ok := err.(*chat.ToolError)
		if !ok || said.Message != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// rotating is Lanyard where every request for a token finds another one, until the last.
func rotating(t *testing.T, forced *int, tokens ...string) *client.Client {
	t.Helper()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in api.GetResourceOauth2TokenRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		if in.ForceAuthentication {
			*forced++
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"accessToken":"`+tokens[min(asked, len(tokens)-1)]+`"}`)
		asked++
	}))
	t.Cleanup(s.Close)
	return newClient(t, s.URL, credentials.NewStaticCredentialsProvider("AKID", "secret", ""))
}

// TestATokenReplacedMeanwhileCostsNoGrant: the grant is dropped only when the API refuses the token that is handed out still.
func TestATokenReplacedMeanwhileCostsNoGrant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tokens []string
		good   string
		calls  int
		forced int
	}{
		"replaced while on its way": {[]string{"old", "new"}, "new", 2, 0},
		"revoked":                   {[]string{"old"}, "none", 1, 1},
		"replaced, then revoked":    {[]string{"old", "new"}, "none", 2, 1},
		"another one every time":    {[]string{"1", "2", "3", "4", "5", "6", "7", "8"}, "none", tokenTries, 0},
	} {
		calls, forced := 0, 0
		at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			if r.Header.Get("Authorization") != "Bearer "+c.good {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = io.WriteString(w, `{"login":"alice"}`)
		}))
		p := &provider{name: "p", title: "GitHub", base: at.URL, lanyard: rotating(t, &forced, c.tokens...)}
		got, err := get[GitHubUser](client.WithWorkloadToken(t.Context(), "wat"), p, nil, "/user", nil)
		at.Close()
		if ok := c.good != "none"; ok != (err == nil) || ok != (got.Login == "alice") || calls != c.calls || forced != c.forced {
			t.Errorf("%s: %d calls, forced %d times: %+v %v", name, calls, forced, got, err)
		}
	}
}

func TestToolsKeepToTheirLimits(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{``: "20", `{}`: "20", `{"limit":0}`: "20", `{"limit":7}`: "7", `{"limit":-3}`: "1", `{"limit":100000}`: "50"} {
		_, err := call(t, githubTools, "list_github_projects", input, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query().Get("per_page"); got != want {
				t.Errorf("%s: per_page is %s", input, got)
			}
			_, _ = io.WriteString(w, "[]")
		})
		if err != nil {
			t.Errorf("%s: %v", input, err)
		}
	}
	_, err := call(t, githubTools, "list_github_projects", `{}`, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"name":"`+strings.Repeat("a", maxAnswer)+`"}]`)
	})
	if err == nil {
		t.Error("a giant answer was read")
	}
}

func TestSchemasAreJSONObjects(t *testing.T) {
	t.Parallel()
	p := &provider{}
	for _, tool := range append(githubTools(p), googleTools(p)...) {
		var schema struct{ Type string }
		if err := json.Unmarshal(tool.Schema, &schema); err != nil || schema.Type != "object" || tool.Description == "" {
			t.Errorf("%s: %s %v", tool.Name, tool.Schema, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAnAPIIsNotWaitedForWithoutEnd: a call takes ten seconds at most, whatever time the answer has left, and is written down
// all the same.
func TestAnAPIIsNotWaitedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lanyard, err := client.New(t.Context(), client.WithEndpoint("https://lanyard.example.com"), client.WithRegion("us-west-2"),
			client.WithCredentials(credentials.NewStaticCredentialsProvider("AKID", "secret", "")), client.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"accessToken":"the-token"}`)), Request: r}, nil
			})))
		if err != nil {
			t.Fatal(err)
		}
		silent := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		var logged bytes.Buffer
		p := &provider{name: "p", base: "https://api.example.com", lanyard: lanyard, returnURL: "https://agent.example.com/back", transport: silent, now: time.Now,
			log: slog.New(slog.NewJSONHandler(&logged, nil))}
		began := time.Now()
		ctx := oidcdata.NewContext(client.WithWorkloadToken(t.Context(), "wat"), &oidcdata.Claims{Issuer: "https://idp.example.com", Subject: "alice"})
		_, err = get[GitHubUser](ctx, p, githubUserScopes, "/user", nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if l := logged.String(); !strings.Contains(l, `"url":"https://api.example.com/user","status":0`) || !strings.Contains(l, `"subject":"alice"`) {
			t.Errorf("a call that may have been carried out is logged as %q", l)
		}
	})
}
