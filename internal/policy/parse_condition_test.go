package policy

import (
	"errors"
	"strings"
	"testing"
)

// refusal is a document part and the place and text of its refusal.
type refusal struct {
	part string
	at   string // the text at which the error points; empty: not checked
	text string
}

// checkRefusals puts each part into a document of several lines and checks
// that the error points at the right one.
func checkRefusals(t *testing.T, parse func(string, []byte) (*Document, error), before, after string, tests []refusal) {
	t.Helper()
	for _, tt := range tests {
		doc := before + tt.part + after
		d, err := parse("p", []byte(doc))
		wantError(t, tt.part, err, tt.text)
		var e *Error
		if d != nil || !errors.As(err, &e) || tt.at == "" {
			continue
		}
		offset := len(before) + strings.LastIndex(tt.part, tt.at)
		line := strings.Count(doc[:offset], "\n") + 1
		column := offset - strings.LastIndex(doc[:offset], "\n")
		if e.Line != line || e.Column != column {
			t.Errorf("%s: line %d, column %d, want %d, %d: %v", tt.part, e.Line, e.Column, line, column, e)
		}
	}
}

const (
	conditionBefore = "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\",\n  \"Condition\": "
	conditionAfter  = "}]}"
)

func TestParseConditionRefuses(t *testing.T) {
	checkRefusals(t, Parse, conditionBefore, conditionAfter, []refusal{
		{`null`, `null`, "Condition must begin with {"},
		{`"x"`, `"x"`, "Condition must begin with {"},
		{`[]`, `[`, "Condition must begin with {"},
		{`{"StringEquals": "x"}`, `"x"`, "must begin with {"},
		{`{"stringEquals": {"aws:username": "a"}}`, `"stringEquals"`, "Is StringEquals meant?"},
		{`{"StringEqual": {"aws:username": "a"}}`, `"StringEqual"`, "Is StringEquals meant?"},
		{`{"StringEqualsIfexists": {"aws:username": "a"}}`, `"StringEqualsIfexists"`, "is unknown"},
		{`{"ForAllValue:StringEquals": {"aws:TagKeys": "a"}}`, `"ForAllValue`, "ForAllValues: or ForAnyValue:"},
		{`{"forAnyValue:StringEquals": {"aws:TagKeys": "a"}}`, `"forAnyValue`, "ForAllValues: or ForAnyValue:"},
		{`{"ForAnyValue:": {"aws:TagKeys": "a"}}`, `"ForAnyValue:"`, "is unknown"},
		{`{"ForAnyValue:ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}`, "", "is unknown"},
		{`{"NullIfExists": {"aws:TagKeys": "true"}}`, `"NullIfExists"`, "must be Null alone"},
		{`{"ForAllValues:Null": {"aws:TagKeys": "true"}}`, "", "must be Null alone"},
		{`{"IfExists": {"aws:TagKeys": "true"}}`, "", "is unknown"},
		{`{"": {"aws:TagKeys": "true"}}`, "", "is unknown"},
		{`{"StringEquals": {"aws:username": "a"}, "StringEquals": {"aws:userid": "a"}}`, `"StringEquals"`, "present twice"},
		{`{"StringEquals": {"aws:username": "a", "aws:username": "b"}}`, `"aws:username"`, "present twice"},
		{`{"StringEquals": {"aws:username": "a", "AWS:UserName": "b"}}`, `"AWS:UserName"`, "in another case"},
		{`{"StringEquals": {"aws:username": []}}`, `[`, "empty list"},
		{`{"StringEquals": {"aws:username": null}}`, `null`, "strings, numbers or truth values"},
		{`{"StringEquals": {"aws:username": {"a": 1}}}`, `{"a"`, "strings, numbers or truth values"},
		{`{"StringEquals": {"aws:username": ["a", ["b"]]}}`, `["b"`, "strings, numbers or truth values"},
		{`{"StringEquals": {"aws:username": "a\u0000"}}`, `"a\u0000"`, "control character"},
		{`{"Bool": {"aws:SecureTransport": "yes"}}`, `"yes"`, "true or false"},
		{`{"Bool": {"aws:SecureTransport": "${aws:username}"}}`, "", "String and Arn operators alone"},
		{`{"Null": {"aws:username": "null"}}`, `"null"`, "true or false"},
		{`{"NumericEquals": {"sts:DurationSeconds": "0x10"}}`, `"0x10"`, "a decimal number"},
		{`{"NumericEquals": {"sts:DurationSeconds": "Inf"}}`, "", "a decimal number"},
		{`{"NumericEquals": {"sts:DurationSeconds": "1_000"}}`, "", "a decimal number"},
		{`{"NumericEquals": {"sts:DurationSeconds": ""}}`, "", "a decimal number"},
		{`{"NumericEquals": {"sts:DurationSeconds": true}}`, "", "a decimal number"},
		{`{"NumericEquals": {"sts:DurationSeconds": 1e999}}`, "", "a decimal number"},
		{`{"DateLessThan": {"aws:CurrentTime": "2026-01-31T12:00:00"}}`, `"2026`, "needs its zone"},
		{`{"DateLessThan": {"aws:CurrentTime": "2026-02-30T12:00:00Z"}}`, "", "a date as in"},
		{`{"DateLessThan": {"aws:CurrentTime": "31.01.2026"}}`, "", "a date as in"},
		{`{"DateLessThan": {"aws:CurrentTime": "-1"}}`, "", "a date as in"},
		{`{"IpAddress": {"aws:SourceIp": "203.0.113.0/33"}}`, `"203`, "an address or a range"},
		{`{"IpAddress": {"aws:SourceIp": "203.0.113.*"}}`, "", "an address or a range"},
		{`{"IpAddress": {"aws:SourceIp": "203.0.113"}}`, "", "an address or a range"},
		{`{"IpAddress": {"aws:SourceIp": "::ffff:203.0.113.0/64"}}`, "", "an address or a range"},
		{`{"IpAddress": {"aws:SourceIp": "fe80::1%eth0/64"}}`, "", "an address or a range"},
		{`{"BinaryEquals": {"sts:ExternalId": "no base64!"}}`, "", "base64"},
		{`{"ArnLike": {"aws:PrincipalArn": "*"}}`, `"*"`, "six parts"},
		{`{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*"}}`, "", "six parts"},
		{`{"ArnLike": {"aws:PrincipalArn": "*:aws:iam::1:x"}}`, "", "six parts"},
		{`{"ArnLike": {"aws:PrincipalArn": "${aws:username}x"}}`, "", "six parts"},
	})
}

