package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// Headers that the agent host sets.
const (
	headerWorkloadToken = "WorkloadAccessToken"
	headerIdentityWAT   = "X-Amz-Bedrock-AgentCore-Identity-WAT" // the newer name of the same; wins
	headerReturnURL     = "OAuth2CallbackUrl"
	headerRequestID     = "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id"
	customPrefix        = "x-amzn-bedrock-agentcore-runtime-custom-"
)

// Request is what is known of an invocation beside its payload. It is a value of its own for each invocation.
type Request struct {
	SessionID string // "" if the caller named none
	RequestID string // made up if the caller named none
	UserID    string // "" if unknown: a workload access token may still speak for a user
	// ReturnURL is where consents of this invocation return to: client.TokenRequest takes it by itself.
	ReturnURL string
	// Authorization is the caller's own, if the runtime's allow-list lets it pass.
	Authorization api.Sensitive
	// Header has the custom headers and those that the runtime's allow-list lets pass. None of them proves who calls.
	Header http.Header
}

type requestKey struct{}

// FromContext is the request of the invocation to which the context belongs.
func FromContext(ctx context.Context) (Request, bool) {
	r, ok := ctx.Value(requestKey{}).(Request)
	r.Header = r.Header.Clone() // one tool's change is not another's to see
	return r, ok
}

// withRequest is the context of one invocation. Token and return URL are set even where there are none, so that those
// of an outer context do not show through.
func withRequest(ctx context.Context, h http.Header) (context.Context, error) {
	for _, name := range []string{headerWorkloadToken, headerIdentityWAT, headerReturnURL, headerRequestID, api.HeaderRuntimeSession, api.HeaderRuntimeUser, "Authorization"} {
		if len(h.Values(name)) > 1 {
			return nil, &Error{Status: http.StatusBadRequest, Message: fmt.Sprintf("The header %s is there more than once, and which one is true is not known", name)}
		}
	}
	r := Request{
		SessionID: h.Get(api.HeaderRuntimeSession), RequestID: cmp.Or(h.Get(headerRequestID), rand.Text()), UserID: h.Get(api.HeaderRuntimeUser),
		ReturnURL: h.Get(headerReturnURL), Authorization: api.Sensitive(h.Get("Authorization")), Header: forwarded(h),
	}
	ctx = context.WithValue(ctx, requestKey{}, r)
	ctx = client.WithWorkloadToken(ctx, api.Sensitive(cmp.Or(h.Get(headerIdentityWAT), h.Get(headerWorkloadToken))))
	return client.WithReturnURL(ctx, r.ReturnURL), nil
}

// Middleware gives the handlers of another server what an App gives its own: the request, the workload access token and
// the return URL, in the context. It trusts the headers as App does, so the same must stand before it.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := withRequest(r.Context(), r.Header)
		if err != nil {
			refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// forwarded are the headers for the agent's own use: none that says who calls, none of the connection's.
func forwarded(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		// Many servers read an underscore as a hyphen: a look-alike of an identity header is kept from whoever reads so (A42).
		if n := strings.ReplaceAll(strings.ToLower(name), "_", "-"); !reserved(n) {
			out[name] = values
		}
	}
	return out
}

func reserved(name string) bool {
	if strings.HasPrefix(name, customPrefix) {
		return false
	}
	for _, prefix := range []string{"x-amz-", "x-amzn-", "x-forwarded-", "proxy-", "sec-", "content-", "accept", "access-control-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "authorization", "workloadaccesstoken", "oauth2callbackurl", "host", "cookie", "connection", "keep-alive", "te", "trailer",
		"transfer-encoding", "upgrade", "expect", "forwarded", "origin", "referer", "x-real-ip", "via", "user-agent":
		return true
	}
	return false
}
