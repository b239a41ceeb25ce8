// Package bedrock is a language model on Amazon Bedrock, spoken to by ConverseStream.
//
// It sends the conversation to the model that was configured, signed with the AWS credentials that it was given, and
// nowhere else. What comes back is the text of a machine that anybody's text may have led astray.
package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// Model is a model, or an inference profile, by its id or ARN.
type Model struct {
	client *bedrockruntime.Client
	id     string
}

// New returns a model. It calls nobody yet.
func New(cfg aws.Config, id string) *Model {
	client := bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) { o.HTTPClient = sender{o.HTTPClient} })
	return &Model{client: client, id: id}
}

// sender keeps a quick answer from breaking off. The SDK closes a request's body as soon as the answer begins, which may
// be before the transport has looked for the body's end; the closed body's WriteTo then fails instead of telling the end,
// and the transport closes the connection on which the answer still streams. Without WriteTo the body is read, and a
// closed one ends as it should.
type sender struct{ bedrockruntime.HTTPClient }

// Do implements bedrockruntime.HTTPClient.
func (s sender) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return s.HTTPClient.Do(r)
}

// Converse implements chat.Model.
func (m *Model) Converse(ctx context.Context, c chat.Conversation, emit func(string)) (chat.Turn, error) {
	in, err := m.request(c)
	if err != nil {
		return chat.Turn{}, err
	}
	out, err := m.client.ConverseStream(ctx, in)
	if err != nil {
		return chat.Turn{}, fmt.Errorf("the model %s on Amazon Bedrock: %w", m.id, err)
	}
	stream := out.GetStream()
	defer func() { _ = stream.Close() }() // what it could say, Err says below
	r := reader{emit: emit, blocks: map[int32]*block{}}
	for event := range stream.Events() {
		r.take(event)
	}
	if err := errors.Join(stream.Err(), ctx.Err()); err != nil {
		return chat.Turn{}, fmt.Errorf("the answer of the model %s broke off: %w", m.id, err)
	}
	return r.turn()
}

func (m *Model) request(c chat.Conversation) (*bedrockruntime.ConverseStreamInput, error) {
	in := &bedrockruntime.ConverseStreamInput{
		ModelId:         &m.id,
		System:          []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: c.System}},
		InferenceConfig: &types.InferenceConfiguration{MaxTokens: aws.Int32(int32(c.MaxTokens))},
		ToolConfig:      toolConfig(c.Tools),
	}
	for _, msg := range c.Messages {
		content, err := contentOf(msg)
		if err != nil {
			return nil, err
		}
		in.Messages = append(in.Messages, types.Message{Role: types.ConversationRole(msg.Role), Content: content})
	}
	return in, nil
}

func toolConfig(tools []chat.Tool) *types.ToolConfiguration {
	if len(tools) == 0 {
		return nil
	}
	cfg := &types.ToolConfiguration{}
	for _, t := range tools {
		cfg.Tools = append(cfg.Tools, &types.ToolMemberToolSpec{Value: types.ToolSpecification{
			Name: aws.String(t.Name), Description: aws.String(t.Description),
			InputSchema: &types.ToolInputSchemaMemberJson{Value: documentOf(t.Schema)},
		}})
	}
	return cfg
}

func contentOf(m chat.Message) ([]types.ContentBlock, error) {
	var content []types.ContentBlock
	if m.Text != "" {
		content = append(content, &types.ContentBlockMemberText{Value: m.Text})
	}
	for _, c := range m.Calls {
		content = append(content, &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
			ToolUseId: aws.String(c.ID), Name: aws.String(c.Tool), Input: documentOf(c.Input),
		}})
	}
	for _, r := range m.Results {
		content = append(content, resultOf(r))
	}
	if len(content) == 0 {
		return nil, errors.New("a message of the conversation is empty")
	}
	return content, nil
}

// resultOf hands a result on as text, so that its numbers arrive as they were written.
func resultOf(r chat.Result) types.ContentBlock {
	status := types.ToolResultStatusSuccess
	if r.Failed {
		status = types.ToolResultStatusError
	}
	return &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
		ToolUseId: aws.String(r.ID), Status: status,
		Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: r.Content}},
	}}
}

// documentOf is JSON as the SDK wants it. What is no JSON object becomes an empty one: it is a model's own input, which
// the tool refused before.
func documentOf(raw json.RawMessage) document.Interface {
	object := map[string]any{}
	if err := json.Unmarshal(raw, &object); err != nil {
		object = map[string]any{}
	}
	return document.NewLazyDocument(object)
}
