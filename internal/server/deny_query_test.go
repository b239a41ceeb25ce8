package server_test

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
	"github.com/lanyard-id/lanyard/internal/sigv4"
)

// queryNames are the names in AWS Query of the deny matrix's exceptions.
var queryNames = map[api.ExceptionName]api.ExceptionName{
	api.MissingAuthenticationToken: api.QueryMissingAuthentication,
	api.InvalidSignature:           api.SignatureDoesNotMatch,
	api.UnrecognizedClient:         api.InvalidClientTokenID,
	api.ExpiredToken:               api.ExpiredCredentials,
	api.AccessDeniedException:      api.AccessDenied,
}

// queryRefused expects an AWS Query answer with this code, its status, a message and the request id of the header.
func queryRefused(t testing.TB, a *servertest.Answer, want api.ExceptionName) {
	t.Helper()
	id := a.Header.Get("x-amzn-RequestId")
	if a.Exception.Name != want || a.Status != want.Status() || a.Exception.Message == "" || id == "" || !bytes.Contains(a.Body, []byte("<RequestId>"+id+"</RequestId>")) {
		t.Errorf("answer is %d %s, want %d %s", a.Status, a.Body, want.Status(), want)
	}
}

// TestA11_AnotherAccountsPrincipals: root of another account finds none of this account's users, roles, policies and
// providers, may not take its roles on, and lists only what is its own or comes with Lanyard.
func TestA11_AnotherAccountsPrincipals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.RootOf(t, "111111111111")
	for _, op := range api.Operations() {
		if op.Service.Version() == "" {
			continue
		}
		a := w.Call(t, root, op, w.sample(op))
		switch op.Name {
		case "CreateUser", "CreateRole", "CreatePolicy", "CreateOpenIDConnectProvider", "GetCallerIdentity", "SimulateCustomPolicy", "ListAccountAliases",
			"EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation",
			"ListUsers", "ListRoles", "ListPolicies", "ListOpenIDConnectProviders":
			if a.Status != 200 || bytes.Contains(a.Body, []byte(iamPrefix)) {
				t.Errorf("%s: %d %s", op.Name, a.Status, a.Body)
			}
		case "GetOutboundWebIdentityFederationInfo":
			queryRefused(t, a, api.FeatureDisabled)
		case "GetWebIdentityToken":
			queryRefused(t, a, api.OutboundFederationDisabled)
		case "AssumeRole":
			queryRefused(t, a, api.AccessDenied)
		case "AssumeRoleWithWebIdentity":
			queryRefused(t, a, api.InvalidIdentityToken)
		default:
			queryRefused(t, a, api.NoSuchEntity)
		}
	}
}

// TestA30_ServicesAreApart: a signature for one service is worth nothing at another, whoever made it.
func TestA30_ServicesAreApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scopes := []string{"sts", "iam", "bedrock-agentcore", "lanyard", "execute-api", "STS", ""}
	for op, good := range map[*api.Operation][]string{
		&api.GetCallerIdentity:   {"sts"},
		&api.GetUser:             {"iam"},
		&api.GetWorkloadIdentity: {"bedrock-agentcore", "lanyard"},
		&api.ListGrants:          {"bedrock-agentcore", "lanyard"},
	} {
		for _, scope := range scopes {
			r := w.Request(t, *op, w.sample(*op))
			w.Sign(t, w.Root, r, scope)
			if a := w.Do(t, r); slices.Contains(good, scope) != (a.Status == 200) || a.Status != 200 && a.Status/100 != 4 {
				t.Errorf("%s signed for %q: %d %s", op.Name, scope, a.Status, a.Body)
			}
		}
	}
}

