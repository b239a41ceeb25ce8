package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Kind says what went wrong in a way that code can act on.
type Kind int

const (
	Refused     Kind = iota + 1 // the guard's own decision; a retry will not help
	Timeout                     // the call's time ran out
	TooLarge                    // headers or body over the limit
	Unreachable                 // no such host, no connection, or no HTTP answer
	TLS                         // the certificate or the handshake
	Canceled                    // the caller's context was cancelled
)

var kindNames = map[Kind]string{
	Refused: "refused", Timeout: "timeout", TooLarge: "too large",
	Unreachable: "unreachable", TLS: "TLS", Canceled: "canceled",
}

func (k Kind) String() string { return kindNames[k] }

// Error is the only type of error that a Client's calls return. Its text is
// safe to show to whoever configured the URL: it has no query, no header and
// no resolved address. Unwrap gives the cause for the operator's log.
type Error struct {
	Kind Kind
	URL  string // scheme, host and path alone
	// Addr is the refused address, for the log; the text leaves it out, since
	// telling it would map the internal network for whoever may write a URL.
	Addr netip.Addr
	// Sent reports that the other side may have received the request: a call
	// that changes something there must not simply be made again.
	Sent bool

	msg   string
	cause error
}

func (e *Error) Error() string {
	return "egress: " + strings.TrimSpace(e.URL+" "+e.Kind.String()) + ": " + e.msg
}

func (e *Error) Unwrap() error { return e.cause }

var errBodyTooLarge = errors.New("body too large")

// displayURL leaves out what could be secret.
func displayURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// refusedForm reports a URL that could not be accepted; a URL that cannot even
// be parsed is not repeated.
func refusedForm(raw string, reason error) *Error {
	e := &Error{Kind: Refused, msg: reason.Error()}
	if len(raw) > maxURLLength || strings.IndexFunc(raw, notURLRune) >= 0 {
		return e
	}
	if u, err := url.Parse(raw); err == nil && u.Opaque == "" {
		e.URL = displayURL(u)
	}
	return e
}

func refusedAddr(host string, ip netip.Addr, r reach, what string) *Error {
	subject := "the host resolves to " + what
	if _, err := netip.ParseAddr(host); err == nil {
		subject = "the host is " + what
	}
	msg := subject + ", which is never contacted"
	if r == reachListed {
		msg = subject + ": if that is meant, the operator lists the host or its network under egress.allow"
	}
	return &Error{Kind: Refused, Addr: ip, msg: msg}
}

// explain turns a transport error into one that names the URL and the fix.
func (c *Client) explain(u *url.URL, err error, sent bool) error {
	if e, ok := errors.AsType[*Error](err); ok { // the guard's, from inside the dial
		own := *e
		own.URL, own.Sent = displayURL(u), sent
		return &own
	}
	kind, msg := c.judge(err)
	return &Error{Kind: kind, URL: displayURL(u), Sent: sent, msg: msg, cause: err}
}

func (c *Client) judge(err error) (Kind, string) {
	switch {
	case errors.Is(err, errBodyTooLarge):
		return TooLarge, "the answer has more than " + strconv.FormatInt(c.maxBody, 10) + " bytes"
	case isHeaderTooLarge(err):
		return TooLarge, "the answer has more than " + strconv.Itoa(maxHeaderBytes) + " bytes of headers"
	case errors.Is(err, context.Canceled):
		return Canceled, "the caller gave up"
	case isTimeout(err):
		return Timeout, "no complete answer within " + c.timeout.String()
	}
	if msg, ok := tlsProblem(err); ok {
		return TLS, msg
	}
	return Unreachable, connectProblem(err)
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// isHeaderTooLarge goes by text because net/http exports no such error; a test
// holds the text in place for HTTP/1.1 and HTTP/2.
func isHeaderTooLarge(err error) bool {
	s := err.Error()
	return strings.Contains(s, "response headers exceeded") || strings.Contains(s, "header list larger than")
}

func tlsProblem(err error) (string, bool) {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another host name", true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by an unknown authority: name the authority's PEM file in egress.ca_file", true
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "its certificate has expired or is not yet valid", true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not valid", true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "it does not speak TLS on this port: check the scheme and the port", true
	}
	// crypto/tls exports no type for an alert or for most handshake errors; its
	// texts all begin alike.
	if strings.Contains(err.Error(), "tls: ") {
		return "it ended the TLS handshake: TLS 1.2 or later is required", true
	}
	return "", false
}

// connectProblem never quotes the cause, which may hold internal addresses or
// bytes that the other side chose.
func connectProblem(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return "the host name does not exist: check its spelling"
		}
		return "the host name could not be looked up: check the DNS server"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused: check that it is running and the port is right"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection was closed before the answer was complete"
	}
	return "no connection or no valid HTTP answer: check that the host is reachable from here"
}
