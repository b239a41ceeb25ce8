package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Tool is something that a model may have run.
type Tool struct {
	Name        string
	Description string
	Schema      json.RawMessage // JSON schema of the input, an object
	Run         func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)
}

// ToolError is a failure that the model may hear of. The text of any other error stays in the log, for it may name what
// is nobody's business outside.
type ToolError struct{ Message string }

func (e *ToolError) Error() string { return e.Message }

// NewTool makes a tool of a function with typed input and result. A credential is no part of either: the function gets
// it by another way.
func NewTool[In, Out any](name, description, schema string, run func(context.Context, In) (Out, error)) Tool {
	return Tool{Name: name, Description: description, Schema: json.RawMessage(schema), Run: func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		in, err := decode[In](name, input)
		if err != nil {
			return nil, err
		}
		out, err := run(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}}
}

// decode is strict, so that a model hears of a parameter that it made up.
func decode[In any](name string, input json.RawMessage) (In, error) {
	var in In
	if len(bytes.TrimSpace(input)) == 0 {
		return in, nil // a tool without required parameters may be called without any
	}
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, &ToolError{fmt.Sprintf("The input of %s does not fit its schema: %v.", name, err)}
	}
	return in, nil
}

// Input is the input of a call as JSON, also where the model wrote none or none that is JSON: the conversation is stored
// as JSON, and the tool says what is wrong.
func Input(text string) json.RawMessage {
	switch {
	case strings.TrimSpace(text) == "":
		return json.RawMessage("{}")
	case !json.Valid([]byte(text)):
		quoted, _ := json.Marshal(text) // a string always encodes
		return quoted
	}
	return json.RawMessage(text)
}
