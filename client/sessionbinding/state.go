package sessionbinding

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// State makes and checks the value that an application passes as customState and gets back as state. It shows that the
// browser comes back from a consent that this application began for this very user, which the service cannot know: it
// only knows whom the agent named. It keeps nothing: all processes with the same key accept each other's values, and
// a value is good for its user until it expires, as often as it is shown. That a session ends only once is the service's
// work.
type State struct {
	key []byte
	now func() time.Time
}

const (
	stateKeyBytes = 32
	stateTTL      = 15 * time.Minute // a session lives ten minutes
	nonceBytes    = 16
	expiryBytes   = 8
	stateBytes    = nonceBytes + expiryBytes + sha256.Size
	stateLabel    = "lanyard session binding state v1"
)

// NewState takes a key of 32 random bytes, which the agent's side and this side share, and a clock; nil for time.Now.
func NewState(key []byte, now func() time.Time) (*State, error) {
	if len(key) != stateKeyBytes {
		return nil, fmt.Errorf("sessionbinding: the key of the state has %d bytes, and must have %d random ones", len(key), stateKeyBytes)
	}
	if now == nil {
		now = time.Now
	}
	return &State{key: append([]byte(nil), key...), now: now}, nil
}

// Issue makes the customState of a consent for this user: a user id, or what JWTUser says.
func (s *State) Issue(user string) string {
	b := make([]byte, nonceBytes, stateBytes)
	_, _ = rand.Read(b) // never fails: the program ends instead
	b = binary.BigEndian.AppendUint64(b, uint64(s.now().Add(stateTTL).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(user, b)...))
}

// mac covers the user with their length before them, so that no part of a user reads as a part of the rest.
func (s *State) mac(user string, rest []byte) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(stateLabel))
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(user))))
	m.Write([]byte(user))
	m.Write(rest)
	return m.Sum(nil)
}

var (
	errStateForged  = errors.New("it was not issued here for this user")
	errStateExpired = errors.New("it has expired")
)

// check tells, in constant time, whether the value was issued for this user and has not expired.
func (s *State) check(user, value string) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) != stateBytes || strings.ContainsAny(value, "\r\n") { // which the decoder skips
		return errStateForged
	}
	body, mac := b[:nonceBytes+expiryBytes], b[nonceBytes+expiryBytes:]
	if !hmac.Equal(mac, s.mac(user, body)) {
		return errStateForged
	}
	if s.now().Unix() >= int64(binary.BigEndian.Uint64(body[nonceBytes:])) {
		return errStateExpired
	}
	return nil
}
