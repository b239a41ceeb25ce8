package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// AgentAnswer is what an agent answered. Body streams; its end is an error if the answer broke off.
type AgentAnswer struct {
	Status    int
	SessionID string // the one that was asked for, or that was made up
	Header    http.Header
	Body      io.ReadCloser
}

// InvokeAgentRuntime sends a payload to an agent, signed. It is sent once: an agent may have begun what cannot be done
// twice. The caller closes the answer's body.
func (c *Client) InvokeAgentRuntime(ctx context.Context, in *api.InvokeAgentRuntimeRequest, payload []byte) (*AgentAnswer, error) {
	at, err := locate(api.InvokeAgentRuntime, in)
	if err != nil {
		return nil, err
	}
	resp, err := c.open(ctx, api.InvokeAgentRuntime, at, bytes.NewReader(payload), sha256.Sum256(payload)) //nolint:bodyclose // the caller reads and closes it
	if err != nil {
		return nil, err
	}
	return &AgentAnswer{Status: resp.StatusCode, SessionID: resp.Header.Get(api.HeaderRuntimeSession), Header: resp.Header, Body: resp.Body}, nil
}

// GetRuntimeLogs reads what a runtime's agents wrote, as text. With Follow it does not end by itself; the caller closes it.
func (c *Client) GetRuntimeLogs(ctx context.Context, in *api.GetRuntimeLogsRequest) (io.ReadCloser, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("%s: encoding the request: %w", api.GetRuntimeLogs.Name, err)
	}
	at := located{path: api.GetRuntimeLogs.Path, header: http.Header{"Content-Type": {contentType(api.GetRuntimeLogs)}}}
	resp, err := c.open(ctx, api.GetRuntimeLogs, at, bytes.NewReader(body), sha256.Sum256(body))
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// UploadAgentArchive hands an archive (zip or tar.gz) with this SHA-256, in hexadecimal, to the agent host.
func (c *Client) UploadAgentArchive(ctx context.Context, archive io.Reader, sha256Hex string) (*api.UploadAgentArchiveResponse, error) {
	var hash [sha256.Size]byte
	if b, err := hex.DecodeString(sha256Hex); err != nil || copy(hash[:], b) != len(hash) || len(b) != len(hash) {
		return nil, fmt.Errorf("%s: the SHA-256 must have 64 hexadecimal digits", api.UploadAgentArchive.Name)
	}
	at := located{path: api.UploadAgentArchive.Path, header: http.Header{"Content-Type": {"application/octet-stream"}}}
	resp, err := c.open(ctx, api.UploadAgentArchive, at, archive, hash)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out := new(api.UploadAgentArchiveResponse)
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return nil, fmt.Errorf("%s: the answer of %s cannot be read; is it Lanyard, and of this release or a later one?", api.UploadAgentArchive.Name, c.endpoints.of(api.UploadAgentArchive))
	}
	return out, nil
}

// open signs and sends one request whose answer is read by the caller. It has no time limit but the context's.
func (c *Client) open(ctx context.Context, op api.Operation, at located, body io.Reader, hash [sha256.Size]byte) (*http.Response, error) {
	endpoint := c.endpoints.of(op)
	r, err := http.NewRequestWithContext(ctx, op.Method, endpoint+at.path, io.NopCloser(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	r.Header, r.ContentLength = at.header, sizeOf(body)
	if err := c.signHash(ctx, r, op, hash); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, &UnreachableError{Operation: op.Name, Endpoint: endpoint, Err: rootOf(err)}
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &UnreachableError{Operation: op.Name, Endpoint: endpoint, Err: err}
	}
	return nil, refusal(op, endpoint, resp, answer)
}

// sizeOf is the length of a body that knows it, else -1.
func sizeOf(body io.Reader) int64 {
	s, ok := body.(io.Seeker)
	if !ok {
		return -1
	}
	here, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return -1
	}
	if _, err := s.Seek(here, io.SeekStart); err != nil {
		return -1
	}
	return end - here
}

func (c *Client) signHash(ctx context.Context, r *http.Request, op api.Operation, hash [sha256.Size]byte) error {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	k, err := c.credentials.Retrieve(ctx)
	if err == nil && !k.HasKeys() {
		err = errors.New("the access key is empty")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCredentials, err)
	}
	sigv4.SignHash(r, hash, sigv4.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}, c.region, signedAs(op), c.now())
	return nil
}

// newClientToken makes up the token by which a request that is sent again is known.
func newClientToken() *string {
	token := rand.Text() + rand.Text()
	return &token
}
