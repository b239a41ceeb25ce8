package policy

import (
	"strings"
	"testing"
)

// lintCase is a statement of an identity-based policy and what is said of it,
// nothing else; no text means no warning.
type lintCase struct {
	statement string
	texts     []string
}

func checkLint(t *testing.T, parse func(testing.TB, string) *Document, tests []lintCase) {
	t.Helper()
	for _, tt := range tests {
		got := Lint(parse(t, documentText(tt.statement)))
		if len(got) != len(tt.texts) {
			t.Errorf("%s: %d warnings, want %d: %v", tt.statement, len(got), len(tt.texts), got)
			continue
		}
		for i, want := range tt.texts {
			if !strings.Contains(got[i].Message, want) || got[i].Statement != 1 || got[i].Line != 1 || got[i].Column < 1 {
				t.Errorf("%s: %+v, want %q", tt.statement, got[i], want)
			}
		}
	}
}

func TestA40_LintNamesTraps(t *testing.T) {
	allow := func(condition string) string {
		return `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":` + condition + `}`
	}
	deny := func(condition string) string {
		return strings.Replace(allow(condition), "Allow", "Deny", 1)
	}
	checkLint(t, mustParse, []lintCase{
		{`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}`, nil},
		{`{"Effect":"Deny","NotAction":"iam:*","NotResource":"arn:aws:iam::*"}`, nil},
		{`{"Effect":"Allow","NotAction":"bedrock-agentcore:*","Resource":"*"}`, []string{"NotAction with Allow"}},
		{`{"Effect":"Allow","Action":"iam:GetUser","NotResource":"arn:aws:iam::*"}`, []string{"NotResource with Allow"}},
		{allow(`{}`), []string{"an empty Condition"}},
		{allow(`{"StringEquals":{}}`), []string{"an empty Condition"}},
		{allow(`{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}`), []string{"ForAllValues is true where the request has no"}},
		{allow(`{"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}}`), nil},
		{allow(`{"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":["false","true"]}}`), []string{"ForAllValues is true"}},
		{deny(`{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}`), nil},
		{allow(`{"StringNotEquals":{"aws:username":"a"}}`), []string{"is true where the request has no"}},
		{allow(`{"StringNotEquals":{"aws:username":"a"},"Null":{"aws:username":false}}`), nil},
		{deny(`{"StringNotEquals":{"aws:username":"a"}}`), nil},
		{deny(`{"StringNotEquals":{"aws:username":["a","b"]}}`), []string{"only where none of them matches"}},
		{allow(`{"StringEqualsIfExists":{"aws:username":"a"}}`), []string{"leave IfExists out"}},
		{allow(`{"StringEquals":{"aws:TagKeys":"a"}}`), []string{"has several values"}},
		{allow(`{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}}`), nil},
		{allow(`{"StringEquals":{"aws:username":"a*"}}`), []string{"literally"}},
		{allow(`{"StringLike":{"aws:username":"a*"}}`), nil},
		{allow(`{"StringEquals":{"aws:SourceIp":"10.0.0.0/8"}}`), []string{"an IP address"}},
		{allow(`{"StringLike":{"aws:CurrentTime":"2026*"}}`), []string{"a date"}},
		{allow(`{"NumericLessThan":{"aws:EpochTime":"1800000000"}}`), nil},
		{allow(`{"StringEquals":{"sts:DurationSeconds":"900"}}`), []string{"a number"}},
		{allow(`{"IpAddress":{"aws:username":"10.0.0.0/8"}}`), []string{"something else"}},
		{allow(`{"DateLessThan":{"aws:username":"2026-01-01"}}`), []string{"something else"}},
		{allow(`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`), []string{"counts as absent"}},
		{allow(`{"StringEquals":{"kms:ViaService":"x"}}`), []string{"counts as absent"}},
		{allow(`{"StringEquals":{"issuer.example.com:sub":"x"}}`), nil},
		{allow(`{"StringEquals":{"bedrock-agentcore:InboundJwtClaim/sub":"x"}}`), nil},
		{allow(`{"StringEquals":{"bedrock-agentcore:InboundJwtClaim/email":"x"}}`), []string{"none of the claims"}},
		{allow(`{"StringEquals":{"aws:username":"${aws:PrincipalOrgID}"}}`), []string{"counts as absent"}},
		{allow(`{"StringNotEquals":{"aws:username":"${aws:PrincipalTag/x}"},"Null":{"aws:username":false}}`), []string{"has no value, for nothing equals it"}},
		{allow(`{"StringNotEquals":{"aws:username":"${aws:PrincipalTag/x, 'y'}"},"Null":{"aws:username":false}}`), nil},
		{allow(`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/${aws:PrincipalTag/x}"},"Null":{"aws:PrincipalArn":false}}`), []string{"has no value, for nothing equals it"}},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:SourceVpc}"}`, []string{"counts as absent"}},
	})
}

