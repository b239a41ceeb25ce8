package vault

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every printing path shows in place of a secret. It tells
// neither the length nor whether there is one.
const hidden = "[secret]"

// Secret is a value that must not be printed by accident. Reading it takes a
// visible call to [Secret.Reveal] or [Secret.RevealString].
//
// The bytes sit inside a function value because some printers never call a
// type's methods: fmt skips them for unexported fields of other structs and for
// malformed verbs, and reflection-based dumpers always do. None of them can look
// into a function. It also makes == a compile error, where it would not take
// constant time. The zero Secret is empty.
type Secret struct {
	reveal func() []byte
}

// NewSecret keeps b itself, not a copy: the caller hands it over.
func NewSecret(b []byte) Secret {
	return Secret{reveal: func() []byte { return b }}
}

// SecretString makes a Secret of a string.
func SecretString(s string) Secret { return NewSecret([]byte(s)) }

// Reveal returns the secret's own bytes. Do not alter them, and do not keep them
// beyond the frame that needs them.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// RevealString returns a copy of the secret as a string.
func (s Secret) RevealString() string { return string(s.Reveal()) }

// Empty reports whether there is nothing in it.
func (s Secret) Empty() bool { return len(s.Reveal()) == 0 }

// Equal compares in time that depends on the lengths only.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), o.Reveal()) == 1
}

// Format serves every verb of fmt, so that %x and %q show no more than %v.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String serves callers that ask for a string without fmt.
func (s Secret) String() string { return hidden }

// GoString serves callers that ask for Go syntax without fmt.
func (s Secret) GoString() string { return hidden }

// LogValue serves log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText serves encoding/json, encoding/xml and their like. There is no
// UnmarshalText: a secret that went through a printer is gone.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
