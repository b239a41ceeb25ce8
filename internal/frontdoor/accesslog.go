package frontdoor

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// recorder sees what goes to the client, and gives up one that does not take it.
type recorder struct {
	http.ResponseWriter
	control        *http.ResponseController // of the writer below
	status         int                      // 0 until the head is out
	multiplexed    bool                     // HTTP/2, where a deadline acts at once and on one request
	sent, received atomic.Int64             // bytes; the goroutines that copy may outlive the request by a moment
}

func newRecorder(w http.ResponseWriter, r *http.Request) *recorder {
	return &recorder{ResponseWriter: w, control: http.NewResponseController(w), multiplexed: r.ProtoMajor > 1}
}

// WriteHeader passes no interim answer on: its head would be the backend's alone, past every rule for what a backend may
// set. A client that waits for 100 Continue gets it from this server, once the body is read.
func (w *recorder) WriteHeader(status int) {
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		return
	}
	if w.status == 0 {
		w.status = status
	}
	w.limitWrite()
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.limitWrite()
	n, err := w.ResponseWriter.Write(b)
	w.sent.Add(int64(n))
	return n, err
}

// FlushError ends the limit where all is written: on HTTP/2 it would end a stream that is merely silent.
func (w *recorder) FlushError() error {
	w.limitWrite()
	err := w.control.Flush()
	if w.multiplexed {
		_ = w.control.SetWriteDeadline(time.Time{})
	}
	return err
}

// writeIdle is how long a client may take nothing of what is sent to it.
const writeIdle = 2 * time.Minute

// limitWrite gives the client writeIdle for what is written next. A deadline is the system's time, not the injected
// clock's; one that cannot be set only means that this connection is not a network's.
func (w *recorder) limitWrite() { _ = w.control.SetWriteDeadline(time.Now().Add(writeIdle)) }

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack hands over the connection of a WebSocket and goes on counting.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := w.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.status = http.StatusSwitchingProtocols
	return &countedConn{Conn: c, w: w}, rw, nil
}

// countedConn counts.
type countedConn struct {
	net.Conn
	w *recorder
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.received.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeIdle)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	c.w.sent.Add(int64(n))
	return n, err
}

// log writes the line of a request in a load balancer's fields. It has no query values, no headers but the user agent, no
// redirect target and nothing of the session: those hold codes, states, tokens and session ids (A48, A63).
func (x *exchange) log() {
	end := x.d.cfg.Now()
	target, targetStatus := "-", "-"
	if x.route != nil && !x.sent.IsZero() && x.Backend != nil {
		target = x.Backend.Host
	}
	if x.targetStatus != 0 {
		targetStatus = strconv.Itoa(x.targetStatus)
	}
	protocol, cipher := "-", "-"
	if t := x.r.TLS; t != nil {
		protocol, cipher = tls.VersionName(t.Version), tls.CipherSuiteName(t.CipherSuite)
	}
	x.d.cfg.Access.LogAttrs(x.r.Context(), slog.LevelInfo, "request",
		slog.String("type", x.kind()), slog.String("elb", x.d.cfg.Signer),
		slog.String("client", x.from.remote), slog.String("target", target),
		slog.Float64("request_processing_time", between(x.started, x.sent)),
		slog.Float64("target_processing_time", between(x.sent, x.answered)),
		slog.Float64("response_processing_time", between(x.answered, end)),
		slog.Int("elb_status_code", x.w.status), slog.String("target_status_code", targetStatus),
		slog.Int64("received_bytes", x.w.received.Load()), slog.Int64("sent_bytes", x.w.sent.Load()),
		slog.String("request", x.requestLine()), slog.String("user_agent", sanitise(x.r.UserAgent(), 256)),
		slog.String("ssl_cipher", cipher), slog.String("ssl_protocol", protocol),
		slog.String("trace_id", x.trace), slog.String("domain_name", sanitise(x.from.host, 256)),
		slog.String("rule", x.ruleID()), slog.Time("request_creation_time", x.started),
		slog.String("actions_executed", orDash(strings.Join(x.actions, ","))), slog.String("error_reason", orDash(x.reason)),
		slog.String("classification", x.classification))
}

func (x *exchange) kind() string {
	secure := x.site != nil && x.site.url.Scheme == "https"
	switch {
	case x.socket && secure:
		return "wss"
	case x.socket:
		return "ws"
	case x.r.ProtoMajor == 2:
		return "h2"
	case secure:
		return "https"
	default:
		return "http"
	}
}

// between is a time in seconds, -1 where the request did not come so far.
func between(from, to time.Time) float64 {
	if from.IsZero() || to.IsZero() {
		return -1
	}
	return to.Sub(from).Seconds()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (x *exchange) requestLine() string {
	scheme := "http"
	if x.site != nil {
		scheme = x.site.url.Scheme
	}
	return sanitise(x.r.Method, 32) + " " + scheme + "://" + sanitise(x.from.host, 256) + sanitise(x.r.URL.EscapedPath(), 1024) + queryNames(x.r.URL) + " " + x.r.Proto
}

// maxNames bounds the parameters that a line names.
const maxNames = 16

// queryNames is a query without its values. Under the front door's own paths it is left out whole, and so is what is no
// plain name: a value may stand where a name should.
func queryNames(u *url.URL) string {
	if u.RawQuery == "" || strings.HasPrefix(strings.ToLower(u.Path), ownPrefix) {
		return ""
	}
	var names []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, ok := strings.Cut(pair, "=")
		if !ok || !isPlainName(name) {
			name = "..."
		}
		names = append(names, name)
		if len(names) == maxNames {
			break
		}
	}
	return "?" + strings.Join(slices.Compact(names), "&")
}

func isPlainName(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.[]", r)
	})
}

// sanitise keeps what a client wrote from passing for more than one field of one line (A48).
func sanitise(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, clip(s, limit))
}

func traceFormat(at time.Time, random []byte) string {
	return fmt.Sprintf("Root=1-%08x-%x", uint32(at.Unix()), random)
}
