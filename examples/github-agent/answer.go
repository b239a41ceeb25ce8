package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/lanyard-id/lanyard/client"
)

// answer is how an answer reaches the one who asked, piece by piece. After the first piece there is no status to change:
// a failure is a piece of the stream.
type answer interface {
	text(string)
	authorization(*client.AuthorizationRequiredError)
	fail(message string)
	done()
}

// newAnswer streams events, or the bare text to those who ask for that.
func newAnswer(w http.ResponseWriter, r *http.Request) answer {
	out := stream{w, http.NewResponseController(w)}
	contentType := "text/event-stream; charset=utf-8"
	plain := strings.HasPrefix(r.Header.Get("Accept"), "text/plain")
	if plain {
		contentType = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Accel-Buffering", "no") // some proxies collect an answer unless they are told not to
	w.WriteHeader(http.StatusOK)
	out.flush()
	if plain {
		return plainText{out}
	}
	return events{out}
}

type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// write hands a piece to the network at once. Where the reader is gone, the request's context ends.
func (s stream) write(piece string) {
	_, _ = s.w.Write([]byte(piece))
	s.flush()
}

func (s stream) flush() { _ = s.control.Flush() }

// event is the data of a server-sent event; its type is also the event's name.
type event struct {
	Type     string   `json:"type"`
	Text     string   `json:"text,omitempty"`
	Provider string   `json:"provider,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	URL      string   `json:"url,omitempty"`
	Message  string   `json:"message,omitempty"`
}

// Names of events.
const (
	eventText          = "text"
	eventAuthorization = "authorization_required"
	eventError         = "error"
	eventDone          = "done"
)

type events struct{ stream }

// send writes an event. JSON has no line breaks, so no text can end the event and begin one of its own.
func (s events) send(e event) {
	data, err := json.Marshal(e)
	if err != nil {
		return // strings always encode
	}
	s.write("event: " + e.Type + "\ndata: " + string(data) + "\n\n")
}

func (s events) text(t string) { s.send(event{Type: eventText, Text: t}) }

func (s events) authorization(e *client.AuthorizationRequiredError) {
	s.send(event{Type: eventAuthorization, Provider: e.Provider, Scopes: e.Scopes, URL: e.URL})
}

func (s events) fail(message string) { s.send(event{Type: eventError, Message: message}) }
func (s events) done()               { s.send(event{Type: eventDone}) }

// plainText is for terminals: what is no text of the answer is a paragraph of its own.
type plainText struct{ stream }

func (s plainText) text(t string) { s.write(t) }

func (s plainText) authorization(e *client.AuthorizationRequiredError) {
	s.write(fmt.Sprintf("\n\nAuthorization required: %s asks for your consent (%s). Open this address, then ask again:\n%s\n", e.Provider, strings.Join(e.Scopes, ", "), e.URL))
}

func (s plainText) fail(message string) { s.write("\n\nError: " + message + "\n") }
func (s plainText) done()               {}

// linkable tells that a URL may become a link: of Lanyard's answer we know that, and check it all the same.
func linkable(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && webURL(u)
}
