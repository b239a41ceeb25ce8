package oauth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
	"github.com/lanyard-id/lanyard/internal/vault"
)

func TestRevoke(t *testing.T) {
	s, now := oauthtest.New(t), newClock()
	e := oauth.New(guarded(t, 10*time.Second), now.Now)
	p := s.Provider()
	token := obtain(t, e, s, p)
	receipt, err := e.Revoke(t.Context(), p, token.Refresh, oauth.HintRefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if want := (oauth.Receipt{URL: s.RevocationEndpoint, Status: http.StatusOK, At: start}); receipt != want {
		t.Errorf("receipt %+v", receipt)
	}
	if s.Active(token.Access.RevealString()) || s.Active(token.Refresh.RevealString()) {
		t.Error("the grant lives on")
	}
	if last := s.Last(oauthtest.CountRevoke); last.Form.Get("token_type_hint") != "refresh_token" {
		t.Errorf("hint %q", last.Form.Get("token_type_hint"))
	}
	// RFC 7009 section 2.2: an unknown token is no error.
	if _, err := e.Revoke(t.Context(), p, vault.SecretString("unknown"), ""); err != nil {
		t.Error(err)
	}
}

func TestRevokeFailuresKeepTheAnswer(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   oauth.Kind
	}{
		{400, `{"error":"unsupported_token_type"}`, oauth.Rejected},
		{401, `{"error":"invalid_client"}`, oauth.Rejected},
		{400, `{"error":"invalid_grant"}`, oauth.Rejected},
		{200, `{"error":"invalid_client"}`, oauth.Rejected},
		{503, ``, oauth.Transient},
		{404, `<html>`, oauth.Malformed},
		{302, ``, oauth.Malformed},
	} {
		e := oauth.New(answering(c.status, "application/json", c.body), newClock().Now)
		receipt, err := e.Revoke(t.Context(), customProvider(), vault.SecretString("token-value"), "")
		wantKind(t, err, c.kind)
		if receipt.Status != c.status || !receipt.At.Equal(start) {
			t.Errorf("receipt %+v", receipt)
		}
	}
	for _, body := range []string{"", "OK", "<html>", "{}", `{"revoked":true}`, `{"a":1,"a":2}`} {
		e := oauth.New(answering(200, "text/html", body), newClock().Now)
		if _, err := e.Revoke(t.Context(), customProvider(), vault.SecretString("t"), ""); err != nil {
			t.Errorf("body %q: %v", body, err)
		}
	}
}

func TestRevokeThatCannotBeSent(t *testing.T) {
	h := answering(200, "", "")
	e := oauth.New(h, newClock().Now)
	none := customProvider()
	none.RevocationEndpoint = ""
	_, err := e.Revoke(t.Context(), none, vault.SecretString("t"), "")
	if wantKind(t, err, oauth.Misconfigured); !errors.Is(err, oauth.ErrNoRevocation) {
		t.Errorf("error %v", err)
	}
	_, err = e.Revoke(t.Context(), customProvider(), vault.Secret{}, "")
	wantKind(t, err, oauth.Misconfigured)
	_, err = e.Revoke(t.Context(), oauth.Provider{Vendor: "x"}, vault.SecretString("t"), "")
	wantKind(t, err, oauth.Misconfigured)
	if len(h.requests) != 0 {
		t.Error("a request was sent")
	}
	down := oauth.New(&canned{err: &egress.Error{Kind: egress.Unreachable}}, newClock().Now)
	receipt, err := down.Revoke(t.Context(), customProvider(), vault.SecretString("t"), "")
	if wantKind(t, err, oauth.Transient); receipt.Status != 0 {
		t.Errorf("receipt %+v of no answer", receipt)
	}
}

func TestRevokeErrorsHoldNoToken(t *testing.T) {
	body := `{"error":"invalid_request","error_description":"token-value is odd, so is client-secret-value"}`
	e := oauth.New(answering(400, "application/json", body), newClock().Now)
	_, err := e.Revoke(t.Context(), customProvider(), vault.SecretString("token-value"), "")
	if strings.Contains(err.Error(), "token-value") || strings.Contains(err.Error(), "client-secret-value") {
		t.Errorf("error %v", err)
	}
}
