package agent

import (
	"context"
	"iter"
)

// JSON makes a handler of a function from one JSON value to another.
func JSON[In, Out any](f func(context.Context, In) (Out, error)) Handler {
	return func(ctx context.Context, in Invocation, out *Response) error {
		var v In
		if err := in.Decode(&v); err != nil {
			return err
		}
		answer, err := f(ctx, v)
		if err != nil {
			return err
		}
		return out.Answer(answer)
	}
}

// Events makes a handler of a function from a JSON value to a stream of them. The stream ends with its first error.
func Events[In, Event any](f func(context.Context, In) iter.Seq2[Event, error]) Handler {
	return func(ctx context.Context, in Invocation, out *Response) error {
		var v In
		if err := in.Decode(&v); err != nil {
			return err
		}
		for event, err := range f(ctx, v) {
			if err != nil {
				return err
			}
			if err := out.Send(event); err != nil {
				return err
			}
		}
		return out.startEvents()
	}
}
