package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// sessionLog is the log of one session: two files at most, the older of which is given up when the newer is full.
type sessionLog struct {
	path  string
	limit int64 // of one file
	hub   *logHub
	key   key

	mu   sync.Mutex
	f    *os.File
	size int64
	tail tail
}

// tail keeps the last lines for messages.
type tail struct{ lines []string }

const (
	tailLines = 30
	tailBytes = 4 << 10
)

func (t *tail) add(line string) {
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
}

func (t *tail) text() string {
	s := strings.Join(t.lines, "")
	if len(s) > tailBytes {
		s = "…" + strings.ToValidUTF8(s[len(s)-tailBytes:], "")
	}
	return s
}

func openSessionLog(dir string, k key, limit int64, hub *logHub) (*sessionLog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("log directory: %w", err)
	}
	l := &sessionLog{path: filepath.Join(dir, k.name()+".log"), limit: limit / 2, hub: hub, key: k}
	return l, nil
}

// append writes one line. A log that cannot be written costs the line and not the agent.
func (l *sessionLog) append(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail.add(line)
	l.hub.publish(l.key, line)
	if l.size+int64(len(line)) > l.limit {
		l.rotate()
	}
	if l.f == nil && !l.open() {
		return
	}
	n, _ := l.f.WriteString(line)
	l.size += int64(n)
}

func (l *sessionLog) open() bool {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return false
	}
	if info, err := f.Stat(); err == nil {
		l.size = info.Size()
	}
	l.f = f
	return true
}

func (l *sessionLog) rotate() {
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
	_ = os.Rename(l.path, l.path+".1")
	l.size = 0
}

// close lets go of the file until the next line.
func (l *sessionLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		_ = l.f.Close()
		l.f = nil
	}
}

// lately is the end of the log, for a message.
func (l *sessionLog) lately() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.text()
}

func (l *sessionLog) remove() {
	l.close()
	_ = os.Remove(l.path)
	_ = os.Remove(l.path + ".1")
}

// last returns the last n lines of both files, oldest first.
func (l *sessionLog) last(n int) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, path := range []string{l.path + ".1", l.path} {
		more, err := readLines(path, l.limit+maxLogLine)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	return lines[max(0, len(lines)-n):], nil
}

func readLines(path string, limit int64) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines, nil
}
