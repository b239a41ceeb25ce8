package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// Caller signs requests itself and sends each one once. Tests use it for what an SDK hides: to which process a request
// goes, by which clock it is signed, and every single failure.
type Caller struct {
	URL       string
	KeyID     string
	SecretKey string
	Now       func() time.Time // nil: time.Now
	HTTP      *http.Client     // nil: http.DefaultClient
}

// Answer is what came back.
type Answer struct {
	Status    int
	Exception string // "" when the call succeeded
	Message   string // of the exception
	RequestID string
	Body      []byte
}

// Caller returns one with the credentials that the server exported.
func (s *Server) Caller() Caller {
	return Caller{URL: s.URL, KeyID: s.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: s.Getenv("AWS_SECRET_ACCESS_KEY")}
}

// Call sends one request. An exception is an answer; an error means that there was none.
func (c Caller) Call(ctx context.Context, op api.Operation, in any) (Answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return Answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, op.Method, c.URL+op.Path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: c.KeyID, SecretAccessKey: c.SecretKey}, "us-west-2", "bedrock-agentcore", now)
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	a := Answer{Status: res.StatusCode, RequestID: res.Header.Get("x-amzn-RequestId"), Exception: res.Header.Get("X-Amzn-ErrorType")}
	if a.Body, err = io.ReadAll(res.Body); err != nil {
		return a, err
	}
	if a.Exception != "" {
		var said struct{ Message string }
		if err := json.Unmarshal(a.Body, &said); err != nil {
			return a, fmt.Errorf("%s: %s: the exception is not JSON: %q", op.Name, a.Exception, a.Body)
		}
		a.Message = said.Message
	}
	return a, nil
}

// Do is Call for a request that must succeed; it decodes the answer.
func (c Caller) Do(ctx context.Context, op api.Operation, in, out any) error {
	a, err := c.Call(ctx, op, in)
	if err != nil {
		return err
	}
	if a.Status/100 != 2 {
		return fmt.Errorf("%s: %d %s: %s", op.Name, a.Status, a.Exception, a.Message)
	}
	if out == nil || len(a.Body) == 0 {
		return nil
	}
	return json.Unmarshal(a.Body, out)
}

// String shows an answer without its body, which may hold a token.
func (a Answer) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", a.Status, a.Exception, a.Message))
}
