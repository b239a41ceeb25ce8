// Package chat is the agent's conversation with a model: its words, and the loop in which the model calls tools.
//
// Everything that comes out of it was written by a model or by a service on the internet, and both may be hostile: it is
// data to show as text, never to run or to render. What goes into it reaches the model, which may repeat it to anybody: no
// token, key or workload access token may ever be in a message, a tool's input or a tool's result.
package chat

import (
	"context"
	"encoding/json"
)

// Model is a language model.
type Model interface {
	// Converse asks for the next turn of a conversation and emits its text as it arrives.
	Converse(ctx context.Context, c Conversation, emit func(text string)) (Turn, error)
}

// Conversation is what a model is asked to go on with.
type Conversation struct {
	System    string
	Messages  []Message
	Tools     []Tool
	MaxTokens int // of the next turn
}

// Role says who speaks.
type Role string

// The two who speak. Results of tools come in a message of the user, as models expect them.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Message is what one of them said: text, or calls of tools (the assistant), or their results (the user).
type Message struct {
	Role    Role     `json:"role"`
	Text    string   `json:"text,omitempty"`
	Calls   []Call   `json:"calls,omitempty"`
	Results []Result `json:"results,omitempty"`
}

// Call is a model's wish to have a tool run.
type Call struct {
	ID    string          `json:"id"`
	Tool  string          `json:"tool"`
	Input json.RawMessage `json:"input"`
}

// Result is what came of a call: a JSON object, or a sentence that says what went wrong.
type Result struct {
	ID      string `json:"id"`
	Content string `json:"content"`
	Failed  bool   `json:"failed,omitempty"`
}

// Stop says why a model ended its turn.
type Stop string

// Reasons to stop. A reason that is none of these is treated as StopRefused.
const (
	StopEnd     Stop = "end"
	StopTools   Stop = "tools"
	StopLength  Stop = "length"
	StopRefused Stop = "refused" // a filter or a guardrail
)

// Turn is what a model answered.
type Turn struct {
	Message Message
	Stop    Stop
	Tokens  int // of input and output
}
