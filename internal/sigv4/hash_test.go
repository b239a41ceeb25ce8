package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestVerifyHash: a body of which only the hash is known is proven by it, and no other hash is; the hash that the client
// declared is the one it signed.
func TestVerifyHash(t *testing.T) {
	now := time.Date(2031, 3, 14, 15, 9, 26, 0, time.UTC)
	creds := Credentials{AccessKeyID: "AKIAEXAMPLEEXAMPLE00", SecretAccessKey: "secret"}
	body := sha256.Sum256([]byte("an archive"))
	r, err := http.NewRequest("POST", "https://lanyard.example.com/lanyard/UploadAgentArchive", strings.NewReader("an archive"))
	if err != nil {
		t.Fatal(err)
	}
	SignHash(r, body, creds, "us-west-2", "bedrock-agentcore", now)
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	key := DeriveKey([]byte(creds.SecretAccessKey), q.Scope)
	if declared, ok := q.DeclaredHash(); !ok || declared != body {
		t.Errorf("declared %x, %v", declared, ok)
	}
	if err := q.VerifyHash(key, body, now); err != nil {
		t.Error(err)
	}
	if err := q.Verify(key, []byte("an archive"), now); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another body": q.VerifyHash(key, sha256.Sum256([]byte("another")), now),
		"no body":      q.VerifyHash(key, sha256.Sum256(nil), now),
		"zero hash":    q.VerifyHash(key, [sha256.Size]byte{}, now),
		"another key":  q.VerifyHash(DeriveKey([]byte("other"), q.Scope), body, now),
		"too late":     q.VerifyHash(key, body, now.Add(6*time.Minute)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	if q, err = Parse(r); err != nil {
		t.Fatal(err)
	}
	if _, ok := q.DeclaredHash(); ok {
		t.Error("an unsigned payload has a declared hash")
	}
	if err := q.VerifyHash(key, body, now); err == nil {
		t.Error("an unsigned payload was accepted")
	}
}

// TestMacIsHMAC: whatever the lengths of key and message, the result is that of
// crypto/hmac.
func TestMacIsHMAC(t *testing.T) {
	text := []byte(strings.Repeat("0123456789\x00\xff", 40))
	for key := range 3 * sha256.BlockSize {
		for _, message := range []int{0, 1, 8, 55, 56, 63, 64, 65, 150, 191, 192, 193, 256, 480} {
			h := hmac.New(sha256.New, text[7:7+key])
			h.Write(text[:message])
			if got := mac(text[7:7+key], text[:message]); !bytes.Equal(got[:], h.Sum(nil)) {
				t.Fatalf("another MAC for a key of %d bytes and a message of %d", key, message)
			}
		}
	}
}
