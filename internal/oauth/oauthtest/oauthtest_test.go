package oauthtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
)

const (
	redirect = "https://app.example/callback"
	verifier = "verifier-verifier-verifier-verifier-verifier"
)

// post is a client that knows nothing of package oauth.
func post(t *testing.T, s *oauthtest.Server, form url.Values, change ...func(*http.Request)) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(s.ClientID), url.QueryEscape(s.ClientSecret))
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	_ = json.Unmarshal(body, &members)
	return resp.StatusCode, members
}

func authorizeQuery(s *oauthtest.Server) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {s.ClientID}, "redirect_uri": {redirect}, "state": {"s"}, "scope": {"a b"},
		"code_challenge": {oauth.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}
}

func newCode(t *testing.T, s *oauthtest.Server) string {
	t.Helper()
	callback := s.Authorize(t, s.AuthorizationEndpoint+"?"+authorizeQuery(s).Encode())
	if callback.Query().Get("iss") != s.Issuer {
		t.Errorf("callback %v", callback)
	}
	return callback.Query().Get("code")
}

func exchangeForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
}

func TestStrictCodeExchange(t *testing.T) {
	s := oauthtest.New(t)
	for name, spoil := range map[string]func(url.Values){
		"unknown code":      func(f url.Values) { f.Set("code", "x") },
		"other redirect":    func(f url.Values) { f.Set("redirect_uri", redirect+"/") },
		"no redirect":       func(f url.Values) { f.Del("redirect_uri") },
		"no verifier":       func(f url.Values) { f.Del("code_verifier") },
		"plain as verifier": func(f url.Values) { f.Set("code_verifier", oauth.Challenge(verifier)) },
		"code twice":        func(f url.Values) { f.Add("code", f.Get("code")) },
	} {
		form := exchangeForm(newCode(t, s))
		spoil(form)
		if status, members := post(t, s, form); status != http.StatusBadRequest || members["access_token"] != nil {
			t.Errorf("%s: %d %v", name, status, members)
		}
	}
	form := exchangeForm(newCode(t, s))
	_, first := post(t, s, form)
	access, _ := first["access_token"].(string)
	if !s.Active(access) {
		t.Fatalf("answer %v", first)
	}
	if status, _ := post(t, s, form); status != http.StatusBadRequest || s.Active(access) {
		t.Error("a code that comes twice must end what it gave")
	}
	if s.Count("authorization_code") != 8 || s.Count("token") != 8 {
		t.Errorf("counted %d", s.Count("token"))
	}
}

func TestStrictClientAuthentication(t *testing.T) {
	s := oauthtest.New(t)
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, change := range map[string]func(*http.Request){
		"none":         func(r *http.Request) { r.Header.Del("Authorization") },
		"wrong secret": func(r *http.Request) { r.SetBasicAuth(s.ClientID, "x") },
		"not encoded":  func(r *http.Request) { r.SetBasicAuth(s.ClientID, s.ClientSecret) },
		"two methods": func(r *http.Request) {
			both := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID}, "client_secret": {s.ClientSecret}}.Encode()
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(both)), int64(len(both))
		},
	} {
		if status, members := post(t, s, form, change); status != http.StatusUnauthorized || members["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, status, members)
		}
	}
	if status, members := post(t, s, form); status != http.StatusOK || members["refresh_token"] != nil {
		t.Errorf("%d %v", status, members)
	}
	if status, _ := post(t, s, form, func(r *http.Request) { r.URL.RawQuery = "scope=admin" }); status != http.StatusBadRequest {
		t.Errorf("parameters in the query: %d", status)
	}
	if status, members := post(t, s, url.Values{"grant_type": {"password"}}); members["error"] != "unsupported_grant_type" {
		t.Errorf("%d %v", status, members)
	}
}

