package frontdoor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/pages"
	"github.com/lanyard-id/lanyard/internal/signin"
)

// Statuses that load balancers answer and net/http has no name for.
const (
	statusClientGone = 460 // the client hung up
	statusProvider   = 561 // the identity provider answered an error
)

// problem is an answer of the front door's own: what is wrong and what to do.
type problem struct {
	status           int
	code             string // for programs
	title, what      string
	next             string
	reason           string // for the access log
	retry            time.Duration
	signIn           bool  // signing in helps
	cause            error // for the operator's log
	errorCode, words string
}

// refuse answers with a page, or with JSON where no person waits for one.
func (x *exchange) refuse(p *problem) {
	x.reason = p.reason
	if p.cause != nil {
		x.d.cfg.Log.WarnContext(x.r.Context(), "a request was refused", "status", p.status, "reason", p.reason, "rule", x.ruleID(), "traceId", x.trace, "err", p.cause)
	}
	if x.w.status != 0 {
		return // its head is out already; what is left is to end
	}
	if x.r.ContentLength != 0 && !x.w.multiplexed {
		x.w.Header().Set("Connection", "close") // the answer does not wait for a body that nobody will read
	}
	if p.retry > 0 {
		x.w.Header().Set("Retry-After", retryAfter(p.retry))
	}
	if x.isAPI() {
		x.refuseJSON(p)
		return
	}
	if err := x.d.pages.Render(x.w, p.status, pages.Notice, pages.NoticeData{Title: p.title, What: p.what, Next: p.next,
		CorrelationID: x.trace, ErrorCode: p.errorCode, ErrorDescription: p.words}); err != nil {
		x.d.cfg.Log.DebugContext(x.r.Context(), "page not delivered", "err", err)
	}
}

type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	SignInURL   string `json:"sign_in_url,omitempty"`
	TraceID     string `json:"trace_id"`
}

func (x *exchange) refuseJSON(p *problem) {
	out := refusal{Error: p.code, Description: strings.TrimSpace(p.what + " " + p.next), TraceID: x.trace}
	if p.signIn && x.site != nil {
		out.SignInURL = x.site.origin + signInPath
	}
	x.writeJSON(p.status, out)
}

