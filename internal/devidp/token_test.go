package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/devidp"
)

// TestA14_VerifierMustMatch: the code is worth nothing without the verifier behind the challenge.
func TestA14_VerifierMustMatch(t *testing.T) {
	w := newWorld(t)
	form := codeForm(w.code(query()))
	for name, wrong := range map[string]string{
		"missing": "", "another": "x" + verifier[1:], "the challenge itself": challengeOf(verifier), "too short": verifier[:42],
		"too long": strings.Repeat("a", 129), "bad character": verifier[:42] + "!", "doubled": verifier + verifier,
	} {
		form.Set("code_verifier", wrong)
		if r := w.post("/token", form); r.status != 400 || r.text("error") != "invalid_grant" {
			t.Errorf("%s verifier: %d %v, want invalid_grant", name, r.status, r.body)
		}
	}
	form.Set("code_verifier", verifier)
	w.mustIssue(w.post("/token", form))
}

func TestRedirectURIMustBeRepeatedExactly(t *testing.T) {
	w := newWorld(t)
	form := codeForm(w.code(query()))
	for _, wrong := range []string{"", "https://evil.example/", callback + "&x=1", strings.TrimSuffix(callback, "1")} {
		form.Set("redirect_uri", wrong)
		w.wantError(w.post("/token", form), 400, "invalid_grant")
	}
}

// TestA04_CodeReplayRevokesWhatItIssued covers the tokens of the exchange and those refreshed since.
func TestA04_CodeReplayRevokesWhatItIssued(t *testing.T) {
	w := newWorld(t)
	form := codeForm(w.code(query()))
	first := w.mustIssue(w.post("/token", form))
	second := w.mustIssue(w.post("/token", refreshForm(first.text("refresh_token"))))
	other := w.tokens(query())
	w.wantError(w.post("/token", form), 400, "invalid_grant")
	for name, token := range map[string]string{"first": first.text("access_token"), "refreshed": second.text("access_token")} {
		if w.active(token) || w.userinfo(token).status != http.StatusUnauthorized {
			t.Errorf("the %s access token still works after the code was replayed", name)
		}
	}
	w.wantError(w.post("/token", refreshForm(second.text("refresh_token"))), 400, "invalid_grant")
	if !w.active(other.text("access_token")) {
		t.Error("another consent was revoked too")
	}
}

func TestCodeExpires(t *testing.T) {
	w := newWorld(t)
	form := codeForm(w.code(query()))
	w.advance(5 * time.Minute)
	w.wantError(w.post("/token", form), 400, "invalid_grant")
}

func TestMadeUpCodesAndTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens(query())
	for _, text := range []string{"", "x", strings.Repeat("A", 43), tokens.text("refresh_token"), tokens.text("access_token"), strings.Repeat("x", 9000)} {
		w.wantError(w.post("/token", codeForm(text)), 400, "invalid_grant")
	}
	code := w.code(query())
	for _, text := range []string{"", "x", strings.Repeat("A", 43), code, tokens.text("access_token")} {
		w.wantError(w.post("/token", refreshForm(text)), 400, "invalid_grant")
	}
}

// TestA39_RefreshReuseRevokesTheFamily: a refresh token works once; its second use ends the whole consent.
func TestA39_RefreshReuseRevokesTheFamily(t *testing.T) {
	w := newWorld(t)
	first := w.tokens(query())
	second := w.mustIssue(w.post("/token", refreshForm(first.text("refresh_token"))))
	if first.text("refresh_token") == second.text("refresh_token") {
		t.Fatal("the refresh token was not rotated")
	}
	w.wantError(w.post("/token", refreshForm(first.text("refresh_token"))), 400, "invalid_grant")
	w.wantError(w.post("/token", refreshForm(second.text("refresh_token"))), 400, "invalid_grant")
	if w.active(second.text("access_token")) {
		t.Error("an access token outlived its revoked family")
	}
	if !strings.Contains(w.logs.String(), "used again") {
		t.Error("the reuse was not logged")
	}
}

// TestA39_ConcurrentUseLeavesAtMostOneWinner: of many uses at once, one succeeds at most, and since somebody used the
// token twice, the family does not survive.
func TestA39_ConcurrentUseLeavesAtMostOneWinner(t *testing.T) {
	for _, grant := range []string{"code", "refresh"} {
		t.Run(grant, func(t *testing.T) {
			w := newWorld(t)
			form := codeForm(w.code(query()))
			if grant == "refresh" {
				form = refreshForm(w.mustIssue(w.post("/token", form)).text("refresh_token"))
			}
			replies := make([]reply, 8)
			var wg sync.WaitGroup
			for i := range replies {
				wg.Go(func() { replies[i] = w.post("/token", form) })
			}
			wg.Wait()
			won := 0
			for _, r := range replies {
				if r.status != http.StatusOK {
					w.wantError(r, 400, "invalid_grant")
					continue
				}
				won++
				if w.active(r.text("access_token")) {
					t.Error("the winner's access token survived the double use")
				}
				w.wantError(w.post("/token", refreshForm(r.text("refresh_token"))), 400, "invalid_grant")
			}
			if won > 1 {
				t.Errorf("%d of the uses succeeded, want one at most", won)
			}
		})
	}
}

