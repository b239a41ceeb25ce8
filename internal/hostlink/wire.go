package hostlink

import (
	"net/http"
	"strings"
	"time"
)

// Paths of the host.
const (
	PathInvocations = "/v1/invocations"
	PathSpecs       = "/v1/specs/"    // PUT, by hash
	PathArchives    = "/v1/archives/" // PUT, by SHA-256
	PathStop        = "/v1/sessions/stop"
	PathSessions    = "/v1/sessions"
	PathLogs        = "/v1/logs"
	PathHealth      = "/v1/health"
)

// Paths of the server, which the host calls.
const (
	PathCredentials = "/v1/credentials"
	PathModelAccess = "/v1/model-access"
)

// Headers of the link itself.
const (
	headerSpec    = "Lanyard-Spec"
	headerSession = "Lanyard-Session"
	headerUserKey = "Lanyard-User-Key"
	headerRequest = "Lanyard-Request"
	headerError   = "Lanyard-Error"
	headerStatus  = "Lanyard-Agent-Status"
	// trailerOutcome ends every complete answer of an agent. An answer without it broke off.
	trailerOutcome  = "Lanyard-Outcome"
	outcomeComplete = "complete"
)

// Sizes that are part of the contract.
const (
	MaxBody       = 100_000_000 // an invocation's payload
	MaxArchive    = 250 << 20   // an uploaded archive, packed
	MinSessionID  = 33
	MaxSessionID  = 256
	maxUserKey    = 2048
	maxRequestID  = 128
	maxAnswerJSON = 16 << 20
)

// Call is an invocation as the host reads it off the link.
type Call struct {
	SpecHash  string
	SessionID string
	// UserKey says whose session this is. It is the server's to choose and opaque to the host.
	UserKey   string
	RequestID string
}

// ReadCall reads the link's own headers of an invocation.
func ReadCall(r *http.Request) (Call, error) {
	c := Call{SpecHash: r.Header.Get(headerSpec), SessionID: r.Header.Get(headerSession), UserKey: r.Header.Get(headerUserKey), RequestID: r.Header.Get(headerRequest)}
	if !hexSHA256.MatchString(c.SpecHash) {
		return Call{}, Errorf(CodeInvalid, "the spec's hash is missing or malformed")
	}
	return c, c.check()
}

func (c *Call) check() error {
	switch {
	case len(c.SessionID) < MinSessionID || len(c.SessionID) > MaxSessionID || !printable(c.SessionID):
		return Errorf(CodeInvalid, "the session id must have %d to %d visible ASCII characters; this one has %d", MinSessionID, MaxSessionID, len(c.SessionID))
	case c.UserKey == "" || len(c.UserKey) > maxUserKey || !printable(c.UserKey):
		return Errorf(CodeInvalid, "the user key is missing or malformed: no session is anybody's")
	case len(c.RequestID) > maxRequestID || !printable(c.RequestID):
		return Errorf(CodeInvalid, "the request id is malformed")
	}
	return nil
}

// printable allows visible ASCII, so that a value is the same in a header, a log line and a comparison.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e }) < 0
}

// SessionState is where a session is in its life.
type SessionState string

const (
	SessionStarting SessionState = "STARTING"
	SessionReady    SessionState = "READY"
	SessionCrashed  SessionState = "CRASHED"
	SessionStopping SessionState = "STOPPING"
	SessionEnded    SessionState = "ENDED"
)

// Session is one session as the host knows it. It never tells whose it is.
type Session struct {
	RuntimeARN string       `json:"runtimeArn"`
	RuntimeID  string       `json:"runtimeId"`
	Version    string       `json:"version"`
	SessionID  string       `json:"sessionId"`
	State      SessionState `json:"state"`
	PID        int          `json:"pid,omitempty"`
	Starts     int          `json:"starts"`
	InFlight   int          `json:"inFlight"`
	StartedAt  time.Time    `json:"startedAt,omitzero"`
	UsedAt     time.Time    `json:"usedAt,omitzero"`
	EndedAt    time.Time    `json:"endedAt,omitzero"`
	Reason     string       `json:"reason,omitempty"` // why it ended or crashed
}

// StopRequest names the session to stop. An empty version means every version of the runtime; an empty session id,
// every session.
type StopRequest struct {
	RuntimeID string `json:"runtimeId"`
	Version   string `json:"version,omitempty"`
	SessionID string `json:"sessionId,omitempty"`
	// UserKey, when given, stops the session only if it is this user's.
	UserKey string `json:"userKey,omitempty"`
}

// StopAnswer says how many sessions were stopped.
type StopAnswer struct {
	Stopped int `json:"stopped"`
}

// SessionsAnswer lists sessions.
type SessionsAnswer struct {
	Sessions []Session `json:"sessions"`
}

// LogRequest asks for a runtime's log lines, oldest first.
type LogRequest struct {
	RuntimeID string
	SessionID string // empty: of all sessions
	Tail      int    // so many last lines of each session; 0 takes 1000
	Follow    bool   // then whatever is written, until the caller goes away
}

// Health is the host's answer about itself.
type Health struct {
	Status    string   `json:"status"` // ok
	Sessions  int      `json:"sessions"`
	Isolation []string `json:"isolation"` // what separates agents on this machine, and what does not
}

// Check checks the fields of a StopRequest.
func (s *StopRequest) Check() error {
	if !specRuntimeID.MatchString(s.RuntimeID) || s.Version != "" && !specVersion.MatchString(s.Version) {
		return Errorf(CodeInvalid, "name the runtime by its id, and its version by its number")
	}
	return nil
}
