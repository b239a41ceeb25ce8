// Package state keeps conversations: in S3-compatible storage, or in a directory of one machine.
//
// It protects what users said and what their tools found from whoever can read or write the storage, and users from each
// other. Names of objects are hashes of the user and the session, so that nothing a user or an identity provider writes
// can name, or climb into, another user's place. What is stored is sealed and bound to its name. What it must never do is
// hand out a conversation by anything but the verified user and the session together.
package state

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
)

// Store keeps objects by name. A version is what the store says of an object when it is read or written.
type Store interface {
	// Get reads an object, or returns ErrNotFound.
	Get(ctx context.Context, name string) (data []byte, version string, err error)
	// Put writes an object if its version is still this one, "" where there must be none yet; else it returns ErrConflict.
	Put(ctx context.Context, name string, data []byte, version string) error
}

// What a store may answer.
var (
	ErrNotFound = errors.New("there is no such object")
	ErrConflict = errors.New("the object was written by somebody else in between")
)

// maxObject is more than a conversation may grow to, and what a store reads of one object at most.
const maxObject = 4 << 20

// Name is where a user's session rests. A user is an issuer and a subject: the same subject at two issuers is two users.
// Hashes make names of one length and one alphabet, whatever slashes, dots, cases and normal forms are in the parts, and
// base32 has one case, for file systems that have one.
func Name(issuer, subject, session string) string {
	return "conversations/" + hash("user", issuer, subject) + "/" + hash("session", session)
}

// hash is unambiguous: every part goes in with its length.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)))
}
