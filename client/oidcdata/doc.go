// Package oidcdata verifies the x-amzn-oidc-data header: the signed word of a front door, Lanyard's or an Application Load
// Balancer, about the user who is signed in there.
//
// It protects an application behind a front door from everybody who can reach it around the front door, and from other
// front doors: every account's load balancers are signed for by the same key host, so a valid signature alone proves
// only that somebody's load balancer spoke. Therefore the signer is always compared, and the client where it is configured.
//
// It trusts the configured key host to tell the public key of a key id, and nothing that a request brings before the
// signature was checked. It must never take the algorithm or the key's address from a token, must never follow the key
// host elsewhere, and must never write a token, or a part of one, into an error or an answer.
//
//	v, err := oidcdata.New(oidcdata.Config{Signer: signer, Client: clientID, KeysURL: keys})
//	…
//	http.ListenAndServe(address, v.Middleware(app))
//
// Within app, FromContext tells the user. The package needs the standard library alone.
package oidcdata