// TestA25_SignedForms: with any part of a signed form changed it is refused, and so is the form of another operation.
func TestA25_SignedForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := func() *http.Request {
		r := w.Request(t, api.GetUser, w.sample(api.GetUser))
		w.Sign(t, w.Root, r, "iam")
		return r
	}
	if a := w.Do(t, form()); a.Status != 200 {
		t.Fatalf("a good one: %d %s", a.Status, a.Body)
	}
	for name, spoil := range map[string]func(*http.Request) *http.Request{
		"another operation": func(r *http.Request) *http.Request {
			return mustRequest(t, r, "Action=DeleteUser&Version=2010-05-08&UserName=person")
		},
		"another user": func(r *http.Request) *http.Request {
			return mustRequest(t, r, "Action=GetUser&Version=2010-05-08&UserName=persom")
		},
		"a parameter more": func(r *http.Request) *http.Request {
			return mustRequest(t, r, "Action=GetUser&Version=2010-05-08&UserName=person&UserName=root")
		},
		"a query": func(r *http.Request) *http.Request { r.URL.RawQuery = "X-Amz-Date=x"; return r },
		"content type": func(r *http.Request) *http.Request {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		},
		"a token (A26)": func(r *http.Request) *http.Request {
			r.Header.Set("X-Amz-Security-Token", "LYST1.000000000000.x")
			return r
		},
	} {
		if a := w.Do(t, spoil(form())); a.Status != 403 && a.Exception.Name != api.QueryIncompleteSignature {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	w.Clock.Advance(6 * time.Minute)
	r := form()
	w.Clock.Advance(-6 * time.Minute)
	queryRefused(t, w.Do(t, r), api.SignatureDoesNotMatch) // A27: of the future
}

// TestA29_PresignedIdentity: a URL that proves who the caller is works by GET within its time and no longer, for nothing
// else, and not for another service.
func TestA29_PresignedIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	presigned := func(service, query string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, w.URL+"/?"+query, nil)
		check(t, err)
		sigv4.Presign(r, sigv4.Credentials{AccessKeyID: w.Root.AccessKeyID, SecretAccessKey: w.Root.Secret}, "us-west-2", service, time.Minute, w.Clock.Now())
		return r
	}
	const who = "Action=GetCallerIdentity&Version=2011-06-15"
	if a := w.Do(t, presigned("sts", who)); a.Status != 200 || !bytes.Contains(a.Body, []byte("<Arn>"+iamPrefix+"root</Arn>")) {
		t.Errorf("a good one: %d %s", a.Status, a.Body)
	}
	unsigned, err := http.NewRequest(http.MethodGet, w.URL+"/?"+who, nil)
	check(t, err)
	queryRefused(t, w.Do(t, unsigned), api.QueryMissingAuthentication)
	altered := presigned("sts", who)
	altered.URL.RawQuery = strings.Replace(altered.URL.RawQuery, "Expires=60", "Expires=600", 1)
	queryRefused(t, w.Do(t, altered), api.SignatureDoesNotMatch)
	queryRefused(t, w.Do(t, presigned("iam", who)), api.SignatureDoesNotMatch)
	queryRefused(t, w.Do(t, presigned("sts", who+"&Other=1")), api.ValidationError)
	for _, other := range []string{"Action=GetUser&Version=2010-05-08&UserName=person", "Action=DeleteUser&Version=2010-05-08&UserName=person",
		"Action=AssumeRole&Version=2011-06-15&RoleArn=" + url.QueryEscape(roleARN) + "&RoleSessionName=session",
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "Action=GetWebIdentityToken&Version=2011-06-15"} {
		a := w.Do(t, presigned(map[bool]string{true: "sts", false: "iam"}[strings.Contains(other, "2011")], other))
		queryRefused(t, a, api.ValidationError)
		if !strings.Contains(a.Exception.Message, "is not served by GET") {
			t.Errorf("%s: %s", other, a.Exception.Message)
		}
	}
	late := presigned("sts", who)
	w.Clock.Advance(61 * time.Second)
	queryRefused(t, w.Do(t, late), api.SignatureDoesNotMatch)
}

// TestUnsignedOperations: where the token is the proof, no signature adds to it and none takes from it. A refusal is
// audited as a stranger's.
func TestUnsignedOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	op := api.AssumeRoleWithWebIdentity
	plain := w.Do(t, w.Request(t, op, w.sample(op)))
	queryRefused(t, plain, api.InvalidIdentityToken)
	if r := w.Audit(t, identity.AuditFilter{RequestID: plain.Header.Get("x-amzn-RequestId")}); len(r) != 1 || r[0].Result != identity.AuditDenied || r[0].Caller != "" || r[0].Action != op.Action() {
		t.Errorf("audited as %+v", r)
	}
	wrong := w.Root
	wrong.Secret += "x"
	for name, c := range map[string]servertest.Credentials{"root's": w.Root, "wrong": wrong, "unknown": {AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", Secret: "x"}} {
		if a := w.Call(t, c, op, w.sample(op)); a.Exception.Name != plain.Exception.Name || a.Exception.Message != plain.Exception.Message {
			t.Errorf("%s signature: %d %s", name, a.Status, a.Body)
		}
	}
	malformed := w.Do(t, w.Request(t, op, map[string]any{"RoleArn": roleARN}))
	queryRefused(t, malformed, api.ValidationError)
	if r := w.Audit(t, identity.AuditFilter{RequestID: malformed.Header.Get("x-amzn-RequestId")}); len(r) != 1 || r[0].Result != identity.AuditDenied {
		t.Errorf("audited as %+v", r)
	}
}
