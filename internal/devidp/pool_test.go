package devidp_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func TestPoolIsDescribedAsMade(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	out := w.call(api.CreateUserPool, members{"PoolName": "My Pool", "AdminCreateUserConfig": members{"AllowAdminCreateUserOnly": true},
		"UserPoolTags": members{"team": "identity"}, "EmailConfiguration": members{"EmailSendingAccount": "COGNITO_DEFAULT"}, "UserPoolTier": "LITE",
		"MfaConfiguration": "OFF", "LambdaConfig": members{}, "UserPoolAddOns": members{"AdvancedSecurityMode": "OFF"}, "AutoVerifiedAttributes": []string{"email"},
		"AccountRecoverySetting": members{"RecoveryMechanisms": []members{{"Priority": 1, "Name": "admin_only"}}},
		"Schema":                 []members{{"Name": "email", "Required": true}, {"Name": "team", "AttributeDataType": "String"}}})
	id := textAt(out, "UserPool", "Id")
	region, suffix, _ := strings.Cut(id, "_")
	if region != w.Region || len(suffix) != 9 || strings.Trim(suffix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("id is %q", id)
	}
	shown := w.call(api.DescribeUserPool, members{"UserPoolId": id})
	for _, m := range []members{out, shown} {
		want := members{"Name": "My Pool", "Arn": "arn:aws:cognito-idp:us-west-2:000000000000:userpool/" + id, "MfaConfiguration": "OFF", "UserPoolTier": "LITE", "EstimatedNumberOfUsers": 0.0}
		for name, v := range want {
			if at(m, "UserPool", name) != v {
				t.Errorf("%s is %v, want %v", name, at(m, "UserPool", name), v)
			}
		}
		if _, ok := at(m, "UserPool", "CreationDate").(float64); !ok {
			t.Errorf("CreationDate is %v, want epoch seconds", at(m, "UserPool", "CreationDate"))
		}
		if at(m, "UserPool", "EmailConfiguration", "EmailSendingAccount") != "COGNITO_DEFAULT" || at(m, "UserPool", "UserPoolTags", "team") != "identity" {
			t.Errorf("what was sent is not echoed: %v", m)
		}
		attributes, _ := at(m, "UserPool", "SchemaAttributes").([]any)
		if len(attributes) != 21 || attributes[20].(members)["Name"] != "custom:team" {
			t.Errorf("attributes are %v", attributes)
		}
	}
	w.newUser(id, "alice", members{"Name": "email", "Value": "a@example.com"}, members{"Name": "custom:team", "Value": "red"})
	if got := at(w.call(api.DescribeUserPool, members{"UserPoolId": id}), "UserPool", "EstimatedNumberOfUsers"); got != 1.0 {
		t.Errorf("EstimatedNumberOfUsers is %v", got)
	}
	w.refused(api.AdminCreateUser, members{"UserPoolId": id, "Username": "bob"}, api.InvalidParameterException) // email is required
}

// TestUnservedProtectionsAreRefused: a pool that asks for a protection it would not get is not made.
func TestUnservedProtectionsAreRefused(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	const trigger = "arn:aws:lambda:us-west-2:000000000000:function:f"
	for name, v := range map[string]any{
		"MfaConfiguration": "ON", "LambdaConfig": members{"PreAuthentication": trigger}, "UserPoolAddOns": members{"AdvancedSecurityMode": "ENFORCED"},
		"DeviceConfiguration": members{"ChallengeRequiredOnNewDevice": true}, "AliasAttributes": []string{"email"},
		"KeyConfiguration": members{"KeyType": "CUSTOMER_MANAGED_KEY"}, "IssuerConfiguration": members{"Type": "UPDATED"},
		"Policies": members{"PasswordPolicy": members{"PasswordHistorySize": 3}},
		"Schema":   []members{{"Name": "custom:x"}},
	} {
		msg := w.refused(api.CreateUserPool, members{"PoolName": "p", name: v}, api.InvalidParameterException)
		if !strings.Contains(msg, name) {
			t.Errorf("%s: the message does not name it: %s", name, msg)
		}
	}
	w.refused(api.CreateUserPool, members{"PoolName": "p", "Policies": members{"SignInPolicy": members{"AllowedFirstAuthFactors": []string{"PASSWORD", "EMAIL_OTP"}}}}, api.InvalidParameterException)
	w.refused(api.CreateUserPool, members{"PoolName": "p", "Nonsense": 1}, api.SerializationException)
	w.refused(api.CreateUserPool, members{"PoolName": ""}, api.InvalidParameterException)
	if pools := at(w.call(api.ListUserPools, members{"MaxResults": 60}), "UserPools").([]any); len(pools) != 0 {
		t.Errorf("pools were made: %v", pools)
	}
}