// TestA40_MisspelledKeysAreRefused: a condition that can never match is a
// hole, or a Deny that is none.
func TestA40_MisspelledKeysAreRefused(t *testing.T) {
	for key, want := range map[string]string{
		"aws:PrincipleArn":                       `"aws:PrincipalArn"`,
		"aws:SourceIP4":                          `"aws:SourceIp"`,
		"aws:user":                               `"aws:userid"`,
		"aws:PrincipalTags/team":                 `"aws:PrincipalTag/team"`,
		"aws:PrincipalTag":                       `"aws:PrincipalTag/NAME"`,
		"aws:username/x":                         "unknown",
		"sts:ExternalID2":                        `"sts:ExternalId"`,
		"sts:AudienceIdentityToken":              "unknown",
		"bedrock-agentcore:user-id":              `"bedrock-agentcore:userid"`,
		"bedrock-agentcore:InboundJwtClaims/sub": `"bedrock-agentcore:InboundJwtClaim/sub"`,
		"bedrock-agentcore:InboundJwtClaim/":     "names nothing behind the slash",
		"lanyard:Scope":                          `"lanyard:Scopes"`,
		"iam:PolicyArns":                         `"iam:PolicyARN"`,
		"AWS:nonsense":                           "unknown",
		"username":                               "no condition key",
		"aws:":                                   "no condition key",
		":sub":                                   "no condition key",
		"":                                       "no condition key",
		" aws:username":                          "a space",
		"aws:username ":                          "a space",
		"${aws:username}:x":                      "a sign where none may be",
		"aws:PrincipalTag/" + strings.Repeat("x", maxKey): "longer than",
	} {
		_, err := Parse("p", []byte(conditionText("Deny", `{"StringEquals":{"`+key+`":"x"}}`)))
		wantError(t, key, err, want)
		if strings.ContainsAny(key, "${}") {
			continue
		}
		_, err = Parse("p", []byte(documentText(statementText("Deny", "*", "arn:aws:s3:::b/${"+key+"}"))))
		wantError(t, key, err, want)
	}
}

