package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
)

func TestCallbackGivesTheCode(t *testing.T) {
	code, err := oauth.CheckCallback(customProvider(), url.Values{"code": {"abc def~"}, "state": {"s"}, "session_state": {"1", "2"}})
	if err != nil || code.RevealString() != "abc def~" {
		t.Errorf("code %v, error %v", code, err)
	}
}

func TestA06_AnswerOfAnotherProviderIsRefused(t *testing.T) {
	honest, attacker := oauthtest.New(t), oauthtest.New(t)
	// The user began at the honest provider; the attacker's provider answers.
	attacker.ClientID = honest.ClientID
	raw, err := oauth.AuthorizationURL(oauth.Authorization{
		Provider: attacker.Provider(), CallbackURL: callbackURL, State: "s", Verifier: newVerifier(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	callback := attacker.Authorize(t, raw)
	code, err := oauth.CheckCallback(honest.Provider(), callback.Query())
	wantKind(t, err, oauth.Malformed)
	wantText(t, err, "not from")
	if !code.Empty() {
		t.Error("the code came with the error")
	}
	if _, err := oauth.CheckCallback(attacker.Provider(), callback.Query()); err != nil {
		t.Errorf("the same answer at its own provider: %v", err)
	}
}

func TestA07_WrongOrMissingIss(t *testing.T) {
	for _, c := range []struct {
		name             string
		iss              []string
		issuer           string
		promised, accept bool
	}{
		{"promised and right", []string{"https://idp.example"}, "https://idp.example", true, true},
		{"promised and missing", nil, "https://idp.example", true, false},
		{"promised and empty", []string{""}, "https://idp.example", true, false},
		{"promised and wrong", []string{"https://evil.example"}, "https://idp.example", true, false},
		{"not promised and missing", nil, "https://idp.example", false, true},
		{"not promised and right", []string{"https://idp.example"}, "https://idp.example", false, true},
		{"not promised and wrong", []string{"https://evil.example"}, "https://idp.example", false, false},
		{"not promised and empty", []string{""}, "https://idp.example", false, false},
		{"trailing slash", []string{"https://idp.example/"}, "https://idp.example", true, false},
		{"other case", []string{"https://IDP.example"}, "https://idp.example", true, false},
		{"prefix", []string{"https://idp.example.evil.example"}, "https://idp.example", true, false},
		{"twice", []string{"https://idp.example", "https://idp.example"}, "https://idp.example", true, false},
		{"nothing to compare with", []string{"https://idp.example"}, "", false, false},
		{"empty equals empty", []string{""}, "", true, false},
	} {
		for _, answer := range []string{"code", "error"} {
			p := customProvider()
			p.Issuer, p.IssParameter = c.issuer, c.promised
			query := url.Values{"state": {"s"}, answer: {"access_denied"}}
			if c.iss != nil {
				query["iss"] = c.iss
			}
			code, err := oauth.CheckCallback(p, query)
			switch {
			case !c.accept:
				wantKind(t, err, oauth.Malformed) // an error answer too: it must not end the session
			case answer == "error":
				wantKind(t, err, oauth.Denied)
			case err != nil || code.Empty():
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

func TestA07_ProviderThatPromisesIssAndSendsAnother(t *testing.T) {
	s := oauthtest.New(t)
	s.Behave(func(b *oauthtest.Behaviour) { b.Iss = "https://evil.example" })
	raw, err := oauth.AuthorizationURL(oauth.Authorization{Provider: s.Provider(), CallbackURL: callbackURL, State: "s", Verifier: newVerifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = oauth.CheckCallback(s.Provider(), s.Authorize(t, raw).Query())
	wantKind(t, err, oauth.Malformed)
}

func TestA05_RepeatedCallbackParametersAreRefused(t *testing.T) {
	for _, name := range []string{"code", "state", "iss", "error", "error_description"} {
		query := url.Values{"code": {"good"}, "state": {"s"}, "iss": {"https://idp.example"}}
		query[name] = []string{"https://idp.example", "https://idp.example"}
		_, err := oauth.CheckCallback(customProvider(), query)
		wantKind(t, err, oauth.Malformed)
		wantText(t, err, "more than once")
	}
}

func TestCallbackErrors(t *testing.T) {
	for code, kind := range map[string]oauth.Kind{
		"access_denied":           oauth.Denied,
		"invalid_scope":           oauth.Rejected,
		"unauthorized_client":     oauth.Rejected,
		"something_new":           oauth.Rejected,
		"invalid_grant":           oauth.Rejected,
		"server_error":            oauth.Transient,
		"temporarily_unavailable": oauth.Transient,
	} {
		_, err := oauth.CheckCallback(customProvider(), url.Values{"error": {code}, "state": {"state-value"}, "error_description": {"because"}})
		if e := wantKind(t, err, kind); e.Code != code || e.Description != "because" {
			t.Errorf("unexpected error %+v", e)
		}
	}
}

func TestCallbackWithoutAnAnswer(t *testing.T) {
	for name, query := range map[string]url.Values{
		"nothing":        {},
		"empty code":     {"code": {""}},
		"code and error": {"code": {"c"}, "error": {"access_denied"}},
		"empty error":    {"error": {""}},
		"control code":   {"code": {"a\nb"}},
		"foreign code":   {"code": {"é"}},
		"giant code":     {"code": {strings.Repeat("c", 8193)}},
	} {
		_, err := oauth.CheckCallback(customProvider(), query)
		if e := wantKind(t, err, oauth.Malformed); e.Code != "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	_, err := oauth.CheckCallback(oauth.Provider{}, url.Values{"code": {"c"}})
	wantKind(t, err, oauth.Misconfigured)
}

func TestCallbackErrorTextIsCleaned(t *testing.T) {
	_, err := oauth.CheckCallback(customProvider(), url.Values{
		"error":             {"evil\r\nlevel=ERROR msg=forged " + strings.Repeat("x", 500)},
		"error_description": {"state-value \x1b[31m<script>" + strings.Repeat("é", 500)},
		"state":             {"state-value"},
	})
	e := wantKind(t, err, oauth.Rejected)
	if len(e.Code) > 64 || len(e.Description) > 200 || strings.ContainsAny(err.Error(), "\r\n\x1b") || strings.Contains(err.Error(), "state-value") {
		t.Errorf("error %q", err)
	}
	_, err = oauth.CheckCallback(customProvider(), url.Values{"code": {"c"}, "iss": {"https://evil\n" + strings.Repeat("x", 5000)}})
	if len(err.Error()) > 600 || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q", err)
	}
}
