package agent_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/agent"
)

type question struct {
	Prompt string `json:"prompt"`
}

type reply struct {
	Text string `json:"text"`
}

// An agent that answers once. A program ends with app.Run(ctx, ""), where ctx is that of signal.NotifyContext.
func Example() {
	app := &agent.App{Handler: agent.JSON(func(ctx context.Context, in question) (reply, error) {
		r, _ := agent.FromContext(ctx)
		_, forUser := client.WorkloadToken(ctx)
		return reply{fmt.Sprintf("session %s, for a user: %v: %s", r.SessionID, forUser, in.Prompt)}, nil
	})}
	fmt.Println(call(app, `{"prompt":"hello"}`))
	// Output: {"text":"session 7, for a user: true: hello"}
}

// An agent that streams.
func ExampleEvents() {
	app := &agent.App{Handler: agent.Events(func(_ context.Context, in question) iter.Seq2[reply, error] {
		return func(yield func(reply, error) bool) {
			for word := range strings.FieldsSeq(in.Prompt) {
				if !yield(reply{word}, nil) {
					return
				}
			}
		}
	})}
	fmt.Println(call(app, `{"prompt":"one two"}`))
	// Output:
	// data: {"text":"one"}
	//
	// data: {"text":"two"}
}

// Work that goes on after the answer: the agent is busy until it is done, and is not stopped for being idle.
func ExampleApp_Task() {
	app, done := &agent.App{}, make(chan struct{})
	app.Handler = agent.JSON(func(ctx context.Context, in question) (reply, error) {
		app.Task(ctx, "report", func(context.Context) error {
			defer close(done)
			return nil
		})
		return reply{"begun"}, nil
	})
	fmt.Println(call(app, `{"prompt":"report"}`))
	<-done
	// Output: {"text":"begun"}
}

// call does what an agent host does.
func call(app http.Handler, payload string) string {
	s := httptest.NewServer(app)
	defer s.Close()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/invocations", strings.NewReader(payload))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("WorkloadAccessToken", "sealed")
	r.Header.Set("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "7")
	resp, err := s.Client().Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}