func TestParseKeysOfOthers(t *testing.T) {
	for _, key := range []string{
		"kms:ViaService", "s3:prefix", "aws:RequestedRegion", "aws:SourceVpc", "aws:PrincipalOrgID", "aws:MultiFactorAuthPresent",
		"token.actions.githubusercontent.com:sub", "localhost:8080/issuer/1:aud", "accounts.google.com:aud",
		"aws:PrincipalTag/a:b", "aws:RequestTag/with space", "AWS:PRINCIPALTAG/ü", "secretsmanager:ResourceTag/x",
	} {
		for _, operator := range []string{"StringEquals", "StringNotLikeIfExists", "Null"} {
			if _, err := Parse("p", []byte(conditionText("Allow", `{"`+operator+`":{"`+key+`":"true"}}`))); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestParseVariablesRefuses(t *testing.T) {
	before := "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\",\n  \"Resource\": "
	checkRefusals(t, Parse, before, "}]}", []refusal{
		{`"arn:aws:s3:::b/${aws:username"`, `"arn`, "without its closing brace"},
		{`["*", "arn:aws:s3:::b/${}"]`, `"arn`, "no condition key"},
		{`"arn:aws:s3:::b/${username}"`, `"arn`, "no condition key"},
		{`"arn:aws:s3:::b/${aws:usrname}"`, `"arn`, `Is "aws:username" meant?`},
		{`"arn:aws:s3:::b/${ aws:username }"`, "", "a space"},
		{`"arn:aws:s3:::b/${aws:username, none}"`, "", "in single quotes"},
		{`"arn:aws:s3:::b/${aws:username, 'a'b'}"`, "", "in single quotes"},
		{`"arn:aws:s3:::b/${aws:username,}"`, "", "in single quotes"},
		{`"arn:aws:s3:::b/${aws:username, '}"`, "", "in single quotes"},
		{`"arn:aws:s3:::b/${aws:TagKeys}"`, "", "several values"},
		{`"arn:aws:s3:::b/${sts:IdentityTokenAudience, 'x'}"`, "", "several values"},
		{`"arn:aws:s3::${aws:PrincipalAccount}:b/x"`, "", "before the fifth colon"},
		{`"arn:aws:s3:${aws:username}:*"`, "", "before the fifth colon"},
		{`"arn:aws:${aws:username}:::x"`, "", "service"},
		{`"arn:aws:s3:*/${aws:username}*"`, "", "before the fifth colon"},
		{`"${aws:username}"`, "", "must be * or an ARN"},
		{`"${*}"`, "", "must be * or an ARN"},
		{`"arn:aws:s3:::` + strings.Repeat("${aws:username}", maxVariables+1) + `"`, "", "more than 16"},
	})
	_, err := Parse("p", []byte(documentText(statementText("Allow", "iam:${aws:username}", "*"))))
	wantError(t, "Action", err, "which actions cannot")
	_, err = Parse("p", []byte(`{"Version":"2012\u002d10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}`))
	wantError(t, "Version", err, "without escapes")
}
