package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

const newPython = `{"python":"3.13.0","botocore":"1.43.72","operations":["GetWorkloadAccessTokenForUserId","GetResourceOauth2Token","CompleteResourceTokenAuth","CreateWorkloadIdentity","CreateOauth2CredentialProvider"],"members":["sessionUri","customState","resourceOauth2ReturnUrl"]}`

// healthy is an instance with which nothing is wrong.
func healthy(t *testing.T) (*fakeLanyard, map[string]string) {
	t.Helper()
	f := newFakeLanyard(t)
	f.mux.HandleFunc("GET /devidp/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"`+f.URL+`/devidp"}`)
	})
	f.always(api.ListWorkloadIdentities, api.ListWorkloadIdentitiesResponse{Items: []api.WorkloadIdentityItem{{Name: "agent"}}})
	f.always(api.GetWorkloadIdentity, api.WorkloadIdentity{Name: "agent", ReturnURLs: []string{"https://app.example/return"}})
	return f, f.shell("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", f.URL, "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL", f.URL, "LANYARD_DEV_ISSUER", f.URL+"/devidp", "COLUMNS", "80")
}

// examine runs the doctor. The clock is the machine's, as the test server's Date is.
func examine(t *testing.T, vars map[string]string, python string, asJSON bool) (string, error) {
	t.Helper()
	var out bytes.Buffer
	env := testEnvironment(vars, &out, io.Discard)
	env.now = time.Now
	d := newDoctor(env)
	d.python = func(context.Context, string) ([]byte, error) {
		if python == "" {
			return nil, &exec.Error{Name: "python3", Err: exec.ErrNotFound}
		}
		return []byte(python), nil
	}
	err := d.examine(t.Context(), asJSON)
	return out.String(), err
}

func TestDoctorFindsNothing(t *testing.T) {
	_, vars := healthy(t)
	out, err := examine(t, vars, newPython, false)
	if err != nil {
		t.Error(err)
	}
	fits(t, out, 80)
	says(t, out, "✓ variables", "✓ endpoint", "✓ reachable", "✓ clock", "✓ ready", "✓ credentials", "✓ return URLs", "✓ dev issuer", "✓ python")
	saysNot(t, out, "✗", "!", "→")
}

