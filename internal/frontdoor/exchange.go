package frontdoor

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lanyard-id/lanyard/internal/signin"
)

// exchange is one request on its way through the front door, and what the access log will say about it.
type exchange struct {
	d    *Door
	w    *recorder
	r    *http.Request
	from origin
	site *site
	path string // canonical
	*route

	session *signin.Session
	data    string // x-amzn-oidc-data
	bearer  string // the JWT that the rule forwards
	trace   string
	socket  bool        // a WebSocket is asked for
	kept    http.Header // what the front door itself sets in the answer to a request that is forwarded

	started, sent, answered time.Time
	targetStatus            int
	reason                  string // why it was refused
	classification          string
	actions                 []string
}

// ServeHTTP serves one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{d: d, w: newRecorder(w, r), r: r, from: d.originOf(r), started: d.cfg.Now(), classification: "Acceptable"}
	x.trace = x.traceID()
	defer x.log()
	defer x.limitConnection()
	x.limitConnection()
	if d.live.draining.Load() && !isWebSocket(r) { // whose answer has a Connection of its own
		x.w.Header().Set("Connection", "close")
	}
	if p := x.admit(); p != nil {
		x.refuse(p)
		return
	}
	if x.site.hsts != "" {
		x.w.Header().Set("Strict-Transport-Security", x.site.hsts)
	}
	if x.site.hsts != "" && !x.from.secure {
		x.upgrade()
		return
	}
	if x.own != nil {
		x.actions = []string{"fixed-response"}
		x.own(x)
		return
	}
	x.visit()
}

// admit finds the site and the rule of a request, and refuses what nothing should be done for.
func (x *exchange) admit() *problem {
	if wait := x.d.addresses.take(addressKey(x.from.client), x.started); wait > 0 {
		return tooFast("from this address", wait)
	}
	if x.r.Method == http.MethodConnect || x.r.Method == http.MethodTrace {
		return &problem{status: http.StatusMethodNotAllowed, code: "method_not_allowed", title: "This cannot be asked here",
			what: "The method " + x.r.Method + " is not forwarded.", reason: "MethodNotAllowed"}
	}
	if x.site = x.d.siteOf(x.from.host); x.site == nil {
		return &problem{status: http.StatusMisdirectedRequest, code: "unknown_host", title: "Nothing is served under this name",
			what: "The front door does not know the host that was asked for.", next: "Check the address. The operator lists the hosts in public_urls.", reason: "UnknownHost"}
	}
	path, err := canonicalPath(x.r.URL)
	if err == nil {
		x.path = path
		x.route, err = x.d.table.match(x.site.host, path)
	}
	switch {
	case err != nil:
		x.classification = "Ambiguous"
		return &problem{status: http.StatusBadRequest, code: "ambiguous_path", title: "This address can be read in two ways",
			what: "It was not forwarded: " + err.Error() + ".", next: "Write the path plainly.", reason: "AmbiguousPath"}
	case x.route == nil:
		return &problem{status: http.StatusNotFound, code: "no_rule", title: "There is nothing here",
			what: "No rule of the front door forwards this path.", next: "Check the address. The operator lists the paths in rules.", reason: "NoRule"}
	}
	return nil
}

// siteOf finds the site that a host names; nil for any other host, whatever it may resolve to (A43, A65).
func (d *Door) siteOf(host string) *site {
	for _, scheme := range []string{"https", "http"} {
		if h, ok := canonicalHost(host, scheme); ok {
			if s := d.sites[h]; s != nil && s.url.Scheme == scheme {
				return s
			}
		}
	}
	return nil
}

// upgrade answers a request that came in plain for a site of https. What it carried was seen by others already; so only
// a visit is led on, and to the public URL, whatever host was asked for.
func (x *exchange) upgrade() {
	if x.isAPI() {
		x.refuse(&problem{status: http.StatusForbidden, code: "https_needed", title: "This needs https", what: "The request came by plain http.", next: "Send it to " + x.site.origin + ".", reason: "PlainHTTP"})
		return
	}
	x.actions = []string{"redirect"}
	x.w.Header().Set("Location", x.site.origin+(&url.URL{Path: x.path, RawQuery: x.r.URL.RawQuery}).String())
	x.w.WriteHeader(http.StatusPermanentRedirect)
}

