package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

var errSignature = errors.New("the signature does not match")

// verifier checks signatures of one access key. It knows just enough of SigV4 for the requests of the benchmark: no
// query, single header values, a plain path.
type verifier struct {
	id, secret string

	mu   sync.RWMutex
	keys map[string][]byte // by credential scope
}

func newVerifier(id, secret string) *verifier {
	return &verifier{id: id, secret: secret, keys: map[string][]byte{}}
}

// verify proves that whoever made the request holds the secret and meant this body.
func (v *verifier) verify(r *http.Request, body []byte) error {
	scope, names, signature, err := v.parse(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	at := r.Header.Get("X-Amz-Date")
	t, err := time.Parse("20060102T150405Z", at)
	if err != nil || time.Since(t).Abs() > 5*time.Minute {
		return errSignature
	}
	mac := hmac.New(sha256.New, v.key(scope))
	sum := canonicalHash(r, names, body)
	b := make([]byte, 0, 192)
	b = append(b, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"...)
	mac.Write(hex.AppendEncode(b, sum[:]))
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], mac.Sum(nil))
	if !hmac.Equal(want[:], []byte(signature)) {
		return errSignature
	}
	return nil
}

// parse reads "AWS4-HMAC-SHA256 Credential=ID/SCOPE, SignedHeaders=a;b, Signature=hex".
func (v *verifier) parse(header string) (scope, names, signature string, err error) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 Credential="+v.id+"/")
	scope, rest, ok2 := strings.Cut(rest, ", SignedHeaders=")
	names, signature, ok3 := strings.Cut(rest, ", Signature=")
	if !ok || !ok2 || !ok3 {
		return "", "", "", errSignature
	}
	return scope, names, signature, nil
}

func canonicalHash(r *http.Request, names string, body []byte) [sha256.Size]byte {
	b := make([]byte, 0, 1024)
	b = append(b, r.Method+"\n"+r.URL.EscapedPath()+"\n\n"...)
	for name := range strings.SplitSeq(names, ";") {
		value := r.Host
		if name != "host" {
			value = r.Header.Get(name)
		}
		b = append(append(append(append(b, name...), ':'), value...), '\n')
	}
	b = append(append(append(b, '\n'), names...), '\n')
	sum := sha256.Sum256(body)
	return sha256.Sum256(hex.AppendEncode(b, sum[:]))
}

// key derives the signing key of a scope once.
func (v *verifier) key(scope string) []byte {
	v.mu.RLock()
	k := v.keys[scope]
	v.mu.RUnlock()
	if k != nil {
		return k
	}
	k = []byte("AWS4" + v.secret)
	for part := range strings.SplitSeq(scope, "/") {
		m := hmac.New(sha256.New, k)
		m.Write([]byte(part))
		k = m.Sum(nil)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[scope] = k
	return k
}
