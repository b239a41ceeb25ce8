package egress

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// Get fetches rawURL and follows at most three redirects. Every hop passes the
// same checks as the first, https never becomes http, and a hop to another
// origin keeps no header that could carry a credential.
func (c *Client) Get(ctx context.Context, rawURL string, h http.Header) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u, err := c.Check(rawURL)
	if err != nil {
		return nil, err
	}
	h = h.Clone()
	for hop := range maxRedirects + 1 {
		resp, err := c.send(ctx, &http.Request{Method: http.MethodGet, URL: u, Header: h})
		if e, ok := errors.AsType[*Error](err); ok {
			e.Sent = e.Sent || hop > 0
		}
		if err != nil || !isRedirect(resp) {
			return resp, err
		}
		next, err := c.redirectTarget(u, resp.Header.Get("Location"))
		if err != nil {
			return nil, err
		}
		if !sameOrigin(u, next) {
			h = crossOriginHeader(h)
		}
		u = next
	}
	return nil, &Error{Kind: Refused, URL: displayURL(u), Sent: true,
		msg: "more than 3 redirects: configure the URL that they end at"}
}

// PostForm posts form and returns the answer as it is; a redirect is never
// followed, because the form usually holds a credential.
func (c *Client) PostForm(ctx context.Context, rawURL string, form url.Values, h http.Header) (*Response, error) {
	text := form.Encode()
	body := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	req := &http.Request{Method: http.MethodPost, Header: h.Clone(), ContentLength: int64(len(text)), GetBody: body}
	req.Body, _ = body()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(ctx, rawURL, req)
}

// Do sends req under the same guards and never follows a redirect.
func (c *Client) Do(ctx context.Context, req *http.Request) (*Response, error) {
	if req.URL == nil {
		return nil, refusedForm("", errors.New("the request has no URL"))
	}
	return c.do(ctx, req.URL.String(), req.Clone(ctx))
}

// do owns req and replaces its target by the checked URL, Host included, so
// that what was checked is what is sent.
func (c *Client) do(ctx context.Context, rawURL string, req *http.Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u, err := c.Check(rawURL)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	req.URL, req.Host = u, ""
	return c.send(ctx, req)
}

// send makes one exchange on a checked URL. It uses the transport directly:
// http.Client would add redirects, a Referer, and the query to its errors.
func (c *Client) send(ctx context.Context, req *http.Request) (*Response, error) {
	target, err := c.aliased(ctx, req.URL)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	req = req.WithContext(ctx)
	req.URL = target
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, c.explain(req.URL, err, sent.Load())
	}
	defer resp.Body.Close()
	body, err := c.readBody(resp)
	if err != nil {
		return nil, c.explain(req.URL, err, true)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// readBody reads at most one byte more than is permitted.
func (c *Client) readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > c.maxBody {
		return nil, errBodyTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBody+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > c.maxBody {
		return nil, errBodyTooLarge
	}
	return body, nil
}

func isRedirect(r *Response) bool {
	switch r.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return r.Header.Get("Location") != ""
	}
	return false
}

// redirectTarget resolves a Location header, which is the answering host's
// choice, and checks it like any other URL.
func (c *Client) redirectTarget(from *url.URL, location string) (*url.URL, error) {
	location, _, _ = strings.Cut(location, "#") // a fragment is for browsers
	target, err := from.Parse(location)
	if err != nil {
		return nil, &Error{Kind: Refused, URL: displayURL(from), Sent: true, msg: "it redirects to something that is not a URL"}
	}
	if from.Scheme == "https" && target.Scheme == "http" {
		return nil, &Error{Kind: Refused, URL: displayURL(from), Sent: true,
			msg: "it redirects from https to plain http (" + displayURL(target) + "): configure the https URL"}
	}
	next, err := c.Check(target.String())
	if e, ok := errors.AsType[*Error](err); ok {
		e.Sent = true
		e.msg = "redirected from " + displayURL(from) + ": " + e.msg
	}
	return next, err
}

func sameOrigin(a, b *url.URL) bool {
	ap, aerr := urlPort(a)
	bp, berr := urlPort(b)
	return aerr == nil && berr == nil && ap == bp && a.Scheme == b.Scheme &&
		strings.EqualFold(a.Hostname(), b.Hostname())
}

// crossOriginHeader keeps a short list instead of dropping a known one: a
// credential may travel in a header of any name.
func crossOriginHeader(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range []string{"Accept", "User-Agent"} {
		if v := h.Values(name); len(v) > 0 {
			kept[name] = v
		}
	}
	return kept
}
