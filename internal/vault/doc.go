// Package vault seals what Lanyard must keep and must never show: refresh
// tokens, client secrets, API keys, pending authorization codes. It also seals
// the opaque tokens handed to callers and authenticates the rows that decide.
//
// It protects them from whoever reads or writes the database, its write-ahead
// log, its backups and its replicas, without the root key. Such a reader learns
// nothing but lengths and key versions. Such a writer can destroy a secret but
// cannot alter it, move it to another row, field, table or account, or have it
// open as something of another kind.
//
// It does not protect from whoever holds the root key together with the
// database, nor from code in this process. It cannot tell on its own that a
// whole row, with its ciphertext or MAC, was put back to an older state; a
// caller that remembers the row's version elsewhere can, because the version is
// part of what a MAC covers.
//
// # Keys
//
// A [KeySource] holds the root key and only wraps and unwraps. Each account has
// data keys, numbered from 1, wrapped by the root key and kept by a
// [DataKeyStore]. The highest number is the current one: it seals, the others
// only open. From a data key HKDF-SHA256 derives one key for each use: wrapping
// record keys, MACs of rows, and one for each kind of token. Every record has a
// key of its own, wrapped in the record's header, so that rotation rewraps a
// header and deleting the header shreds the record.
//
// AES-256-GCM takes a random 96-bit nonce under the derived keys, which is
// sound up to 2^32 uses of one key (NIST SP 800-38D, section 8.3). A process
// that has sealed 2^28 times under one data key therefore rotates it unasked.
//
// # Replicas
//
// Data keys are cached unwrapped, and the list of them is read again once a
// minute. A replica may thus seal under the previous data key for up to a minute
// after another replica rotated; such records open everywhere, and the next
// rewrap pass moves them. An unknown key version causes one early read, with a
// budget, so that a flood of forged tokens is not a flood of queries. A data key
// whose row is deleted stops opening anything within that same minute, at once
// after [Vault.Forget]. Disabling the root key at its source stops new unwraps
// at once and cached data keys when the process ends.
//
// # What this package must never do
//
// It must never return plaintext whose place was not verified, keep plaintext
// after it returned, name a reason for which a ciphertext did not open, create a
// data key in order to open something, or fall back to another account's key.
// Intermediate key bytes are cleared as soon as they were used. The expanded
// schedules inside the standard library's ciphers cannot be cleared; they live
// until the garbage collector reuses them.
//
// Keys and nonces come from crypto/rand, which cannot fail and is not
// replaceable, because a predictable source would void all of the above.
package vault
