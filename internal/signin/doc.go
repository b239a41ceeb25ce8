// Package signin signs people in at an OpenID Connect issuer through their browser, and keeps them signed in by a sealed
// cookie.
//
// It protects whatever stands behind it from anybody who is not the signed-in person: from a stranger with a made-up
// cookie, from somebody who fixed a session or a sign-in into another's browser (state, nonce and PKCE are bound to a
// cookie of that one attempt, and every sign-in gets a session id of its own), from a copied cookie after sign-out, from
// another issuer's answer (RFC 9207) and from tokens that another application received. It protects the issuer's tokens
// from the browser that carries them: they are sealed, and no page can read them.
//
// The issuer's ID tokens are judged by issuer.Verifier, the same code that judges every other JWT; this package adds what
// only the sign-in knows: nonce, authorized party, access token hash, and how old the answer may be.
//
// # The cookie is the session
//
// Everything about a session rests in the browser, sealed by AES-256-GCM and bound to its purpose, cookie name, issuer,
// client and callback URL. A session that nobody uses costs no memory here, and a restart signs nobody out. What a cookie
// cannot say of itself is that its session was ended: that is kept by EndedSessions and asked on every request.
//
// The issuer's tokens are refreshed shortly before the access token ends, once for all parallel requests of a session. A
// request that still carries the cookie from before gets the same result until the new tokens are due themselves, and at
// least as long as an answer may be under way, because a refresh token that was rotated must not be used again; after that
// such a cookie is refused, and the session goes on for whoever has the newer one. Both are in this process's memory alone:
// several front doors behind one name need their users to stay with one of them, and after a restart the issuer judges a
// used refresh token. Without a refresh token the session simply lasts until its idle or absolute end, whatever the access
// token's lifetime, as it does behind a load balancer.
//
// EndedFile is a record that replicas share: what one of them ended is refused by all within a second.
//
// # What this package must never do
//
// It must never put a code, state, session id or token into an error or a log line, accept a session while it cannot tell
// whether it was ended, redirect a browser to a place that the request chose on another origin, reach a URL other than
// through the guarded client it was given, or follow a redirect with a credential.
package signin