// visit forwards a request of the backend's, if its rule and its user allow it.
func (x *exchange) visit() {
	x.socket = isWebSocket(x.r)
	if !x.Public && x.d.answersOrigin(x.w.Header(), x.r) {
		x.preflight()
		return
	}
	if x.r.ContentLength > x.MaxBody {
		x.refuse(tooLarge(x.MaxBody))
		return
	}
	if x.Public {
		x.forward()
		return
	}
	session, err := x.gate().Session(x.w, x.r)
	switch {
	case errors.Is(err, signin.ErrNoSession):
		x.stranger()
	case err != nil:
		x.refuse(signinProblem(err))
	default:
		x.session = session
		x.visitAs()
	}
}

func (x *exchange) gate() *gateOf { return x.site.gate.Load() }

// stranger is a request without a session.
func (x *exchange) stranger() {
	switch {
	case x.Unauthenticated == Allow && !x.socket:
		x.forward()
	case x.Unauthenticated == Authenticate && !x.isAPI():
		x.begin(x.r.URL.RequestURI())
	default:
		x.refuse(x.notSignedIn())
	}
}

// begin sends the browser to the sign-in.
func (x *exchange) begin(returnTo string) {
	x.actions = []string{"authenticate"}
	if err := x.gate().Begin(x.w, x.r, returnTo); err != nil {
		x.refuse(signinProblem(err))
	}
}

// visitAs forwards a request of somebody who is signed in.
func (x *exchange) visitAs() {
	p := x.checkOrigin()
	if p == nil {
		if wait := x.d.users.take(x.user(), x.started); wait > 0 {
			p = tooFast("of this user", wait)
		}
	}
	if p == nil {
		p = x.identify()
	}
	switch {
	case p == nil:
		x.actions = []string{"authenticate"}
		x.forward()
	case p == signInAgain && x.Unauthenticated == Authenticate && !x.isAPI() && !x.socket:
		x.begin(x.r.URL.RequestURI())
	case p == signInAgain:
		x.refuse(x.notSignedIn())
	default:
		x.refuse(p)
	}
}

// user is the key of what one user may do: a subject means something only together with its issuer (A60).
func (x *exchange) user() string {
	if x.session == nil {
		return ""
	}
	return userKey(x.session)
}

func userKey(s *signin.Session) string { return s.Issuer + "\x00" + s.Subject }

// checkOrigin refuses what another site's page made the user's browser send (A62): every method that may change something,
// and WebSockets, which browsers open to any host and with any cookie.
func (x *exchange) checkOrigin() *problem {
	r := x.r
	if r.Host != x.site.url.Host {
		r = x.r.Clone(x.r.Context()) // behind a trusted proxy that calls us by another name
		r.Host = x.site.url.Host
	}
	if err := x.d.origins.Check(r); err != nil {
		return crossSite("The request came from a page of another site.")
	}
	if !x.socket {
		return nil
	}
	from := x.r.Header.Values("Origin")
	if len(from) != 1 || from[0] != x.site.origin && !x.d.trusts(from[0]) {
		return crossSite("A WebSocket must be opened by a page of this site, and its Origin header did not say so.")
	}
	return nil
}

// identify makes the headers that say who the user is.
func (x *exchange) identify() *problem {
	if !isHeaderValue(x.session.Subject) {
		return &problem{status: statusProvider, code: "unusable_subject", title: "The sign-in cannot be passed on",
			what:   "The identity provider calls this user by a name (sub) that fits into no header.",
			next:   "Ask the operator to have the identity provider give a plain subject.",
			reason: "AuthInvalidIdToken"}
	}
	if x.SendAccessToken && !isHeaderValue(x.session.AccessToken.RevealString()) {
		return signInAgain
	}
	if p := x.forwardable(); p != nil {
		return p
	}
	var err error
	if x.data, err = x.d.signer.data(x.session); err != nil {
		return signingProblem(err)
	}
	return nil
}