func TestListUserPools(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	want := []string{w.newPool(), w.newPool(), w.newPool()}
	slices.Sort(want)
	var got []string
	in := members{"MaxResults": 2}
	for range 3 {
		out := w.call(api.ListUserPools, in)
		for _, p := range at(out, "UserPools").([]any) {
			got = append(got, p.(members)["Id"].(string))
		}
		if in["NextToken"] = at(out, "NextToken"); in["NextToken"] == nil {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	w.refused(api.ListUserPools, members{}, api.InvalidParameterException)
}

// TestDeletingAPoolTakesAllOfIt: clients, users and tokens end with it; a domain, or protection from deletion, keeps it.
func TestDeletingAPoolTakesAllOfIt(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	token := textAt(w.call(api.InitiateAuth, signIn(c, "alice", poolPassword)), "AuthenticationResult", "RefreshToken")
	w.call(api.CreateUserPoolDomain, members{"UserPoolId": pool, "Domain": "quickstart-1"})
	w.refused(api.DeleteUserPool, members{"UserPoolId": pool}, api.InvalidParameterException)
	w.call(api.DeleteUserPoolDomain, members{"UserPoolId": pool, "Domain": "quickstart-1"})
	w.call(api.DeleteUserPool, members{"UserPoolId": pool})
	for _, op := range []api.Operation{api.DescribeUserPool, api.DeleteUserPool, api.ListUserPoolClients} {
		w.refused(op, members{"UserPoolId": pool}, api.ResourceNotFoundException)
	}
	w.refused(api.InitiateAuth, signIn(c, "alice", poolPassword), api.ResourceNotFoundException)
	w.refused(api.InitiateAuth, renewal(c, token, "alice"), api.ResourceNotFoundException)
	var unused any
	if _, err := w.Identity.Shelf("cognito").ByID(t.Context(), "client", c.id, &unused); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("the client is still stored: %v", err)
	}
	for _, endpoint := range []string{"/.well-known/jwks.json", "/oauth2/authorize"} {
		page, err := w.person("alice").Open(t.Context(), w.base(pool)+endpoint)
		if err != nil || page.Status != http.StatusNotFound || page.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s of the deleted pool: %v, %+v", endpoint, err, page)
		}
	}
	protected := w.newPool(members{"DeletionProtection": "ACTIVE"})
	w.refused(api.DeleteUserPool, members{"UserPoolId": protected}, api.InvalidParameterException)
}

func TestDomains(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool, other := w.newPool(), w.newPool()
	w.call(api.CreateUserPoolDomain, members{"UserPoolId": pool, "Domain": "agents", "ManagedLoginVersion": 2})
	shown := w.call(api.DescribeUserPoolDomain, members{"Domain": "agents"})
	if at(shown, "DomainDescription", "Status") != "ACTIVE" || at(shown, "DomainDescription", "UserPoolId") != pool || at(shown, "DomainDescription", "ManagedLoginVersion") != 2.0 {
		t.Errorf("described as %v", shown)
	}
	if got := textAt(w.call(api.DescribeUserPool, members{"UserPoolId": pool}), "UserPool", "Domain"); got != "agents" {
		t.Errorf("the pool's domain is %q", got)
	}
	if got := w.call(api.DescribeUserPoolDomain, members{"Domain": "nobodys"}); len(at(got, "DomainDescription").(members)) != 0 {
		t.Errorf("a domain that nobody has: %v", got)
	}
	for what, in := range map[string]members{"taken": {"UserPoolId": other, "Domain": "agents"}, "a second one": {"UserPoolId": pool, "Domain": "more"},
		"reserved": {"UserPoolId": other, "Domain": "my-cognito"}, "malformed": {"UserPoolId": other, "Domain": "Agents.x"},
		"custom": {"UserPoolId": other, "Domain": "x", "CustomDomainConfig": members{"CertificateArn": "arn"}}} {
		if msg := w.refused(api.CreateUserPoolDomain, in, api.InvalidParameterException); msg == "" {
			t.Error(what)
		}
	}
	w.refused(api.DeleteUserPoolDomain, members{"UserPoolId": other, "Domain": "agents"}, api.ResourceNotFoundException)
	w.call(api.DeleteUserPoolDomain, members{"UserPoolId": pool, "Domain": "agents"})
	w.call(api.CreateUserPoolDomain, members{"UserPoolId": other, "Domain": "agents"})
}

