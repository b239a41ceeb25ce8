// Package devidp is Lanyard's development authorization server: a real OAuth 2 and OpenID Connect provider with one
// user and one client, so that a whole consent (sign-in, consent page, code, tokens, refresh, revocation) can be walked
// on a laptop before any outside provider is configured.
//
// It protects the configured user's sign-in and the tokens issued in their name from other sites in the same browser,
// from clients that hold a stolen code or refresh token, and from strangers who can reach the listener. It trusts its
// configuration, its Store and its signing key; nothing that arrives in a request.
//
// It must never be on by default outside development: its user and its client come from configuration, it accepts every
// scope, and nobody but the developer vouches for them. It must never keep a code, token, cookie or password in clear
// (the Store sees SHA-256 names only), never redirect to an address before Config.CallbackAllowed accepted it, and never
// accept a code, refresh token or access token twice where once is meant.
//
// Between two requests the process holds nothing that matters: sessions, codes, tokens and remembered consents are in the
// Store, and a sign-in under way travels in its own form. A kill and a restart between any two steps changes nothing. The
// counters that slow down password guessing are the one exception; a restart forgets them.
//
// One Server is one issuer. Another directory of users and clients is another Server with another Config.Issuer; they may
// share a Store, for every name in it is bound to the issuer.
package devidp
