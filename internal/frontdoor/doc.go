// Package frontdoor is the proxy before an agent's web endpoints. It signs people in at an OIDC issuer and tells the
// backend who they are by a signed header, x-amzn-oidc-data, as a load balancer with an OIDC action does; so an application
// written for one runs behind the other.
//
// It protects the backend from whoever claims to be a user without having signed in: by an identity header in any
// spelling, by a forwarded header, by a path or host that reads as one thing here and as another there, by a page of
// another site in the browser of somebody who is signed in. It protects the users' sessions and tokens from the backend
// and from the access log: the session cookie stays here, an access token goes only where a rule asks for it, and no code,
// state, cookie or token is logged.
//
// It trusts its configuration (backends, public URLs and trusted proxies are fixed by the operator), package signin for
// who is signed in, and the public URLs for where browsers come; never the Host header, X-Forwarded-* of a stranger, or a
// header that a client sent about a user.
//
// It must never forward a request that no rule allows, pass on a header in the names that it writes or knows (strip_headers adds others) unless it wrote it, redirect to a
// host that is not one of its public URLs, show a private key, or hold more memory for strangers than its limits say.
// Open streams and WebSockets end with the session that opened them: at its absolute end, or when it signs out. A sign-out at
// another replica is known here within a second, where both are given one record of ended sessions, and ends the streams
// that are open here with the next Maintain.
package frontdoor
