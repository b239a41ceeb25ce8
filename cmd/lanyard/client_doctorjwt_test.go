package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// userToken is a JWT that nobody signed.
func userToken(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, v := range []map[string]any{header, claims} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(b))
	}
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString([]byte("the signature of this token"))
}

// changed is a copy with changes; nil values are left out.
func changed(m, change map[string]any) map[string]any {
	out := map[string]any{}
	for _, from := range []map[string]any{m, change} {
		for k, v := range from {
			if out[k] = v; v == nil {
				delete(out, k)
			}
		}
	}
	return out
}

type claims = map[string]any

func goodUser() (header, payload claims) {
	return claims{"alg": "RS256", "kid": "k", "typ": "JWT"},
		claims{"iss": "https://login.example.com/v2.0", "aud": "api://client-1", "azp": "client-1", "sub": "alice-subject", "exp": cliNow.Add(time.Hour).Unix()}
}

// asks runs the doctor on a token that comes by the standard input.
func asks(t *testing.T, vars map[string]string, token string, args ...string) (code int, out string) {
	t.Helper()
	var o, e bytes.Buffer
	env := testEnvironment(vars, &o, &e, append([]string{"doctor", "--jwt", "-"}, args...)...)
	env.stdin = strings.NewReader(token + "\n")
	code = run(t.Context(), env)
	for _, part := range strings.Split(token, ".") {
		if len(part) > 8 {
			saysNot(t, o.String()+e.String(), part)
		}
	}
	return code, strings.Join(strings.Fields(o.String()+e.String()), " ")
}

func TestDoctorOfAGoodJWT(t *testing.T) {
	header, payload := goodUser()
	for _, before := range []string{"", "Bearer "} {
		code, out := asks(t, map[string]string{"COLUMNS": "80"}, before+userToken(t, header, payload))
		if code != 0 {
			t.Error(code)
		}
		says(t, out, "✓ form", "RS256", "✓ signature", "✓ issuer https://login.example.com/v2.0", "✓ audience api://client-1; issued to client client-1", "✓ user", "✓ expiry", "in 1h0m0s", "· trust", "--workload NAME")
		saysNot(t, out, "alice-subject", "✗")
	}
}

func TestDoctorOfAJWTFinds(t *testing.T) {
	for name, tc := range map[string]struct {
		header, payload claims
		code            int
		want            []string
	}{
		"for Graph by id":     {nil, claims{"aud": "00000003-0000-0000-c000-000000000000"}, 1, []string{"✗ signature", "Microsoft Graph alone", "GetWorkloadAccessTokenForUserId", "api://CLIENT_ID/.default", "rule of the front door"}},
		"for Graph by URL":    {nil, claims{"aud": "https://graph.microsoft.com/"}, 1, []string{"✗ signature", "Microsoft Graph alone"}},
		"for Graph in a list": {nil, claims{"aud": []string{"x", "https://graph.microsoft.com"}}, 1, []string{"✗ signature", "Microsoft Graph alone"}},
		"nonce in the header": {claims{"nonce": "n"}, nil, 1, []string{"✗ signature", "nonce", "GetWorkloadAccessTokenForUserId"}},
		"not signed":          {claims{"alg": "none"}, nil, 1, []string{"✗ signature", "not signed"}},
		"no alg":              {claims{"alg": nil}, nil, 1, []string{"✗ signature", "not signed"}},
		"shared secret":       {claims{"alg": "HS256"}, nil, 1, []string{"✗ signature", "shared secret"}},
		"a front door's":      {claims{"signer": "arn:aws:x"}, nil, 1, []string{"✗ form", "x-amzn-oidc-data", "GetWorkloadAccessTokenForUserId"}},
		"no issuer":           {nil, claims{"iss": nil}, 1, []string{"✗ issuer"}},
		"no audience":         {nil, claims{"aud": nil, "azp": nil}, 1, []string{"✗ audience"}},
		"client alone":        {nil, claims{"aud": nil, "azp": nil, "client_id": "c-9"}, 0, []string{"✓ audience none; issued to client c-9"}},
		"no user":             {nil, claims{"sub": nil}, 1, []string{"✗ user"}},
		"the application":     {nil, claims{"sub": "client-1"}, 0, []string{"! user", "application itself"}},
		"app only":            {nil, claims{"idtyp": "app"}, 0, []string{"! user", "application itself"}},
		"expired":             {nil, claims{"exp": cliNow.Add(-2 * time.Minute).Unix()}, 1, []string{"✗ expiry", "2m0s ago"}},
		"expires soon":        {nil, claims{"exp": cliNow.Add(2 * time.Minute).Unix()}, 0, []string{"! expiry", "in 2m0s"}},
		"for ever":            {nil, claims{"exp": nil}, 1, []string{"✗ expiry"}},
		"exp as text":         {nil, claims{"exp": "1"}, 1, []string{"✗ expiry"}},
		"not yet":             {nil, claims{"nbf": cliNow.Add(time.Minute).Unix()}, 1, []string{"✗ expiry", "not valid before"}},
		"A48 control":         {nil, claims{"iss": "https://x\x1b[31m"}, 0, []string{"✓ issuer"}},
	} {
		header, payload := goodUser()
		code, out := asks(t, map[string]string{"COLUMNS": "80"}, userToken(t, changed(header, tc.header), changed(payload, tc.payload)))
		if code != tc.code {
			t.Errorf("%s: exit %d", name, code)
		}
		says(t, out, tc.want...)
		saysNot(t, out, "\x1b[31m")
	}
	for token, want := range map[string]string{
		"gho_anopaquetokenofsomebody": "opaque", "aaaaaaaaaa.bbbbbbbbbb.cccccccccc": "cannot be read", "aaaaaaaaaa..cccccccccc.dddddddddd.eeeeeeeeee": "encrypted", "": "no token",
		strings.Repeat("a", 129<<10): "more than the service takes",
	} {
		if code, out := asks(t, nil, token); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", want, code, out)
		}
	}
}

