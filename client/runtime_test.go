package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

const (
	runtimeID  = "my_agent-a1b2c3d4e5"
	runtimeARN = "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/" + runtimeID
)

func ptr[T any](v T) *T { return &v }

// runtimeOperations calls every operation of agent runtimes once.
func runtimeOperations() map[string]func(context.Context, *Client) error {
	sum := sha256.Sum256([]byte("zip"))
	return map[string]func(context.Context, *Client) error{
		"CreateAgentRuntime": func(ctx context.Context, c *Client) error {
			_, err := c.CreateAgentRuntime(ctx, &api.CreateAgentRuntimeRequest{Name: "my_agent"})
			return err
		},
		"UpdateAgentRuntime": func(ctx context.Context, c *Client) error {
			_, err := c.UpdateAgentRuntime(ctx, &api.UpdateAgentRuntimeRequest{ID: runtimeID})
			return err
		},
		"GetAgentRuntime": func(ctx context.Context, c *Client) error {
			_, err := c.GetAgentRuntime(ctx, &api.GetAgentRuntimeRequest{ID: runtimeID, Version: ptr("2")})
			return err
		},
		"DeleteAgentRuntime": func(ctx context.Context, c *Client) error {
			_, err := c.DeleteAgentRuntime(ctx, &api.DeleteAgentRuntimeRequest{ID: runtimeID})
			return err
		},
		"ListAgentRuntimes": func(ctx context.Context, c *Client) error {
			_, err := c.ListAgentRuntimes(ctx, &api.ListAgentRuntimesRequest{MaxResults: ptr(int32(7))})
			return err
		},
		"ListAgentRuntimeVersions": func(ctx context.Context, c *Client) error {
			_, err := c.ListAgentRuntimeVersions(ctx, &api.AgentRuntimePage{ID: runtimeID})
			return err
		},
		"CreateAgentRuntimeEndpoint": func(ctx context.Context, c *Client) error {
			_, err := c.CreateAgentRuntimeEndpoint(ctx, &api.CreateAgentRuntimeEndpointRequest{ID: runtimeID, Name: "prod"})
			return err
		},
		"GetAgentRuntimeEndpoint": func(ctx context.Context, c *Client) error {
			_, err := c.GetAgentRuntimeEndpoint(ctx, &api.AgentRuntimeEndpointName{ID: runtimeID, Name: "prod"})
			return err
		},
		"ListAgentRuntimeEndpoints": func(ctx context.Context, c *Client) error {
			_, err := c.ListAgentRuntimeEndpoints(ctx, &api.AgentRuntimePage{ID: runtimeID})
			return err
		},
		"UpdateAgentRuntimeEndpoint": func(ctx context.Context, c *Client) error {
			_, err := c.UpdateAgentRuntimeEndpoint(ctx, &api.UpdateAgentRuntimeEndpointRequest{ID: runtimeID, Name: "prod"})
			return err
		},
		"DeleteAgentRuntimeEndpoint": func(ctx context.Context, c *Client) error {
			_, err := c.DeleteAgentRuntimeEndpoint(ctx, &api.DeleteAgentRuntimeEndpointRequest{ID: runtimeID, Name: "prod"})
			return err
		},
		"StopRuntimeSession": func(ctx context.Context, c *Client) error {
			_, err := c.StopRuntimeSession(ctx, &api.StopRuntimeSessionRequest{Runtime: runtimeARN, SessionID: strings.Repeat("s", 33)})
			return err
		},
		"ListRuntimeSessions": func(ctx context.Context, c *Client) error {
			_, err := c.ListRuntimeSessions(ctx, &api.ListRuntimeSessionsRequest{ID: runtimeID})
			return err
		},
		"InvokeAgentRuntime": func(ctx context.Context, c *Client) error {
			a, err := c.InvokeAgentRuntime(ctx, &api.InvokeAgentRuntimeRequest{Runtime: runtimeARN, UserID: ptr("alice"), Qualifier: ptr("prod")}, []byte("payload"))
			if err != nil {
				return err
			}
			return a.Body.Close()
		},
		"GetRuntimeLogs": func(ctx context.Context, c *Client) error {
			logs, err := c.GetRuntimeLogs(ctx, &api.GetRuntimeLogsRequest{ID: runtimeID})
			if err != nil {
				return err
			}
			return logs.Close()
		},
		"UploadAgentArchive": func(ctx context.Context, c *Client) error {
			_, err := c.UploadAgentArchive(ctx, strings.NewReader("zip"), hex.EncodeToString(sum[:]))
			return err
		},
	}
}

