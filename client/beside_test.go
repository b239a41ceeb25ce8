package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/api"
)

// iamMethods calls the operations of IAM that launching an agent needs. An operation that answers no result has none in its answer.
func iamMethods() map[string]struct {
	call   func(context.Context, *Client) error
	result bool
} {
	type method = struct {
		call   func(context.Context, *Client) error
		result bool
	}
	answered := func(_ any, err error) error { return err }
	return map[string]method{
		"CreateRole": {func(ctx context.Context, c *Client) error {
			return answered(c.CreateRole(ctx, &api.CreateRoleRequest{RoleName: "r"}))
		}, true},
		"GetRole":    {func(ctx context.Context, c *Client) error { return answered(c.GetRole(ctx, "r")) }, true},
		"DeleteRole": {func(ctx context.Context, c *Client) error { return c.DeleteRole(ctx, "r") }, false},
		"PutRolePolicy": {func(ctx context.Context, c *Client) error {
			return c.PutRolePolicy(ctx, &api.PutRolePolicyRequest{RoleName: "r"})
		}, false},
		"DeleteRolePolicy": {func(ctx context.Context, c *Client) error {
			return c.DeleteRolePolicy(ctx, &api.RolePolicyName{RoleName: "r"})
		}, false},
		"ListRolePolicies": {func(ctx context.Context, c *Client) error {
			return answered(c.ListRolePolicies(ctx, &api.RolePage{RoleName: "r"}))
		}, true},
		"ListAttachedRolePolicies": {func(ctx context.Context, c *Client) error {
			return answered(c.ListAttachedRolePolicies(ctx, &api.ListAttachedRolePoliciesRequest{RoleName: "r"}))
		}, true},
		"DetachRolePolicy": {func(ctx context.Context, c *Client) error {
			return c.DetachRolePolicy(ctx, &api.RoleAttachment{RoleName: "r"})
		}, false},
		"EnableOutboundWebIdentityFederation": {func(ctx context.Context, c *Client) error {
			return answered(c.EnableOutboundWebIdentityFederation(ctx))
		}, true},
		"GetOutboundWebIdentityFederationInfo": {func(ctx context.Context, c *Client) error {
			return answered(c.GetOutboundWebIdentityFederationInfo(ctx))
		}, true},
	}
}

func TestEveryIAMMethod(t *testing.T) {
	for name, m := range iamMethods() {
		text := "<" + name + "Response><ResponseMetadata/></" + name + "Response>"
		if m.result {
			text = "<" + name + "Response><" + name + "Result><Later/></" + name + "Result></" + name + "Response>"
		}
		s, got := formServer(t, 200, text)
		if err := m.call(t.Context(), newTestClient(t, s.URL)); err != nil || got.Get("Action") != name || got.Get("Version") != "2010-05-08" {
			t.Errorf("%s: sent %v, %v", name, *got, err)
		}
		other, _ := formServer(t, 200, "<html>welcome</html>")
		if err := m.call(t.Context(), newTestClient(t, other.URL)); err == nil || !strings.Contains(err.Error(), "is it Lanyard") {
			t.Errorf("%s: another answer is read: %v", name, err)
		}
	}
}

