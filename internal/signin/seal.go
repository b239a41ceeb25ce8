package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"strings"
)

// purpose keeps one kind of sealed cookie from opening as another.
type purpose string

const (
	purposeSession purpose = "session"
	purposeLogin   purpose = "login"
)

// sealVersion changes when the form of what is sealed does, so that an old cookie ends as one that does not open.
const sealVersion = "lanyard-signin-1"

// sealer seals and opens cookies. Its ciphertexts are bound to everything that makes one gate another: two gates that were
// given the same keys still do not take each other's cookies.
type sealer struct {
	aeads []cipher.AEAD // the first one seals
	gate  string
}

func newSealer(c *Config) (*sealer, error) {
	s := &sealer{gate: strings.Join([]string{c.Issuer, c.ClientID, c.RedirectURL}, "\x00")}
	for _, key := range c.Keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		s.aeads = append(s.aeads, aead)
	}
	return s, nil
}

// associated is what a ciphertext is bound to. None of its parts can hold the separator.
func (s *sealer) associated(p purpose, cookie string) []byte {
	return []byte(strings.Join([]string{sealVersion, string(p), cookie, s.gate}, "\x00"))
}

func (s *sealer) seal(p purpose, cookie string, plain []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.aeads[0].Seal(nil, nil, plain, s.associated(p, cookie)))
}

// open tries every key. current is false when an older one opened, and the cookie should be sealed anew. The decoding is
// strict, so that no two texts are the same cookie.
func (s *sealer) open(p purpose, cookie, text string) (plain []byte, current, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, false, false
	}
	for i, aead := range s.aeads {
		if plain, err := aead.Open(nil, nil, sealed, s.associated(p, cookie)); err == nil {
			return plain, i == 0, true
		}
	}
	return nil, false, false
}
