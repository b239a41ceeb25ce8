package policy

import (
	"fmt"
	"testing"
)

type trustCase struct {
	rule      string
	principal string
	action    string // of the policy; empty for sts:AssumeRole*
	condition string
	caller    *Caller
	asked     string // the action of the request; empty for sts:AssumeRole
	request   []string
	allowed   bool
	direct    bool
}

func checkTrust(t *testing.T, tests []trustCase) {
	t.Helper()
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%02d %s", i, tt.rule), func(t *testing.T) {
			if tt.action == "" {
				tt.action = "sts:AssumeRole*"
			}
			if tt.asked == "" {
				tt.asked = "sts:AssumeRole"
			}
			doc := mustParseTrust(t, trustText(tt.principal, tt.action, tt.condition))
			r := &Request{Action: tt.asked, Resources: []string{targetARN}, Context: ctx(tt.request...), Now: noon}
			if got := EvaluateTrust(doc, tt.caller, r); got.Allowed != tt.allowed || got.Direct != tt.direct || got.Source != SourceTrust {
				t.Errorf("%s: %+v, want %v, direct %v", tt.principal, got, tt.allowed, tt.direct)
			}
		})
	}
}

func TestConformanceTrustPrincipal(t *testing.T) {
	const (
		acct    = "UG, Principal: an account, by number or root ARN, is everybody in it"
		one     = "UG, Principal: a user or role by its ARN"
		sess    = "UG, Principal: a role's session matches the role's ARN and its own"
		star    = "UG, Principal: * is everybody who has an account"
		service = "UG, Principal: a service is no user"
		federal = "UG, Principal: a federated principal is an identity provider's users"
		action  = "UG, Trust policies: the action must match"
	)
	other := &Caller{Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/alice", Name: "alice", Kind: KindUser}
	root := &Caller{Account: account, ARN: "arn:aws:iam::000000000000:root", Kind: KindRoot}
	web := webIdentity(issuerARN)
	const wic = "sts:AssumeRoleWithWebIdentity"
	limited := session()
	limited.Limits = []*Document{mustParse(t, documentText(statementText("Allow", "*", "*")))}
	checkTrust(t, []trustCase{
		{acct, `{"AWS":"000000000000"}`, "", "", user(), "", nil, true, false},
		{acct, `{"AWS":"arn:aws:iam::000000000000:root"}`, "", "", user(), "", nil, true, false},
		{acct, `{"AWS":"arn:aws:iam::000000000000:root"}`, "", "", session(), "", nil, true, false},
		{acct, `{"AWS":"arn:aws:iam::000000000000:root"}`, "", "", root, "", nil, true, false},
		{acct, `{"AWS":"111111111111"}`, "", "", user(), "", nil, false, false},
		{acct, `{"AWS":"111111111111"}`, "", "", other, "", nil, true, false},
		{acct, `{"AWS":["111111111111","000000000000"]}`, "", "", user(), "", nil, true, false},
		{acct, `{"AWS":"000000000000"}`, "", "", web, wic, nil, false, false},
		{one, `{"AWS":"` + aliceARN + `"}`, "", "", user(), "", nil, true, true},
		{one, `{"AWS":"arn:aws:iam::000000000000:user/bob"}`, "", "", user(), "", nil, false, false},
		{one, `{"AWS":"arn:aws:iam::000000000000:user/Alice"}`, "", "", user(), "", nil, false, false},
		{one, `{"AWS":"arn:aws:iam::000000000000:user/team/alice"}`, "", "", user(), "", nil, false, false},
		{one, `{"AWS":"` + aliceARN + `"}`, "", "", other, "", nil, false, false},
		{one, `{"AWS":["` + roleARN + `","` + aliceARN + `"]}`, "", "", user(), "", nil, true, true},
		{one, `{"AWS":["000000000000","` + aliceARN + `"]}`, "", "", user(), "", nil, true, true},
		{one, `{"AWS":"` + roleARN + `"}`, "", "", user(), "", nil, false, false},
		{sess, `{"AWS":"` + roleARN + `"}`, "", "", session(), "", nil, true, true},
		{sess, `{"AWS":"` + sessionARN + `"}`, "", "", session(), "", nil, true, true},
		{sess, `{"AWS":"arn:aws:sts::000000000000:assumed-role/agents/run-2"}`, "", "", session(), "", nil, false, false},
		{sess, `{"AWS":"arn:aws:iam::000000000000:role/other"}`, "", "", session(), "", nil, false, false},
		{"UG, Session policies: limit a session that is named by its role", `{"AWS":"` + roleARN + `"}`, "", "", limited, "", nil, true, false},
		{"UG, Session policies: do not limit a session that is named itself", `{"AWS":"` + sessionARN + `"}`, "", "", limited, "", nil, true, true},
		{star, `"*"`, "", "", user(), "", nil, true, false},
		{star, `{"AWS":"*"}`, "", "", other, "", nil, true, false},
		{star, `"*"`, "", "", web, wic, nil, false, false},
		{star, `{"AWS":"*"}`, "", "", web, wic, nil, false, false},
		{service, `{"Service":"lambda.amazonaws.com"}`, "", "", user(), "", nil, false, false},
		{service, `{"Service":["lambda.amazonaws.com","ec2.amazonaws.com"]}`, "", "", web, wic, nil, false, false},
		{service, `{"Service":"lambda.amazonaws.com","AWS":"000000000000"}`, "", "", user(), "", nil, true, false},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", web, wic, nil, true, true},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", webIdentity("https://" + issuerHost), wic, nil, true, true},
		{federal, `{"Federated":"` + issuerHost + `"}`, "", "", webIdentity("https://" + issuerHost), wic, nil, true, true},
		{federal, `{"Federated":"` + issuerHost + `"}`, "", "", webIdentity("http://" + issuerHost), wic, nil, false, false},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", webIdentity("https://" + issuerHost + "/"), wic, nil, false, false},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", webIdentity("https://issuer.example.com"), wic, nil, false, false},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", webIdentity(issuerARN + "2"), wic, nil, false, false},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", webIdentity(""), wic, nil, false, false},
		{federal, `{"Federated":"arn:aws:iam::111111111111:oidc-provider/` + issuerHost + `"}`, "", "", webIdentity("https://" + issuerHost), wic, nil, false, false},
		{federal, `{"Federated":"arn:aws:iam::000000000000:saml-provider/x"}`, "", "", webIdentity("https://x"), wic, nil, false, false},
		{federal, `{"Federated":"` + issuerARN + `"}`, "", "", user(), "", nil, false, false},
		{federal, `{"Federated":["issuer2.example.com","` + issuerARN + `"]}`, "", "", web, wic, nil, true, true},
		{action, `{"AWS":"000000000000"}`, "sts:AssumeRole", "", user(), "sts:TagSession", nil, false, false},
		{action, `{"AWS":"000000000000"}`, "sts:TagSession", "", user(), "sts:TagSession", nil, true, false},
		{action, `{"AWS":"000000000000"}`, "sts:*", "", user(), "sts:SetSourceIdentity", nil, true, false},
		{action, `{"Federated":"` + issuerARN + `"}`, "sts:AssumeRole", "", web, wic, nil, false, false},
		{action, `{"AWS":"000000000000"}`, "STS:assumeROLE", "", user(), "", nil, true, false},
	})
}

