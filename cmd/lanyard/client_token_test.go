package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

const testSession = "urn:ietf:params:oauth:request_uri:begun"

func jwtOf(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".MARKERSIGNATURE"
}

// consenting is an instance at which a user must consent once. How the browser comes back is the test's to say.
func consenting(t *testing.T, token string, registered bool, browser func(returnURL, state string)) *fakeLanyard {
	t.Helper()
	f := newFakeLanyard(t)
	urls := []string{"https://app.example/return"}
	completed := false
	f.always(api.ListWorkloadIdentities, api.ListWorkloadIdentitiesResponse{Items: []api.WorkloadIdentityItem{{Name: "agent"}}})
	f.always(api.ListGrants, api.ListGrantsResponse{Grants: []api.GrantItem{}})
	f.always(api.GetWorkloadAccessTokenForUserId, api.WorkloadAccessTokenResponse{Token: "WAT"})
	f.on(api.GetWorkloadIdentity, func(map[string]any) any { return api.WorkloadIdentity{Name: "agent", ReturnURLs: urls} })
	f.on(api.UpdateWorkloadIdentity, func(in map[string]any) any {
		urls = nil
		for _, u := range in["allowedResourceOauth2ReturnUrls"].([]any) {
			urls = append(urls, u.(string))
		}
		return api.WorkloadIdentity{}
	})
	f.on(api.GetResourceOauth2Token, func(in map[string]any) any {
		returnURL := in["resourceOauth2ReturnUrl"].(string)
		switch {
		case completed:
			return api.GetResourceOauth2TokenResponse{AccessToken: api.Sensitive(token)}
		case !registered && !slices.Contains(urls, returnURL):
			return &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: "register it", Fields: []api.FieldProblem{{Name: "resourceOauth2ReturnUrl"}}}
		}
		go browser(returnURL, in["customState"].(string))
		return api.GetResourceOauth2TokenResponse{AuthorizationURL: api.Sensitive(f.URL + "/identities/oauth2/authorize?request_uri=x"), SessionURI: testSession}
	})
	f.on(api.CompleteResourceTokenAuth, func(in map[string]any) any {
		if in["sessionUri"] != testSession || in["userIdentifier"].(map[string]any)["userId"] != "alice" {
			t.Errorf("completed %v", in)
		}
		completed = true
		return api.Empty{}
	})
	return f
}

// comeBack visits a return URL as a browser does.
func comeBack(t *testing.T, returnURL string, params ...string) (status int, page string) {
	q := url.Values{}
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	resp, err := http.Get(returnURL + "?" + q.Encode())
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(b)
}

func TestTokenWithConsent(t *testing.T) {
	for _, registered := range []bool{true, false} {
		f := consenting(t, jwtOf(`{"iss":"https://idp.example","sub":"u-1","exp":1795366800,"zz":"\u001b[2J"}`), registered, func(returnURL, state string) {
			comeBack(t, returnURL, "session_id", testSession, "state", state)
		})
		code, out, errOut := cli(t, f.shell("COLUMNS", "80"), "token", "--provider", "github", "--scopes", "repo read:user")
		if code != 0 {
			t.Fatal(errOut)
		}
		says(t, out, "a token of github", "for agent acting for alice", "https://idp.example", "u-1", "zz")
		says(t, errOut, "alice has to allow this once", "\n"+f.URL+"/identities/oauth2/authorize?request_uri=x\n")
		saysNot(t, out+errOut, "MARKERSIGNATURE", "WAT", "\x1b")
		updates := f.calls(api.UpdateWorkloadIdentity)
		if registered && len(updates) != 0 {
			t.Error("a return URL that was allowed was registered all the same")
		}
		if !registered {
			last := updates[len(updates)-1]["allowedResourceOauth2ReturnUrls"].([]any)
			if len(updates) != 2 || len(last) != 1 || last[0] != "https://app.example/return" {
				t.Errorf("the return URL was not taken off again: %v", updates)
			}
		}
	}
}

// TestA08_ForeignReturns: a browser that brings somebody else's session, or no proof that this command sent it, changes
// nothing.
func TestA08_ForeignReturns(t *testing.T) {
	f := consenting(t, "T", true, func(returnURL, state string) {
		if status, _ := comeBack(t, returnURL, "session_id", testSession); status != http.StatusForbidden {
			t.Errorf("a return without state got %d", status)
		}
		if status, _ := comeBack(t, returnURL, "session_id", testSession, "state", state+"x"); status != http.StatusForbidden {
			t.Errorf("a return with another state got %d", status)
		}
		comeBack(t, returnURL, "session_id", testSession+"-of-mallory", "state", state)
	})
	code, out, errOut := cli(t, f.shell(), "token", "--provider", "github")
	if code != 1 || out != "" {
		t.Errorf("code %d, out %q", code, out)
	}
	says(t, errOut, "another session than the one begun here")
	if n := len(f.calls(api.CompleteResourceTokenAuth)); n != 0 {
		t.Errorf("completed %d times", n)
	}
}

