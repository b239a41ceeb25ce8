package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// answer prints what an agent answers, as it comes. An agent's words are a stranger's: on their way to a terminal they
// lose what could command it (A48).
type answer struct {
	t      *terminal
	asJSON bool
	raw    io.Writer
	inLine bool // the last line has no end yet
	// link is set when the answer held a link to a consent at this instance.
	link bool
	err  error // the agent's own, in the middle of a stream
}

func newAnswer(t *terminal, asJSON bool, raw io.Writer) *answer {
	return &answer{t: t, asJSON: asJSON, raw: raw}
}

// maxEvent bounds one event of a stream, and maxWhole an answer that is printed at once.
const (
	maxEvent = 16 << 20
	maxWhole = 100 << 20
)

// consentLink is in every authorization URL of Lanyard.
const consentLink = "/identities/oauth2/authorize"

func (a *answer) read(resp *http.Response) error {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		kind = "application/octet-stream"
	}
	switch {
	case kind == "text/event-stream":
		err = a.stream(resp.Body)
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		err = a.whole(resp.Body)
	case strings.HasPrefix(kind, "text/"):
		err = a.lines(resp.Body)
	default:
		err = a.bytes(resp.Body, kind)
	}
	if err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	return errors.Join(a.t.err, a.err)
}

// stream decodes server-sent events: the data lines of one event belong together.
func (a *answer) stream(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxEvent)
	var data [][]byte
	for s.Scan() {
		line := bytes.TrimSuffix(s.Bytes(), []byte("\r"))
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		switch {
		case ok:
			data = append(data, bytes.Clone(bytes.TrimPrefix(value, []byte(" "))))
		case len(line) == 0 && data != nil:
			a.event(bytes.Join(data, []byte("\n")))
			data = nil
		}
		if a.t.err != nil { // nobody reads any more
			break
		}
	}
	if data != nil {
		a.event(bytes.Join(data, []byte("\n")))
	}
	a.endLine()
	return s.Err()
}

// event prints one event. Texts are parts of one text; everything else stands for itself.
func (a *answer) event(data []byte) {
	a.noticeLink(data)
	if a.asJSON {
		a.line("event", data)
	}
	var failed struct {
		Error   string `json:"error"`
		Type    string `json:"error_type"`
		Message string `json:"message"`
	}
	var text string
	switch {
	case json.Unmarshal(data, &failed) == nil && failed.Error != "" && failed.Type != "":
		a.err = fmt.Errorf("the agent failed while it answered: %s: %s", clean(failed.Type), cleanLines(failed.Error))
	case a.asJSON:
	case json.Unmarshal(data, &text) == nil:
		a.text(text)
	case json.Valid(data):
		a.endLine()
		a.text(pretty(data) + "\n")
	default:
		a.text(string(data) + "\n")
	}
}

// whole prints an answer of JSON: the text of it, if that is what it is.
func (a *answer) whole(r io.Reader) error {
	b, err := readAtMost(r, maxWhole)
	if err != nil {
		return err
	}
	a.noticeLink(b)
	if a.asJSON {
		a.line("response", b)
		return nil
	}
	var said struct {
		Response json.RawMessage `json:"response"`
	}
	if json.Unmarshal(b, &said) == nil && len(said.Response) > 0 && !bytes.Equal(said.Response, []byte("null")) {
		b = said.Response
	}
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = pretty(b)
	}
	a.text(text)
	a.endLine()
	return nil
}

// lines prints a text as it comes.
func (a *answer) lines(r io.Reader) error {
	if a.asJSON {
		b, err := readAtMost(r, maxWhole)
		a.line("response", quoted(b))
		return err
	}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		a.noticeLink([]byte(line))
		a.text(line)
		if errors.Is(err, io.EOF) {
			a.endLine()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// bytes copies what is neither text nor JSON, but not to a terminal.
func (a *answer) bytes(r io.Reader, kind string) error {
	if a.asJSON || a.t.width > 0 {
		n, err := io.Copy(io.Discard, r)
		a.text(fmt.Sprintf("%d bytes of %s; send the output to a file to keep them\n", n, kind))
		return err
	}
	_, err := io.Copy(a.raw, r)
	return err
}

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it is longer than %d MB", most>>20)
	}
	return b, err
}

// line writes one member as one line of JSON.
func (a *answer) line(member string, value []byte) {
	if !json.Valid(value) {
		value = quoted(value)
	}
	if err := writeJSONLine(a.raw, map[string]json.RawMessage{member: value}); err != nil && a.t.err == nil {
		a.t.err = err
	}
}

func quoted(b []byte) []byte {
	out, err := json.Marshal(string(b))
	if err != nil {
		panic(err) // a text always encodes
	}
	return out
}

func pretty(b []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return string(b)
	}
	return out.String()
}

// text prints a piece of text, which need not end where a line does.
func (a *answer) text(s string) {
	if s == "" {
		return
	}
	a.inLine = !strings.HasSuffix(s, "\n")
	a.t.write(cleanLines(s))
}

func (a *answer) endLine() {
	if a.inLine {
		a.t.write("\n")
		a.inLine = false
	}
}

func (a *answer) noticeLink(b []byte) {
	a.link = a.link || bytes.Contains(b, []byte(consentLink))
}