// TestA53_LintNamesWhoCanCompleteItsOwnConsent, and
// TestA54_LintNamesWhoMayActForAnybody look at what an Allow adds up to.
func TestA53_LintNamesWhoCanCompleteItsOwnConsent(t *testing.T) {
	const both = "can finish a consent that it began itself"
	checkLint(t, mustParse, []lintCase{
		{`{"Effect":"Allow","Action":["bedrock-agentcore:GetResourceOauth2Token","bedrock-agentcore:CompleteResourceTokenAuth"],"Resource":"*"}`, []string{both}},
		{`{"Effect":"Allow","Action":["bedrock-agentcore:Get*Token","bedrock-agentcore:Complete*"],"Resource":"*"}`, []string{both}},
		{`{"Effect":"Allow","Action":"bedrock-agentcore:GetResourceOauth2Token","Resource":"*"}`, nil},
		{`{"Effect":"Allow","Action":"bedrock-agentcore:CompleteResourceTokenAuth","Resource":"*"}`, nil},
		{`{"Effect":"Deny","Action":"bedrock-agentcore:*","Resource":"*"}`, nil},
	})
}

func TestA54_LintNamesWhoMayActForAnybody(t *testing.T) {
	const any = "this allows to act for any user id"
	checkLint(t, mustParse, []lintCase{
		{`{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessTokenForUserId","Resource":"*"}`, []string{any}},
		{`{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessToken*","Resource":"*"}`, []string{any}},
		{`{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessTokenForUserId","Resource":"*","Condition":{"StringLike":{"bedrock-agentcore:userid":"team-*"}}}`, nil},
		{`{"Effect":"Allow","Action":"bedrock-agentcore:GetWorkloadAccessTokenForJWT","Resource":"*"}`, nil},
	})
}

func TestA61_LintNamesOpenTrust(t *testing.T) {
	trust := func(principal, condition string) string {
		return `{"Effect":"Allow","Action":"sts:*","Principal":` + principal + condition + `}`
	}
	checkLint(t, mustParseTrust, []lintCase{
		{trust(`{"AWS":"000000000000"}`, ""), nil},
		{trust(`"*"`, ""), []string{"everybody of every account"}},
		{trust(`{"AWS":"*"}`, ""), []string{"everybody of every account"}},
		{strings.Replace(trust(`"*"`, ""), "Allow", "Deny", 1), nil},
		{trust(`{"Federated":"`+issuerARN+`"}`, ""), []string{"every user and application of"}},
		{trust(`{"Federated":"`+issuerARN+`"}`, `,"Condition":{"StringEquals":{"`+issuerHost+`:sub":"a"}}`), nil},
		{trust(`{"Federated":"`+issuerARN+`"}`, `,"Condition":{"StringNotEquals":{"`+issuerHost+`:sub":["a"]},"Null":{"`+issuerHost+`:sub":false}}`), []string{"every user and application of"}},
		{trust(`{"Service":"lambda.amazonaws.com"}`, ""), []string{"matches nobody"}},
	})
}

func TestLintOldVersion(t *testing.T) {
	got := Lint(mustParse(t, `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b"},
 {"Sid":"Home","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}","Condition":{
   "StringEquals":{"aws:username":"${aws:userid}"}}}]}`))
	if len(got) != 2 || got[0].Statement != 2 || got[0].StatementID != "Home" || got[0].Line != 2 || got[1].Line != 3 || got[1].Column != 20 {
		t.Fatalf("%+v", got)
	}
	for _, w := range got {
		if !strings.Contains(w.Message, `policy variables need "Version": "2012-10-17"`) {
			t.Error(w.Message)
		}
	}
	if Lint(nil) != nil {
		t.Error("warnings of nothing")
	}
}
