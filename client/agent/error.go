package agent

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// Error is a refusal with a status of its own: the caller sees Message.
type Error struct {
	Status  int
	Message string
	Details string // more for whoever mends the request
}

// Error gives the message and the details.
func (e *Error) Error() string {
	if e.Details == "" {
		return e.Message
	}
	return e.Message + ": " + e.Details
}

// panicked is a panic of a handler. Its value and stack are for the log alone.
type panicked struct {
	value any
	stack []byte
}

// Error says nothing of the value: it may hold anything.
func (*panicked) Error() string { return "The agent failed. Its log has the reason" }

// caught turns a panic into an error.
func caught(handle func() error, stack func() []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, stack()}
		}
	}()
	return handle()
}

// errorType names an error in the last event of a stream.
func errorType(err error) string {
	if ex, ok := errors.AsType[*api.Exception](err); ok {
		return string(ex.Name)
	}
	name := strings.TrimLeft(fmt.Sprintf("%T", err), "*")
	return name[strings.LastIndexByte(name, '.')+1:]
}
