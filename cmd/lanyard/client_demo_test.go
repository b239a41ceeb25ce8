package main

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"golang.org/x/crypto/bcrypt"
)

const demoPassword = "correct horse"

// demoInstance is an instance with the real development authorization server beside it. leaky lets mallory through.
func demoInstance(t *testing.T, leaky bool) *fakeLanyard {
	t.Helper()
	f := newFakeLanyard(t)
	key, err := issuer.GenerateKey("ES256", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := issuer.PublicSet(key)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(demoPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	idp, err := devidp.New(devidp.Config{Issuer: f.URL + "/devidp", Client: devidp.Client{ID: "dev-client", SecretHash: devidp.HashSecret("dev-secret")},
		CallbackAllowed: func(u string) bool { return u == f.URL+"/callback" }, User: devidp.User{Username: "dev", PasswordHash: hash, Subject: "u-1"},
		Key: key, JWKS: jwks, Store: devidptest.NewStore(time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	f.mux.Handle("/devidp/", idp.Handler())
	f.consentAt(leaky)
	return f
}

// consentAt plays the instance's part of the story.
func (f *fakeLanyard) consentAt(leaky bool) {
	var returnURL, state string
	completed := false
	missing := &api.Exception{Name: api.ResourceNotFoundException, Message: "none"}
	f.always(api.UpdateWorkloadIdentity, missing)
	f.always(api.CreateWorkloadIdentity, api.CreateWorkloadIdentityResponse{})
	f.always(api.UpdateOauth2CredentialProvider, missing)
	f.always(api.CreateOauth2CredentialProvider, api.Oauth2CredentialProvider{})
	f.on(api.GetWorkloadAccessTokenForUserId, func(in map[string]any) any {
		return api.WorkloadAccessTokenResponse{Token: api.Sensitive("wat-" + in["userId"].(string))}
	})
	f.on(api.GetResourceOauth2Token, func(in map[string]any) any {
		switch {
		case in["workloadIdentityToken"] == "wat-mallory" && !leaky:
			return &api.Exception{Name: api.AccessDeniedException, Message: "Invalid or expired session: not yours"}
		case completed && in["forceAuthentication"] != true:
			return api.GetResourceOauth2TokenResponse{AccessToken: api.Sensitive(jwtOf(`{"sub":"u-1","scope":"email openid profile"}`))}
		}
		returnURL, state = in["resourceOauth2ReturnUrl"].(string), in["customState"].(string)
		return api.GetResourceOauth2TokenResponse{AuthorizationURL: api.Sensitive(f.URL + "/authorize"), SessionURI: testSession}
	})
	f.on(api.CompleteResourceTokenAuth, func(in map[string]any) any {
		if in["userIdentifier"].(map[string]any)["userId"] == demoThief && !leaky {
			return &api.Exception{Name: api.AccessDeniedException, Message: "Invalid or expired session: begun for another user"}
		}
		completed = true
		return api.Empty{}
	})
	f.on(api.FindAuditRecords, func(in map[string]any) any {
		r := record("1", api.CompleteResourceTokenAuth.Action(), "allowed", 0)
		r.SessionID, r.GrantID, r.Workload, r.Provider = "s", "gr-1", demoWorkload, demoProvider
		if in["result"] == "denied" {
			r.Result, r.RequestID = "denied", "req-of-mallory"
		}
		old := record("0", api.GetResourceOauth2Token.Action(), "allowed", -time.Hour)
		old.Workload = "of-an-earlier-telling"
		return auditOf(r, old)
	})
	f.mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := url.Values{"response_type": {"code"}, "client_id": {"dev-client"}, "redirect_uri": {f.URL + "/callback"}, "scope": {"openid profile email"}, "state": {"s"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}
		http.Redirect(w, r, f.URL+"/devidp/authorize?"+q.Encode(), http.StatusFound)
	})
	f.mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		back := url.Values{"session_id": {testSession}, "state": {state}}
		if e := r.URL.Query().Get("error"); e != "" {
			back.Set("error", e)
		}
		http.Redirect(w, r, returnURL+"?"+back.Encode(), http.StatusFound)
	})
}

func (f *fakeLanyard) demoShell(more ...string) map[string]string {
	return f.shell(append([]string{"LANYARD_DEV_ISSUER", f.URL + "/devidp", "LANYARD_DEV_CLIENT_ID", "dev-client", "LANYARD_DEV_CLIENT_SECRET", "dev-secret",
		"LANYARD_DEV_USERNAME", "dev", "LANYARD_DEV_PASSWORD", demoPassword, "COLUMNS", "80"}, more...)...)
}

func TestDemoTellsTheWholeStory(t *testing.T) {
	f := demoInstance(t, false)
	code, out, errOut := cli(t, f.demoShell(), "demo", "--yes")
	if code != 0 {
		t.Fatal(errOut, out)
	}
	fits(t, out, 80)
	says(t, out, "demo-agent", "demo-idp", f.URL+"/authorize", "the user signed in as dev", "the user allowed what was asked", "came back to the return URL",
		"✗ mallory tries to finish it", "begun for another user", "✓ alice finishes it", "sub          u-1", "asked again", "✗ the same agent, acting for mallory", "lanyard why req-of-mallory", "lanyard audit find --grant gr-1")
	saysNot(t, out, "MARKERSIGNATURE", "dev-secret", demoPassword, "wat-alice", "of-an-earlier-telling")
	if n := len(f.calls(api.CompleteResourceTokenAuth)); n != 2 {
		t.Errorf("completed %d times, want mallory's try and alice's", n)
	}
	if in := f.calls(api.GetResourceOauth2Token)[0]; in["forceAuthentication"] != true {
		t.Error("a consent of an earlier telling would spoil the story")
	}
	_, out, _ = cli(t, f.demoShell(), "demo", "--yes", "--show-token")
	says(t, out, "MARKERSIGNATURE")
}

// TestDemoDoesNotHideALeak: a demo that shows refusals must fail where nothing is refused.
func TestDemoDoesNotHideALeak(t *testing.T) {
	f := demoInstance(t, true)
	code, out, errOut := cli(t, f.demoShell(), "demo", "--auto")
	if code != 1 {
		t.Errorf("code %d", code)
	}
	says(t, errOut, "was not refused")
	saysNot(t, out, "alice finishes it")
}

func TestDemoNeedsItsShell(t *testing.T) {
	f := demoInstance(t, false)
	for _, tc := range []struct {
		args, unset []string
		want        string
	}{
		{[]string{"demo"}, []string{"LANYARD_DEV_ISSUER", ""}, "LANYARD_DEV_ISSUER"},
		{[]string{"demo"}, []string{"LANYARD_DEV_CLIENT_SECRET", ""}, "LANYARD_DEV_CLIENT_SECRET"},
		{[]string{"demo", "--yes"}, []string{"LANYARD_DEV_PASSWORD", ""}, "LANYARD_DEV_PASSWORD"},
		{[]string{"demo", "--yes"}, []string{"LANYARD_DEV_PASSWORD", "wrong"}, "403"},
	} {
		code, _, errOut := cli(t, f.demoShell(tc.unset...), tc.args...)
		if code != 1 || !strings.Contains(errOut, tc.want) {
			t.Errorf("%v without %v: code %d, %s", tc.args, tc.unset[0], code, errOut)
		}
		saysNot(t, errOut, "dev-secret")
	}
}
