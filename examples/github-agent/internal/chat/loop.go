package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/client"
)

// Limits bound one answer, for a model decides how often it is asked again, and every turn costs money.
type Limits struct {
	Turns      int           // of the model
	TurnTokens int           // of the output of one turn
	Tokens     int           // of input and output, over all turns
	Time       time.Duration // from the question to the end
}

// Loop answers questions with a model and its tools.
type Loop struct {
	Model  Model
	System string
	Tools  []Tool
	Limits Limits
	Log    *slog.Logger
}

// Reasons why there is no answer. Their texts may be shown to the user.
var (
	ErrTurns   = errors.New("the question needed more steps than one answer may take; ask for less at once")
	ErrTokens  = errors.New("the conversation has become too long for one more answer; begin a new one")
	ErrRefused = errors.New("the model refused to answer this")
	ErrSilent  = errors.New("the model said nothing; ask again")
)

// cutOff is said where a turn ended at its limit, for half an answer looks like a whole one.
const cutOff = "[The answer ends here: it has reached the longest length that is allowed.]"

// Answer goes on with a history by a question and returns the history with the answer. Text is emitted as it arrives.
// Where a tool needs the user's consent, the error is a *client.AuthorizationRequiredError and nothing was answered.
func (l *Loop) Answer(ctx context.Context, history []Message, question string, emit func(text string)) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, l.Limits.Time)
	defer cancel()
	messages := append(slices.Clone(history), Message{Role: User, Text: question})
	emit = paragraphs(emit)
	for spent, turns := 0, 0; turns < l.Limits.Turns; turns++ {
		turn, err := l.Model.Converse(ctx, l.conversation(messages), emit)
		if err != nil {
			return nil, err
		}
		emit("") // the next turn begins a paragraph
		if spent += turn.Tokens; spent > l.Limits.Tokens {
			return nil, ErrTokens
		}
		if turn.Stop != StopTools {
			return l.end(messages, turn, emit)
		}
		results, err := l.run(ctx, turn.Message.Calls)
		if err != nil {
			return nil, err
		}
		messages = append(messages, turn.Message, Message{Role: User, Results: results})
	}
	return nil, ErrTurns
}

func (l *Loop) conversation(messages []Message) Conversation {
	return Conversation{System: l.System, Messages: messages, Tools: l.Tools, MaxTokens: l.Limits.TurnTokens}
}

// end takes the last turn of an answer. Calls in it are half written and never run.
func (l *Loop) end(messages []Message, turn Turn, emit func(string)) ([]Message, error) {
	turn.Message.Calls = nil
	switch {
	case turn.Stop == StopLength:
		emit(cutOff)
		turn.Message.Text += "\n\n" + cutOff
	case turn.Stop != StopEnd:
		return nil, ErrRefused
	case turn.Message.Text == "":
		return nil, ErrSilent
	}
	return append(messages, turn.Message), nil
}

// paragraphs separates the texts of turns. An empty text ends one.
func paragraphs(emit func(string)) func(string) {
	said, ended := false, false
	return func(text string) {
		switch {
		case text == "":
			ended = said
			return
		case ended:
			text, ended = "\n\n"+text, false
		}
		said = true
		emit(text)
	}
}

// run has the tools run one after the other. A tool's failure is the model's to deal with; only what the user has to act
// on, and the end of the request, end the answer.
func (l *Loop) run(ctx context.Context, calls []Call) ([]Result, error) {
	if len(calls) == 0 {
		return nil, ErrSilent
	}
	results := make([]Result, 0, len(calls))
	for _, c := range calls {
		out, err := l.call(ctx, c)
		var consent *client.AuthorizationRequiredError
		switch {
		case errors.As(err, &consent):
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			results = append(results, Result{ID: c.ID, Content: l.failure(ctx, c, err), Failed: true})
		default:
			results = append(results, Result{ID: c.ID, Content: out})
		}
	}
	return results, nil
}

func (l *Loop) call(ctx context.Context, c Call) (string, error) {
	at := slices.IndexFunc(l.Tools, func(t Tool) bool { return t.Name == c.Tool })
	if at < 0 {
		return "", &ToolError{"There is no tool of this name."}
	}
	out, err := l.Tools[at].Run(ctx, c.Input)
	return string(out), err
}

func (l *Loop) failure(ctx context.Context, c Call, err error) string {
	var said *ToolError
	if errors.As(err, &said) {
		return said.Message
	}
	l.Log.ErrorContext(ctx, "a tool failed", "tool", c.Tool, "error", err)
	return fmt.Sprintf("The tool %s failed for a reason that is not the user's. It may work later.", c.Tool)
}