// TestA11_PoolsOfAnotherAccount: root of another account finds no pool, client, user or domain of this one.
func TestA11_PoolsOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool)
	w.newUser(pool, "alice")
	w.call(api.CreateUserPoolDomain, members{"UserPoolId": pool, "Domain": "agents"})
	foreign := w.RootOf(t, "111111111111")
	in := members{"UserPoolId": pool, "ClientId": c.id, "Username": "alice", "Password": poolPassword, "Domain": "agents", "ClientName": "c",
		"Identifier": "i", "Name": "n"}
	for _, op := range api.CognitoOperations() {
		switch {
		case op.Unsigned || op.Name == "CreateUserPool":
		case op.Name == "ListUserPools":
			if a := w.as(foreign, op, members{"MaxResults": 60}); !strings.Contains(string(a.Body), `"UserPools":[]`) {
				t.Errorf("another account lists %s", a.Body)
			}
		case op.Name == "DescribeUserPoolDomain":
			if a := w.as(foreign, op, members{"Domain": "agents"}); strings.Contains(string(a.Body), pool) {
				t.Errorf("another account is told %s", a.Body)
			}
		default:
			w.isRefusal(w.as(foreign, op, only(op, in)), api.ResourceNotFoundException)
		}
	}
}

// only keeps the members that an operation takes.
func only(op api.Operation, all members) members {
	takes := map[string][]string{
		"CreateUserPoolDomain": {"Domain"}, "DeleteUserPoolDomain": {"Domain"}, "CreateResourceServer": {"Identifier", "Name"},
		"CreateUserPoolClient": {"ClientName"}, "DescribeUserPoolClient": {"ClientId"}, "UpdateUserPoolClient": {"ClientId"}, "DeleteUserPoolClient": {"ClientId"},
		"AdminCreateUser": {"Username"}, "AdminGetUser": {"Username"}, "AdminEnableUser": {"Username"}, "AdminDisableUser": {"Username"},
		"AdminDeleteUser": {"Username"}, "AdminSetUserPassword": {"Username", "Password"},
	}
	in := members{"UserPoolId": all["UserPoolId"]}
	for _, name := range takes[op.Name] {
		in[name] = all[name]
	}
	switch op.Name {
	case "CreateUserPool":
		return members{"PoolName": "p"}
	case "ListUserPools":
		return members{"MaxResults": 60}
	case "DescribeUserPoolDomain":
		return members{"Domain": all["Domain"]}
	}
	return in
}

// TestEveryOperationIsAuthorisedAndAudited: without a signature, with one for another service, and without a policy, each
// is refused and audited as denied; with a policy for this pool it passes and is audited under the caller's name.
func TestEveryOperationIsAuthorisedAndAudited(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	nobody := w.User(t, "nobody", "")
	reader := w.User(t, "reader", servertest.Allow("arn:aws:cognito-idp:us-west-2:000000000000:userpool/"+pool, "cognito-idp:DescribeUserPool"))
	all := members{"UserPoolId": pool, "ClientId": "x", "Username": "x", "Password": "x", "Domain": "x", "ClientName": "x", "Identifier": "x", "Name": "x"}
	for _, op := range api.CognitoOperations() {
		if op.Unsigned {
			continue
		}
		a := w.as(nobody, op, only(op, all))
		if msg := w.isRefusal(a, api.AccessDeniedException); !strings.Contains(msg, op.Action()) {
			t.Errorf("%s: %s", op.Name, msg)
		}
		records := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
		if len(records) != 1 || records[0].Result != identity.AuditDenied || records[0].Action != op.Action() {
			t.Errorf("%s: audited as %+v", op.Name, records)
		}
		stranger := w.as(servertest.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", Secret: "x"}, op, only(op, all))
		w.isRefusal(stranger, api.UnrecognizedClient)
	}
	w.isRefusal(w.as(reader, api.DeleteUserPool, members{"UserPoolId": pool}), api.AccessDeniedException)
	a := w.as(reader, api.DescribeUserPool, members{"UserPoolId": pool})
	records := w.Audit(t, identity.AuditFilter{RequestID: a.Header.Get("x-amzn-RequestId")})
	if a.Status != 200 || len(records) != 1 || records[0].Result != identity.AuditAllowed || !strings.HasSuffix(records[0].Caller, "user/reader") {
		t.Errorf("%d, audited as %+v", a.Status, records)
	}
}

// TestA30_OtherServicesSignaturesAreRefused: what was signed for one service is nothing at another.
func TestA30_OtherServicesSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	for _, service := range []string{"bedrock-agentcore", "sts", "cognito-identity"} {
		r, err := http.NewRequest(http.MethodPost, w.URL+"/", strings.NewReader(`{"PoolName":"p"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", targetVersion+"CreateUserPool")
		w.Sign(t, w.Root, r, service)
		if a := w.Do(t, r); a.Status != http.StatusBadRequest || !strings.Contains(string(a.Body), "InvalidSignatureException") {
			t.Errorf("%s: %d %s", service, a.Status, a.Body)
		}
	}
}
