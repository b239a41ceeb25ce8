package openai

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// Limits on what a service may send: a line of the stream, and calls in one turn.
const (
	maxLine  = 1 << 20
	maxCalls = 32
)

type chunk struct {
	Choices []struct {
		Delta struct {
			Content   string  `json:"content"`
			ToolCalls []piece `json:"tool_calls"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		TotalTokens int `json:"total_tokens"`
	} `json:"usage"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// piece is a part of a call. Some services leave out the index, or have the same one in all calls.
type piece struct {
	Index    *int     `json:"index"`
	ID       string   `json:"id"`
	Function function `json:"function"`
}

// reader puts the chunks of one answer together.
type reader struct {
	emit   func(string)
	text   strings.Builder
	calls  []call
	reason string
	tokens int
}

// read reads server-sent events until the one that says it is the last. A stream that ends without it broke off.
func read(body io.Reader, emit func(string)) (chat.Turn, error) {
	r := reader{emit: emit}
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue // a comment or an empty line
		}
		data = strings.TrimSpace(data)
		if data == "[DONE]" {
			return r.turn()
		}
		if err := r.take(data); err != nil {
			return chat.Turn{}, err
		}
	}
	if err := lines.Err(); err != nil {
		return chat.Turn{}, err
	}
	return r.turn()
}

func (r *reader) take(data string) error {
	var c chunk
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return fmt.Errorf("an event is no JSON: %w", err)
	}
	if c.Error != nil {
		return errors.New(c.Error.Message)
	}
	if c.Usage != nil {
		r.tokens = c.Usage.TotalTokens
	}
	if len(c.Choices) == 0 {
		return nil
	}
	choice := c.Choices[0]
	if choice.FinishReason != "" {
		r.reason = choice.FinishReason
	}
	if choice.Delta.Content != "" {
		r.text.WriteString(choice.Delta.Content)
		r.emit(choice.Delta.Content)
	}
	return r.addCalls(choice.Delta.ToolCalls)
}

// addCalls adds the pieces of calls.
func (r *reader) addCalls(pieces []piece) error {
	for _, p := range pieces {
		at, err := r.callOf(p)
		if err != nil {
			return err
		}
		if at == len(r.calls) {
			r.calls = append(r.calls, call{Index: p.index(at), ID: p.ID, Function: function{Name: p.Function.Name}})
		}
		r.calls[at].Function.Arguments += p.Function.Arguments
	}
	return nil
}

// callOf finds the call that a piece belongs to, or where a new one goes. An id that is new begins a call, whatever its index
// is; a piece without one belongs to the latest call of its index, or simply to the latest.
func (r *reader) callOf(p piece) (int, error) {
	next := len(r.calls)
	index := p.index(max(0, next-1))
	if index < 0 || index > next {
		return 0, fmt.Errorf("a call of a tool has the index %d where %d was due", index, next)
	}
	for at := next - 1; at >= 0; at-- {
		if c := r.calls[at]; p.ID != "" && c.ID == p.ID || p.ID == "" && c.Index == index {
			return at, nil
		}
	}
	if next == maxCalls {
		return 0, fmt.Errorf("there are more than %d calls of tools in one turn", maxCalls)
	}
	return next, nil
}

func (p piece) index(otherwise int) int {
	if p.Index == nil {
		return otherwise
	}
	return *p.Index
}

func (r *reader) turn() (chat.Turn, error) {
	if r.reason == "" {
		return chat.Turn{}, errors.New("it ended in the middle")
	}
	t := chat.Turn{Message: chat.Message{Role: chat.Assistant, Text: r.text.String()}, Stop: stopOf(r.reason), Tokens: r.tokens}
	for _, c := range r.calls {
		t.Message.Calls = append(t.Message.Calls, chat.Call{ID: c.ID, Tool: c.Function.Name, Input: chat.Input(c.Function.Arguments)})
	}
	return t, nil
}

func stopOf(reason string) chat.Stop {
	switch reason {
	case "stop":
		return chat.StopEnd
	case "tool_calls":
		return chat.StopTools
	case "length":
		return chat.StopLength
	}
	return chat.StopRefused
}
