// Package devidp is Lanyard's development authorization server: a real OAuth 2 and OpenID Connect provider, so that a
// whole consent (sign-in, consent page, code, tokens, refresh, revocation) can be walked on a laptop before any outside
// provider is configured.
//
// It comes in two kinds. A Server has one user and one client, both from its configuration. Pools are user pools that
// clients of Cognito make, change and delete by that service's API: pools, domains, resource servers, clients and users,
// each pool an authorization server of its own. Both share every endpoint, page and check; they differ in their directory
// and in the form of their claims.
//
// It protects the users' sign-ins and the tokens issued in their name from other sites in the same browser, from clients
// that hold a stolen code or refresh token, and from strangers who can reach the listener; and the secrets of its pools
// (signing keys, client secrets, password hashes) from who reads or edits the database. It trusts its configuration, its
// Store, its signing keys and package identity, which authorises and audits every signed operation and seals what is
// secret; nothing that arrives in a request.
//
// It must never be on by default outside development: nobody but the developer vouches for its users, the names of Cognito
// that its pools stand in for belong to somebody else, and it has no second factor. It must never keep a code, token,
// cookie or password in clear (the Store sees SHA-256 names only), never redirect to an address before the client's
// registration accepted it, never accept a code, refresh token or access token twice where once is meant, and never tell
// by words or by time whether a user exists.
//
// Between two requests the process holds nothing that matters: sessions, codes, tokens and remembered consents are in the
// Store, pools in the records of package identity, and a sign-in under way travels in its own form. A kill and a restart
// between any two steps changes nothing. The counters that slow down password guessing are the one exception; a restart
// forgets them.
//
// Every Server and every pool is one issuer. They may share a Store, for every name in it is bound to the issuer.
package devidp