// TestEveryRuntimeOperation walks the rows of agent runtimes: each is called at its path with its labels filled, signed,
// and no member that has its place elsewhere is in the body.
func TestEveryRuntimeOperation(t *testing.T) {
	methods := runtimeOperations()
	for _, op := range api.Operations() {
		in := api.RuntimeInput(op)
		if in == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			call := methods[op.Name]
			if call == nil {
				t.Fatalf("no method calls %s", op.Name)
			}
			path := strings.NewReplacer("{agentRuntimeId}", runtimeID, "{endpointName}", "prod", "{agentRuntimeArn}", api.EscapeLabel(runtimeARN)).Replace(op.Path)
			called := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
				called++
				if r.Method != op.Method || r.URL.EscapedPath() != "/base"+path || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") {
					t.Errorf("called %s %s, want %s /base%s, signed", r.Method, r.URL.EscapedPath(), op.Method, path)
				}
				members := map[string]any{}
				_ = json.Unmarshal(body, &members) // a payload is no JSON
				for _, m := range api.Located(in) {
					if _, sent := members[m.Name]; sent {
						t.Errorf("%s is sent in the body, too", m.Name)
					}
				}
				_, _ = io.WriteString(w, `{"memberOfALaterRelease":1}`)
			})
			if err := call(t.Context(), newTestClient(t, s.URL+"/base/")); err != nil || called != 1 {
				t.Errorf("called %d times: %v", called, err)
			}
		})
	}
}

// TestMembersGoToTheirPlaces: path, query and headers, and the body as it is.
func TestMembersGoToTheirPlaces(t *testing.T) {
	var got *http.Request
	var sent string
	s := serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		got, sent = r, string(body)
		w.Header().Set(api.HeaderRuntimeSession, "the session")
		_, _ = io.WriteString(w, "the answer")
	})
	a, err := newTestClient(t, s.URL).InvokeAgentRuntime(t.Context(), &api.InvokeAgentRuntimeRequest{Runtime: runtimeARN, Qualifier: ptr("prod"),
		UserID: ptr("alice"), ContentType: ptr("text/plain")}, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	answer, err := io.ReadAll(a.Body)
	if err != nil || string(answer) != "the answer" || a.SessionID != "the session" || sent != "payload" {
		t.Errorf("answer %q of session %q to %q: %v", answer, a.SessionID, sent, err)
	}
	if got.URL.Query().Get("qualifier") != "prod" || got.Header.Get(api.HeaderRuntimeUser) != "alice" || got.Header.Get("Content-Type") != "text/plain" || got.ContentLength != 7 {
		t.Errorf("sent %s with %v", got.URL, got.Header)
	}
	if !strings.Contains(strings.ToLower(got.Header.Get("Authorization")), "x-amzn-bedrock-agentcore-runtime-user-id") {
		t.Error("whose invocation it is was not signed (A46)")
	}
}

// TestRuntimeRefusals: an exception of an answer that would stream is an error, with its status.
func TestRuntimeRefusals(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("X-Amzn-ErrorType", "RuntimeClientError")
		w.WriteHeader(http.StatusFailedDependency)
		_, _ = io.WriteString(w, `{"message":"the agent said no"}`)
	})
	_, err := newTestClient(t, s.URL).InvokeAgentRuntime(t.Context(), &api.InvokeAgentRuntimeRequest{Runtime: runtimeARN}, nil)
	if !Is(err, api.RuntimeClientError) || !strings.Contains(err.Error(), "the agent said no") {
		t.Errorf("got %v", err)
	}
	if _, err := newTestClient(t, s.URL).GetAgentRuntime(t.Context(), &api.GetAgentRuntimeRequest{}); err == nil || !strings.Contains(err.Error(), "agentRuntimeId is missing") {
		t.Errorf("a label that is not given: %v", err)
	}
	if _, err := newTestClient(t, s.URL).UploadAgentArchive(t.Context(), strings.NewReader(""), "abc"); err == nil {
		t.Error("an archive was sent without its hash")
	}
}

// TestRetriesOfACreationAreOne: what is sent again carries the token of the first time.
func TestRetriesOfACreationAreOne(t *testing.T) {
	var tokens []string
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		var in api.CreateAgentRuntimeRequest
		if err := json.Unmarshal(body, &in); err != nil || in.ClientToken == nil || len(*in.ClientToken) < 33 {
			t.Errorf("sent %s: %v", body, err)
			return
		}
		if tokens = append(tokens, *in.ClientToken); len(tokens) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "{}")
	})
	_, err := newTestClient(t, s.URL).CreateAgentRuntime(t.Context(), &api.CreateAgentRuntimeRequest{Name: "my_agent"})
	if err != nil || len(tokens) != 2 || tokens[0] != tokens[1] {
		t.Errorf("tokens %v, %v", tokens, err)
	}
}
