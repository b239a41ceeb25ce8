package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

var formType = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

// TestStrangeForms: what names no operation is told which one, and which variable sends it where it belongs.
func TestStrangeForms(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for body, want := range map[string]string{
		"Action=GetSessionToken&Version=2011-06-15": "Lanyard does not serve sts:GetSessionToken. To send this service's calls elsewhere, unset AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_STS",
		"Action=CreateGroup&Version=2010-05-08":     "Lanyard does not serve iam:CreateGroup. To send this service's calls elsewhere, unset AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_IAM",
		"Action=GetUser&Version=2011-06-15":         "Lanyard does not serve sts:GetUser",
		"Action=Publish&Version=2010-03-31":         "it serves sts (2011-06-15) and iam (2010-05-08)",
		"Action=%3Cb%3E%0a&Version=2010-05-08":      `iam:<b>\n`,
		"Action=GetUser":                            "it serves sts",
		"":                                          "it serves sts",
	} {
		a := get(t, s, "POST", "/", formType, body)
		queryRefused(t, a, api.InvalidAction)
		if !strings.Contains(a.Exception.Message, want) {
			t.Errorf("%s: %s", body, a.Exception.Message)
		}
	}
	queryRefused(t, get(t, s, "POST", "/", formType, "Action=GetUser&Action=DeleteUser&a=%zz"), api.ValidationError)
	queryRefused(t, get(t, s, "POST", "/elsewhere", formType, "Action=GetUser&Version=2010-05-08"), api.InvalidAction)
	if a := get(t, s, "GET", "/", nil, ""); a.Status != 404 || !bytes.Contains(a.Body, []byte("lanyard env")) {
		t.Errorf("a browser at the root: %d %s", a.Status, a.Body)
	}
}

// TestA50_FormsOverTheWire: a form that is too large, or has too many parameters, is refused before or just after its
// sender is known, in the sender's protocol.
func TestA50_FormsOverTheWire(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	queryRefused(t, get(t, s, "POST", "/", formType, strings.Repeat("a", 512<<10+1)), api.RequestTooLarge)
	a := s.Call(t, s.Root, api.ListUsers, strings.Repeat("a=1&", 1001))
	queryRefused(t, a, api.ValidationError)
	if r := s.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")}); len(r) != 1 || r[0].Action != "iam:ListUsers" || r[0].Result != identity.AuditFailed {
		t.Errorf("audited as %+v", r)
	}
}

// TestA48_NamesInAnswers: what XML takes for its own, or cannot carry, comes back as text, and never breaks the document.
func TestA48_NamesInAnswers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const hostile = "</Arn><Arn>x]]>\x00\x1b&amp;"
	a := s.Call(t, s.Root, api.CreateOpenIDConnectProvider, map[string]any{"Url": "https://issuer.example.com", "ClientIDList": []any{hostile}})
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	a = s.Call(t, s.Root, api.GetOpenIDConnectProvider, map[string]any{"OpenIDConnectProviderArn": providerARN})
	const want = "<member>&lt;/Arn&gt;&lt;Arn&gt;x]]&gt;\uFFFD\uFFFD&amp;amp;</member>"
	if !bytes.Contains(a.Body, []byte(want)) {
		t.Errorf("answered %s, want %s in it", a.Body, want)
	}
	a = s.Call(t, s.Root, api.GetUser, map[string]any{"UserName": hostile})
	queryRefused(t, a, api.ValidationError)
	if bytes.ContainsAny(a.Body, "\x00\x1b") || bytes.Contains(a.Body, []byte("</Arn>")) {
		t.Errorf("answered %q", a.Body)
	}
}

// TestOwnClient: Lanyard's own client speaks the protocol that its server does.
func TestOwnClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := client.New(t.Context(), client.WithEndpoint(w.URL), client.WithRegion(w.Region), client.WithClock(w.Clock.Now),
		client.WithCredentials(credentials.NewStaticCredentialsProvider(w.Root.AccessKeyID, w.Root.Secret, "")))
	check(t, err)
	who, err := c.GetCallerIdentity(t.Context())
	check(t, err)
	if who.ARN != iamPrefix+"root" || who.Account != w.Account {
		t.Errorf("root is %+v", who)
	}
	user := w.User(t, "user", servertest.Allow("*", "sts:AssumeRole", "sts:TagSession"))
	c, err = client.New(t.Context(), client.WithEndpoint(w.URL), client.WithRegion(w.Region), client.WithClock(w.Clock.Now),
		client.WithCredentials(credentials.NewStaticCredentialsProvider(user.AccessKeyID, user.Secret, "")))
	check(t, err)
	out, err := c.AssumeRole(t.Context(), &api.AssumeRoleRequest{RoleARN: roleARN, SessionName: "session"})
	check(t, err)
	if !strings.HasPrefix(out.Credentials.AccessKeyID, "ASIA") || !strings.HasSuffix(out.AssumedRoleUser.ARN, "assumed-role/role/session") || time.Time(out.Credentials.Expiration).Before(w.Clock.Now()) {
		t.Errorf("assumed as %+v", out)
	}
	_, err = c.AssumeRoleWithWebIdentity(t.Context(), &api.AssumeRoleWithWebIdentityRequest{RoleARN: roleARN, SessionName: "session", Token: "a.b.c"})
	if !client.Is(err, api.InvalidIdentityToken) {
		t.Errorf("a token that is none: %v", err)
	}
}
