package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/api"
)

// userLine is what a program beside Lanyard wrote down about a user: the front door that they signed in, an agent that it
// called an API in their name. The audit is Lanyard's own word; a line is as good as whoever keeps its file.
type userLine struct {
	Time     time.Time `json:"time"`
	Message  string    `json:"msg"`
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	Provider string    `json:"provider"`
	Method   string    `json:"method"`
	URL      string    `json:"url"`
	Status   int       `json:"status"`
	TraceID  string    `json:"trace_id"`

	whole json.RawMessage
}

// readLogs returns the lines of the files that are about a user, oldest first.
func readLogs(files []string, user string, since *api.Timestamp) ([]userLine, error) {
	var all []userLine
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("--log: %w", err)
		}
		lines, err := linesAbout(f, user)
		_ = f.Close() // it was read only
		if err != nil {
			return nil, fmt.Errorf("--log %s: %w", name, err)
		}
		all = append(all, lines...)
	}
	if since != nil {
		all = slices.DeleteFunc(all, func(l userLine) bool { return l.Time.Before(time.Time(*since)) })
	}
	slices.SortStableFunc(all, func(a, b userLine) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// maxUserLine is more than any line of ours has.
const maxUserLine = 1 << 20

// linesAbout passes over what is not JSON, and over lines that are too long: programs print to the same place what their
// libraries say.
func linesAbout(r io.Reader, user string) (found []userLine, err error) {
	lines := bufio.NewReaderSize(r, maxUserLine)
	for {
		line, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // what is left of a line that is too long
			line = nil
			_, err = lines.ReadSlice('\n')
		}
		var l userLine
		if utf8.Valid(line) && json.Unmarshal(line, &l) == nil && l.Message != "" && !l.Time.IsZero() && isAbout(&l, user) {
			l.whole = visible(bytes.TrimSpace(line))
			found = append(found, l)
		}
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, err
		}
	}
}

// visible writes the characters of a JSON text that a terminal would act on, or would not show, as their escapes. Outside
// its strings JSON has none of them.
func visible(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r < 0x7f || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

// isAbout compares as the audit does: a user id is a subject whoever vouched for it, a JWT's user one of its issuer.
func isAbout(l *userLine, user string) bool {
	if id, ok := strings.CutPrefix(user, "userid:"); ok {
		return l.Subject == id
	}
	escaped, subject, _ := strings.Cut(strings.TrimPrefix(user, "jwt:"), "|")
	issuer, err := url.PathUnescape(escaped)
	return err == nil && l.Subject == subject && l.Issuer == issuer
}

// before takes the lines that were written before a moment.
func before(lines []userLine, at time.Time) (earlier, rest []userLine) {
	n := slices.IndexFunc(lines, func(l userLine) bool { return !l.Time.Before(at) })
	if n < 0 {
		n = len(lines)
	}
	return lines[:n], lines[n:]
}

// where is what was called, or who signed the user in.
func (l *userLine) where() string {
	if l.URL == "" {
		return l.Issuer
	}
	status := ""
	if l.Status != 0 {
		status = strconv.Itoa(l.Status)
	}
	return strings.Join(strings.Fields(l.Method+" "+l.URL+" "+status), " ")
}

func (p *auditPrinter) logged(l *userLine) {
	if p.asJSON {
		if p.t.err == nil {
			p.t.err = writeJSONLine(p.t.w, l.whole)
		}
		return
	}
	at := l.Time.In(p.t.now().Location())
	if p.t.width == 0 {
		p.t.columns(at.Format(time.RFC3339), "log", l.Message, dash(cmp.Or(l.Provider, l.where())), dash(l.Subject), dash(l.TraceID), l.where())
		return
	}
	if day := dayOf(at); day != p.day {
		p.day = day
		p.t.line(span{dim, day})
	}
	left := max(p.t.width-auditIndent-actionWidth-len(gap), 10)
	p.t.line(span{dim, at.Format(time.TimeOnly)}, plainly("  "), span{accent, "→"}, plainly(" "),
		plainly(pad(cut(clean(l.Message), actionWidth), actionWidth)+gap), span{accent, cut(clean(l.where()), left)})
}
