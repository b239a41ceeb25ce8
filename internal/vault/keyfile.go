package vault

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A data key wrapped by a root key file is
//
//	format | root key id | nonce, ciphertext, tag
//	     1             8                  12+n+16
const (
	fileFormat   = 1
	keyIDSize    = 8
	fileHeader   = 1 + keyIDSize
	maxFileSize  = 64 << 10
	keyFileIntro = "# Lanyard root key. Whoever holds this file and the database can open every\n" +
		"# credential; without it nobody can. Back it up apart from the database.\n" +
		"# To replace it, put a new key on a line above the old one.\n"
)

// FileKeys is a [KeySource] whose root keys rest in a file. It suits one machine;
// whoever reads the file and the database reads everything.
type FileKeys struct {
	path string
	keys []rootKey // newest first: the first wraps, all unwrap
}

type rootKey struct {
	id   [keyIDSize]byte
	aead cipher.AEAD
}

// FileKeySource reads a root key file once. Each line holds 32 bytes in base64;
// empty lines and lines that begin with # are skipped. The file must be readable
// by its owner alone. A symbolic link is followed, as mounted secrets are often
// links, and it is the file behind it that is checked, after it was opened.
func FileKeySource(path string) (*FileKeys, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no root key file %s; restore it from its backup, or create one if nothing was sealed yet", ErrKeySource, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open root key file: %w", ErrKeySource, err)
	}
	defer f.Close()
	if err := checkKeyFile(f, path); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	defer clear(text)
	if err != nil {
		return nil, fmt.Errorf("%w: read root key file: %w", ErrKeySource, err)
	}
	if len(text) > maxFileSize {
		return nil, fmt.Errorf("%w: %s is larger than %d bytes, so it is no root key file", ErrKeySource, path, maxFileSize)
	}
	keys, err := parseKeys(path, text)
	if err != nil {
		return nil, err
	}
	return &FileKeys{path: path, keys: keys}, nil
}

func checkKeyFile(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: inspect root key file: %w", ErrKeySource, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: root key file %s is not a regular file", ErrKeySource, path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: root key file %s has mode %04o, which lets others at it; run: chmod 600 %s", ErrKeySource, path, mode, path)
	}
	return nil
}

func parseKeys(path string, text []byte) ([]rootKey, error) {
	var keys []rootKey
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d of root key file %s is not %d bytes in base64", ErrKeySource, n, path, keySize)
		}
		if slices.ContainsFunc(keys, func(k rootKey) bool { return k.id == key.id }) {
			return nil, fmt.Errorf("%w: line %d of root key file %s repeats root key %x", ErrKeySource, n, path, key.id)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: root key file %s holds no key; if nothing was sealed yet, delete it and create it anew", ErrKeySource, path)
	}
	return keys, nil
}

// parseKey keeps the decoder's own error to itself: it would quote the line.
func parseKey(line []byte) (rootKey, error) {
	key := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	defer clear(key)
	n, err := base64.StdEncoding.Strict().Decode(key, line)
	if err != nil || n != keySize {
		return rootKey{}, errors.New("not a key")
	}
	aead, err := newAEAD(key[:n])
	if err != nil {
		return rootKey{}, err
	}
	k := rootKey{aead: aead}
	sum := sha256.Sum256(key[:n])
	copy(k.id[:], sum[:])
	return k, nil
}

// Wrap encrypts a data key under the file's first root key.
func (f *FileKeys) Wrap(_ context.Context, key []byte, encryptionContext map[string]string) ([]byte, error) {
	root := f.keys[0]
	out := make([]byte, 0, fileHeader+len(key)+gcmOverhead)
	out = append(append(out, fileFormat), root.id[:]...)
	return root.aead.Seal(out, nil, key, fileBinding(out, encryptionContext)), nil
}

// Unwrap decrypts a data key under whichever of the file's root keys wrapped it.
func (f *FileKeys) Unwrap(_ context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error) {
	if len(wrapped) < fileHeader+gcmOverhead || wrapped[0] != fileFormat {
		return nil, fmt.Errorf("%w (not wrapped by a root key file)", ErrSealed)
	}
	header := wrapped[:fileHeader]
	i := slices.IndexFunc(f.keys, func(k rootKey) bool { return bytes.Equal(k.id[:], header[1:]) })
	if i < 0 {
		return nil, fmt.Errorf("%w: it was wrapped by root key %x, but %s holds %s; add the line of that key to the file",
			ErrKeySource, header[1:], f.path, f.ids())
	}
	key, err := f.keys[i].aead.Open(nil, nil, wrapped[fileHeader:], fileBinding(header, encryptionContext))
	if err != nil {
		return nil, fmt.Errorf("%w (wrapped by root key %x)", ErrSealed, header[1:])
	}
	return key, nil
}

// ids lists what the file holds. An id is a truncated hash of a random key, and
// so tells nothing about the key.
func (f *FileKeys) ids() string {
	var ids []string
	for _, k := range f.keys {
		ids = append(ids, hex.EncodeToString(k.id[:]))
	}
	return strings.Join(ids, ", ")
}

// fileBinding is the canonical encoding of header and context.
func fileBinding(header []byte, encryptionContext map[string]string) []byte {
	b := appendField(nil, "lanyard root key file")
	b = appendField(b, header)
	for _, name := range slices.Sorted(maps.Keys(encryptionContext)) {
		b = appendField(b, name)
		b = appendField(b, encryptionContext[name])
	}
	return b
}

// CreateKeyFile makes a root key file with one key drawn from rnd, which must be
// crypto/rand's Reader outside tests. It never overwrites: an error that wraps
// [fs.ErrExist] says that the file is there, and that file is left alone.
func CreateKeyFile(path string, rnd io.Reader) error {
	key := make([]byte, keySize)
	defer clear(key)
	if _, err := io.ReadFull(rnd, key); err != nil {
		return fmt.Errorf("draw a root key for %s: %w", path, err)
	}
	text := make([]byte, 0, 2*len(keyFileIntro)) // roomy, so that no copy of the key stays behind
	text = base64.StdEncoding.AppendEncode(append(text, keyFileIntro...), key)
	text = append(text, '\n')
	defer clear(text)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create root key file: %w", err)
	}
	if err := writeDurably(f, text); err != nil {
		return errors.Join(fmt.Errorf("write root key file %s: %w", path, err), os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}

// writeDurably returns only once the key would survive a power cut: what is
// sealed under a key that vanished is lost.
func writeDurably(f *os.File, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the directory of the root key file: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync the directory of the root key file: %w", err)
	}
	return nil
}
