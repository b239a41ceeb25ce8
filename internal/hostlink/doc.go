// Package hostlink is the protocol between Lanyard's server and an agent host: its words, the server's client of the
// host, the host's client of the server, and the transport that both use.
//
// It protects the host from everybody but the one server it was paired with, and the server from everything that
// pretends to be its host. Both sides prove a key in TLS 1.3 and compare the other's certificate with a fingerprint that
// they were given; no authority signs anything, so none can be fooled. Whoever cannot prove the pinned key gets no
// answer, not even to a health request.
//
// It carries a user's workload access token, and never a key that opens the vault. What an agent is told about who
// calls it travels in headers that only the server can set; a caller's own headers travel under another prefix and are
// dropped, on both sides, unless the runtime's allow-list names them.
//
// # What this package must never do
//
// It must never accept a certificate because of its name or its issuer, forward a header that nobody allowed, take the
// end of a broken answer for its end, or put a variable's value, a token or a body into an error.
package hostlink
