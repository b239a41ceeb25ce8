// Package oauth is the client side of OAuth 2: it builds authorization
// requests, judges what comes back through the browser, and talks to token,
// revocation and discovery endpoints for every vendor in its table.
//
// It protects the user's consent and the client's credentials from three
// parties: from a hostile or broken provider (every answer is bounded, parsed
// strictly and never believed about another provider), from whoever can write
// into a callback URL (RFC 9207 issuer check, no repeated parameters), and from
// a caller that would smuggle protocol parameters through its own (see
// ReservedParameter).
//
// It must never store anything, decide who may use a grant, put a secret, code
// or token into an error, fall back to a weaker flow than the one configured,
// or reach a URL other than through the HTTP it was given.
package oauth
