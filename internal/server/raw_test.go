package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// TestBodiesAreReadStrictly: what is not exactly one JSON object of the shape is refused with the reason CannotParse.
func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, body := range map[string]string{
		"not JSON":        `name=agent`,
		"cut off":         `{"name":"agent"`,
		"trailing data":   `{"name":"agent"}{"name":"agent"}`,
		"trailing word":   `{"name":"agent"} x`,
		"list":            `[{"name":"agent"}]`,
		"text":            `"agent"`,
		"wrong type":      `{"name":["agent"]}`,
		"number":          `{"name":7}`,
		"unknown member":  `{"name":"agent","force":true}`,
		"nested too deep": strings.Repeat(`{"name":`, 20_000),
		"invalid UTF-8":   "{\"name\":\"ag\xffent\"}",
		"byte order mark": "\uFEFF{\"name\":\"agent\"}",
	} {
		t.Run(name, func(t *testing.T) {
			a := w.Call(t, w.Root, api.GetWorkloadIdentity, body)
			refused(t, a, api.ValidationException)
			if a.Exception.Reason != api.ReasonCannotParse {
				t.Errorf("reason is %s: %s", a.Exception.Reason, a.Body)
			}
		})
	}
	if a := w.Call(t, w.Root, api.ListWorkloadIdentities, ``); a.Status != 200 {
		t.Errorf("an operation without required members takes an empty body: %d %s", a.Status, a.Body)
	}
}

// TestA50_BodiesAreBounded: a body larger than any operation takes is refused before anybody is authenticated, and so is
// one without a declared length.
func TestA50_BodiesAreBounded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	huge := bytes.Repeat([]byte(" "), 512<<10+1)
	refused(t, s.Call(t, s.Root, api.GetWorkloadIdentity, huge), api.RequestEntityTooLarge)
	r := s.Request(t, api.GetWorkloadIdentity, huge)
	r.ContentLength, r.GetBody = -1, nil
	refused(t, s.Do(t, r), api.RequestEntityTooLarge)
	fits := append(bytes.Repeat([]byte(" "), 512<<10-len(`{"name":"agent"}`)), `{"name":"agent"}`...)
	refused(t, s.Call(t, s.Root, api.GetWorkloadIdentity, fits), api.ResourceNotFoundException)
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for contentType, ok := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "application/x-amz-json-1.0": true, "": true,
		"text/plain": false, "application/x-www-form-urlencoded": false, "multipart/form-data": false, "text/json": false, "application/jsonp": false, "application/json-patch+json": false,
	} {
		r := w.Request(t, api.GetWorkloadIdentity, `{"name":"agent"}`)
		r.Header.Set("Content-Type", contentType)
		a := w.Send(t, w.Root, r)
		if ok && a.Status != 200 {
			t.Errorf("%q: %d %s", contentType, a.Status, a.Body)
		}
		if !ok {
			refused(t, a, api.UnsupportedMediaType)
		}
	}
}

