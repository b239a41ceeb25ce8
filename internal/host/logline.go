package host

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxLogLine is where a line of an agent is cut in two.
const maxLogLine = 8 << 10

const logTime = "2006-01-02T15:04:05.000Z"

// lineWriter turns what an agent prints into lines of its log.
type lineWriter struct {
	to     *sessionLog
	stream string // stdout or stderr
	now    func() time.Time
	hide   *strings.Replacer // the session's own secrets

	mu   sync.Mutex
	part []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.part = append(w.part, p...)
			p = nil
		} else {
			w.part = append(w.part, p[:i]...)
			p = p[i+1:]
			w.emit(w.part)
			w.part = w.part[:0]
		}
		for len(w.part) > maxLogLine {
			w.emit(w.part[:maxLogLine])
			w.part = append(w.part[:0], w.part[maxLogLine:]...)
		}
	}
	return n, nil // an agent is never stopped because its log cannot be written
}

// finish writes what came without a line's end.
func (w *lineWriter) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.part) > 0 {
		w.emit(w.part)
		w.part = nil
	}
}

func (w *lineWriter) emit(line []byte) {
	text := w.hide.Replace(string(line))
	for first := true; first || text != ""; first = false {
		piece := text[:min(len(text), maxLogLine)]
		text = text[len(piece):]
		w.to.append(w.now().UTC().Format(logTime) + " " + w.stream + " " + cleanLine(piece) + "\n")
	}
}

// cleanLine makes a line harmless to whoever prints it on a terminal or parses it: control characters, which could
// overwrite what stands before or pretend to be another line, are written out (A48).
func cleanLine(s string) string {
	s = strings.TrimSuffix(s, "\r")
	if strings.IndexFunc(s, unprintable) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		case unprintable(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// unprintable tells control characters, and those that turn the direction of text or end a line elsewhere.
func unprintable(r rune) bool {
	switch {
	case r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029, r == 0xfeff:
		return true
	}
	return false
}
