package signin

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The record's first line is a header that no other file has, also none that gets its place or its inode later. A reader
// that goes on where it stopped knows by it that this is the file in which it stopped.
const (
	headerPrefix = "ended sessions "
	headerSize   = int64(len(headerPrefix)) + 26 + 1
)

func newHeader(unique string) string { return headerPrefix + unique + "\n" }

func readHeader(r io.Reader) (string, bool) {
	b := make([]byte, headerSize)
	_, err := io.ReadFull(r, b)
	header := string(b)
	return header, err == nil && strings.HasPrefix(header, headerPrefix) && strings.IndexByte(header, '\n') == len(header)-1
}

func line(hash endedID, until int64) []byte {
	return fmt.Appendf(nil, "%x %d\n", hash[:], until)
}

func parseLine(text []byte) (hash endedID, until int64, ok bool) {
	id, end, ok := bytes.Cut(text, []byte(" "))
	if !ok || len(id) != hex.EncodedLen(len(hash)) {
		return hash, 0, false
	}
	if _, err := hex.Decode(hash[:], id); err != nil {
		return hash, 0, false
	}
	until, err := strconv.ParseInt(string(end), 10, 64)
	return hash, until, err == nil
}

// writeRecord writes header and lines, and returns how long they are.
func writeRecord(to io.Writer, header string, matter map[endedID]int64) (int64, error) {
	w := bufio.NewWriter(to)
	size, err := w.WriteString(header)
	if err != nil {
		return 0, err
	}
	for hash, until := range matter {
		n, err := w.Write(line(hash, until))
		if err != nil {
			return 0, err
		}
		size += n
	}
	return int64(size), w.Flush()
}

// read takes over whole lines. What is behind the last of them was cut off by a crash, or is being written right now: it is
// looked at again the next time. f.mu is held.
func (f *EndedFile) read(r *bufio.Reader) error {
	now := f.now().Unix()
	for {
		text, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return f.unreadable(f.lines + 2)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("signin: the record of ended sessions: %w", err)
		}
		hash, until, ok := parseLine(bytes.TrimSuffix(text, []byte("\n")))
		if !ok {
			return f.unreadable(f.lines + 2)
		}
		f.offset += int64(len(text))
		f.lines++
		if until >= now {
			f.ended.add(hash, until)
		}
	}
}

func (f *EndedFile) unreadable(number int) error {
	return fmt.Errorf("signin: %s: line %d is not of a record of ended sessions: restore the file, or remove it and change the cookie keys, which signs everybody out", f.path, number)
}