func TestRefreshReuseEndsTheGrant(t *testing.T) {
	s := oauthtest.New(t)
	_, first := post(t, s, exchangeForm(newCode(t, s)))
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}}
	_, second := post(t, s, form)
	if !s.Active(first["access_token"].(string)) || !s.Active(second["access_token"].(string)) {
		t.Fatal("a refresh ended an access token")
	}
	if status, _ := post(t, s, form); status != http.StatusBadRequest {
		t.Errorf("reuse: %d", status)
	}
	for _, members := range []map[string]any{first, second} {
		if s.Active(members["access_token"].(string)) || s.Active(members["refresh_token"].(string)) {
			t.Error("the grant lives on")
		}
	}
}

func TestAuthorizationEndpointIsStrict(t *testing.T) {
	s := oauthtest.New(t)
	s.RegisterRedirect(redirect)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for name, c := range map[string]struct {
		spoil func(url.Values)
		page  bool
		err   string
	}{
		"unknown client":   {func(q url.Values) { q.Set("client_id", "x") }, true, ""},
		"other redirect":   {func(q url.Values) { q.Set("redirect_uri", redirect+"x") }, true, ""},
		"state twice":      {func(q url.Values) { q.Add("state", "x") }, true, ""},
		"no challenge":     {func(q url.Values) { q.Del("code_challenge") }, false, "invalid_request"},
		"plain challenge":  {func(q url.Values) { q.Set("code_challenge_method", "plain") }, false, "invalid_request"},
		"implicit":         {func(q url.Values) { q.Set("response_type", "token") }, false, "unsupported_response_type"},
		"nothing spoilt":   {func(url.Values) {}, false, ""},
		"several resource": {func(q url.Values) { q["resource"] = []string{"a:b", "c:d"} }, false, ""},
	} {
		q := authorizeQuery(s)
		c.spoil(q)
		resp, err := client.Get(s.AuthorizationEndpoint + "?" + q.Encode())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		location, _ := resp.Location()
		if c.page != (resp.StatusCode == http.StatusBadRequest) {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		if !c.page && (location.Query().Get("error") != c.err || (c.err == "") != location.Query().Has("code")) {
			t.Errorf("%s: redirected to %v", name, location)
		}
	}
}

func TestScripts(t *testing.T) {
	s := oauthtest.New(t)
	form := url.Values{"grant_type": {"client_credentials"}}
	s.FailNext(1, http.StatusTeapot)
	if status, _ := post(t, s, form); status != http.StatusTeapot {
		t.Errorf("status %d", status)
	}
	s.OnToken(oauthtest.JSON(http.StatusOK, `{"error":"x"}`))
	if status, members := post(t, s, form); status != http.StatusOK || members["error"] != "x" {
		t.Errorf("%d %v", status, members)
	}
	s.OnToken(nil)
	s.Behave(func(b *oauthtest.Behaviour) {
		b.NumbersAsStrings, b.Scope, b.RefreshExpiresIn = true, "-", 60
	})
	_, members := post(t, s, exchangeForm(newCode(t, s)))
	if members["expires_in"] != "3600" || members["refresh_token_expires_in"] != "60" || members["scope"] != nil {
		t.Errorf("%v", members)
	}
	s.RevokeConsent()
	if s.Active(members["access_token"].(string)) {
		t.Error("a revoked consent lives on")
	}
	s.Behave(func(b *oauthtest.Behaviour) { b.OmitExpiresIn, b.NoRefreshToken = true, true })
	_, members = post(t, s, exchangeForm(newCode(t, s)))
	if members["expires_in"] != nil || members["refresh_token"] != nil {
		t.Errorf("%v", members)
	}
}

func TestHoldLetsRequestsWait(t *testing.T) {
	s := oauthtest.New(t)
	hold := s.HoldTokens()
	done := make(chan int)
	go func() {
		status, _ := post(t, s, url.Values{"grant_type": {"client_credentials"}})
		done <- status
	}()
	<-hold.Arrived()
	select {
	case status := <-done:
		t.Fatalf("answered %d before the release", status)
	default:
	}
	hold.Release()
	if status := <-done; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}
