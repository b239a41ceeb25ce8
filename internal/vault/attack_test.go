package vault

import (
	"strings"
	"testing"
)

// elsewhere lists every place that differs from grantPlace in one part, and some
// that would collide with it if the parts were merely joined.
func elsewhere() map[string]Place {
	return map[string]Place{
		"row":          {accountA, "grants", "g-2", "refresh_token"},
		"table":        {accountA, "sessions", "g-1", "refresh_token"},
		"field":        {accountA, "grants", "g-1", "access_token"},
		"account":      {accountB, "grants", "g-1", "refresh_token"},
		"no field":     {accountA, "grants", "g-1", ""},
		"shifted join": {accountA, "grantsg", "-1", "refresh_token"},
		"shifted row":  {accountA, "grants", "g-1refresh_", "token"},
		"case":         {accountA, "grants", "G-1", "refresh_token"},
	}
}

func TestA32_MovedCiphertextDoesNotOpen(t *testing.T) {
	v := newWorld(t).replica()
	ct := mustSeal(t, v, grantPlace, "secret")
	mustSeal(t, v, Place{accountB, "grants", "g-1", "refresh_token"}, "so that the account has a key")
	for name, p := range elsewhere() {
		_, err := v.Open(t.Context(), p, ct)
		wantSealed(t, err, "opened at another "+name)
		_, _, err = v.Rewrap(t.Context(), p, ct)
		wantSealed(t, err, "rewrapped at another "+name)
	}
	mustOpen(t, v, grantPlace, ct, "secret")
}

func TestA32_MovedWithTheDataKeyRowDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	ct := mustSeal(t, w.replica(), grantPlace, "secret")
	stolen := w.store.rows[0]
	stolen.Account = accountB
	w.store.rows = append(w.store.rows, stolen)
	_, err := w.replica().Open(t.Context(), Place{accountB, "grants", "g-1", "refresh_token"}, ct)
	wantSealed(t, err, "data key copied to another account")
}

func TestA32_VersionsDoNotMix(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	first := mustSeal(t, v, grantPlace, "first")
	mustRotate(t, v, accountA)
	second := mustSeal(t, v, grantPlace, "second")

	renumbered := append([]byte(nil), first...)
	renumbered[versionPrefix-1] = 2
	_, err := v.Open(t.Context(), grantPlace, renumbered)
	wantSealed(t, err, "renumbered to a newer data key")

	spliced := append(append([]byte(nil), first[:recordHeader]...), second[recordHeader:]...)
	_, err = v.Open(t.Context(), grantPlace, spliced)
	wantSealed(t, err, "header of one version, body of another")

	older := w.store.rows[0].Wrapped
	w.store.edit(accountA, 2, func(k *DataKey) { k.Wrapped = older })
	_, err = w.replica().Open(t.Context(), grantPlace, second)
	wantSealed(t, err, "data key of one version filed under another")
}

func TestA33_DamagedCiphertextDoesNotOpen(t *testing.T) {
	v := newWorld(t).replica()
	ct := mustSeal(t, v, grantPlace, "secret")
	for n := range ct {
		_, err := v.Open(t.Context(), grantPlace, ct[:n])
		wantSealed(t, err, "truncated")
	}
	_, err := v.Open(t.Context(), grantPlace, append(append([]byte(nil), ct...), 0))
	wantSealed(t, err, "extended")
	eachFlip(ct, func(flipped []byte) {
		v.ring(accountA).budget = 0 // keep the store out of it
		_, err := v.Open(t.Context(), grantPlace, flipped)
		wantSealed(t, err, "bit flipped")
	})
	mustOpen(t, v, grantPlace, ct, "secret")
}

func TestA33_DowngradedFormatsAreRefused(t *testing.T) {
	v := newWorld(t).replica()
	ct := mustSeal(t, v, grantPlace, "secret")
	for format := range 256 {
		if format == recordFormat {
			continue
		}
		downgraded := append([]byte(nil), ct...)
		downgraded[0] = byte(format)
		_, err := v.Open(t.Context(), grantPlace, downgraded)
		wantSealed(t, err, "another format")
		_, err = v.KeyVersion(downgraded)
		wantSealed(t, err, "key version of another format")
	}
}

func TestA33_DamagedDataKeyDoesNotUnwrap(t *testing.T) {
	w := newWorld(t)
	ct := mustSeal(t, w.replica(), grantPlace, "secret")
	whole := w.store.rows[0].Wrapped
	eachFlip(whole, func(flipped []byte) {
		w.store.edit(accountA, 1, func(k *DataKey) { k.Wrapped = flipped })
		v := w.replica()
		if _, err := v.Open(t.Context(), grantPlace, ct); err == nil {
			t.Fatal("opened under a damaged data key")
		}
		if _, err := v.Seal(t.Context(), grantPlace, SecretString("x")); err == nil {
			t.Fatal("sealed under a damaged data key")
		}
	})
}

// eachFlip calls f with b after flipping each of its bits in turn.
func eachFlip(b []byte, f func([]byte)) {
	for i := range len(b) * 8 {
		flipped := append([]byte(nil), b...)
		flipped[i/8] ^= 1 << (i % 8)
		f(flipped)
	}
}