func TestDoctorFinds(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	for _, tc := range []struct {
		name   string
		spoil  func(f *fakeLanyard, vars map[string]string)
		python string
		broken bool
		want   []string
	}{
		{"no variables", func(_ *fakeLanyard, v map[string]string) {
			delete(v, "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL")
		}, newPython, true, []string{"✗ variables", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL not set", evalFix}},
		{"nothing at all", func(_ *fakeLanyard, v map[string]string) { clear(v) }, newPython, true, []string{"✗ variables", "✗ endpoint", "· dev issuer"}},
		{"captures everything", func(f *fakeLanyard, v map[string]string) { v["AWS_ENDPOINT_URL"] = f.URL }, newPython, false, []string{"! variables", "captures every AWS service"}},
		{"ignored", func(_ *fakeLanyard, v map[string]string) { v["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "TRUE" }, newPython, true, []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}},
		{"poison", func(f *fakeLanyard, v map[string]string) { v["BEDROCK_AGENTCORE_DP_ENDPOINT"] = f.URL }, newPython, false, []string{"! variables", "InvalidRegionError", "unset BEDROCK_AGENTCORE_DP_ENDPOINT"}},
		{"profile", func(_ *fakeLanyard, v map[string]string) { v["AWS_PROFILE"] = "x" }, newPython, false, []string{"unset AWS_PROFILE"}},
		{"gone", func(f *fakeLanyard, _ map[string]string) { f.Close() }, newPython, true, []string{"✗ reachable", "lanyard dev", "✗ dev issuer"}},
		{"another server", func(_ *fakeLanyard, v map[string]string) {
			for name := range v {
				if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
					v[name] = elsewhere.URL
				}
			}
		}, newPython, true, []string{"it is not Lanyard", "! endpoint"}},
		{"wrong issuer", func(f *fakeLanyard, v map[string]string) { v["LANYARD_DEV_ISSUER"] = f.URL + "/devidp/" }, newPython, true, []string{"✗ dev issuer", "names"}},
		{"no document", func(f *fakeLanyard, v map[string]string) { v["LANYARD_DEV_ISSUER"] = f.URL + "/other" }, newPython, true, []string{"✗ dev issuer", "no discovery document"}},
		{"no python", nil, "", false, []string{"· python", "no python3"}},
		{"no boto3", nil, `{"python":"3.9"}`, false, []string{"· python", "has no boto3"}},
		{"old boto3", nil, `{"python":"3.9","botocore":"1.35.0","error":"UnknownServiceError"}`, false, []string{"! python", "too old", "pip install"}},
		{"older boto3", nil, strings.Replace(newPython, "1.43.72", "1.43.9", 1), false, []string{"! python", "asks for 1.43.72"}},
		{"mute python", nil, "no JSON", false, []string{"· python", "did not answer"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, vars := healthy(t)
			if tc.spoil != nil {
				tc.spoil(f, vars)
			}
			vars["COLUMNS"] = "200"
			out, err := examine(t, vars, tc.python, false)
			if (err != nil) != tc.broken || tc.broken != strings.Contains(out, "✗") {
				t.Errorf("ended with %v:\n%s", err, out)
			}
			for _, w := range tc.want { // lines are broken at spaces
				if !strings.Contains(strings.Join(strings.Fields(out), " "), w) {
					t.Errorf("%q is not said in:\n%s", w, out)
				}
			}
		})
	}
}

func TestDoctorOnCredentials(t *testing.T) {
	for _, tc := range []struct {
		ex     *api.Exception
		token  string
		broken bool
		want   string
	}{
		{&api.Exception{Name: api.UnrecognizedClient, Message: "unknown key"}, "", true, "unknown key"},
		{&api.Exception{Name: api.InvalidSignature, Message: "wrong"}, "T", true, "AWS_SESSION_TOKEN is set"},
		{&api.Exception{Name: api.AccessDeniedException, Message: "may not"}, "", false, "may not list"},
	} {
		f := newFakeLanyard(t)
		f.always(api.ListWorkloadIdentities, tc.ex)
		out, err := examine(t, f.shell("AWS_ENDPOINT_URL", f.URL, "AWS_SESSION_TOKEN", tc.token), newPython, false)
		if (err != nil) != tc.broken || !strings.Contains(out, tc.want) {
			t.Errorf("%s: %v\n%s", tc.ex.Name, err, out)
		}
	}
}

func TestDoctorOnReturnURLs(t *testing.T) {
	f := newFakeLanyard(t)
	f.always(api.ListWorkloadIdentities, api.ListWorkloadIdentitiesResponse{Items: []api.WorkloadIdentityItem{{Name: "none"}, {Name: "local"}}})
	f.on(api.GetWorkloadIdentity, func(in map[string]any) any {
		if in["name"] == "none" {
			return api.WorkloadIdentity{Name: "none"}
		}
		return api.WorkloadIdentity{Name: "local", ReturnURLs: []string{"http://localhost:3000/return"}}
	})
	out, err := examine(t, f.shell("AWS_ENDPOINT_URL", f.URL), newPython, false)
	if err != nil {
		t.Error(err)
	}
	says(t, out, "none registered for none", "update-workload-identity --name none", "(loopback): local")
}

func TestDoctorOnTheClock(t *testing.T) {
	for skew, want := range map[time.Duration]string{0: fine, time.Minute: doubt, -6 * time.Minute: broken} {
		d := newDoctor(testEnvironment(nil, io.Discard, io.Discard))
		d.checkClock(cliNow.Add(skew).Format(http.TimeFormat), cliNow)
		if len(d.findings) != 1 || d.findings[0].Level != want {
			t.Errorf("%s: %+v, want %s", skew, d.findings, want)
		}
	}
}

func TestDoctorAsJSON(t *testing.T) {
	_, vars := healthy(t)
	out, err := examine(t, vars, newPython, true)
	if err != nil {
		t.Error(err)
	}
	for l := range strings.Lines(out) {
		var f finding
		if err := json.Unmarshal([]byte(l), &f); err != nil || f.Level != fine || f.Check == "" || f.What == "" {
			t.Errorf("%s: %v", l, err)
		}
	}
}

// TestPythonProbe runs the probe where there is a python3: it must answer JSON whatever is installed.
func TestPythonProbe(t *testing.T) {
	raw, err := runPython(t.Context(), pythonProbe)
	if err != nil {
		d := newDoctor(testEnvironment(nil, io.Discard, io.Discard))
		d.checkPython(t.Context())
		if len(d.findings) != 1 || d.findings[0].Level != note {
			t.Errorf("without python3: %+v", d.findings)
		}
		return
	}
	var found map[string]any
	if err := json.Unmarshal(raw, &found); err != nil || found["python"] == "" {
		t.Errorf("answered %s: %v", raw, err)
	}
}
