package githubtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-id/lanyard/conformance/githubtest"
)

const (
	callback  = "http://127.0.0.1/callback"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

type standIn struct {
	*githubtest.Server
	url string
	now time.Time
}

func newStandIn(t *testing.T, app bool) *standIn {
	t.Helper()
	s := &standIn{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s.Server = githubtest.New(githubtest.Config{
		ClientID: "id", ClientSecret: "secret", GitHubApp: app,
		Now: func() time.Time { return s.now },
	})
	s.RegisterCallback(callback)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// do sends a request without following redirects.
func (s *standIn) do(t *testing.T, method, path string, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name := range header {
		req.Header.Set(name, header.Get(name))
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer)
}

var formHeader = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

// decide submits the consent page and returns the parameters that reach the callback.
func (s *standIn) decide(t *testing.T, query, form url.Values) url.Values {
	t.Helper()
	res, body := s.do(t, "POST", "/login/oauth/authorize?"+query.Encode(), form.Encode(), formHeader)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusFound || !strings.HasPrefix(to.String(), callback) {
		t.Fatalf("consent answered %d, location %q, %s", res.StatusCode, to, body)
	}
	return to.Query()
}

func authorizeQuery() url.Values {
	return url.Values{
		"client_id": {"id"}, "redirect_uri": {callback}, "scope": {"user repo read:user"}, "state": {"s"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
}

func (s *standIn) code(t *testing.T) string {
	t.Helper()
	answer := s.decide(t, authorizeQuery(), url.Values{"login": {"octo"}, "decision": {"authorize"}})
	if answer.Get("code") == "" || answer.Get("state") != "s" {
		t.Fatalf("consent answered %v", answer)
	}
	return answer.Get("code")
}

func exchangeForm(code string) url.Values {
	return url.Values{
		"client_id": {"id"}, "client_secret": {"secret"}, "code": {code},
		"redirect_uri": {callback}, "code_verifier": {verifier},
	}
}

func (s *standIn) token(t *testing.T, form url.Values) url.Values {
	t.Helper()
	res, body := s.do(t, "POST", "/login/oauth/access_token", form.Encode(), formHeader)
	values, err := url.ParseQuery(body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("token endpoint answered %d %s", res.StatusCode, body)
	}
	return values
}

func (s *standIn) user(t *testing.T, token string) (*http.Response, map[string]any) {
	t.Helper()
	res, body := s.do(t, "GET", "/user", "", http.Header{"Authorization": {"Bearer " + token}})
	var user map[string]any
	if err := json.Unmarshal([]byte(body), &user); err != nil {
		t.Fatal(err)
	}
	return res, user
}

func TestOAuthAppAnswersAFormWithNormalizedScopes(t *testing.T) {
	s := newStandIn(t, false)
	answer := s.token(t, exchangeForm(s.code(t)))
	if got := answer.Get("scope"); got != "repo,user" {
		t.Errorf("scope = %q, want the implied read:user dropped and a comma", got)
	}
	if !strings.HasPrefix(answer.Get("access_token"), "gho_") || answer.Has("expires_in") || answer.Has("refresh_token") {
		t.Errorf("an OAuth app's token neither expires nor refreshes: %v", answer)
	}
	res, user := s.user(t, answer.Get("access_token"))
	if res.StatusCode != http.StatusOK || user["login"] != "octo" || res.Header.Get("X-OAuth-Scopes") != "repo, user" {
		t.Errorf("GET /user: %d, %v, scopes %q", res.StatusCode, user, res.Header.Get("X-OAuth-Scopes"))
	}
}

func TestRepositoriesByScope(t *testing.T) {
	s := newStandIn(t, false)
	query := authorizeQuery()
	list := func(scope string) []string {
		query.Set("scope", scope)
		code := s.decide(t, query, url.Values{"login": {"octo"}, "decision": {"authorize"}}).Get("code")
		token := s.token(t, exchangeForm(code)).Get("access_token")
		_, body := s.do(t, "GET", "/user/repos?per_page=5&sort=updated", "", http.Header{"Authorization": {"Bearer " + token}})
		var repositories []struct {
			FullName string `json:"full_name"`
		}
		if err := json.Unmarshal([]byte(body), &repositories); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range repositories {
			names = append(names, r.FullName)
		}
		return names
	}
	if diff := cmp.Diff([]string{"octo/octo-garden"}, list("read:user")); diff != "" {
		t.Errorf("without the scope repo (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"octo/octo-secret-plans", "octo/octo-garden"}, list("repo")); diff != "" {
		t.Errorf("with the scope repo (-want +got):\n%s", diff)
	}
	want := []githubtest.Call{{Path: "/user/repos", Login: "octo", Status: 200}, {Path: "/user/repos", Login: "octo", Status: 200}}
	if diff := cmp.Diff(want, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestTokensWithoutRefresh(t *testing.T) {
	s := newStandIn(t, true)
	s.WithoutRefresh()
	if answer := s.token(t, exchangeForm(s.code(t))); answer.Has("refresh_token") || answer.Get("expires_in") == "" {
		t.Errorf("the answer is %v", answer)
	}
}

func TestAnswersJSONWhenAsked(t *testing.T) {
	s := newStandIn(t, true)
	header := formHeader.Clone()
	header.Set("Accept", "application/json")
	_, body := s.do(t, "POST", "/login/oauth/access_token", exchangeForm(s.code(t)).Encode(), header)
	var answer struct {
		ExpiresIn        int `json:"expires_in"`
		RefreshExpiresIn int `json:"refresh_token_expires_in"`
		Scope            *string
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.ExpiresIn != 28800 || answer.RefreshExpiresIn != 15897600 || answer.Scope == nil || *answer.Scope != "" {
		t.Errorf("a GitHub App's answer: %s", body)
	}
}

func TestRefreshKillsTheWholeOldPair(t *testing.T) {
	s := newStandIn(t, true)
	first := s.token(t, exchangeForm(s.code(t)))
	form := url.Values{
		"client_id": {"id"}, "client_secret": {"secret"},
		"grant_type": {"refresh_token"}, "refresh_token": {first.Get("refresh_token")},
	}
	second := s.token(t, form)
	if res, _ := s.user(t, first.Get("access_token")); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old access token answered %d after the refresh", res.StatusCode)
	}
	if res, _ := s.user(t, second.Get("access_token")); res.StatusCode != http.StatusOK {
		t.Errorf("the new access token answered %d", res.StatusCode)
	}
	if got := s.token(t, form).Get("error"); got != "bad_refresh_token" {
		t.Errorf("the old refresh token answered %q", got)
	}
	want := map[string]int{"authorization_code": 1, "refresh_token": 1, "failed": 1}
	if diff := cmp.Diff(want, s.TokenRequests()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

func TestTokenExpires(t *testing.T) {
	s := newStandIn(t, true)
	token := s.token(t, exchangeForm(s.code(t))).Get("access_token")
	s.now = s.now.Add(8 * time.Hour)
	if res, _ := s.user(t, token); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("an expired token answered %d", res.StatusCode)
	}
}

func TestTokenErrorsComeWithStatus200(t *testing.T) {
	tests := map[string]struct {
		change func(s *standIn, form url.Values)
		want   string
	}{
		"wrong code":         {func(_ *standIn, f url.Values) { f.Set("code", "x") }, "bad_verification_code"},
		"expired code":       {func(s *standIn, _ url.Values) { s.now = s.now.Add(10 * time.Minute) }, "bad_verification_code"},
		"wrong verifier":     {func(_ *standIn, f url.Values) { f.Set("code_verifier", "x") }, "bad_verification_code"},
		"no verifier":        {func(_ *standIn, f url.Values) { f.Del("code_verifier") }, "bad_verification_code"},
		"wrong secret":       {func(_ *standIn, f url.Values) { f.Set("client_secret", "x") }, "incorrect_client_credentials"},
		"other redirect URI": {func(_ *standIn, f url.Values) { f.Set("redirect_uri", callback+"/x") }, "redirect_uri_mismatch"},
		"other grant":        {func(_ *standIn, f url.Values) { f.Set("grant_type", "password") }, "unsupported_grant_type"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, false)
			form := exchangeForm(s.code(t))
			tc.change(s, form)
			if got := s.token(t, form).Get("error"); got != tc.want {
				t.Errorf("error = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestCodeWorksOnce(t *testing.T) {
	s := newStandIn(t, false)
	form := exchangeForm(s.code(t))
	if first := s.token(t, form); first.Has("error") {
		t.Fatal(first)
	}
	if got := s.token(t, form).Get("error"); got != "bad_verification_code" {
		t.Errorf("the second exchange answered %q", got)
	}
}

func TestAuthorizeErrorsGoToTheRegisteredCallback(t *testing.T) {
	tests := map[string]struct {
		change func(query, form url.Values)
		want   string
	}{
		"refused":                 {func(_, f url.Values) { f.Set("decision", "cancel") }, "access_denied"},
		"unregistered":            {func(q, _ url.Values) { q.Set("redirect_uri", "http://127.0.0.1/other") }, "redirect_uri_mismatch"},
		"plain challenge refused": {func(q, _ url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, false)
			query, form := authorizeQuery(), url.Values{"login": {"octo"}, "decision": {"authorize"}}
			tc.change(query, form)
			answer := s.decide(t, query, form)
			if answer.Get("error") != tc.want || answer.Get("state") != "s" || answer.Has("code") {
				t.Errorf("the callback got %v, want %s", answer, tc.want)
			}
		})
	}
}

func TestConsentPageShowsClientAndScopes(t *testing.T) {
	s := newStandIn(t, false)
	res, page := s.do(t, "GET", "/login/oauth/authorize?"+authorizeQuery().Encode(), "", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(page, "<code>repo</code>") || !strings.Contains(page, "Authorize id") ||
		!strings.Contains(page, `action="/login/oauth/authorize?client_id=id&amp;`) {
		t.Errorf("consent page: %d\n%s", res.StatusCode, page)
	}
	res, _ = s.do(t, "GET", "/login/oauth/authorize?client_id=other", "", nil)
	if res.StatusCode != http.StatusNotFound || res.Header.Get("Location") != "" {
		t.Errorf("an unknown client got %d and location %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestRevocation(t *testing.T) {
	basic := http.Header{"Authorization": {"Basic aWQ6c2VjcmV0"}} // id:secret
	tests := map[string]struct {
		path   string
		header http.Header
		body   func(token string) string
		status int
		alive  []int // what each of the user's two tokens answers afterwards
	}{
		"one token":      {"/applications/id/token", basic, tokenBody, 204, []int{401, 200}},
		"whole grant":    {"/applications/id/grant", basic, tokenBody, 204, []int{401, 401}},
		"no credentials": {"/applications/id/token", nil, tokenBody, 404, []int{200, 200}},
		"another client": {"/applications/other/token", basic, tokenBody, 404, []int{200, 200}},
		"unknown token":  {"/applications/id/token", basic, func(string) string { return `{"access_token":"x"}` }, 404, []int{200, 200}},
		"no token":       {"/applications/id/token", basic, func(string) string { return `{}` }, 422, []int{200, 200}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, false)
			tokens := []string{
				s.token(t, exchangeForm(s.code(t))).Get("access_token"),
				s.token(t, exchangeForm(s.code(t))).Get("access_token"),
			}
			res, body := s.do(t, "DELETE", tc.path, tc.body(tokens[0]), tc.header)
			if res.StatusCode != tc.status {
				t.Errorf("answered %d %s, want %d", res.StatusCode, body, tc.status)
			}
			for i, token := range tokens {
				if res, _ := s.user(t, token); res.StatusCode != tc.alive[i] {
					t.Errorf("token %d answers %d, want %d", i, res.StatusCode, tc.alive[i])
				}
			}
		})
	}
}

func tokenBody(token string) string { return `{"access_token":"` + token + `"}` }

func TestUserRevokesOnTheSettingsPage(t *testing.T) {
	s := newStandIn(t, true)
	answer := s.token(t, exchangeForm(s.code(t)))
	s.RevokeUser("octo")
	if res, _ := s.user(t, answer.Get("access_token")); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the token of a revoked grant answered %d", res.StatusCode)
	}
}

func TestRefusesRequestsWithoutUserAgent(t *testing.T) {
	s := newStandIn(t, false)
	token := s.token(t, exchangeForm(s.code(t))).Get("access_token")
	req := httptest.NewRequest("GET", "/user", nil) // unlike a client, it adds no User-Agent
	req.Header.Set("Authorization", "Bearer "+token)
	res := httptest.NewRecorder()
	s.ServeHTTP(res, req)
	if res.Code != http.StatusForbidden {
		t.Errorf("answered %d, want 403", res.Code)
	}
}
