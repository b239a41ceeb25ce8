package policy

import "testing"

func TestConformanceString(t *testing.T) {
	const (
		equals  = "UG, Condition operators, String: StringEquals is exact and with case"
		fold    = "UG, Condition operators, String: IgnoreCase compares without case"
		like    = "UG, Condition operators, String: StringLike has * and ?, with case"
		negated = "UG, Condition operators: negated matching, several values are NOR"
		absent  = "UG, Condition operators: an absent key fails what is not negated"
		absentN = "UG, Condition operators: an absent key satisfies what is negated"
		or      = "UG, Multiple values: values of one key are OR"
		and     = "UG, Multiple keys and operators: all must hold"
		exists  = "UG, IfExists: an absent key counts as a match"
		keys    = "UG, Condition keys: names compare without case"
	)
	const k = "bedrock-agentcore:userid"
	checkConditions(t, []conditionCase{
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=alice"}, true},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=Alice"}, false},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=alice "}, false},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":"al*"}}`, []string{k + "=alice"}, false},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":"al*"}}`, []string{k + "=al*"}, true},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":""}}`, []string{k + "="}, true},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":""}}`, nil, false},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":42}}`, []string{k + "=42"}, true},
		{equals, `{"StringEquals":{"bedrock-agentcore:userid":true}}`, []string{k + "=true"}, true},
		{or, `{"StringEquals":{"bedrock-agentcore:userid":["bob","alice"]}}`, []string{k + "=alice"}, true},
		{or, `{"StringEquals":{"bedrock-agentcore:userid":["bob","carol"]}}`, []string{k + "=alice"}, false},
		{absent, `{"StringEquals":{"bedrock-agentcore:userid":"alice"}}`, nil, false},
		{absent, `{"StringEquals":{"bedrock-agentcore:userid":"alice"}}`, []string{k}, false},
		{absent, `{"StringLike":{"bedrock-agentcore:userid":"*"}}`, nil, false},
		{absent, `{"StringEqualsIgnoreCase":{"bedrock-agentcore:userid":"alice"}}`, nil, false},
		{fold, `{"StringEqualsIgnoreCase":{"bedrock-agentcore:userid":"ALICE"}}`, []string{k + "=alice"}, true},
		{fold, `{"StringEqualsIgnoreCase":{"bedrock-agentcore:userid":"ALIC"}}`, []string{k + "=alice"}, false},
		{fold, `{"StringEqualsIgnoreCase":{"bedrock-agentcore:userid":"ÉVA"}}`, []string{k + "=éva"}, true},
		{fold, `{"StringNotEqualsIgnoreCase":{"bedrock-agentcore:userid":"ALICE"}}`, []string{k + "=alice"}, false},
		{fold, `{"StringNotEqualsIgnoreCase":{"bedrock-agentcore:userid":"BOB"}}`, []string{k + "=alice"}, true},
		{like, `{"StringLike":{"bedrock-agentcore:userid":"al*"}}`, []string{k + "=alice"}, true},
		{like, `{"StringLike":{"bedrock-agentcore:userid":"AL*"}}`, []string{k + "=alice"}, false},
		{like, `{"StringLike":{"bedrock-agentcore:userid":"al?ce"}}`, []string{k + "=alice"}, true},
		{like, `{"StringLike":{"bedrock-agentcore:userid":"al?"}}`, []string{k + "=alice"}, false},
		{like, `{"StringLike":{"bedrock-agentcore:userid":"*:*/*"}}`, []string{k + "=a:b/c"}, true},
		{like, `{"StringLike":{"bedrock-agentcore:userid":"*"}}`, []string{k + "="}, true},
		{like, `{"StringLike":{"bedrock-agentcore:userid":["b*","*ce"]}}`, []string{k + "=alice"}, true},
		{like, `{"StringNotLike":{"bedrock-agentcore:userid":"al*"}}`, []string{k + "=alice"}, false},
		{like, `{"StringNotLike":{"bedrock-agentcore:userid":"b*"}}`, []string{k + "=alice"}, true},
		{negated, `{"StringNotEquals":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=alice"}, false},
		{negated, `{"StringNotEquals":{"bedrock-agentcore:userid":"bob"}}`, []string{k + "=alice"}, true},
		{negated, `{"StringNotEquals":{"bedrock-agentcore:userid":["bob","alice"]}}`, []string{k + "=alice"}, false},
		{negated, `{"StringNotEquals":{"bedrock-agentcore:userid":["bob","carol"]}}`, []string{k + "=alice"}, true},
		{negated, `{"StringNotLike":{"bedrock-agentcore:userid":["b*","a*"]}}`, []string{k + "=alice"}, false},
		{absentN, `{"StringNotEquals":{"bedrock-agentcore:userid":"alice"}}`, nil, true},
		{absentN, `{"StringNotEquals":{"bedrock-agentcore:userid":"alice"}}`, []string{k}, true},
		{absentN, `{"StringNotLike":{"bedrock-agentcore:userid":"*"}}`, nil, true},
		{absentN, `{"StringNotEqualsIgnoreCase":{"bedrock-agentcore:userid":"alice"}}`, nil, true},
		{exists, `{"StringEqualsIfExists":{"bedrock-agentcore:userid":"alice"}}`, nil, true},
		{exists, `{"StringEqualsIfExists":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=alice"}, true},
		{exists, `{"StringEqualsIfExists":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=bob"}, false},
		{exists, `{"StringLikeIfExists":{"bedrock-agentcore:userid":"b*"}}`, []string{k + "=alice"}, false},
		{exists, `{"StringNotEqualsIfExists":{"bedrock-agentcore:userid":"alice"}}`, nil, true},
		{exists, `{"StringNotEqualsIfExists":{"bedrock-agentcore:userid":"alice"}}`, []string{k + "=alice"}, false},
		{and, `{"StringEquals":{"bedrock-agentcore:userid":"alice","sts:ExternalId":"x"}}`, []string{k + "=alice", "sts:ExternalId=x"}, true},
		{and, `{"StringEquals":{"bedrock-agentcore:userid":"alice","sts:ExternalId":"x"}}`, []string{k + "=alice", "sts:ExternalId=y"}, false},
		{and, `{"StringEquals":{"bedrock-agentcore:userid":"alice","sts:ExternalId":"x"}}`, []string{k + "=alice"}, false},
		{and, `{"StringEquals":{"bedrock-agentcore:userid":"alice"},"Null":{"sts:ExternalId":"true"}}`, []string{k + "=alice"}, true},
		{and, `{"StringEquals":{"bedrock-agentcore:userid":"alice"},"Null":{"sts:ExternalId":"true"}}`, []string{k + "=alice", "sts:ExternalId=y"}, false},
		{and, `{"StringLike":{"bedrock-agentcore:userid":"a*"},"StringNotLike":{"bedrock-agentcore:userid":"*e"}}`, []string{k + "=alice"}, false},
		{keys, `{"StringEquals":{"BEDROCK-agentcore:USERID":"alice"}}`, []string{k + "=alice"}, true},
		{keys, `{"StringEquals":{"AWS:UserName":"alice"}}`, nil, true},
		{keys, `{"StringEquals":{"aws:principaltag/TEAM":"blue"}}`, nil, true},
		{keys, `{"StringEquals":{"aws:RequestTag/team":"blue"}}`, []string{"aws:RequestTag/TEAM=blue"}, true},
	})
}

func TestConformanceNullBoolBinary(t *testing.T) {
	const (
		k    = "bedrock-agentcore:userid"
		null = "UG, Null: true asks for absence, false for presence"
	)
	checkConditions(t, []conditionCase{
		{null, `{"Null":{"bedrock-agentcore:userid":"true"}}`, nil, true},
		{null, `{"Null":{"bedrock-agentcore:userid":"true"}}`, []string{k + "=alice"}, false},
		{null, `{"Null":{"bedrock-agentcore:userid":"false"}}`, nil, false},
		{null, `{"Null":{"bedrock-agentcore:userid":false}}`, []string{k + "=alice"}, true},
		{null, `{"Null":{"bedrock-agentcore:userid":true}}`, []string{k}, true},
		{null, `{"Null":{"bedrock-agentcore:userid":"false"}}`, []string{k + "="}, true},
		{null, `{"Null":{"aws:TokenIssueTime":"true"}}`, nil, true},
		{null, `{"Null":{"aws:PrincipalTag/Empty":"false"}}`, nil, true},
		{null, `{"Null":{"aws:PrincipalTag/Nothing":"true"}}`, nil, true},
		{null, `{"Null":{"aws:PrincipalOrgID":"true"}}`, nil, true},
		{"UG, Condition: an empty block narrows nothing", `{}`, nil, true},
		{"UG, Condition: an empty operator narrows nothing", `{"StringEquals":{}}`, nil, true},
		{"UG, Condition operators, Binary: base64 of the same bytes", `{"BinaryEquals":{"sts:ExternalId":"QmluYXJ5"}}`, []string{"sts:ExternalId=QmluYXJ5"}, true},
		{"UG, Condition operators, Binary: base64 of the same bytes", `{"BinaryEquals":{"sts:ExternalId":"QmluYXJ5"}}`, []string{"sts:ExternalId=QmluYXJ6"}, false},
		{"UG, Condition operators, Boolean", `{"Bool":{"aws:SecureTransport":"true"}}`, nil, true},
		{"UG, Condition operators, Boolean", `{"Bool":{"aws:SecureTransport":false}}`, nil, false},
		{"UG, Condition operators, Boolean", `{"Bool":{"sts:ExternalId":"TRUE"}}`, []string{"sts:ExternalId=true"}, true},
		{"UG, Condition operators, Boolean", `{"Bool":{"sts:ExternalId":"false"}}`, []string{"sts:ExternalId=no"}, false},
		{"UG, Condition operators, Boolean: absent MFA", `{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, nil, false},
		{"UG, Condition operators, Boolean: absent MFA", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, nil, true},
	})
}
