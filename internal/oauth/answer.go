package oauth

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
)

// maxRetryAfter bounds what a provider may ask us to wait.
const maxRetryAfter = time.Hour

// answer judges what came back from one endpoint for one request.
type answer struct {
	op     string
	url    string
	row    Row
	grant  GrantType // empty outside the token endpoint
	redact redactor
	at     time.Time
}

func (a answer) fail(kind Kind, status int, description string) *Error {
	return &Error{Kind: kind, Op: a.op, URL: bareURL(a.url), Status: status, Description: description, Sent: status != 0}
}

// transportError sorts failures without an HTTP answer. Only the guard's own
// refusal is lasting; all else may pass.
func (a answer) transportError(err error) *Error {
	e := a.fail(Transient, 0, "the provider could not be reached")
	e.cause = err
	guarded, ok := errors.AsType[*egress.Error](err)
	if !ok {
		e.Sent = true // unknown, so assumed
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e.Description = "the caller gave up waiting"
		}
		return e
	}
	e.Sent = guarded.Sent
	e.Description = a.redact.text(transportText(guarded), maxDescription)
	switch guarded.Kind {
	case egress.Refused:
		e.Kind = Misconfigured
	case egress.TooLarge:
		e.Kind = Malformed
	}
	return e
}

// transportText drops the URL, which Error names already.
func transportText(e *egress.Error) string {
	text := strings.TrimPrefix(e.Error(), "egress: ")
	return strings.TrimPrefix(text, e.URL+" ")
}

// problem returns the failure that an answer tells of, or nil for a success. An
// error member counts under any status: several vendors send it with 200.
// Members are nil when the body could not be read as an object.
func (a answer) problem(resp *egress.Response, members map[string]any) *Error {
	told := a.errorMember(resp.Status, members)
	switch {
	case isBusy(resp):
		// Before the code: an overloaded or broken server's word never ends a grant.
		if told == nil {
			told = a.fail(Transient, resp.Status, "the provider is overloaded, out of order or limits the rate")
		}
		told.Kind = Transient
	case told != nil:
	case resp.Status >= 300 && resp.Status < 400:
		return a.fail(Malformed, resp.Status, "the endpoint redirects, which is never followed with credentials; configure the URL it leads to")
	case resp.Status < 200 || resp.Status >= 300:
		return a.fail(Malformed, resp.Status, "the answer is no OAuth error; check that the URL is the right endpoint")
	}
	if told != nil && told.Kind == Transient {
		told.RetryAfter = retryAfter(resp.Header, a.at)
	}
	return told
}

// errorMember reads RFC 6749 section 5.2. An error that is an object instead of a
// code is still an error, described in our words only.
func (a answer) errorMember(status int, members map[string]any) *Error {
	value := members["error"]
	if value == nil || value == "" || value == false {
		return nil
	}
	text, isText := value.(string)
	if !isText {
		return a.fail(Rejected, status, "the provider answered with an error that is not an OAuth error code")
	}
	kind, code := a.code(text)
	e := a.fail(kind, status, "")
	e.Code = code
	if description, ok := members["error_description"].(string); ok {
		e.Description = a.redact.text(description, maxDescription)
	}
	return e
}

// code judges the text as it came and shows it redacted, unless it is a word we
// know: a secret that resembles one must not change what the provider said.
func (a answer) code(text string) (kind Kind, shown string) {
	kind, known := kindOfCode(a.row, a.grant, text)
	if kind == InvalidGrant && a.grant != GrantAuthorizationCode && a.grant != GrantRefreshToken {
		kind = Rejected // no grant was presented
	}
	if known {
		return kind, text
	}
	return kind, a.redact.text(text, maxCode)
}

// isBusy reports statuses that say nothing about the request: server faults and
// throttling, the latter also in the form of a 403 with rate limit headers.
func isBusy(resp *egress.Response) bool {
	switch {
	case resp.Status >= 500, resp.Status == http.StatusTooManyRequests,
		resp.Status == http.StatusRequestTimeout, resp.Status == http.StatusTooEarly:
		return true
	case resp.Status == http.StatusForbidden:
		return resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-Ratelimit-Remaining") == "0"
	}
	return false
}

// retryAfter reads RFC 9110 section 10.2.3, in seconds or as a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