// TestIAMAnswers: lists, truths and documents are read as IAM writes them.
func TestIAMAnswers(t *testing.T) {
	s, got := formServer(t, 200, `<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>
		<Path>/</Path><RoleName>r</RoleName><Arn>arn:r</Arn><CreateDate>2026-01-02T03:04:05Z</CreateDate><MaxSessionDuration>3600</MaxSessionDuration>
		<AssumeRolePolicyDocument>%7B%22a%22%3A%22b+c%22%7D</AssumeRolePolicyDocument>
		<Tags> <member><Key>k</Key><Value></Value></member> <member><Key>l</Key><Value>v</Value></member> <other/></Tags>
	</Role></GetRoleResult></GetRoleResponse>`)
	out, err := newTestClient(t, s.URL).GetRole(t.Context(), "r")
	if err != nil || got.Get("RoleName") != "r" {
		t.Fatal(err)
	}
	r := out.Role
	if r.ARN != "arn:r" || r.Trust != `{"a":"b+c"}` || r.MaxSession != 3600 || !time.Time(r.CreateDate).Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("read %+v", r)
	}
	empty := ""
	if d := cmp.Diff([]api.Tag{{Key: "k", Value: &empty}, {Key: "l", Value: aws.String("v")}}, r.Tags); d != "" {
		t.Error(d)
	}
	s, _ = formServer(t, 200, `<x><ListRolePoliciesResult><PolicyNames><member>a</member><member>b</member></PolicyNames><IsTruncated>true</IsTruncated><Marker>m</Marker></ListRolePoliciesResult></x>`)
	page, err := newTestClient(t, s.URL).ListRolePolicies(t.Context(), &api.RolePage{RoleName: "r"})
	if d := cmp.Diff(&api.ListPolicyNamesResponse{Names: []string{"a", "b"}, IsTruncated: true, Marker: "m"}, page); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestIAMAnswersThatCannotBeRead(t *testing.T) {
	for _, inner := range []string{"<IsTruncated>perhaps</IsTruncated>", "<IsTruncated></IsTruncated>", "<PolicyNames><member>", "<PolicyNames></Names>"} {
		s, _ := formServer(t, 200, "<x><ListRolePoliciesResult>"+inner+"</ListRolePoliciesResult></x>")
		if out, err := newTestClient(t, s.URL).ListRolePolicies(t.Context(), &api.RolePage{RoleName: "r"}); err == nil {
			t.Errorf("%s: read %+v", inner, out)
		}
	}
	s, _ := formServer(t, 200, "<x><GetRoleResult><Role><AssumeRolePolicyDocument>%zz</AssumeRolePolicyDocument></Role></GetRoleResult></x>")
	if out, err := newTestClient(t, s.URL).GetRole(t.Context(), "r"); err == nil {
		t.Errorf("read %+v", out)
	}
}

func cognitoMethods() map[string]func(context.Context, *Client) error {
	answered := func(_ any, err error) error { return err }
	return map[string]func(context.Context, *Client) error{
		"CreateUserPool": func(ctx context.Context, c *Client) error {
			return answered(c.CreateUserPool(ctx, &api.CreateUserPoolRequest{PoolName: "p"}))
		},
		"DeleteUserPool": func(ctx context.Context, c *Client) error { return c.DeleteUserPool(ctx, "p") },
		"CreateUserPoolDomain": func(ctx context.Context, c *Client) error {
			return answered(c.CreateUserPoolDomain(ctx, &api.CreateUserPoolDomainRequest{Domain: "d"}))
		},
		"DeleteUserPoolDomain": func(ctx context.Context, c *Client) error {
			return c.DeleteUserPoolDomain(ctx, &api.DeleteUserPoolDomainRequest{Domain: "d"})
		},
		"CreateUserPoolClient": func(ctx context.Context, c *Client) error {
			return answered(c.CreateUserPoolClient(ctx, &api.CreateUserPoolClientRequest{ClientName: "c"}))
		},
		"DescribeUserPoolClient": func(ctx context.Context, c *Client) error {
			return answered(c.DescribeUserPoolClient(ctx, &api.UserPoolClientID{ClientID: "c"}))
		},
		"UpdateUserPoolClient": func(ctx context.Context, c *Client) error {
			return answered(c.UpdateUserPoolClient(ctx, &api.UpdateUserPoolClientRequest{ClientID: "c"}))
		},
		"CreateResourceServer": func(ctx context.Context, c *Client) error {
			return answered(c.CreateResourceServer(ctx, &api.CreateResourceServerRequest{Identifier: "i"}))
		},
		"AdminCreateUser": func(ctx context.Context, c *Client) error {
			return answered(c.AdminCreateUser(ctx, &api.AdminCreateUserRequest{Username: "u"}))
		},
		"AdminSetUserPassword": func(ctx context.Context, c *Client) error {
			return c.AdminSetUserPassword(ctx, &api.AdminSetUserPasswordRequest{Username: "u", Password: "MARKER"})
		},
		"InitiateAuth": func(ctx context.Context, c *Client) error {
			return answered(c.InitiateAuth(ctx, &api.InitiateAuthRequest{AuthParameters: map[string]api.Sensitive{"PASSWORD": "MARKER"}}))
		},
	}
}

