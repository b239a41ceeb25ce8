package policy

import "testing"

func TestConformanceSet(t *testing.T) {
	const (
		all      = "UG, Multivalued keys: ForAllValues asks every value of the request"
		any      = "UG, Multivalued keys: ForAnyValue asks for one value of the request"
		empty    = "UG, Multivalued keys: ForAllValues is true without values"
		emptyAny = "UG, Multivalued keys: ForAnyValue is false without values"
		blank    = "UG, Multivalued keys: one empty string is an empty set"
		negAll   = "UG, Multivalued keys: ForAllValues with a negated operator, no value may match"
		negAny   = "UG, Multivalued keys: ForAnyValue with a negated operator, one value must not match"
		bare     = "UG, Multivalued keys: without a set operator, one matching value decides"
		guard    = "UG, Multivalued keys: Null guards ForAllValues"
	)
	const k = "aws:TagKeys="
	on := func(op, value string) string { return `{"` + op + `":{"aws:TagKeys":` + value + `}}` }
	checkConditions(t, []conditionCase{
		{all, on("ForAllValues:StringEquals", `["a","b"]`), []string{k + "a|b"}, true},
		{all, on("ForAllValues:StringEquals", `["a","b"]`), []string{k + "a"}, true},
		{all, on("ForAllValues:StringEquals", `["a","b"]`), []string{k + "a|c"}, false},
		{all, on("ForAllValues:StringEquals", `"a"`), []string{k + "A"}, false},
		{all, on("ForAllValues:StringEqualsIgnoreCase", `"a"`), []string{k + "A|a"}, true},
		{all, on("ForAllValues:StringLike", `"team-*"`), []string{k + "team-a|team-b"}, true},
		{all, on("ForAllValues:StringLike", `"team-*"`), []string{k + "team-a|x"}, false},
		{empty, on("ForAllValues:StringEquals", `"a"`), nil, true},
		{empty, on("ForAllValues:StringEquals", `"a"`), []string{"aws:TagKeys"}, true},
		{empty, on("ForAllValues:StringNotEquals", `"a"`), nil, true},
		{empty, on("ForAllValues:StringEqualsIfExists", `"a"`), nil, true},
		{blank, on("ForAllValues:StringEquals", `"a"`), []string{k}, true},
		{blank, on("ForAnyValue:StringNotEquals", `"a"`), []string{k}, false},
		{blank, on("ForAllValues:StringEquals", `"a"`), []string{k + "|"}, false},
		{any, on("ForAnyValue:StringEquals", `["a","b"]`), []string{k + "b|c"}, true},
		{any, on("ForAnyValue:StringEquals", `["a","b"]`), []string{k + "c|d"}, false},
		{any, on("ForAnyValue:StringLike", `"*-a"`), []string{k + "team-a|x"}, true},
		{emptyAny, on("ForAnyValue:StringEquals", `"a"`), nil, false},
		{emptyAny, on("ForAnyValue:StringEquals", `"a"`), []string{"aws:TagKeys"}, false},
		{emptyAny, on("ForAnyValue:StringNotEquals", `"a"`), nil, false},
		{"UG, IfExists: with a set operator", on("ForAnyValue:StringEqualsIfExists", `"a"`), nil, true},
		{"UG, IfExists: with a set operator", on("ForAnyValue:StringEqualsIfExists", `"a"`), []string{k + "b"}, false},
		{negAll, on("ForAllValues:StringNotEquals", `["a","b"]`), []string{k + "c|d"}, true},
		{negAll, on("ForAllValues:StringNotEquals", `["a","b"]`), []string{k + "c|a"}, false},
		{negAll, on("ForAllValues:StringNotLike", `"a*"`), []string{k + "ab|c"}, false},
		{negAny, on("ForAnyValue:StringNotEquals", `["a","b"]`), []string{k + "a|c"}, true},
		{negAny, on("ForAnyValue:StringNotEquals", `["a","b"]`), []string{k + "a|b"}, false},
		{negAny, on("ForAnyValue:StringNotLike", `"a*"`), []string{k + "a1|a2"}, false},
		{bare, on("StringEquals", `"a"`), []string{k + "a|b"}, true},
		{bare, on("StringEquals", `"c"`), []string{k + "a|b"}, false},
		{bare, on("StringNotEquals", `"a"`), []string{k + "a|b"}, false},
		{bare, on("StringNotEquals", `"c"`), []string{k + "a|b"}, true},
		{guard, `{"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}}`, nil, false},
		{guard, `{"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}}`, []string{k + "a"}, true},
		{"UG, Multivalued keys: other operators", `{"ForAllValues:NumericLessThan":{"lanyard:Scopes":10}}`, []string{"lanyard:Scopes=1|9"}, true},
		{"UG, Multivalued keys: other operators", `{"ForAllValues:NumericLessThan":{"lanyard:Scopes":10}}`, []string{"lanyard:Scopes=1|10"}, false},
		{"UG, Multivalued keys: other operators", `{"ForAnyValue:IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, nil, true},
		{"UG, Multivalued keys: other operators", `{"ForAllValues:ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}`, nil, true},
		{"UG, Multivalued keys: other operators", `{"ForAllValues:DateGreaterThan":{"aws:CurrentTime":"2026-01-01"}}`, nil, true},
		{"UG, Multivalued keys: other operators", `{"ForAnyValue:DateGreaterThan":{"aws:TokenIssueTime":"2026-01-01"}}`, nil, false},
		{"UG, Multivalued keys: other operators", `{"ForAllValues:DateGreaterThan":{"aws:TokenIssueTime":"2026-01-01"}}`, nil, true},
	})
}