func TestA64_EditedRowFailsItsMAC(t *testing.T) {
	v := newWorld(t).replica()
	p := Place{Account: accountA, Table: "policies", Row: "p-1"}
	row := []byte(`{"Effect":"Deny"}`)
	mac, err := v.MAC(t.Context(), p, 7, row)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.VerifyMAC(t.Context(), p, 7, row, mac); err != nil {
		t.Fatalf("the untouched row: %v", err)
	}
	eachFlip(row, func(edited []byte) {
		wantSealed(t, v.VerifyMAC(t.Context(), p, 7, edited, mac), "row edited")
	})
	eachFlip(mac, func(edited []byte) {
		v.ring(accountA).budget = 0
		wantSealed(t, v.VerifyMAC(t.Context(), p, 7, row, edited), "MAC edited")
	})
	for n := range mac {
		wantSealed(t, v.VerifyMAC(t.Context(), p, 7, row, mac[:n]), "MAC truncated")
	}
	wantSealed(t, v.VerifyMAC(t.Context(), p, 7, nil, mac), "row emptied")
	wantSealed(t, v.VerifyMAC(t.Context(), p, 7, row, nil), "MAC removed")
}

func TestA64_RolledBackOrMovedRowFailsItsMAC(t *testing.T) {
	v := newWorld(t).replica()
	p := Place{Account: accountA, Table: "grants", Row: "g-1", Field: "refresh_token"}
	row := []byte("endpoint=https://idp.example/token")
	mac, err := v.MAC(t.Context(), p, 2, row)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []int64{-2, 0, 1, 3, 1 << 40} {
		wantSealed(t, v.VerifyMAC(t.Context(), p, version, row, mac), "content of another version")
	}
	mustSeal(t, v, Place{Account: accountB, Table: "t", Row: "r"}, "so that the account has a key")
	for name, other := range elsewhere() {
		wantSealed(t, v.VerifyMAC(t.Context(), other, 2, row, mac), "moved to another "+name)
	}
}

func TestA64_MACOutlivesRotationUntilTheKeyRetires(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	p := Place{Account: accountA, Table: "policies", Row: "p-1"}
	mac, err := v.MAC(t.Context(), p, 1, []byte("row"))
	if err != nil {
		t.Fatal(err)
	}
	mustRotate(t, v, accountA)
	if err := v.VerifyMAC(t.Context(), p, 1, []byte("row"), mac); err != nil {
		t.Fatalf("after rotation: %v", err)
	}
	if n, err := v.MACKeyVersion(mac); err != nil || n != 1 {
		t.Errorf("MACKeyVersion = %d, %v, want 1", n, err)
	}
	w.store.retire(accountA, 1)
	w.clock.advance(recheckAfter)
	wantSealed(t, v.VerifyMAC(t.Context(), p, 1, []byte("row"), mac), "MAC under a retired data key")
}

const wat = "workload-access-token"

func mustToken(t testing.TB, v *Vault, account, kind, payload string) string {
	t.Helper()
	token, err := v.SealToken(t.Context(), account, kind, []byte(payload))
	if err != nil {
		t.Fatalf("SealToken: %v", err)
	}
	return token
}

func TestA16_TokenOfAnotherKindOrAccountDoesNotOpen(t *testing.T) {
	v := newWorld(t).replica()
	token := mustToken(t, v, accountA, wat, "payload")
	mustToken(t, v, accountB, wat, "so that the account has a key")
	for _, kind := range []string{"session-token", "oauth-state", wat + "s", wat[:8], strings.ToUpper(wat)} {
		_, err := v.OpenToken(t.Context(), accountA, kind, token)
		wantSealed(t, err, "opened as "+kind)
	}
	_, err := v.OpenToken(t.Context(), accountB, wat, token)
	wantSealed(t, err, "opened for another account")
	_, err = v.OpenToken(t.Context(), "999999999999", wat, token)
	wantSealed(t, err, "opened for an account without keys")
	if got, err := v.OpenToken(t.Context(), accountA, wat, token); err != nil || string(got) != "payload" {
		t.Errorf("OpenToken = %q, %v", got, err)
	}
}

func TestA16_TamperedTokenDoesNotOpen(t *testing.T) {
	v := newWorld(t).replica()
	token := mustToken(t, v, accountA, wat, "payload")
	open := func(token, what string) {
		t.Helper()
		v.ring(accountA).budget = 0
		_, err := v.OpenToken(t.Context(), accountA, wat, token)
		wantSealed(t, err, what)
	}
	for n := range token {
		open(token[:n], "truncated")
		open(token[:n]+"\n"+token[n:], "line break inside")
	}
	eachFlip([]byte(token), func(b []byte) { open(string(b), "bit flipped") })
	for _, suffix := range []string{"A", "=", "==", "\n", "\r\n", " ", "."} {
		open(token+suffix, "extended")
	}
	open(strings.Repeat("A", maxTokenSize+1), "too long")
}

func TestA16_TokenUnderARetiredKeyDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	v := w.replica()
	token := mustToken(t, v, accountA, wat, "payload")
	mustRotate(t, v, accountA)
	if _, err := v.OpenToken(t.Context(), accountA, wat, token); err != nil {
		t.Fatalf("after rotation: %v", err)
	}
	w.store.retire(accountA, 1)
	w.clock.advance(recheckAfter)
	_, err := v.OpenToken(t.Context(), accountA, wat, token)
	wantSealed(t, err, "within a minute of retirement")
	_, err = w.replica().OpenToken(t.Context(), accountA, wat, token)
	wantSealed(t, err, "in another process")
}

func TestA16_RecordAndTokenAreNotEachOther(t *testing.T) {
	v := newWorld(t).replica()
	ct := mustSeal(t, v, grantPlace, strings.Repeat("x", 64))
	_, err := v.OpenToken(t.Context(), accountA, wat, tokenEncoding.EncodeToString(ct))
	wantSealed(t, err, "record as a token")
	raw, err := tokenEncoding.DecodeString(mustToken(t, v, accountA, wat, strings.Repeat("x", 128)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Open(t.Context(), grantPlace, raw)
	wantSealed(t, err, "token as a record")
}