// isAPI tells a request behind which no person waits for a page: a redirect to a sign-in would be of no use to it.
func (x *exchange) isAPI() bool {
	h := x.r.Header
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead || x.socket {
		return true
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return true
	}
	return !strings.Contains(strings.ToLower(strings.Join(h.Values("Accept"), ",")), "text/html")
}

// isWebSocket tells a handshake (RFC 6455 section 4.1). Other protocols cannot be switched to: a backend that did would be
// talked to without rules.
func isWebSocket(r *http.Request) bool {
	if r.Method != http.MethodGet || !strings.EqualFold(strings.TrimSpace(r.Header.Get("Upgrade")), "websocket") {
		return false
	}
	for token := range strings.SplitSeq(strings.Join(r.Header.Values("Connection"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
			return true
		}
	}
	return false
}

// unreadWait is how long the rest of a body that nobody asked for is waited for.
const unreadWait = 10 * time.Second

// limitConnection bounds what net/http does by itself before and after us: it writes what ends an answer, and reads a body
// that nobody has read, or will. Without a body there is no limit to set on reading, for it would end the connection's watch
// for a hang-up, and the request with it.
func (x *exchange) limitConnection() {
	if !x.w.multiplexed {
		x.w.limitWrite()
	}
	if x.r.ContentLength != 0 {
		_ = x.w.control.SetReadDeadline(time.Now().Add(unreadWait)) // as in incoming.Read
	}
}

// bodyIdle is how long a client may be silent in the middle of a body.
const bodyIdle = time.Minute

// incoming is a request's body: bounded, counted, and given up when its sender falls silent.
type incoming struct {
	io.ReadCloser
	control *http.ResponseController
	read    *atomic.Int64
	ended   atomic.Bool

	multiplexed bool
}

func (b *incoming) Read(p []byte) (int, error) {
	// A socket's deadline is the system's time, not the injected clock's. One that cannot be set only means that this
	// connection is not a network's.
	_ = b.control.SetReadDeadline(time.Now().Add(bodyIdle))
	n, err := b.ReadCloser.Read(p)
	// At its end too, or the connection's watch for a hang-up would end a long answer. On HTTP/2 a deadline acts while it is
	// the backend that is waited for; before, it also bounds what net/http reads of the rest.
	if err != nil || b.multiplexed {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	b.ended.CompareAndSwap(false, err != nil)
	b.read.Add(int64(n))
	return n, err
}

// Close waits for the rest of a body that the backend did not want no longer than for any other that nobody reads.
func (b *incoming) Close() error {
	if b.ended.Load() {
		return b.ReadCloser.Close()
	}
	_ = b.control.SetReadDeadline(time.Now().Add(unreadWait))
	err := b.ReadCloser.Close()
	_ = b.control.SetReadDeadline(time.Time{})
	return err
}

// traceID names the request in the access log, on pages and at the backend. A stranger's own name for it is not believed.
func (x *exchange) traceID() string {
	if given := x.r.Header.Get(headerTrace); x.from.proxy && given != "" && len(given) <= 256 && !strings.ContainsFunc(given, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return given
	}
	b := make([]byte, 12)
	if _, err := io.ReadFull(x.d.cfg.Rand, b); err != nil {
		return ""
	}
	return traceFormat(x.started, b)
}

// withEnd bounds a request by its session's absolute end.
func (x *exchange) withEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	if x.session == nil {
		return context.WithCancel(ctx)
	}
	left := x.session.SignedInAt.Add(x.d.cfg.SessionEnd).Sub(x.started)
	return context.WithTimeoutCause(ctx, max(left, time.Millisecond), errSessionEnded)
}

var errSessionEnded = errors.New("the session has reached its end")

func (x *exchange) ruleID() string {
	if x.route == nil {
		return "-"
	}
	return cmp.Or(x.id, "-")
}