func TestConformanceTrustCondition(t *testing.T) {
	const (
		external = "UG, Third-party access: sts:ExternalId"
		claims   = "UG, Web identity keys: the provider's address, a colon and the claim"
		name     = "UG, STS keys: sts:RoleSessionName is what the request proposes"
		tags     = "UG, Session tags: aws:RequestTag, aws:TagKeys, sts:TransitiveTagKeys"
	)
	const wic = "sts:AssumeRoleWithWebIdentity"
	everybody, issuer := `{"AWS":"000000000000"}`, `{"Federated":"`+issuerARN+`"}`
	web := webIdentity(issuerARN)
	sub := `{"StringEquals":{"` + issuerHost + `:sub":"repo:acme/app"}}`
	checkTrust(t, []trustCase{
		{external, everybody, "", `{"StringEquals":{"sts:ExternalId":"x-1"}}`, user(), "", []string{"sts:ExternalId=x-1"}, true, false},
		{external, everybody, "", `{"StringEquals":{"sts:ExternalId":"x-1"}}`, user(), "", []string{"sts:ExternalId=x-2"}, false, false},
		{external, everybody, "", `{"StringEquals":{"sts:ExternalId":"x-1"}}`, user(), "", nil, false, false},
		{claims, issuer, "", sub, web, wic, []string{issuerHost + ":sub=repo:acme/app"}, true, true},
		{claims, issuer, "", sub, web, wic, []string{issuerHost + ":sub=repo:evil/app"}, false, false},
		{claims, issuer, "", sub, web, wic, nil, false, false},
		{claims, issuer, "", `{"StringEquals":{"localhost.example:8443/x:aud":"a"}}`, web, wic, []string{"localhost.example:8443/x:aud=a"}, true, true},
		{claims, issuer, "", `{"ForAnyValue:StringEquals":{"` + issuerHost + `:aud":"a"}}`, web, wic, []string{issuerHost + ":aud=b|a"}, true, true},
		{name, everybody, "", `{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}`, user(), "", []string{"sts:RoleSessionName=alice"}, true, false},
		{name, everybody, "", `{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}`, user(), "", []string{"sts:RoleSessionName=bob"}, false, false},
		{name, everybody, "", `{"StringEquals":{"sts:RoleSessionName":"run-1"}}`, session(), "", nil, false, false},
		{name, everybody, "sts:*", `{"StringEquals":{"sts:RoleSessionName":"alice"}}`, session(), "sts:TagSession", []string{"sts:RoleSessionName=alice"}, true, false},
		{name, everybody, "sts:*", `{"StringEquals":{"sts:RoleSessionName":"run-1"}}`, session(), "sts:SetSourceIdentity", []string{"sts:RoleSessionName=alice"}, false, false},
		{"UG, Global keys, aws:SourceIdentity", everybody, "", `{"StringLike":{"sts:SourceIdentity":"a*"}}`, user(), "", []string{"sts:SourceIdentity=alice"}, true, false},
		{tags, everybody, "sts:TagSession", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]},"StringEquals":{"aws:RequestTag/team":"blue"}}`, user(), "sts:TagSession", []string{"aws:TagKeys=team", "aws:RequestTag/team=blue"}, true, false},
		{tags, everybody, "sts:TagSession", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, user(), "sts:TagSession", []string{"aws:TagKeys=team|admin"}, false, false},
		{tags, everybody, "sts:TagSession", `{"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["team"]}}`, user(), "sts:TagSession", []string{"sts:TransitiveTagKeys=other"}, false, false},
		{"UG, Global keys: a web identity is no principal yet", issuer, "", `{"Null":{"aws:PrincipalArn":"true","aws:userid":"true","aws:username":"true","aws:PrincipalType":"true","aws:PrincipalAccount":"true","aws:PrincipalTag/x":"true","aws:TokenIssueTime":"true"}}`, web, wic, nil, true, true},
		{"UG, Global keys, aws:FederatedProvider", issuer, "", `{"StringEquals":{"aws:FederatedProvider":"` + issuerARN + `"}}`, web, wic, nil, true, true},
		{"UG, Global keys, aws:PrincipalArn: the role's for a session", `"*"`, "", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::000000000000:role/*"}}`, session(), "", nil, true, false},
		{"UG, Global keys, aws:PrincipalArn: the role's for a session", `"*"`, "", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:sts::*:assumed-role/*"}}`, session(), "", nil, false, false},
	})
}

// TestConformanceTrustDeny: UG, Evaluation logic: an explicit Deny wins.
func TestConformanceTrustDeny(t *testing.T) {
	allow := `{"Effect":"Allow","Principal":{"AWS":"` + aliceARN + `","Federated":"` + issuerARN + `"},"Action":"sts:*"}`
	for _, tt := range []struct {
		deny   string
		caller *Caller
		want   bool
	}{
		{`{"AWS":"` + aliceARN + `"}`, user(), true},
		{`{"AWS":"000000000000"}`, user(), true},
		{`"*"`, user(), true},
		{`{"AWS":"arn:aws:iam::000000000000:user/bob"}`, user(), false},
		{`{"Federated":"` + issuerARN + `"}`, webIdentity(issuerARN), true},
		{`"*"`, webIdentity(issuerARN), true}, // what holds for everybody holds for them too
		{`{"AWS":"000000000000"}`, webIdentity(issuerARN), false},
	} {
		doc := mustParseTrust(t, documentText(allow, `{"Sid":"D","Effect":"Deny","Principal":`+tt.deny+`,"Action":"sts:*"}`))
		d := EvaluateTrust(doc, tt.caller, &Request{Action: "sts:AssumeRoleWithWebIdentity", Resources: []string{targetARN}})
		if d.Explicit != tt.want || d.Allowed == tt.want || d.Direct == tt.want {
			t.Errorf("Deny for %s: %+v", tt.deny, d)
		}
	}
}