func TestDoctorHasTheInstanceVerifyAJWT(t *testing.T) {
	header, payload := goodUser()
	token := userToken(t, header, payload)
	f := newFakeLanyard(t)
	var answer any = api.WorkloadAccessTokenResponse{Token: "wat-that-is-dropped"}
	f.on(api.GetWorkloadAccessTokenForJWT, func(map[string]any) any { return answer })
	code, out := asks(t, f.shell(), token, "--workload", "agent")
	calls := f.calls(api.GetWorkloadAccessTokenForJWT)
	if code != 0 || len(calls) != 1 || calls[0]["workloadName"] != "agent" || calls[0]["userToken"] != token {
		t.Errorf("%d %v", code, calls)
	}
	says(t, out, "✓ trust")
	saysNot(t, out, "wat-that-is-dropped")

	answer = &api.Exception{Name: api.AccessDeniedException, Message: "issuer is not listed. If it is yours, list it with: lanyard admin issuer add"}
	code, out = asks(t, f.shell(), token, "--workload", "agent")
	if code != 1 {
		t.Error(code)
	}
	says(t, out, "✗ trust", "lanyard admin issuer add")

	code, out = asks(t, f.shell(), userToken(t, header, changed(payload, claims{"sub": nil})), "--workload", "agent")
	if n := len(f.calls(api.GetWorkloadAccessTokenForJWT)); code != 1 || n != 2 {
		t.Errorf("%d, %d calls: a broken token was sent", code, n)
	}
	says(t, out, "was not asked")
	if code, out = asks(t, nil, token, "--workload", "agent"); code != 1 || !strings.Contains(out, evalFix) {
		t.Errorf("%d %s", code, out)
	}
}

func TestDoctorReadsAJWTFromAFile(t *testing.T) {
	header, payload := goodUser()
	token := userToken(t, header, payload)
	path := filepath.Join(t.TempDir(), "user.jwt")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := cli(t, nil, "doctor", "--jwt", path, "--json")
	if code != 0 || strings.Contains(out, token[:40]) {
		t.Errorf("%d %s", code, out)
	}
	for line := range strings.Lines(out) {
		var one finding
		if err := json.Unmarshal([]byte(line), &one); err != nil || one.Check == "" {
			t.Errorf("%q %v", line, err)
		}
	}
	for _, args := range [][]string{{"--jwt", token}, {"--jwt", path + ".gone"}} {
		code, _, said := cli(t, nil, append([]string{"doctor"}, args...)...)
		if code != 1 || strings.Contains(said, token[:20]) || !strings.Contains(said, "names a file") {
			t.Errorf("%d %s", code, said)
		}
	}
	if code, _, said := cli(t, nil, "doctor", "--workload", "agent"); code != 1 || !strings.Contains(said, "goes with --jwt") {
		t.Errorf("%d %s", code, said)
	}
}
