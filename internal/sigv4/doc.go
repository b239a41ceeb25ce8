// Package sigv4 verifies and makes AWS Signature Version 4 signatures.
//
// It protects every signed front door: nobody without the secret access key
// may change a byte that decides what a request means, replay it outside its
// window, or present another session's token with it. The attacker owns the
// network and may send any bytes; what is trusted is the signing key that the
// caller of this package looked up, and the clock that it passes in.
//
// A signature is verified directly: the canonical request is rebuilt from what
// arrived, and never by signing a copy of the request and comparing, because a
// signer overwrites the very headers that have to be checked. Where two
// readings of a request are possible (both signature forms at once, a repeated
// parameter, dot segments, a raw plus sign) it is refused, so that what was
// verified is what the handlers will read.
//
// The package must never change the request it verifies, print a secret, keep
// a plaintext secret, accept an unsigned body in the header form, or decide
// whether the caller may do what is asked: that is policy's part.
package sigv4

import "time"

const (
	algorithm       = "AWS4-HMAC-SHA256"
	terminator      = "aws4_request"
	timeLayout      = "20060102T150405Z"
	dateLayout      = "20060102"
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptyHash       = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

const (
	headerAuthorization = "Authorization"
	headerDate          = "X-Amz-Date"
	headerToken         = "X-Amz-Security-Token"
	headerPayloadHash   = "X-Amz-Content-Sha256"
	headerContentType   = "Content-Type"
)

const (
	// maxSkew is how far the signing time may be from the server's clock,
	// either way; it is also the replay window of the header form.
	maxSkew = 5 * time.Minute
	// maxExpires is the longest lifetime of a presigned URL.
	maxExpires = 7 * 24 * time.Hour
)

// Every field is bounded before any work is spent on it: an unauthenticated
// peer chooses them all.
const (
	maxAuthorization  = 8 << 10
	maxSignedHeaders  = 100
	maxHeaderName     = 128
	maxCanonicalBytes = 64 << 10
	maxMethod         = 32
	maxPath           = 8 << 10
	maxQuery          = 16 << 10
	maxQueryParams    = 256
	maxAccessKeyID    = 128
	maxScopeField     = 64
	maxToken          = 8 << 10
	maxHost           = 255 + len(":65535")
)
