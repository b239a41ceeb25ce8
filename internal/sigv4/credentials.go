package sigv4

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const redacted = "[secret]"

// Credentials is a key pair, with the session token when it is temporary.
// Every printing path shows the access key id alone.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// String shows the access key id and hides the rest.
func (c Credentials) String() string {
	return "sigv4.Credentials{" + c.AccessKeyID + " " + redacted + "}"
}

// GoString keeps %#v from printing the fields.
func (c Credentials) GoString() string { return c.String() }

// Format keeps every verb, %d and %x included, from printing the fields.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue is what slog prints.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON hides the secrets from JSON logs and answers too.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
