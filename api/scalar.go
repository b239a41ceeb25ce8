package api

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// Sensitive is a string that no printing path shows: shapes hold tokens, keys and secrets in it between the wire and
// the vault.
type Sensitive string

const redacted = "[secret]"

// String returns "[secret]"; convert with string(s) to read the value.
func (Sensitive) String() string { return redacted }

// GoString returns "[secret]".
func (Sensitive) GoString() string { return redacted }

// Format writes "[secret]" whatever the verb.
func (Sensitive) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[secret]".
func (Sensitive) LogValue() slog.Value { return slog.StringValue(redacted) }

// Timestamp is a time in the rest-json default form: a JSON number of epoch seconds with milliseconds.
type Timestamp time.Time

// MarshalJSON writes epoch seconds.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	ms := time.Time(t).UnixMilli()
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads epoch seconds.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1<<40 {
		return fmt.Errorf("a time must be a number of epoch seconds")
	}
	*t = Timestamp(time.UnixMilli(int64(math.Round(f * 1000))))
	return nil
}

// MarshalText writes ISO 8601 in UTC, to the second: the form that AWS Query answers have.
func (t Timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, time.RFC3339), nil
}

// UnmarshalText reads ISO 8601.
func (t *Timestamp) UnmarshalText(b []byte) error {
	at, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return fmt.Errorf("a time must look like 2026-01-02T15:04:05Z")
	}
	*t = Timestamp(at)
	return nil
}

// PolicyDocument is a policy in JSON. AWS Query answers carry it percent-encoded (RFC 3986), which IAM's clients undo;
// requests carry it as it is.
type PolicyDocument string
