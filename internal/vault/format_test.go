package vault

import (
	"encoding/hex"
	"testing"
	"time"
)

// What the first release sealed, under a root key of 32 bytes 0x01. Every later
// release must open it: a change of format takes a new format number, and reads
// the old one too.
const (
	firstDataKey = "0172cd6e8422c407fbfae5d452de6ce75a4f2d2e5a87f17a3796231daf5cff070ad29f4c2fd84d3a2d36589391def22a" +
		"1450273cb5504bea1bbe2364d701337417db42502a"
	firstRecord = "01000000011dcccb972157fd11aece6d6c9ec43054deffff189b482fa235e0a5ef0232e13f0318093594ee0caf765a29" +
		"d6dd315d37330c157664e08118911d93c9fc3cc0711bdc482c9b7cb614acafac543f60ac51d7ebc6194a371b1cfd1ab8" +
		"205f923489920feed6002e92"
	firstMAC   = "0100000001f6ece47304e1ced5262dfc83b93002ad32e539b75b11acb271bc83ceb4f5c72d"
	firstToken = "AQAAAAHnFNuRZJBvaR6sRayUZSXWbDbh3E1-Wnex8Dodb__iUgVJLA"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFirstFormatStillOpens(t *testing.T) {
	store := &memoryStore{rows: []DataKey{{Account: accountA, Version: 1, Wrapped: unhex(t, firstDataKey)}}}
	v := New(mustFile(t, keyLine(1)), store, time.Now)
	mustOpen(t, v, grantPlace, unhex(t, firstRecord), "a refresh token")
	if err := v.VerifyMAC(t.Context(), grantPlace, 7, []byte("row"), unhex(t, firstMAC)); err != nil {
		t.Errorf("VerifyMAC: %v", err)
	}
	if got, err := v.OpenToken(t.Context(), accountA, wat, firstToken); err != nil || string(got) != "payload" {
		t.Errorf("OpenToken = %q, %v", got, err)
	}
}
