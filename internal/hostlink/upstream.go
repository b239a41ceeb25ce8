package hostlink

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Process names one agent process to the server. The server decides by its own record of the runtime, never by what
// the host says a runtime's role is.
type Process struct {
	RuntimeARN string `json:"runtimeArn"`
	RuntimeID  string `json:"runtimeId"`
	Version    string `json:"version"`
	SessionID  string `json:"sessionId"`
	UserKey    string `json:"userKey"`
}

// Credentials are the temporary credentials of a runtime's role, in the form that AWS SDKs read from the endpoint of a
// container.
type Credentials struct {
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey string    `json:"SecretAccessKey"`
	Token           string    `json:"Token"`
	Expiration      time.Time `json:"Expiration"`
	RoleARN         string    `json:"RoleArn,omitempty"`
}

// String keeps the secret out of every log.
func (Credentials) String() string { return "[secret]" }

// GoString does the same for %#v.
func (Credentials) GoString() string { return "[secret]" }

// ModelCall is a request of an agent to a named AWS service, as the agent signed it. The server verifies the
// signature and decides; the host sends it on only after that.
type ModelCall struct {
	Process Process `json:"process"`
	Service string  `json:"service"` // bedrock-runtime
	Region  string  `json:"region"`
	Method  string  `json:"method"`
	Host    string  `json:"host"`
	URI     string  `json:"uri"` // path and query as they were sent
	// Header are the agent's own headers, signature included.
	Header http.Header `json:"header"`
	// PayloadSHA256 is the hash of the body that the host holds.
	PayloadSHA256 string `json:"payloadSha256"`
}

// Upstream is what a host asks of the server.
type Upstream interface {
	// Credentials returns the credentials of the runtime's role for one process.
	Credentials(ctx context.Context, p Process) (Credentials, error)
	// ModelAccess returns nil if the call is the process's own and policy allows it.
	ModelAccess(ctx context.Context, call ModelCall) error
}

// UpstreamClient is the host's client of the server.
type UpstreamClient struct{ link *link }

// DialUpstream returns the host's client of the server. It connects when it is first used.
func DialUpstream(url string, own *KeyPair, server Fingerprint) (*UpstreamClient, error) {
	l, err := newLink(url, own, server)
	if err != nil {
		return nil, err
	}
	return &UpstreamClient{l}, nil
}

// Credentials implements Upstream.
func (u *UpstreamClient) Credentials(ctx context.Context, p Process) (Credentials, error) {
	var out Credentials
	err := u.link.json(ctx, http.MethodPost, PathCredentials, p, &out)
	return out, err
}

// ModelAccess implements Upstream.
func (u *UpstreamClient) ModelAccess(ctx context.Context, call ModelCall) error {
	return u.link.json(ctx, http.MethodPost, PathModelAccess, call, nil)
}

// Close drops idle connections.
func (u *UpstreamClient) Close() { u.link.http.CloseIdleConnections() }

// UpstreamHandler is the server's half: serve it on a listener of its own with ListenTLS and the host's fingerprint.
func UpstreamHandler(up Upstream) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+PathCredentials, func(w http.ResponseWriter, r *http.Request) {
		var p Process
		if !readJSON(w, r, &p) {
			return
		}
		c, err := up.Credentials(r.Context(), p)
		writeAnswer(w, c, err)
	})
	mux.HandleFunc("POST "+PathModelAccess, func(w http.ResponseWriter, r *http.Request) {
		var call ModelCall
		if !readJSON(w, r, &call) {
			return
		}
		writeAnswer(w, struct{}{}, up.ModelAccess(r.Context(), call))
	})
	return mux
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(io.LimitReader(r.Body, maxSpecBytes))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		WriteError(w, Errorf(CodeInvalid, "the request on the link is malformed"))
		return false
	}
	return true
}

func writeAnswer(w http.ResponseWriter, out any, err error) {
	if err != nil {
		WriteError(w, err)
		return
	}
	WriteJSON(w, out)
}

// WriteJSON answers a request on the link.
func WriteJSON(w http.ResponseWriter, out any) {
	b, err := json.Marshal(out)
	if err != nil {
		WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // whoever stopped reading needs no answer
}

// ReadJSON reads a small request on the link, and answers it if it is malformed.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any) bool { return readJSON(w, r, into) }
