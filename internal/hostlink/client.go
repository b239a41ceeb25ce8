package hostlink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config says which host to call, and how both sides know each other.
type Config struct {
	URL  string // https://HOST:PORT of the host's listener
	Own  *KeyPair
	Peer Fingerprint // the host's certificate
	// Archive opens an uploaded archive when the host does not have it. Nil where sources are directories only.
	Archive func(ctx context.Context, sha256 string) (io.ReadCloser, error)
}

// Client is the server's client of one host. Its methods are safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	archive func(ctx context.Context, sha256 string) (io.ReadCloser, error)
	known   sync.Map // spec hashes that this host has been sent
}

// Dial returns a client. It connects when it is first used.
func Dial(cfg Config) (*Client, error) {
	link, err := newLink(cfg.URL, cfg.Own, cfg.Peer)
	if err != nil {
		return nil, err
	}
	return &Client{base: link.base, http: link.http, archive: cfg.Archive}, nil
}

// link is the calling half that both directions share.
type link struct {
	base string
	http *http.Client
}

func newLink(address string, own *KeyPair, peer Fingerprint) (*link, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("link URL %q: want https://HOST:PORT", address)
	}
	if own == nil {
		return nil, errors.New("link: this side's key pair is missing")
	}
	if _, err := ParseFingerprint(string(peer)); err != nil {
		return nil, fmt.Errorf("link: the other side's certificate: %w", err)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{ // no proxy: the other side has a fixed, configured address
		DialContext: dialer.DialContext, TLSClientConfig: dialTLS(own, peer), TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 512, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		ExpectContinueTimeout: 5 * time.Second, MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize: 32 << 10, ReadBufferSize: 32 << 10,
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &link{base: "https://" + u.Host, http: &http.Client{Transport: t, CheckRedirect: refuse}}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health asks the host how it is.
func (c *Client) Health(ctx context.Context) (*Health, error) {
	var h Health
	return &h, c.json(ctx, http.MethodGet, PathHealth, nil, &h)
}

// Stop ends sessions. It is no error if none runs.
func (c *Client) Stop(ctx context.Context, in StopRequest) (*StopAnswer, error) {
	var out StopAnswer
	return &out, c.json(ctx, http.MethodPost, PathStop, in, &out)
}

// Sessions lists a runtime's sessions, or all when runtimeID is empty.
func (c *Client) Sessions(ctx context.Context, runtimeID string) ([]Session, error) {
	var out SessionsAnswer
	err := c.json(ctx, http.MethodGet, PathSessions+"?"+url.Values{"runtime": {runtimeID}}.Encode(), nil, &out)
	return out.Sessions, err
}

// Logs returns log lines as text; the caller closes it. With Follow it does not end by itself.
func (c *Client) Logs(ctx context.Context, in LogRequest) (io.ReadCloser, error) {
	q := url.Values{"runtime": {in.RuntimeID}, "session": {in.SessionID}, "tail": {strconv.Itoa(in.Tail)}}
	if in.Follow {
		q.Set("follow", "1")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+PathLogs+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	res, err := c.do(req)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// PutSpec makes a spec known to the host, which makes ready what its sessions would wait for. Invoke does it by itself; a
// deployment calls it to learn early what is wrong. CodeBuilding asks it to call again.
func (c *Client) PutSpec(ctx context.Context, s *Spec) error {
	if err := s.Validate(); err != nil {
		return Errorf(CodeInvalid, "%s", err.Error())
	}
	hash := s.Hash()
	if err := c.json(ctx, http.MethodPut, PathSpecs+hash, s, nil); err != nil {
		return err
	}
	c.known.Store(hash, true)
	return nil
}

// PutArchive sends an archive. The host refuses one that does not have this hash, or that it cannot unpack safely.
func (c *Client) PutArchive(ctx context.Context, sha256 string, archive io.Reader) error {
	if !hexSHA256.MatchString(sha256) {
		return Errorf(CodeInvalid, "%q is not a SHA-256 in lower-case hexadecimal", sha256)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.base+PathArchives+sha256, archive)
	if err != nil {
		return err
	}
	req.Header.Set("Expect", "100-continue") // the host may have it already
	res, err := c.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// json makes one small call.
func (c *Client) json(ctx context.Context, method, path string, in, out any) error {
	return (&link{c.base, c.http}).json(ctx, method, path, in, out)
}

func (c *Client) do(req *http.Request) (*http.Response, error) {
	return (&link{c.base, c.http}).do(req)
}

func (l *link) json(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding a request on the link: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, l.base+path, body) //nolint:gosec // the operator configured the target
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := l.do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswerJSON)).Decode(out); err != nil {
		return fmt.Errorf("the other side of the link answered %s with something else than was asked for: %w", path, err)
	}
	return nil
}

// do sends a request and turns an error answer into an *Error.
func (l *link) do(req *http.Request) (*http.Response, error) {
	res, err := l.http.Do(req) //nolint:gosec // the operator configured the target
	if err != nil {
		return nil, &UnreachableError{URL: l.base, Err: err}
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, readError(res)
}

func readError(res *http.Response) error {
	var e Error
	b, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes))
	if err == nil && res.Header.Get(headerError) != "" && json.Unmarshal(b, &e) == nil && e.Code != "" {
		return &e
	}
	return Errorf(CodeInternal, "the other side of the link answered with status %d and no reason", res.StatusCode)
}

// UnreachableError says that the other side could not be called at all.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s cannot be reached: %v; check that it runs and that both sides pin each other's certificate", e.URL, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }
