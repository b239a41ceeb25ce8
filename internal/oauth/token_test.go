package oauth_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// refreshWith refreshes against one canned answer.
func refreshWith(t testing.TB, h *canned) (oauth.Token, error) {
	t.Helper()
	return oauth.New(h, newClock().Now).Refresh(t.Context(), customProvider(), vault.SecretString("refresh-value"), nil, nil, nil)
}

func refreshJSON(t testing.TB, body string) (oauth.Token, error) {
	t.Helper()
	return refreshWith(t, answering(http.StatusOK, "application/json", body))
}

func TestA38_Lifetimes(t *testing.T) {
	ten := 10 * 365 * 24 * time.Hour
	for value, want := range map[string]time.Time{
		`3600`:                     start.Add(time.Hour),
		`"3600"`:                   start.Add(time.Hour),
		`" 60 "`:                   start.Add(time.Minute),
		`3600.9`:                   start.Add(time.Hour),
		`3.6e3`:                    start.Add(time.Hour),
		`-1`:                       start, // expired on arrival
		`"-3600"`:                  start,
		`-1e400`:                   start,
		`0`:                        {}, // some vendors' "never"
		`"0"`:                      {},
		`null`:                     {},
		`""`:                       {},
		`"soon"`:                   {},
		`"NaN"`:                    {},
		`"Inf"`:                    {},
		`"0x10"`:                   {},
		`true`:                     {},
		`{"a":1}`:                  {},
		`[3600]`:                   {},
		`1e400`:                    start.Add(ten),
		`99999999999`:              start.Add(ten),
		`"9223372036854775808999"`: start.Add(ten),
	} {
		token, err := refreshJSON(t, `{"access_token":"a","refresh_token":"r","expires_in":`+value+`}`)
		if err != nil || !token.ExpiresAt.Equal(want) {
			t.Errorf("expires_in %s: expires at %v, want %v (%v)", value, token.ExpiresAt, want, err)
		}
		if token.Refresh.RevealString() != "r" {
			t.Errorf("expires_in %s lost the refresh token", value)
		}
	}
}

func TestA38_RefreshLifetimes(t *testing.T) {
	for members, want := range map[string]time.Time{
		`"refresh_token_expires_in":"15897600"`: start.Add(15897600 * time.Second),
		`"refresh_expires_in":1800`:             start.Add(30 * time.Minute),
		`"refresh_expires_in":0`:                {},
		`"refresh_token_expires_in":-5`:         {},
		`"refresh_token_expires_in":{}`:         {},
		`"x":1`:                                 {},
	} {
		token, err := refreshJSON(t, `{"access_token":"a",`+members+`}`)
		if err != nil || !token.RefreshExpiresAt.Equal(want) || !token.ExpiresAt.IsZero() {
			t.Errorf("%s: %v, want %v (%v)", members, token.RefreshExpiresAt, want, err)
		}
	}
}

func TestA38_LifetimeCountsFromTheRequest(t *testing.T) {
	s, now := oauthtest.New(t), newClock()
	e := oauth.New(guarded(t, 10*time.Second), now.Now)
	s.OnToken(func(http.ResponseWriter, *http.Request) bool {
		now.Advance(5 * time.Second) // a slow provider
		return false
	})
	token, err := e.ClientCredentials(t.Context(), s.Provider(), nil, nil, nil, nil)
	if err != nil || !token.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("expires at %v (%v)", token.ExpiresAt, err)
	}
}

func TestA38_GrantedScopesAreReported(t *testing.T) {
	for scope, want := range map[string][]string{
		`"read write"`:                   {"read", "write"},
		`"repo,gist"`:                    {"repo", "gist"},
		`"repo, user"`:                   {"repo", "user"},
		`" read  write "`:                {"read", "write"},
		`["chat:read","chat:edit"]`:      {"chat:read", "chat:edit"},
		`"admin"`:                        {"admin"}, // another scope than asked: the caller sees it
		`["ok",7,null,"a b","\n",{}]`:    {"ok"},
		`"good ba\"d \u0007bell \u00e9"`: {"good"},
		`7`:                              {},
		`{"read":true}`:                  {},
		`true`:                           {},
		`[]`:                             {},
	} {
		token, err := refreshJSON(t, `{"access_token":"a","scope":`+scope+`}`)
		if err != nil || !token.ScopesKnown || !slices.Equal(token.Scopes, want) {
			t.Errorf("scope %s: %v, known %v, want %v (%v)", scope, token.Scopes, token.ScopesKnown, want, err)
		}
	}
	for _, member := range []string{``, `,"scope":null`, `,"scope":""`, `,"scope":"  "`} {
		token, err := refreshJSON(t, `{"access_token":"a"`+member+`}`)
		if err != nil || token.ScopesKnown || token.Scopes != nil {
			t.Errorf("%s: scopes %v, known %v (%v)", member, token.Scopes, token.ScopesKnown, err)
		}
	}
	many := `"` + strings.Repeat("s ", 5000) + `"`
	if token, err := refreshJSON(t, `{"access_token":"a","scope":`+many+`}`); err != nil || len(token.Scopes) > 512 {
		t.Errorf("%d scopes (%v)", len(token.Scopes), err)
	}
}

func TestA38_ProviderGrantsAnotherScope(t *testing.T) {
	s, e := oauthtest.New(t), newEngine(t)
	s.Behave(func(b *oauthtest.Behaviour) { b.Scope = "admin" })
	token := obtain(t, e, s, s.Provider(), "read")
	if !slices.Equal(token.Scopes, []string{"admin"}) {
		t.Errorf("scopes %v hide what the provider said", token.Scopes)
	}
}

func TestA38_TokensOfAnotherTypeAreRefused(t *testing.T) {
	for _, tokenType := range []string{`"DPoP"`, `"mac"`, `"N_A"`, `"pop"`, `""`, `"bearer "`, `7`, `["Bearer"]`, `{}`, `false`} {
		token, err := refreshJSON(t, `{"access_token":"a","token_type":`+tokenType+`}`)
		wantKind(t, err, oauth.Malformed)
		wantText(t, err, "token_type")
		if !token.Access.Empty() {
			t.Errorf("token_type %s: the token came with the error", tokenType)
		}
	}
	for _, member := range []string{``, `,"token_type":null`, `,"token_type":"Bearer"`, `,"token_type":"bearer"`, `,"token_type":"BEARER"`} {
		if token, err := refreshJSON(t, `{"access_token":"a"`+member+`}`); err != nil || token.Type != "Bearer" {
			t.Errorf("%s: type %q (%v)", member, token.Type, err)
		}
	}
}

func TestA37_MalformedAnswers(t *testing.T) {
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	bottomless := `{"access_token":"a","x":` + strings.Repeat(`{"x":`, 100000)
	wide := new(strings.Builder)
	for i := range 300 {
		fmt.Fprintf(wide, `,"m%d":1`, i)
	}
	for name, body := range map[string]string{
		"empty":                   ``,
		"null":                    `null`,
		"array":                   `[{"access_token":"a"}]`,
		"string":                  `"access_token=a"`,
		"html":                    `<html>access_token=a</html>`,
		"cut":                     `{"access_token":"a"`,
		"cut inside a string":     `{"access_token":"a`,
		"trailing object":         `{"access_token":"a"}{"access_token":"b"}`,
		"trailing text":           `{"access_token":"a"} x`,
		"repeated member":         `{"access_token":"a","access_token":"b"}`,
		"no token":                `{}`,
		"empty token":             `{"access_token":""}`,
		"token in another case":   `{"Access_Token":"a"}`,
		"token is a number":       `{"access_token":7}`,
		"token is null":           `{"access_token":null}`,
		"token with a line break": `{"access_token":"a\r\nX-Evil: 1"}`,
		"token with a space":      `{"access_token":"a b"}`,
		"token with a zero":       `{"access_token":"a\u0000"}`,
		"token not ASCII":         `{"access_token":"ä"}`,
		"giant token":             `{"access_token":"` + strings.Repeat("a", 131073) + `"}`,
		"refresh is an object":    `{"access_token":"a","refresh_token":{}}`,
		"refresh with a zero":     `{"access_token":"a","refresh_token":"\u0000"}`,
		"giant refresh":           `{"access_token":"a","refresh_token":"` + strings.Repeat("r", 131073) + `"}`,
		"bad UTF-8":               "{\"access_token\":\"a\",\"x\":\"\xff\"}",
		"too deep":                `{"access_token":"a","x":` + deep + `}`,
		"bottomless":              bottomless,
		"too many members":        `{"access_token":"a"` + wide.String() + `}`,
		"larger than 1 MiB":       `{"access_token":"a","x":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			token, err := refreshJSON(t, body)
			wantKind(t, err, oauth.Malformed)
			if !token.Access.Empty() || len(err.Error()) > 600 {
				t.Errorf("token %v, error %.700s", token, err)
			}
		})
	}
}

func TestAnswersThatAreOdd(t *testing.T) {
	for name, body := range map[string]string{
		"deep in a string":  `{"access_token":"a","x":"` + strings.Repeat("[{", 5000) + `\"["}`,
		"longest token":     `{"access_token":"` + strings.Repeat("a", 131072) + `"}`,
		"null refresh":      `{"access_token":"a","refresh_token":null,"error":null}`,
		"empty refresh":     `{"access_token":"a","refresh_token":"","error":""}`,
		"false error":       `{"access_token":"a","error":false}`,
		"space around":      "\r\n {\"access_token\":\"a\"}\n",
		"members of vendor": `{"access_token":"a","team":{"id":[1,{"x":null}]},"ok":true}`,
	} {
		if token, err := refreshJSON(t, body); err != nil || token.Access.Empty() || !token.Refresh.Empty() {
			t.Errorf("%s: %v", name, err)
		}
	}
	token, err := refreshJSON(t, `{"access_token":"a","id_token":"e30.e30.x"}`)
	if err != nil || !token.IDTokenPresent {
		t.Errorf("ID token unseen (%v)", err)
	}
}

func TestFormAnswers(t *testing.T) {
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	token, err := refreshWith(t, answering(200, form, "access_token=gho_a&scope=repo%2Cgist&token_type=bearer&expires_in=60\n"))
	if err != nil || token.Access.RevealString() != "gho_a" || !slices.Equal(token.Scopes, []string{"repo", "gist"}) || !token.ExpiresAt.Equal(start.Add(time.Minute)) {
		t.Errorf("token %+v, error %v", token, err)
	}
	for name, h := range map[string]*canned{
		"repeated":       answering(200, form, "access_token=a&access_token=b"),
		"broken":         answering(200, form, "access_token=%zz"),
		"semicolon":      answering(200, form, "access_token=a;b=c"),
		"empty":          answering(200, form, ""),
		"too many":       answering(200, form, "access_token=a"+strings.Repeat("&x=1", 300)),
		"too large":      answering(200, form, "access_token=a&x="+strings.Repeat("x", 1<<20)),
		"called JSON":    answering(200, "application/json", "access_token=a"),
		"called HTML":    answering(200, "text/html", "access_token=a"),
		"called nothing": answering(200, "", "access_token=a"),
	} {
		if _, err := refreshWith(t, h); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantKind(t, err, oauth.Malformed)
		}
	}
}

func TestA37_EndlessAndSilentProviders(t *testing.T) {
	s := oauthtest.New(t)
	s.OnToken(oauthtest.Endless)
	_, err := newEngine(t).ClientCredentials(t.Context(), s.Provider(), nil, nil, nil, nil)
	wantKind(t, err, oauth.Malformed)

	s.OnToken(oauthtest.Silent)
	impatient := oauth.New(guarded(t, 200*time.Millisecond), newClock().Now)
	_, err = impatient.ClientCredentials(t.Context(), s.Provider(), nil, nil, nil, nil)
	if !wantKind(t, err, oauth.Transient).Sent {
		t.Error("a provider that fell silent may have acted")
	}
}
