package hostlink

import (
	"net/http"
	"strings"
)

// Headers that tell an agent who calls it. They are the server's to set and nobody else's.
const (
	HeaderWorkloadAccessToken = "WorkloadAccessToken"
	HeaderIdentityWAT         = "X-Amz-Bedrock-AgentCore-Identity-WAT"
	HeaderCallbackURL         = "OAuth2CallbackUrl"
	HeaderSessionID           = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
	HeaderRequestID           = "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id"
	HeaderUserID              = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"
	customPrefix              = "x-amzn-bedrock-agentcore-runtime-custom-"
)

// Prefixes on the link. What has neither belongs to the link itself and never reaches an agent.
const (
	injectPrefix  = "Lanyard-Inject-"
	forwardPrefix = "Lanyard-Forward-"
	answerPrefix  = "Lanyard-Answer-"
)

// passed are the headers of an invocation that are part of the operation itself.
var passed = map[string]bool{
	"accept": true, "baggage": true, "content-type": true, "mcp-method": true, "mcp-name": true, "mcp-protocol-version": true,
	"mcp-session-id": true, "traceparent": true, "tracestate": true, "x-amzn-trace-id": true,
}

// answered are the headers of an agent's answer that reach the caller. No cookie, redirect or policy of an agent takes
// effect on Lanyard's own origin.
var answered = map[string]bool{
	"baggage": true, "cache-control": true, "content-encoding": true, "content-type": true, "mcp-protocol-version": true,
	"mcp-session-id": true, "traceparent": true, "tracestate": true, "x-amzn-trace-id": true,
}

// injectable are the names that the server may set, in the form that folded gives.
var injectable = map[string]bool{
	folded(HeaderWorkloadAccessToken): true, folded(HeaderIdentityWAT): true, folded(HeaderCallbackURL): true,
	folded(HeaderSessionID): true, folded(HeaderRequestID): true, folded(HeaderUserID): true,
}

// folded makes look-alikes equal: many servers read an underscore as a hyphen and all ignore case.
func folded(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// reserved tells whether a caller may never have a header of this name passed on, listed or not (A46).
func reserved(name string) bool {
	n := folded(name)
	if strings.HasPrefix(n, customPrefix) {
		return false
	}
	for _, p := range []string{"x-amz-", "x-amzn-", "lanyard-", "x-forwarded-", "proxy-", "sec-"} {
		if strings.HasPrefix(n, p) && !passed[n] {
			return true
		}
	}
	switch n {
	case "workloadaccesstoken", "oauth2callbackurl", "host", "cookie", "connection", "keep-alive", "te", "trailer", "transfer-encoding",
		"upgrade", "content-length", "expect", "forwarded", "origin", "referer", "x-real-ip":
		return true
	}
	return false
}

// Forwardable returns those of a caller's headers that an agent of this spec may see: the operation's own, those that
// the runtime's allow-list names, and those whose names are reserved for callers. Authorization is one that must be listed.
func (s *Spec) Forwardable(caller http.Header) http.Header {
	listed := map[string]bool{}
	for _, name := range s.HeaderAllowList {
		listed[strings.ToLower(name)] = true
	}
	out := http.Header{}
	for name, values := range caller {
		n := strings.ToLower(name)
		if reserved(name) || !(passed[n] || listed[n] || strings.HasPrefix(n, customPrefix)) {
			continue
		}
		out[http.CanonicalHeaderKey(name)] = values
	}
	return out
}

// Answerable returns those headers of an agent's answer that may reach the caller.
func Answerable(agent http.Header) http.Header {
	out := http.Header{}
	for name, values := range agent {
		if n := strings.ToLower(name); answered[n] || strings.HasPrefix(n, customPrefix) {
			out[http.CanonicalHeaderKey(name)] = values
		}
	}
	return out
}

// ForAgent builds the headers that the agent receives out of those that came over the link: what the server injected,
// what it forwarded and the spec allows, and nothing else.
func (s *Spec) ForAgent(link http.Header) http.Header {
	out := s.Forwardable(unprefixed(link, forwardPrefix))
	for name, values := range unprefixed(link, injectPrefix) {
		if injectable[folded(name)] {
			out[http.CanonicalHeaderKey(name)] = values
		}
	}
	return out
}

func unprefixed(h http.Header, prefix string) http.Header {
	out := http.Header{}
	for name, values := range h {
		if rest, ok := strings.CutPrefix(name, http.CanonicalHeaderKey(prefix)); ok && rest != "" {
			out[http.CanonicalHeaderKey(rest)] = values
		}
	}
	return out
}

func addPrefixed(to, from http.Header, prefix string) {
	for name, values := range from {
		for _, v := range values {
			to.Add(prefix+name, v)
		}
	}
}
