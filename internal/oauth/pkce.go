package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

const verifierBytes = 32

// NewVerifier draws a PKCE code verifier of 256 random bits (RFC 7636 section 4.1).
func NewVerifier(rnd io.Reader) (string, error) {
	random := make([]byte, verifierBytes)
	if _, err := io.ReadFull(rnd, random); err != nil {
		return "", fmt.Errorf("drawing a PKCE code verifier: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

// Challenge is the S256 code challenge of a verifier (RFC 7636 section 4.2). The
// plain method is not offered: it protects nothing once the request is seen.
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// validVerifier holds RFC 7636 section 4.1: 43 to 128 unreserved characters.
func validVerifier(verifier string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return len(verifier) >= 43 && len(verifier) <= 128 && strings.Trim(verifier, unreserved) == ""
}
