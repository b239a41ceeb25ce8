package bedrock

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
)

// reader puts the events of one answer together.
type reader struct {
	emit   func(string)
	blocks map[int32]*block
	stop   types.StopReason
	tokens int
}

// block is a content block: text, or a call whose input arrives in pieces of a string.
type block struct {
	text     strings.Builder
	id, tool string
	input    strings.Builder
}

func (r *reader) take(event types.ConverseStreamOutput) {
	switch e := event.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		if start, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
			b := r.block(e.Value.ContentBlockIndex)
			b.id, b.tool = aws.ToString(start.Value.ToolUseId), aws.ToString(start.Value.Name)
		}
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		r.delta(r.block(e.Value.ContentBlockIndex), e.Value.Delta)
	case *types.ConverseStreamOutputMemberMessageStop:
		r.stop = e.Value.StopReason
	case *types.ConverseStreamOutputMemberMetadata:
		if e.Value.Usage != nil {
			r.tokens = int(aws.ToInt32(e.Value.Usage.TotalTokens))
		}
	}
}

func (r *reader) delta(b *block, delta types.ContentBlockDelta) {
	switch d := delta.(type) {
	case *types.ContentBlockDeltaMemberText:
		if d.Value != "" {
			b.text.WriteString(d.Value)
			r.emit(d.Value)
		}
	case *types.ContentBlockDeltaMemberToolUse:
		b.input.WriteString(aws.ToString(d.Value.Input))
	}
}

// block is the block of an index. A block of text comes without a start.
func (r *reader) block(index *int32) *block {
	at := aws.ToInt32(index)
	if r.blocks[at] == nil {
		r.blocks[at] = &block{}
	}
	return r.blocks[at]
}

func (r *reader) turn() (chat.Turn, error) {
	if r.stop == "" {
		return chat.Turn{}, errors.New("the model's answer ended in the middle")
	}
	t := chat.Turn{Message: chat.Message{Role: chat.Assistant}, Stop: stopOf(r.stop), Tokens: r.tokens}
	for _, at := range slices.Sorted(maps.Keys(r.blocks)) {
		b := r.blocks[at]
		t.Message.Text += b.text.String()
		if b.tool != "" {
			t.Message.Calls = append(t.Message.Calls, chat.Call{ID: b.id, Tool: b.tool, Input: chat.Input(b.input.String())})
		}
	}
	return t, nil
}

func stopOf(reason types.StopReason) chat.Stop {
	switch reason {
	case types.StopReasonEndTurn, types.StopReasonStopSequence:
		return chat.StopEnd
	case types.StopReasonToolUse:
		return chat.StopTools
	case types.StopReasonMaxTokens:
		return chat.StopLength
	}
	return chat.StopRefused
}