// TestEveryCognitoMethod: each is named by its target and signed, but for those that carry their own proof.
func TestEveryCognitoMethod(t *testing.T) {
	unsigned := map[string]bool{}
	for _, op := range api.CognitoOperations() {
		unsigned[op.Name] = op.Unsigned
	}
	for name, call := range cognitoMethods() {
		var got *http.Request
		var body []byte
		c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r
			body, _ = io.ReadAll(r.Body)
			return answer(200, `{"MemberOfALaterRelease":1}`), nil
		})))
		if err := call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.Method != http.MethodPost || got.URL.Path != "/" || got.Header.Get("X-Amz-Target") != "AWSCognitoIdentityProviderService."+name || got.Header.Get("Content-Type") != "application/x-amz-json-1.1" || !json.Valid(body) {
			t.Errorf("%s: sent %s %s %v %s", name, got.Method, got.URL, got.Header, body)
		}
		if unsigned[name] {
			if got.Header.Get("Authorization") != "" {
				t.Errorf("%s: a signature was sent beside the proof", name)
			}
		} else if err := verify(got, body); err != nil {
			t.Errorf("%s: the signature does not verify: %v", name, err)
		}
	}
}

func TestCognitoRefusals(t *testing.T) {
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		return answer(400, `{"__type":"com.example#ResourceNotFoundException","message":"no such pool"}`, "x-amzn-RequestId", "the-id"), nil
	})))
	err := c.DeleteUserPool(t.Context(), "p")
	if !Is(err, api.ResourceNotFoundException) || err.Error() != "DeleteUserPool: ResourceNotFoundException: no such pool (request the-id)" {
		t.Errorf("%v", err)
	}
}

// TestThrottledSignInIsSentAgain: this protocol says so with status 400 too.
func TestThrottledSignInIsSentAgain(t *testing.T) {
	n := 0
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return answer(400, `{"__type":"TooManyRequestsException","message":"slower"}`), nil
		}
		return answer(200, `{"AuthenticationResult":{"AccessToken":"TOKEN","ExpiresIn":3600}}`), nil
	})))
	c.jitter = func(time.Duration) time.Duration { return 0 }
	out, err := c.InitiateAuth(t.Context(), &api.InitiateAuthRequest{})
	if err != nil || n != 2 || out.AuthenticationResult.AccessToken != "TOKEN" {
		t.Errorf("sent %d times: %v", n, err)
	}
}

// TestServicesBeside: IAM and user pools have endpoints of their own. A bad one refuses what needs it, and nothing else.
func TestServicesBeside(t *testing.T) {
	vars := map[string]string{envLanyard: "http://127.0.0.1:1", envIAM: "http://127.0.0.1:2", envCognito: "http://elsewhere.example.com"}
	called := ""
	c := newTestClient(t, "", WithEnvironment(func(name string) string { return vars[name] }), WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		called = r.URL.Host
		return answer(200, "<x><GetRoleResult/><GetCallerIdentityResult/></x>"), nil
	})))
	if _, err := c.GetRole(t.Context(), "r"); err != nil || called != "127.0.0.1:2" {
		t.Errorf("IAM: called %s, %v", called, err)
	}
	if _, err := c.GetCallerIdentity(t.Context()); err != nil || called != "127.0.0.1:1" {
		t.Errorf("STS: called %s, %v", called, err)
	}
	called = ""
	if err := c.DeleteUserPool(t.Context(), "p"); err == nil || called != "" || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER is plain http to elsewhere.example.com") {
		t.Errorf("called %q: %v", called, err)
	}
	if _, err := c.ServiceEndpoint(api.CognitoIDP); err == nil {
		t.Error("the endpoint is refused, and not told to be")
	}
	if at, err := c.ServiceEndpoint(api.IAM); err != nil || at != "http://127.0.0.1:2" {
		t.Errorf("%s, %v", at, err)
	}
	delete(vars, envIAM)
	c = newTestClient(t, "", WithEnvironment(func(name string) string { return vars[name] }))
	if at, err := c.ServiceEndpoint(api.IAM); err != nil || at != "http://127.0.0.1:1" {
		t.Errorf("%s, %v", at, err)
	}
}
