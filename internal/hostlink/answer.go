package hostlink

import (
	"net/http"
	"strconv"
)

// Answer writes an agent's answer to the link: the host's half of Response.
type Answer struct{ w http.ResponseWriter }

// BeginAnswer sends the agent's status and those of its headers that may reach the caller.
func BeginAnswer(w http.ResponseWriter, status int, agent http.Header) *Answer {
	h := w.Header()
	addPrefixed(h, Answerable(agent), answerPrefix)
	h.Set(headerStatus, strconv.Itoa(status))
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Trailer", trailerOutcome) // RFC 9110, section 6.6.2
	w.WriteHeader(http.StatusOK)
	return &Answer{w}
}

// Write sends a piece of the body.
func (a *Answer) Write(p []byte) (int, error) { return a.w.Write(p) }

// Flush makes the piece leave now.
func (a *Answer) Flush() error { return http.NewResponseController(a.w).Flush() }

// End finishes the answer: complete when code is empty, otherwise broken off for that reason.
func (a *Answer) End(code Code) {
	if code == "" {
		code = outcomeComplete
	}
	a.w.Header().Set(trailerOutcome, string(code))
}
