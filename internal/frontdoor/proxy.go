package frontdoor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
)

// dialer connects to backends within the time that a load balancer gives them.
var dialer = &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}

func backendTLS(cas *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cas}
}

// forward sends the request on. Nothing is buffered in either direction.
func (x *exchange) forward() {
	session := ""
	if x.session != nil {
		session = x.session.ID
	}
	ctx, leave, admission := x.d.live.enter(x.r.Context(), x.user(), addressKey(x.from.client), session)
	switch admission {
	case tooMany:
		x.refuse(x.tooManyStreams())
		return
	case stopping:
		x.refuse(isStopping())
		return
	}
	defer leave()
	if p := x.stillSignedIn(ctx); p != nil {
		x.refuse(p)
		return
	}
	ctx, cancel := x.withEnd(ctx)
	defer cancel()
	x.r = x.r.WithContext(ctx)
	x.limitBody()
	x.kept = maps.Clone(x.w.Header())
	x.actions = append(x.actions, "forward")
	if x.Handler != nil {
		x.handle()
		return
	}
	proxy := httputil.ReverseProxy{Rewrite: x.rewrite, ModifyResponse: x.accept, ErrorHandler: x.failed, Transport: x.d.transport,
		FlushInterval: -1, BufferPool: x.d.buffers, ErrorLog: log.New(x.d.errorLog, "", 0)}
	proxy.ServeHTTP(x.w, x.r)
}

func (x *exchange) limitBody() {
	if x.r.Body == nil || x.r.ContentLength == 0 {
		return
	}
	_ = x.w.control.SetReadDeadline(time.Now().Add(bodyIdle)) // until the first read, which has its own
	x.r.Body = &incoming{ReadCloser: http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, x.MaxBody), control: x.w.control, read: &x.w.received, multiplexed: x.w.multiplexed}
}

// handle answers in this process, with the same headers as a backend gets.
func (x *exchange) handle() {
	out := x.r.Clone(x.r.Context())
	x.prepare(out)
	for _, name := range []string{"Connection", "Upgrade", "Te"} {
		out.Header.Del(name)
	}
	x.sent = x.d.cfg.Now()
	x.Handler.ServeHTTP(x.w, out)
	x.answered, x.targetStatus = x.d.cfg.Now(), x.w.status
}

func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host = x.Backend.Scheme, x.Backend.Host
	p.Out.URL.RawQuery = p.In.URL.RawQuery // no rule reads it, so the backend's reading alone counts
	x.prepare(p.Out)
	if !x.socket {
		p.Out.Header.Del("Connection")
		p.Out.Header.Del("Upgrade")
	}
	x.sent = x.d.cfg.Now()
}

// prepare makes the request one that the backend may believe. It comes after the proxy dropped what is meant for one hop
// alone, so no Connection header takes away what is written here (A42).
func (x *exchange) prepare(out *http.Request) {
	h := out.Header
	stripIdentity(h, x.d.strip)
	stripCookies(h, x.gate().OwnsCookie)
	if x.ForwardJWT != NoToken {
		delete(h, "Authorization") // on such a rule it is ours
	}
	out.Trailer = nil // some programs take a trailer for a header
	out.URL.Path, out.URL.RawPath = x.path, ""
	out.Host = x.site.url.Host
	setForwarded(h, x.from, x.site.url)
	h[headerTrace] = []string{x.trace}
	if x.session == nil {
		return
	}
	h[headerData] = []string{x.data}
	h[headerIdentity] = []string{x.session.Subject}
	if x.SendAccessToken {
		h[headerAccessToken] = []string{x.session.AccessToken.RevealString()}
	}
	if x.bearer != "" {
		h["Authorization"] = []string{"Bearer " + x.bearer}
	}
}

// accept sees the backend's answer before the client does.
func (x *exchange) accept(res *http.Response) error {
	x.answered, x.targetStatus = x.d.cfg.Now(), res.StatusCode
	x.restore()
	guardSetCookie(res.Header, x.gate().OwnsCookie, x.answered)
	if x.site.hsts != "" {
		delete(res.Header, "Strict-Transport-Security")
	}
	if x.w.Header().Get(headerAllowOrigin) != "" {
		delete(res.Header, headerAllowOrigin)
		delete(res.Header, headerAllowCredentials)
	}
	if len(x.w.Header()["Set-Cookie"]) > 0 { // the session's own: no cache may hand it to somebody else
		res.Header.Set("Cache-Control", "private, no-store")
	}
	return nil
}

// restore puts the front door's own headers back: the proxy clears them with each interim answer.
func (x *exchange) restore() { maps.Copy(x.w.Header(), x.kept) }

// failed answers where the backend did not.
func (x *exchange) failed(_ http.ResponseWriter, r *http.Request, err error) {
	x.restore()
	x.refuse(x.backendProblem(r.Context(), err))
}

func (x *exchange) backendProblem(ctx context.Context, err error) *problem {
	var timeout net.Error
	switch {
	case isTooLarge(err):
		return tooLarge(x.MaxBody)
	case errors.Is(context.Cause(ctx), errSessionEnded):
		return x.notSignedIn()
	case x.r.Context().Err() != nil:
		return &problem{status: statusClientGone, code: "client_closed", title: "The request was broken off", what: "The client closed the connection, or its session ended.", reason: "ClientClosed"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &problem{status: http.StatusGatewayTimeout, code: "backend_timeout", title: "The application did not answer in time",
			what: "The application behind this front door took too long.", next: "Try again in a moment.", reason: "BackendTimeout", cause: err}
	default:
		return &problem{status: http.StatusBadGateway, code: "backend_unreachable", title: "The application cannot be reached",
			what: "The front door is up, but the application behind it gave no usable answer.", next: "Try again in a moment. If it stays so, the operator should look whether the application runs at its backend address.",
			reason: "BackendUnreachable", cause: err}
	}
}

// isTooLarge knows a body over its limit, also where the transport only tells that a body could not be read.
func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// forwardable verifies the JWT that the rule forwards. Who gets it (GetWorkloadAccessTokenForJWT) verifies it again; what
// would fail there is refused here, where it can be explained.
func (x *exchange) forwardable() *problem {
	if x.ForwardJWT == NoToken {
		return nil
	}
	token := x.session.AccessToken
	if x.ForwardJWT == IDToken {
		token = x.session.IDToken
	}
	audiences := x.JWTAudiences
	if len(audiences) == 0 {
		audiences = []string{x.d.cfg.ClientID}
	}
	trust := issuer.Trust{Issuer: x.d.cfg.Issuer, Audiences: audiences, ClientIDs: []string{x.d.cfg.ClientID}}
	text := token.RevealString()
	claims, err := x.gate().Verifier().Verify(x.r.Context(), text, func(iss string) (issuer.Trust, bool) { return trust, iss == trust.Issuer })
	if err != nil {
		return jwtProblem(x.ForwardJWT, text, audiences, err)
	}
	// Some issuers name no audience in access tokens, only the client. One that names others is for those others.
	if len(claims.Audience) > 0 && !slices.ContainsFunc(claims.Audience, func(a string) bool { return slices.Contains(audiences, a) }) {
		return wrongAudience(x.ForwardJWT, claims.Audience, audiences)
	}
	x.bearer = text
	return nil
}
