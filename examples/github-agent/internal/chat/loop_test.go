package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// script is a model that says its turns one after the other, and notes what it was sent.
type script struct {
	turns []chat.Turn
	sent  []chat.Conversation
	err   error
}

func (s *script) Converse(_ context.Context, c chat.Conversation, emit func(string)) (chat.Turn, error) {
	s.sent = append(s.sent, c)
	if s.err != nil {
		return chat.Turn{}, s.err
	}
	t := s.turns[min(len(s.sent), len(s.turns))-1]
	t.Message.Role = chat.Assistant
	if t.Message.Text != "" {
		emit(t.Message.Text)
	}
	return t, nil
}

func says(text string) chat.Turn {
	return chat.Turn{Message: chat.Message{Text: text}, Stop: chat.StopEnd, Tokens: 10}
}

func calls(tool, input string) chat.Turn {
	return chat.Turn{Message: chat.Message{Calls: []chat.Call{{ID: "c1", Tool: tool, Input: chat.Input(input)}}}, Stop: chat.StopTools, Tokens: 10}
}

type in struct {
	N int `json:"n"`
}

type out struct {
	Double int `json:"double"`
}

func loop(m chat.Model, tool func(context.Context, in) (out, error)) *chat.Loop {
	return &chat.Loop{
		Model: m, System: "be kind", Log: slog.New(slog.DiscardHandler), Limits: chat.Limits{Turns: 4, TurnTokens: 100, Tokens: 1000, Time: time.Minute},
		Tools: []chat.Tool{chat.NewTool("double", "doubles", `{"type":"object"}`, tool)},
	}
}

func double(_ context.Context, i in) (out, error) { return out{2 * i.N}, nil }

func TestAnswerWithATool(t *testing.T) {
	m := &script{turns: []chat.Turn{calls("double", `{"n":21}`), says("It is 42.")}}
	var heard strings.Builder
	past := []chat.Message{{Role: chat.User, Text: "hi"}, {Role: chat.Assistant, Text: "hello"}}
	got, err := loop(m, double).Answer(t.Context(), past, "21 twice?", func(s string) { heard.WriteString(s) })
	if err != nil {
		t.Fatal(err)
	}
	want := append(past,
		chat.Message{Role: chat.User, Text: "21 twice?"},
		chat.Message{Role: chat.Assistant, Calls: []chat.Call{{ID: "c1", Tool: "double", Input: json.RawMessage(`{"n":21}`)}}},
		chat.Message{Role: chat.User, Results: []chat.Result{{ID: "c1", Content: `{"double":42}`}}},
		chat.Message{Role: chat.Assistant, Text: "It is 42."})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if heard.String() != "It is 42." || m.sent[0].System != "be kind" || m.sent[0].MaxTokens != 100 {
		t.Errorf("heard %q; sent %+v", heard.String(), m.sent[0])
	}
}

