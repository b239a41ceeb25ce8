package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"time"
)

// newID returns a random immutable id with a prefix that says what it names. Ids are never used twice, so a thing
// deleted and made again under its old name inherits nothing.
func newID(rnd io.Reader, prefix string) string {
	var b [16]byte
	mustRead(rnd, b[:])
	return prefix + hex.EncodeToString(b[:])
}

var upper32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// newIAMID returns an id as IAM writes them: a prefix (AIDA, AKIA …) and 16 characters. 80 random bits.
func newIAMID(rnd io.Reader, prefix string) string {
	var b [10]byte
	mustRead(rnd, b[:])
	return prefix + upper32.EncodeToString(b[:])
}

// newSecretKey returns a secret access key: 40 characters, 240 random bits.
func newSecretKey(rnd io.Reader) string {
	var b [30]byte
	mustRead(rnd, b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// newToken returns 256 random bits in the alphabet of URLs.
func newToken(rnd io.Reader) string {
	var b [32]byte
	mustRead(rnd, b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewRequestID returns a time-ordered UUID (RFC 9562, version 7), so that requests sort by their id. The twelve bits after
// the milliseconds hold their fraction (section 6.2, method 3).
func NewRequestID(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[8:]) // never fails
	ms := uint64(max(now.UnixMilli(), 0))
	fraction := uint64(now.Nanosecond()%int(time.Millisecond)) << 12 / uint64(time.Millisecond)
	binary.BigEndian.PutUint64(b[:8], ms<<16|7<<12|fraction)
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// mustRead fills b. Randomness that fails leaves nothing safe to do, so it stops the process (crypto/rand does the same).
func mustRead(rnd io.Reader, b []byte) {
	if _, err := io.ReadFull(rnd, b); err != nil {
		panic("identity: no randomness: " + err.Error())
	}
}
