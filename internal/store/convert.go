package store

import (
	"encoding/json"
	"strings"
	"time"
)

// toMillis writes a time as Unix milliseconds, the zero time as 0.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// toMillisUp rounds up. Epochs refuse what was made before them; rounded down, one would spare what was made in its
// last millisecond.
func toMillisUp(t time.Time) int64 {
	ms := toMillis(t)
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	return ms
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// toBytes writes no bytes as NULL, which fromBytes reads as nil: the engines disagree about empty values.
func toBytes(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// toFullBytes is for columns that are never NULL.
func toFullBytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func fromBytes(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func toFlag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// toList writes a list as JSON text.
func toList(l []string) string {
	if len(l) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(l) // a list of strings always marshals
	return string(b)
}

// fromList reads what toList wrote. Without a backslash in the text, no string in it can hold a quote, so the quotes
// alone separate; grants are read on the hot path.
func fromList(text string) ([]string, error) {
	if text == "[]" || text == "" {
		return nil, nil
	}
	if strings.HasPrefix(text, `["`) && strings.HasSuffix(text, `"]`) && strings.IndexByte(text, '\\') < 0 {
		return strings.Split(text[2:len(text)-2], `","`), nil
	}
	var l []string
	err := json.Unmarshal([]byte(text), &l)
	return l, err
}
