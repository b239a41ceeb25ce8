package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"golang.org/x/sync/semaphore"
)

// A signature covers the whole body, so a signed payload is held until it was read to its end and proven. All payloads
// together have a budget (A50).
const (
	payloadBudget = 512 << 20
	payloadStep   = 1 << 20
	// bodyPatience is how long a client may send nothing of its body, or take nothing of its answer.
	bodyPatience = time.Minute
	usualLimit   = 1000 // invocations of one account at once
)

type payloads struct{ room *semaphore.Weighted }

func newPayloads() *payloads { return &payloads{semaphore.NewWeighted(payloadBudget)} }

// read reads a payload whole. release gives its room back and must be called.
func (p *payloads) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	var held int64
	release = func() { p.room.Release(held) }
	if r.ContentLength > api.MaxInvocationPayload {
		return nil, release, tooLarge(api.MaxInvocationPayload)
	}
	in := newPatient(w, http.MaxBytesReader(w, r.Body, api.MaxInvocationPayload))
	var buf bytes.Buffer
	for {
		if int64(buf.Len()) == held {
			if !p.room.TryAcquire(payloadStep) {
				return nil, release, &api.Exception{Name: api.ThrottlingException, Message: "the payloads of other invocations fill the memory that is set aside for them; try again in a moment"}
			}
			held += payloadStep
		}
		_, err := io.CopyN(&buf, in, held-int64(buf.Len()))
		switch {
		case errors.Is(err, io.EOF):
			return buf.Bytes(), release, nil
		case err != nil:
			return nil, release, bodyProblem(err, api.MaxInvocationPayload)
		}
	}
}

func bodyProblem(err error, most int) error {
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		return tooLarge(most)
	}
	return &api.Exception{Name: api.ValidationException, Reason: api.ReasonCannotParse, Message: "the request body ended early, or nothing of it came for " + bodyPatience.String() + "; send it whole"}
}

func tooLarge(most int) error {
	return &api.Exception{Name: api.RequestEntityTooLarge, Message: "the request body is larger than " + strconv.Itoa(most) + " bytes, the most that this operation takes"}
}

// patient reads a body that may be long, as long as something of it comes: the listener's own limit of a request's time
// is for short ones.
type patient struct {
	io.Reader
	control *http.ResponseController
}

func newPatient(w http.ResponseWriter, body io.Reader) *patient {
	return &patient{body, http.NewResponseController(w)}
}

// Read waits for the next piece. Time is the machine's here, as the network's deadlines are. A listener without deadlines
// waits for ever, which is its owner's choice.
func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(bodyPatience))
	n, err := p.Reader.Read(b)
	if err != nil {
		_ = p.control.SetReadDeadline(time.Time{}) // from here on a read is how the client's going away is noticed
	}
	return n, err
}

// unhurried lifts the listener's limits of a request's time from an answer that may take long to begin, or never end. Its
// request was read whole, or is read by a patient. A listener without limits has none to lift.
func unhurried(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
}

// stream copies an answer piece by piece as it comes; each piece has its time to be taken.
func stream(w http.ResponseWriter, from io.Reader) error {
	control := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(bodyPatience))
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			if werr := control.Flush(); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// accountGate bounds the invocations of each account that are at work.
type accountGate struct {
	mu   sync.Mutex
	busy map[string]int
}

// enter counts one in, unless there are as many as may be. leave must follow.
func (g *accountGate) enter(account string, most int) error {
	if most == 0 {
		most = usualLimit
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy[account] >= most {
		return &api.Exception{Name: api.ThrottlingException, Message: strconv.Itoa(most) + " invocations of this account are at work, as many as may be; try again when one has ended"}
	}
	if g.busy == nil {
		g.busy = map[string]int{}
	}
	g.busy[account]++
	return nil
}

func (g *accountGate) leave(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy[account]--; g.busy[account] == 0 {
		delete(g.busy, account)
	}
}
