package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hurried is an answer on a connection with limits, which it knows.
type hurried struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (h *hurried) SetReadDeadline(t time.Time) error  { h.read = t; return nil }
func (h *hurried) SetWriteDeadline(t time.Time) error { h.write = t; return nil }

// TestLongAnswersOutliveTheListenersLimits: an agent may think for hours, and a log be followed for days; but a body of
// which nothing comes, and an answer of which nothing is taken, have an end (A50).
func TestLongAnswersOutliveTheListenersLimits(t *testing.T) {
	limit := time.Now().Add(time.Second)
	w := &hurried{httptest.NewRecorder(), limit, limit}
	unhurried(w)
	if !w.read.IsZero() || !w.write.IsZero() {
		t.Errorf("limits are left: %v, %v", w.read, w.write)
	}
	in := newPatient(w, strings.NewReader("x"))
	if _, err := in.Read(make([]byte, 1)); err != nil || w.read.IsZero() {
		t.Errorf("a body that does not come is waited for without end: %v, %v", w.read, err)
	}
	if _, err := in.Read(make([]byte, 1)); err == nil || !w.read.IsZero() {
		t.Errorf("after the body's end a limit is left: %v", w.read)
	}
	if err := stream(w, strings.NewReader("an answer")); err != nil || w.write.IsZero() || w.Body.String() != "an answer" {
		t.Errorf("an answer that is not taken is offered without end: %v, %v", w.write, err)
	}
}

// TestA50_PayloadsShareOneBudget: payloads that are held together are bounded, and give back what they took.
func TestA50_PayloadsShareOneBudget(t *testing.T) {
	p := newPayloads()
	if !p.room.TryAcquire(payloadBudget - payloadStep) {
		t.Fatal("the budget is smaller than it says")
	}
	send := func(n int) (func(), error) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", n)))
		_, release, err := p.read(httptest.NewRecorder(), r)
		return release, err
	}
	release, err := send(payloadStep - 1)
	if err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
	refused, err := send(1)
	if err == nil {
		t.Error("more is held than the budget allows")
	}
	refused()
	release()
	if release, err = send(payloadStep - 1); err != nil {
		t.Errorf("what was given back is not there: %v", err)
	}
	release()
}
