package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Verify proves that whoever made the request holds the secret behind the
// signing key, that the body is the signed one, and that now lies in the
// signature's window. The key must have been derived for q.Scope. It neither
// reads nor changes the HTTP request. One request is verified by one goroutine
// at a time.
func (q *Request) Verify(signingKey []byte, body []byte, now time.Time) error {
	return q.verify(signingKey, sha256.Sum256(body), len(body) == 0, now)
}

// VerifyHash is Verify for a body of which only the SHA-256 is known. It
// proves that whoever signed meant a body of this hash; that the body has it
// is for the caller to make sure of.
func (q *Request) VerifyHash(signingKey []byte, body [sha256.Size]byte, now time.Time) error {
	return q.verify(signingKey, body, body == sha256.Sum256(nil), now)
}

// DeclaredHash is the hash of the body as the client declared it in a signed
// header. It is false where the client declared none.
func (q *Request) DeclaredHash() (hash [sha256.Size]byte, ok bool) {
	if len(q.payload) != hex.EncodedLen(len(hash)) || !all(q.payload, isLowerHex) {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(q.payload))
	return hash, err == nil
}

func (q *Request) verify(signingKey []byte, body [sha256.Size]byte, empty bool, now time.Time) error {
	// HMAC accepts an empty key, and so could anyone who signs.
	if len(signingKey) != sha256.Size || len(q.canonical) == 0 {
		return invalid("the request cannot be verified")
	}
	if err := q.checkTime(now); err != nil {
		return err
	}
	// The hash goes behind the snapshot, into room that nothing else reads.
	canonical, err := q.appendPayloadHash(q.canonical, body, empty)
	if err != nil {
		return err
	}
	want := sign(signingKey, q.date, q.Scope, canonical)
	if !hmac.Equal(want[:], q.signature[:]) {
		return q.mismatch()
	}
	return nil
}

// mismatch says the same for a wrong secret and for a changed byte.
func (q *Request) mismatch() *Error {
	return invalid("the signature does not match: check the secret access key of %s, and that nothing between client and server changes the method, the path, the query, the body or a signed header; the Host received is %s",
		q.AccessKeyID, quote(q.host))
}

// checkTime holds a signature to its window: 5 minutes around the signing time,
// or, presigned, from 5 minutes before it until it expires.
func (q *Request) checkTime(now time.Time) error {
	const mend = "set the client's clock right and sign again"
	if q.SignedAt.After(now.Add(maxSkew)) {
		return invalid("Signature not yet current: signed at %s, but the server's time is %s, more than 5 minutes earlier; %s",
			formatTime(q.SignedAt), formatTime(now), mend)
	}
	if q.Presigned {
		if end := q.SignedAt.Add(q.Expires); !now.Before(end) {
			return invalid("Signature expired: the presigned URL was good until %s, and the server's time is %s; presign a new one",
				formatTime(end), formatTime(now))
		}
		return nil
	}
	if q.SignedAt.Before(now.Add(-maxSkew)) {
		return invalid("Signature expired: signed at %s, but the server's time is %s, more than 5 minutes later; %s",
			formatTime(q.SignedAt), formatTime(now), mend)
	}
	return nil
}

// appendPayloadHash appends the last line of the canonical request: the hash of
// the body that arrived, which a declared hash must equal.
func (q *Request) appendPayloadHash(b []byte, body [sha256.Size]byte, empty bool) ([]byte, error) {
	n := len(b)
	b = hex.AppendEncode(b, body[:])
	switch {
	case q.payload == "" || q.payload == string(b[n:]):
		return b, nil
	case q.payload == unsignedPayload && q.Presigned && empty:
		// Some clients presign this way; without a body it gives nothing away.
		return append(b[:n], unsignedPayload...), nil
	case q.payload == unsignedPayload || strings.HasPrefix(q.payload, "STREAMING-"):
		return nil, invalid("%s is %s, but this service takes no unsigned or chunk-signed body: sign the hash of the whole body",
			headerPayloadHash, quote(q.payload))
	default:
		return nil, invalid("%s is not the SHA-256 of the body that arrived: the body was changed on the way or hashed before it was complete", headerPayloadHash)
	}
}

// sign computes the signature of a canonical request, made at a date of the
// form that parseDate reads.
func sign(signingKey []byte, date string, s Scope, canonical []byte) [sha256.Size]byte {
	sum := sha256.Sum256(canonical)
	b := make([]byte, 0, 192) // room for any but a very long scope
	b = append(append(b, algorithm...), '\n')
	b = append(append(b, date...), '\n')
	b = append(s.append(b), '\n')
	return mac(signingKey, hex.AppendEncode(b, sum[:]))
}
