package sigv4

import (
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