func TestFailuresOfToolsGoToTheModel(t *testing.T) {
	for name, c := range map[string]struct {
		call chat.Turn
		err  error
		want string
	}{
		"said":           {calls("double", `{"n":1}`), &chat.ToolError{Message: "not on Sundays"}, "not on Sundays"},
		"not said":       {calls("double", `{"n":1}`), errors.New("dial 10.0.0.1: refused"), "The tool double failed for a reason that is not the user's. It may work later."},
		"unknown":        {calls("triple", `{"n":1}`), nil, "There is no tool of this name."},
		"wrong type":     {calls("double", `{"n":"1"}`), nil, "The input of double does not fit its schema"},
		"made up":        {calls("double", `{"m":1}`), nil, "The input of double does not fit its schema"},
		"no JSON at all": {calls("double", `{"n":`), nil, "The input of double does not fit its schema"},
	} {
		m := &script{turns: []chat.Turn{c.call, says("sorry")}}
		tool := func(context.Context, in) (out, error) { return out{}, c.err }
		got, err := loop(m, tool).Answer(t.Context(), nil, "?", func(string) {})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r := got[2].Results[0]; !r.Failed || !strings.HasPrefix(r.Content, c.want) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestConsentEndsTheAnswer(t *testing.T) {
	m := &script{turns: []chat.Turn{calls("double", `{"n":1}`), says("never said")}}
	need := &client.AuthorizationRequiredError{Provider: "p", URL: "https://id.example.com"}
	_, err := loop(m, func(context.Context, in) (out, error) { return out{}, need }).Answer(t.Context(), nil, "?", func(string) {})
	var got *client.AuthorizationRequiredError
	if !errors.As(err, &got) || got != need || len(m.sent) != 1 {
		t.Fatalf("%v after %d turns", err, len(m.sent))
	}
}

func TestLimits(t *testing.T) {
	greedy := calls("double", `{"n":1}`)
	greedy.Tokens = 600
	for name, c := range map[string]struct {
		turn  chat.Turn
		want  error
		turns int
	}{
		"turns":   {calls("double", `{"n":1}`), chat.ErrTurns, 4},
		"tokens":  {greedy, chat.ErrTokens, 2},
		"refused": {chat.Turn{Stop: chat.StopRefused}, chat.ErrRefused, 1},
		"other":   {chat.Turn{Stop: "something new"}, chat.ErrRefused, 1},
		"silent":  {chat.Turn{Stop: chat.StopEnd}, chat.ErrSilent, 1},
		"no call": {chat.Turn{Stop: chat.StopTools}, chat.ErrSilent, 1},
	} {
		m := &script{turns: []chat.Turn{c.turn}}
		if _, err := loop(m, double).Answer(t.Context(), nil, "?", func(string) {}); !errors.Is(err, c.want) || len(m.sent) != c.turns {
			t.Errorf("%s: %v after %d turns", name, err, len(m.sent))
		}
	}
}

func TestTimeEndsTheAnswer(t *testing.T) {
	m := &script{turns: []chat.Turn{calls("double", `{"n":1}`)}}
	l := loop(m, func(ctx context.Context, _ in) (out, error) {
		<-ctx.Done()
		return out{}, errors.New("the tool gave up")
	})
	l.Limits.Time = time.Millisecond
	if _, err := l.Answer(t.Context(), nil, "?", func(string) {}); !errors.Is(err, context.DeadlineExceeded) || len(m.sent) != 1 {
		t.Fatalf("%v after %d turns", err, len(m.sent))
	}
}

func TestAnAnswerThatIsCutOffSaysSo(t *testing.T) {
	turn := says("half a")
	turn.Stop = chat.StopLength
	turn.Message.Calls = calls("double", `{"n":1}`).Message.Calls
	var heard strings.Builder
	got, err := loop(&script{turns: []chat.Turn{turn}}, double).Answer(t.Context(), nil, "?", func(s string) { heard.WriteString(s) })
	if err != nil || len(got[1].Calls) != 0 || heard.String() != got[1].Text || !strings.HasPrefix(got[1].Text, "half a\n\n[The answer ends here") {
		t.Fatalf("%v: heard %q, kept %+v", err, heard.String(), got)
	}
}

func TestTrim(t *testing.T) {
	q := func(s string) chat.Message { return chat.Message{Role: chat.User, Text: s} }
	a := func(s string) chat.Message { return chat.Message{Role: chat.Assistant, Text: s} }
	call := chat.Message{Role: chat.Assistant, Calls: []chat.Call{{ID: "c", Input: json.RawMessage("{}")}}}
	result := chat.Message{Role: chat.User, Results: []chat.Result{{ID: "c", Content: "12345678"}}}
	history := []chat.Message{q("aaaa"), call, result, a("bb"), q("cccc"), a("dddd")}
	for most, want := range map[int][]chat.Message{100: history, 24: history, 23: history[4:], 8: history[4:], 7: history[4:], 0: history[4:]} {
		if diff := cmp.Diff(want, chat.Trim(history, most)); diff != "" {
			t.Errorf("at most %d: %s", most, diff)
		}
	}
}