func (x *exchange) writeJSON(status int, v any) {
	b, err := encodeJSON(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	x.w.WriteHeader(status)
	_, _ = x.w.Write(append(b, '\n')) // the client's going away is its own affair
}

// signInAgain stands for a session whose tokens are no longer of use to the rule: a new sign-in brings new ones.
var signInAgain = &problem{}

func (x *exchange) notSignedIn() *problem {
	return &problem{status: http.StatusUnauthorized, code: "not_signed_in", title: "You are not signed in", signIn: x.Unauthenticated == Authenticate,
		what: "This needs a sign-in.", next: "Open the application's page and sign in there.", reason: "AuthMissingSession"}
}

func tooFast(whose string, wait time.Duration) *problem {
	return &problem{status: http.StatusTooManyRequests, code: "too_many_requests", title: "Too many requests", retry: wait,
		what: "There were too many requests " + whose + ".", next: "Wait a moment and try again.", reason: "RateLimited"}
}

func (x *exchange) tooManyStreams() *problem {
	who := "This user"
	if x.session == nil {
		who = "This address"
	}
	return &problem{status: http.StatusTooManyRequests, code: "too_many_streams", title: "Too many requests at once", retry: time.Second,
		what: who + " has as many requests at work as are allowed at once.", next: "Close other windows of the application, or wait until their answers are complete.", reason: "TooManyStreams"}
}

func isStopping() *problem {
	return &problem{status: http.StatusServiceUnavailable, code: "stopping", title: "One moment", retry: 5 * time.Second,
		what: "The front door is being restarted.", next: "Try again in a few seconds.", reason: "Stopping"}
}

func tooLarge(limit int64) *problem {
	return &problem{status: http.StatusRequestEntityTooLarge, code: "body_too_large", title: "This is too much at once",
		what: fmt.Sprintf("The request's body has more than the %d bytes that this path takes.", limit), next: "Send less, or have the operator raise max_body_bytes of the rule.", reason: "BodyTooLarge"}
}

func crossSite(what string) *problem {
	return &problem{status: http.StatusForbidden, code: "cross_site", title: "Another site asked for this", what: what,
		next: "Use the application's own page. An operator who means another site to do this lists it in trusted_origins.", reason: "CrossSite"}
}

func signingProblem(err error) *problem {
	p := &problem{status: http.StatusInternalServerError, code: "signing_failed", title: "The sign-in cannot be passed on", reason: "AuthUnhandledException", cause: err,
		what: "Who you are could not be signed for the application.", next: "Try again in a moment."}
	if errors.Is(err, errTooLarge) {
		p.code, p.what, p.next, p.reason = "claims_too_large", "Your sign-in cannot be forwarded: "+err.Error()+".", "", "AuthUserinfoResponseSizeExceeded"
	}
	return p
}

// signinReasons are a load balancer's names for what went wrong at a sign-in.
var signinReasons = map[signin.Kind]string{
	signin.Malformed: "AuthMissingStateParam", signin.Stale: "AuthInvalidStateParam", signin.Denied: "AuthInvalidGrantError",
	signin.Provider: "AuthInvalidTokenResponse", signin.Unreachable: "AuthTokenEpRequestFailed", signin.TooLarge: "AuthUserinfoResponseSizeExceeded",
	signin.Misconfigured: "AuthUnhandledException", signin.CrossSite: "CrossSite", signin.Internal: "AuthUnhandledException",
}

var signinTitles = map[signin.Kind]string{
	signin.Malformed: "This is no answer to a sign-in", signin.Stale: "This sign-in is over", signin.Denied: "The sign-in was refused",
	signin.Provider: "The identity provider answered an error", signin.Unreachable: "The identity provider cannot be reached",
	signin.TooLarge: "Your sign-in is too large", signin.CrossSite: "Another site asked for this",
}

var signinNext = map[signin.Kind]string{
	signin.Malformed: "Open the application again and sign in there.", signin.Stale: "Open the application again to sign in anew.",
	signin.Denied: "If you did not mean to refuse, open the application again.", signin.Unreachable: "Try again in a moment.",
	signin.Provider:      "Try again. If it happens again, the operator should compare the client's settings here with those at the identity provider.",
	signin.Misconfigured: "The operator should run: lanyard frontdoor check",
}

// signinProblem is the page for what package signin refuses. An identity provider that cannot be reached is a 500 here, as
// it is behind a load balancer.
func signinProblem(err error) *problem {
	e, ok := errors.AsType[*signin.Error](err)
	if !ok {
		e = &signin.Error{Kind: signin.Internal, Message: "the sign-in failed on this side"}
	}
	p := &problem{status: e.Status(), code: "sign_in_failed", title: signinTitles[e.Kind], reason: signinReasons[e.Kind], next: signinNext[e.Kind],
		signIn: true, errorCode: e.Code, what: "The sign-in could not be completed.", words: strings.TrimPrefix(e.Error(), "signin: ")}
	if p.title == "" {
		p.title = "The sign-in failed"
	}
	switch e.Kind {
	case signin.Unreachable, signin.Misconfigured, signin.Internal, signin.Provider:
		p.cause = err
	}
	if e.Kind == signin.Unreachable || p.status == 0 {
		p.status = http.StatusInternalServerError
	}
	return p
}

// microsoftGraph is the audience of tokens that Entra ID gives where no scope names another resource.
const microsoftGraph = "00000003-0000-0000-c000-000000000000"

// jwtProblem explains why the token that a rule forwards would be refused by who gets it.
func jwtProblem(which Token, token string, want []string, err error) *problem {
	e, ok := errors.AsType[*issuer.Error](err)
	if !ok {
		e = &issuer.Error{Reason: issuer.KeysUnavailable, Message: "it could not be verified"}
	}
	p := &problem{status: statusProvider, code: "unusable_" + string(which), title: "The identity provider's token is of no use to the application", reason: "AuthInvalidIdToken",
		what: "The rule forwards the " + words(which) + " as a JWT, and it was refused: " + e.Message + ".", next: "The operator should have the identity provider issue a JWT for this application, or leave forward_jwt out and use the signed x-amzn-oidc-data header.", cause: err}
	aud, isJWT := unverifiedAudience(token)
	switch {
	case e.Reason == issuer.Expired:
		return signInAgain
	case e.Reason == issuer.KeysUnavailable:
		p.status, p.reason, p.title = http.StatusInternalServerError, "AuthTokenEpRequestFailed", "The identity provider cannot be reached"
		p.next = "Try again in a moment."
	case !isJWT:
		p.what = "The rule forwards the " + words(which) + " as a JWT, but the identity provider gave an opaque one."
	case isGraph(aud):
		p.next = graphAdvice
	case e.Reason == issuer.Audience:
		return wrongAudience(which, aud, want)
	}
	return p
}

const graphAdvice = "It is a token for Microsoft Graph. Entra ID issues one for the application instead when a scope names the application, such as api://CLIENT-ID/access; its userinfo endpoint, which is Graph's, then refuses that token, so set userinfo: false to take the claims from the ID token. Otherwise forward the id_token, or leave forward_jwt out."

func wrongAudience(which Token, got, want []string) *problem {
	next := "The operator should have the identity provider add this audience, or list the token's own in jwt_audiences of the rule if the receiver accepts it."
	if isGraph(got) {
		next = graphAdvice
	}
	return &problem{status: statusProvider, code: "unusable_" + string(which), title: "The identity provider's token is of no use to the application", reason: "AuthInvalidIdToken",
		what: fmt.Sprintf("The rule forwards the %s, but it is for %s and not for %s.", words(which), clip(strings.Join(got, ", "), 200), strings.Join(want, ", ")), next: next}
}

func words(t Token) string { return strings.ReplaceAll(string(t), "_", " ") }

func isGraph(aud []string) bool {
	return slices.ContainsFunc(aud, func(a string) bool {
		return a == microsoftGraph || strings.TrimRight(a, "/") == "https://graph.microsoft.com"
	})
}

// unverifiedAudience reads a refused token for the one purpose of saying whose it is.
func unverifiedAudience(token string) (aud []string, isJWT bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, false
	}
	var claims struct {
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil, false
	}
	var one string
	if json.Unmarshal(claims.Audience, &one) == nil {
		return []string{one}, true
	}
	_ = json.Unmarshal(claims.Audience, &aud) // absent or of another form: nobody is named
	return aud, true
}