func TestTokenRefusedByTheUser(t *testing.T) {
	f := consenting(t, "T", false, func(returnURL, state string) {
		comeBack(t, returnURL, "session_id", testSession, "state", state, "error", "access_denied")
	})
	code, _, errOut := cli(t, f.shell(), "token", "--provider", "github")
	if code != 1 {
		t.Error(code)
	}
	says(t, errOut, "nothing was granted", "access_denied")
	if updates := f.calls(api.UpdateWorkloadIdentity); len(updates) != 2 {
		t.Errorf("after a refusal the return URL must be taken off too: %v", updates)
	}
}

func TestTokenOutputs(t *testing.T) {
	f := newFakeLanyard(t)
	expires := at(time.Hour)
	f.always(api.GetWorkloadAccessToken, api.WorkloadAccessTokenResponse{Token: "WAT"})
	f.always(api.GetResourceOauth2Token, api.GetResourceOauth2TokenResponse{AccessToken: "OPAQUE"})
	f.always(api.ListGrants, api.ListGrantsResponse{Grants: []api.GrantItem{{State: "active", Scopes: []string{"a", "b"}, AccessExpiresAt: &expires}}})
	args := []string{"token", "--provider", "p", "--workload", "agent", "--flow", "m2m", "--scopes", "b a"}
	_, out, errOut := cli(t, f.shell(), append(args, "--raw")...)
	if out != "OPAQUE\n" || errOut != "" {
		t.Errorf("--raw: %q, %q", out, errOut)
	}
	_, out, _ = cli(t, f.shell(), args...)
	says(t, out, "for agent itself", "a b", "in 1h", "opaque")
	saysNot(t, out, "OPAQUE")
	_, out, _ = cli(t, f.shell(), append(args, "--show")...)
	says(t, out, "\nOPAQUE\n")
	for _, show := range []bool{false, true} {
		more := []string{"--json"}
		if show {
			more = append(more, "--show")
		}
		_, out, _ = cli(t, f.shell(), append(args, more...)...)
		var s shownToken
		if err := json.Unmarshal([]byte(out), &s); err != nil || s.Provider != "p" || s.User != "" || (s.Token == "OPAQUE") != show || !s.ExpiresAt.Equal(cliNow.Add(time.Hour)) {
			t.Errorf("%v: %s, %v", more, out, err)
		}
	}
	if in := f.calls(api.GetResourceOauth2Token)[0]; in["resourceOauth2ReturnUrl"] != nil || in["oauth2Flow"] != api.FlowM2M {
		t.Errorf("sent %v", in)
	}
}

func TestTokenChoosesNoWorkload(t *testing.T) {
	for _, tc := range []struct {
		items []api.WorkloadIdentityItem
		want  string
	}{
		{nil, "create-workload-identity"},
		{[]api.WorkloadIdentityItem{{Name: "one"}, {Name: "two"}}, "--workload: one, two"},
	} {
		f := newFakeLanyard(t)
		f.always(api.ListWorkloadIdentities, api.ListWorkloadIdentitiesResponse{Items: tc.items})
		code, _, errOut := cli(t, f.shell(), "token", "--provider", "p")
		if code != 1 {
			t.Error(code)
		}
		says(t, errOut, tc.want)
	}
}

func TestReturnPoint(t *testing.T) {
	p, err := openReturnPoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if !strings.HasPrefix(p.URL, "http://127.0.0.1:") {
		t.Errorf("it listens at %s", p.URL)
	}
	r, err := http.NewRequest(http.MethodGet, p.URL+"?state="+url.QueryEscape(string(p.State)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rebound.example"
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("under another name (DNS rebinding) it answers %d", resp.StatusCode)
	}
	if status, _ := comeBack(t, strings.TrimSuffix(p.URL, returnPath)+"/other", "state", string(p.State)); status != http.StatusNotFound {
		t.Errorf("another path answers %d", status)
	}
	_, page := comeBack(t, p.URL, "state", string(p.State), "session_id", "<script>")
	says(t, page, "Back to the terminal")
	saysNot(t, page, "<script>")
	_, page = comeBack(t, p.URL, "state", string(p.State), "session_id", "second")
	says(t, page, "Answered already")
	if a, err := p.wait(t.Context()); err != nil || a.sessionURI != "<script>" {
		t.Errorf("got %+v, %v: the first arrival counts", a, err)
	}
}

func TestClaims(t *testing.T) {
	claims, ok := claimsOf(api.Sensitive(jwtOf(`{"zebra":{"a":1},"exp":1795366800,"aud":["x","y"],"iss":"i","n":12345678901234567890,"bad":null}`)))
	if !ok {
		t.Fatal("not read")
	}
	var b bytes.Buffer
	drawingOn(&b, 80, false).claims(claims)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, want := range []string{"iss          i", "aud          x y", "exp          17:00:00 (in 2h)", "bad          null", "n            12345678901234567890", `zebra        {"a":1}`} {
		if got := strings.TrimSpace(lines[i]); got != want {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
	for _, opaque := range []string{"", "gho_abc", "a.b", "a.b.c.d", "a.!!.c", jwtOf("[]"), jwtOf("null")} {
		if _, ok := claimsOf(api.Sensitive(opaque)); ok {
			t.Errorf("%q is taken for a JWT", opaque)
		}
	}
}