// TestStrangersAreToldWhereToGo: a call for another service gets, in its own protocol, the variable that sends it home.
func TestStrangersAreToldWhereToGo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	send := func(method, path, service string, header map[string]string, body string) *servertest.Answer {
		t.Helper()
		r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
		check(t, err)
		for name, v := range header {
			r.Header.Set(name, v)
		}
		s.Sign(t, s.Root, r, service)
		return s.Do(t, r)
	}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for name, c := range map[string]struct {
		answer   *servertest.Answer
		variable string
		status   int
	}{
		"STS":             {send("POST", "/", "sts", form, "Action=GetSessionToken&Version=2011-06-15"), "AWS_ENDPOINT_URL_STS", 400},
		"IAM":             {send("POST", "/", "iam", form, "Action=ListGroups&Version=2010-05-08"), "AWS_ENDPOINT_URL_IAM", 400},
		"Cognito":         {send("POST", "/", "cognito-idp", map[string]string{"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"}, "{}"), "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", 404},
		"Bedrock Runtime": {send("POST", "/model/anthropic.claude/converse", "bedrock", nil, "{}"), "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", 404},
		"S3":              {send("GET", "/bucket/key", "s3", nil, ""), "AWS_ENDPOINT_URL_S3", 404},
		"DynamoDB":        {send("POST", "/", "dynamodb", map[string]string{"X-Amz-Target": "DynamoDB_20120810.ListTables"}, "{}"), "AWS_ENDPOINT_URL_<SERVICE>", 404},
		"other operation": {send("POST", "/identities/get-token-vault", "bedrock-agentcore", nil, "{}"), "AWS_ENDPOINT_URL", 404},
		"wrong method":    {send("GET", "/identities/GetWorkloadIdentity", "bedrock-agentcore", nil, ""), "AWS_ENDPOINT_URL", 404},
	} {
		body := strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(string(c.answer.Body))
		if c.answer.Status != c.status || !strings.Contains(body, c.variable) || len(c.answer.Header.Get("x-amzn-RequestId")) != 36 {
			t.Errorf("%s: %d %s %v", name, c.answer.Status, body, c.answer.Header)
		}
		if c.status == 400 && (c.answer.Header.Get("Content-Type") != "text/xml" || !strings.Contains(body, "<Code>InvalidAction</Code>")) {
			t.Errorf("%s is answered in another protocol: %s", name, body)
		}
	}
}

// TestPathsAreMatchedRaw: an operation answers at its own path, with or without a trailing slash, and at no other
// spelling of it, which a proxy or a policy in front might read differently.
func TestPathsAreMatchedRaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status := func(path string) int {
		t.Helper()
		r := w.Request(t, api.GetWorkloadIdentity, `{"name":"agent"}`)
		r.URL.Opaque = "//" + r.URL.Host + path
		return w.Do(t, r).Status // unsigned: 403 tells that the operation was found
	}
	for _, path := range []string{"/identities/GetWorkloadIdentity", "/identities/GetWorkloadIdentity/"} {
		if got := status(path); got != http.StatusForbidden {
			t.Errorf("%s answered %d", path, got)
		}
	}
	for _, path := range []string{
		"/identities/GetWorkloadIdentity//", "/identities/%47etWorkloadIdentity", "/identities%2FGetWorkloadIdentity", "/identities/./GetWorkloadIdentity",
		"/x/../identities/GetWorkloadIdentity", "//identities/GetWorkloadIdentity", "/identities/getworkloadidentity", "/Identities/GetWorkloadIdentity",
		"/identities/GetWorkloadIdentity%2F", "/identities/GetWorkloadIdentity;x", "/identities/GetWorkloadIdentity%00", `/identities\GetWorkloadIdentity`,
	} {
		if got := status(path); got == http.StatusForbidden || got == http.StatusOK || got >= 500 {
			t.Errorf("%s answered %d, as if it were the operation", path, got)
		}
	}
}

// TestA48_NamesCannotForgeLogLines: what a stranger sends is quoted in answers, and lines stay lines in the log.
func TestA48_NamesCannotForgeLogLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	evil := "x\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\x1b[31m"
	a := w.Call(t, w.Root, api.GetWorkloadIdentity, map[string]any{"name": evil})
	refused(t, a, api.ValidationException)
	if strings.ContainsAny(a.Exception.Message, "\n\r\x1b") {
		t.Errorf("the message repeats control characters: %q", a.Exception.Message)
	}
	w.Call(t, w.Root, api.GetWorkloadAccessTokenForUserId, map[string]any{"workloadName": "agent", "userId": "x\n{\"msg\":\"forged\"}"})
	r, err := http.NewRequest("GET", w.URL+"/nowhere", nil)
	check(t, err)
	r.Header.Set("User-Agent", "x\t{\"msg\":\"forged\"}")
	w.Do(t, r)
	for line := range strings.Lines(w.Logs()) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("a line of the log was made by a stranger: %q", line)
		}
	}
}
