package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// maxAnswer bounds an answer: the largest is a page of 1000 audit records.
const maxAnswer = 8 << 20

// credentialsTimeout bounds the search for credentials: off EC2, the last place that the AWS chain asks never answers.
const credentialsTimeout = 10 * time.Second

// call runs one operation and decodes its answer.
func call[Resp any](ctx context.Context, c *Client, op api.Operation, in any) (*Resp, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("%s: encoding the request: %w", op.Name, err)
	}
	if string(body) == "null" { // a caller who asks for nothing in particular
		body = []byte("{}")
	}
	answer, err := c.send(ctx, op, body)
	if err != nil {
		return nil, err
	}
	out := new(Resp)
	if len(bytes.TrimSpace(answer)) == 0 {
		return out, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("%s: the answer of %s cannot be read; is it Lanyard, and of this release or a later one?", op.Name, c.endpoints.of(op))
	}
	return out, nil
}

// do runs an operation that answers nothing.
func do(ctx context.Context, c *Client, op api.Operation, in any) error {
	_, err := call[api.Empty](ctx, c, op, in)
	return err
}

// attempt signs and sends a request once.
func (c *Client) attempt(ctx context.Context, op api.Operation, body []byte) ([]byte, error) {
	if err := c.endpoints.refused[op.Service]; err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	header := http.Header{"Content-Type": {contentType(op)}}
	if op.Service == api.CognitoIDP {
		header.Set("X-Amz-Target", api.CognitoTarget+op.Name)
	}
	return c.attemptAt(ctx, op, located{path: op.Path, header: header}, body)
}

// located is where an operation's members are that are not in the body.
type located struct {
	path   string // and query
	header http.Header
}

func (c *Client) attemptAt(ctx context.Context, op api.Operation, at located, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	endpoint := c.endpoints.of(op)
	r, err := http.NewRequestWithContext(ctx, op.Method, endpoint+at.path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	r.Header = at.header.Clone()
	if !op.Unsigned {
		if err := c.sign(ctx, r, op, body); err != nil {
			return nil, err
		}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, &UnreachableError{Operation: op.Name, Endpoint: endpoint, Err: rootOf(err)}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &UnreachableError{Operation: op.Name, Endpoint: endpoint, Err: err}
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("%s: %s answered more than %d bytes, more than any operation does", op.Name, endpoint, maxAnswer)
	case resp.StatusCode/100 != 2:
		return nil, refusal(op, endpoint, resp, answer)
	}
	return answer, nil
}

func contentType(op api.Operation) string {
	switch {
	case op.Service.Version() != "":
		return "application/x-www-form-urlencoded; charset=utf-8"
	case op.Service == api.CognitoIDP:
		return "application/x-amz-json-1.1"
	}
	return "application/json"
}

// signedAs is the service that the operation's requests are signed for.
func signedAs(op api.Operation) string {
	switch op.Service {
	case api.STS, api.IAM, api.CognitoIDP:
		return string(op.Service)
	}
	return string(api.AgentCore)
}

func (c *Client) sign(ctx context.Context, r *http.Request, op api.Operation, body []byte) error {
	return c.signHash(ctx, r, op, sha256.Sum256(body))
}