// TestA39_TheLoserOfARaceRevokesTheWinner: who finds the token taken by another between check and use revokes what both
// were issued, since one of the two stole it.
func TestA39_TheLoserOfARaceRevokesTheWinner(t *testing.T) {
	for _, kind := range []string{"code", "refresh"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			form := codeForm(w.code(query()))
			access := ""
			if kind == "refresh" {
				first := w.mustIssue(w.post("/token", form))
				access, form = first.text("access_token"), refreshForm(first.text("refresh_token"))
			}
			sound := w.cfg.Store
			w.cfg.Store = beaten{sound, kind}
			w.restart()
			w.wantError(w.post("/token", form), 400, "invalid_grant")
			if access != "" && w.active(access) {
				t.Error("the family survived a lost race")
			}
			if !strings.Contains(w.logs.String(), "used twice at once") {
				t.Error("the double use was not logged")
			}
			for _, line := range strings.Split(w.store.Dump(), "\n") {
				if strings.HasPrefix(line, "family ") {
					t.Errorf("a family is left: %s", line)
				}
			}
		})
	}
}

func TestRefreshKeepsTheConsentAndNarrowsTheToken(t *testing.T) {
	w := newWorld(t)
	q := query()
	q["resource"] = []string{"https://a.example/", "https://b.example/"}
	tokens := w.tokens(q)
	form := refreshForm(tokens.text("refresh_token"))
	form.Set("scope", "repo")
	form.Set("resource", "https://b.example/")
	narrow := w.mustIssue(w.post("/token", form))
	claims := w.claims(narrow.text("access_token"), "at+jwt")
	if claims["scope"] != "repo" || claims["aud"] != "https://b.example/" || narrow.text("id_token") != "" {
		t.Errorf("narrowed token: %v, answer %v", claims, narrow.body)
	}
	full := w.mustIssue(w.post("/token", refreshForm(narrow.text("refresh_token"))))
	if full.text("scope") != q.Get("scope") {
		t.Errorf("scope = %q after a narrower refresh, want the whole consent %q", full.text("scope"), q.Get("scope"))
	}
	id := w.claims(full.text("id_token"), "JWT")
	if id["nonce"] != nil || id["auth_time"] != float64(w.now().Unix()) {
		t.Errorf("refreshed ID token: %v", id)
	}
}

// TestMoreThanConsentedIsRefused: neither scopes nor audiences grow at the token endpoint, and asking does not use the
// token up.
func TestMoreThanConsentedIsRefused(t *testing.T) {
	w := newWorld(t)
	form := codeForm(w.code(query()))
	form.Set("resource", "https://evil.example/")
	w.wantError(w.post("/token", form), 400, "invalid_target")
	form.Del("resource")
	refresh := refreshForm(w.mustIssue(w.post("/token", form)).text("refresh_token"))
	for param, wrong := range map[string]struct{ value, code string }{
		"scope": {"repo admin", "invalid_scope"}, "audience": {"elsewhere", "invalid_target"}, "resource": {"not a uri", "invalid_target"},
	} {
		refresh.Set(param, wrong.value)
		w.wantError(w.post("/token", refresh), 400, wrong.code)
		refresh.Del(param)
	}
	w.mustIssue(w.post("/token", refresh))
}

func TestRefreshTokenTTLCountsFromTheConsent(t *testing.T) {
	w := newWorld(t, func(c *devidp.Config) { c.RefreshTokenTTL = time.Hour })
	tokens := w.tokens(query())
	w.advance(40 * time.Minute)
	tokens = w.mustIssue(w.post("/token", refreshForm(tokens.text("refresh_token"))))
	w.advance(20 * time.Minute)
	w.wantError(w.post("/token", refreshForm(tokens.text("refresh_token"))), 400, "invalid_grant")
}

func TestClientCredentials(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid a:b"}, "audience": {"api"}}
	r := w.mustIssue(w.post("/token", form))
	if r.text("refresh_token") != "" || r.text("id_token") != "" {
		t.Errorf("a client's own token came with %v", r.body)
	}
	claims := w.claims(r.text("access_token"), "at+jwt")
	if claims["sub"] != clientID || claims["client_id"] != clientID || claims["aud"] != "api" || claims["scope"] != "openid a:b" || claims["auth_time"] != nil {
		t.Errorf("claims = %v", claims)
	}
	if info := w.userinfo(r.text("access_token")); info.status != http.StatusUnauthorized || info.text("error") != "invalid_token" {
		t.Errorf("userinfo for a client's own token: %d %v, want 401: no user is behind it", info.status, info.body)
	}
	form.Set("scope", `"`)
	w.wantError(w.post("/token", form), 400, "invalid_scope")
}

// TestDeletedUserLosesEverything: sessions, codes and tokens of a user who is no longer configured are dead.
func TestDeletedUserLosesEverything(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	code := w.consent(p, query()).Get("code")
	tokens := w.tokens(query())
	w.cfg.User.Subject = "user-2"
	w.restart()
	w.wantError(w.post("/token", codeForm(code)), 400, "invalid_grant")
	w.wantError(w.post("/token", refreshForm(tokens.text("refresh_token"))), 400, "invalid_grant")
	if w.active(tokens.text("access_token")) || w.userinfo(tokens.text("access_token")).status != http.StatusUnauthorized {
		t.Error("an access token outlived its user")
	}
	if page := w.signInPage(p); page.Leaves != "" {
		t.Error("a browser session outlived its user")
	}
}

// TestServersThatShareAStoreShareNothingElse: every record is bound to its issuer.
func TestServersThatShareAStoreShareNothingElse(t *testing.T) {
	w := newWorld(t)
	tokens := w.tokens(query())
	code := w.code(query())
	here := w.cfg.Issuer
	w.cfg.Issuer = w.web.URL + "/other"
	w.restart()
	w.wantError(w.post("/token", codeForm(code)), 400, "invalid_grant")
	w.wantError(w.post("/token", refreshForm(tokens.text("refresh_token"))), 400, "invalid_grant")
	if w.active(tokens.text("access_token")) {
		t.Error("another issuer's token is active")
	}
	w.cfg.Issuer = here
	w.restart()
	w.mustIssue(w.post("/token", codeForm(code)))
}
