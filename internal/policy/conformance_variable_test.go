package policy

import "testing"

func TestConformanceVariable(t *testing.T) {
	const (
		value   = "UG, Variables: ${key} stands for the key's value"
		fold    = "UG, Variables: the names of keys compare without case"
		literal = "UG, Variables: ${*}, ${?} and ${$} are the characters"
		none    = "UG, Variables with no value: nothing is equal or like"
		inverse = "UG, Variables with no value: negated operators are true"
		def     = "UG, Variables: a default stands in for an absent key"
		text    = "UG, Variables: a value's own wildcards are text"
		several = "UG, Variables: a key with several values cannot be one"
		arn     = "UG, Variables: in ARN operators"
	)
	const k = "bedrock-agentcore:userid="
	is := func(op, value string) string { return `{"` + op + `":{"bedrock-agentcore:userid":"` + value + `"}}` }
	checkConditions(t, []conditionCase{
		{value, is("StringEquals", "${aws:username}"), []string{k + "alice"}, true},
		{value, is("StringEquals", "${aws:username}"), []string{k + "bob"}, false},
		{value, is("StringEquals", "u-${aws:username}-${aws:PrincipalTag/Team}"), []string{k + "u-alice-blue"}, true},
		{value, is("StringEquals", "${sts:ExternalId}"), []string{k + "x", "sts:ExternalId=x"}, true},
		{value, is("StringLike", "${aws:username}-*"), []string{k + "alice-1"}, true},
		{value, is("StringLike", "${aws:username}-?"), []string{k + "alice-12"}, false},
		{value, is("StringEqualsIgnoreCase", "${aws:username}"), []string{k + "ALICE"}, true},
		{value, is("StringNotEquals", "${aws:username}"), []string{k + "alice"}, false},
		{value, is("StringEquals", "${aws:ResourceTag/Owner}"), []string{k + "alice"}, true},
		{value, is("StringEquals", "${aws:CurrentTime}"), []string{k + "2026-03-01T12:00:00Z"}, true},
		{value, is("StringEquals", "${aws:SourceIp}"), []string{k + "203.0.113.7"}, true},
		{fold, is("StringEquals", "${AWS:USERNAME}"), []string{k + "alice"}, true},
		{fold, is("StringEquals", "${aws:principaltag/team}"), []string{k + "blue"}, true},
		{literal, is("StringLike", "a${*}"), []string{k + "a*"}, true},
		{literal, is("StringLike", "a${*}"), []string{k + "ab"}, false},
		{literal, is("StringLike", "a${?}"), []string{k + "ab"}, false},
		{literal, is("StringEquals", "${$}{x}"), []string{k + "${x}"}, true},
		{literal, is("StringLike", "$*"), []string{k + "$5"}, true},
		{none, is("StringEquals", "${aws:PrincipalTag/Nothing}"), []string{k + "alice"}, false},
		{none, is("StringEquals", "${aws:PrincipalTag/Nothing}"), []string{k}, false},
		{none, is("StringLike", "${aws:PrincipalTag/Nothing}*"), []string{k + "alice"}, false},
		{none, is("StringLike", "*${aws:PrincipalOrgID}*"), []string{k + "alice"}, false},
		{none, is("StringEquals", "${aws:PrincipalTag/Empty}"), []string{k}, true},
		{none, `{"StringEquals":{"bedrock-agentcore:userid":["${aws:PrincipalTag/Nothing}","alice"]}}`, []string{k + "alice"}, true},
		{inverse, is("StringNotEquals", "${aws:PrincipalTag/Nothing}"), []string{k + "alice"}, true},
		{inverse, is("StringNotLike", "${aws:PrincipalTag/Nothing}*"), []string{k + "alice"}, true},
		{def, is("StringEquals", "${aws:PrincipalTag/Nothing, 'guest'}"), []string{k + "guest"}, true},
		{def, is("StringEquals", "${aws:PrincipalTag/Nothing,'guest'}"), []string{k + "guest"}, true},
		{def, is("StringEquals", "${aws:PrincipalTag/Team, 'guest'}"), []string{k + "guest"}, false},
		{def, is("StringEquals", "${aws:PrincipalTag/Team, 'guest'}"), []string{k + "blue"}, true},
		{def, is("StringEquals", "${aws:PrincipalTag/Nothing, ''}"), []string{k}, true},
		{def, is("StringLike", "${aws:PrincipalTag/Nothing, '*'}"), []string{k + "alice"}, false},
		{def, is("StringLike", "${aws:PrincipalTag/Nothing, '*'}"), []string{k + "*"}, true},
		{text, is("StringLike", "${aws:PrincipalTag/Star}"), []string{k + "alice"}, false},
		{text, is("StringLike", "${aws:PrincipalTag/Star}"), []string{k + "*"}, true},
		{text, is("StringLike", "${sts:ExternalId}"), []string{k + "alice", "sts:ExternalId=a?i*"}, false},
		{text, is("StringEquals", "${sts:ExternalId}"), []string{k + "alice", "sts:ExternalId=${aws:username}"}, false},
		{several, is("StringEquals", "${bedrock-agentcore:InboundJwtClaim/aud}"), []string{k + "a", "bedrock-agentcore:InboundJwtClaim/aud=a|b"}, false},
		{several, is("StringEquals", "${bedrock-agentcore:InboundJwtClaim/aud, 'a'}"), []string{k + "a", "bedrock-agentcore:InboundJwtClaim/aud=a|b"}, false},
		{several, is("StringEquals", "${bedrock-agentcore:InboundJwtClaim/aud}"), []string{k + "a", "bedrock-agentcore:InboundJwtClaim/aud=a"}, true},
		{arn, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:username}"}}`, nil, true},
		{arn, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:user/*"}}`, nil, true},
		{arn, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalTag/Star}:user/alice"}}`, nil, false},
		{arn, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalTag/Nothing}:user/alice"}}`, nil, false},
		{arn, `{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalTag/Nothing}:user/alice"}}`, nil, true},
		{arn, `{"ArnEquals":{"iam:PolicyARN":"${aws:PrincipalArn}"}}`, []string{"iam:PolicyARN=" + aliceARN}, true},
		{arn, `{"ArnEquals":{"iam:PolicyARN":"${sts:ExternalId}"}}`, []string{"iam:PolicyARN=" + aliceARN, "sts:ExternalId=arn:*:*:*:*:*"}, false},
	})
}

func TestConformanceVariableInResource(t *testing.T) {
	const (
		value = "UG, Variables: in the last part of Resource"
		text  = "UG, Variables: a value's own wildcards are text"
		none  = "UG, Variables with no value: the resource does not match"
	)
	on := func(resource string) string { return `"Action":"*","Resource":"` + resource + `"` }
	const prefix = "arn:aws:s3:::bucket/"
	checkStatements(t, []statementCase{
		{value, on(prefix + "${aws:username}"), "", prefix + "alice", true},
		{value, on(prefix + "${aws:username}"), "", prefix + "bob", false},
		{value, on(prefix + "${aws:username}/*"), "", prefix + "alice/x/y", true},
		{value, on(prefix + "${aws:username}/*"), "", prefix + "alice2/x", false},
		{value, on(prefix + "*/${aws:username}"), "", prefix + "home/alice", true},
		{value, on(prefix + "*/${aws:username}/*"), "", prefix + "home/alice/x:y", true},
		{value, on(prefix + "${aws:username}-${aws:PrincipalTag/Team}"), "", prefix + "alice-blue", true},
		{value, on("arn:aws:s3:*:*:bucket/${aws:username}"), "", prefix + "alice", true},
		{value, on("arn:*:s3:::bucket/${aws:username}"), "", prefix + "alice", true},
		{value, on("arn:*:s3:::bucket/${aws:username}"), "", prefix + "bob", false},
		{value, on(prefix + "${aws:ResourceTag/Owner}"), "", prefix + "alice", false}, // the tags are another resource's
		{value, on(directory + "/workload-identity/${aws:ResourceTag/Nothing, 'agent'}"), "", workload, true},
		{text, on(prefix + "${aws:PrincipalTag/Star}"), "", prefix + "anything", false},
		{text, on(prefix + "${aws:PrincipalTag/Star}"), "", prefix + "*", true},
		{text, on(prefix + "${*}"), "", prefix + "anything", false},
		{text, on(prefix + "${*}"), "", prefix + "*", true},
		{text, on(prefix + "${?}"), "", prefix + "?", true},
		{text, on(prefix + "${?}"), "", prefix + "x", false},
		{text, on(prefix + "${$}{aws:username}"), "", prefix + "${aws:username}", true},
		{none, on(prefix + "${aws:PrincipalTag/Nothing}"), "", prefix, false},
		{none, on(prefix + "${aws:PrincipalTag/Nothing}*"), "", prefix + "alice", false},
		{none, on(prefix + "${aws:PrincipalTag/Empty}"), "", prefix, true},
		{none, on(prefix + `${aws:PrincipalTag/Nothing}","Sid":"A`), "", prefix + "alice", false},
	})
}

// TestConformanceVersion: the older version, and a document without any, have
// no variables. UG, Version: the text is then literal.
func TestConformanceVersion(t *testing.T) {
	for version, variables := range map[string]bool{`"Version":"2012-10-17",`: true, `"Version":"2008-10-17",`: false, ``: false} {
		for _, late := range []bool{false, true} {
			body := `"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"},"Id":"x"`
			doc := "{" + version + body + "}"
			if late && version != "" {
				doc = "{" + body + "," + version[:len(version)-1] + "}"
			}
			c := user(mustParse(t, doc))
			if got := Evaluate(c, ask("arn:aws:s3:::b/alice")).Allowed; got != variables {
				t.Errorf("%s: the variable is one: %v", doc, got)
			}
			if got := Evaluate(c, ask("arn:aws:s3:::b/${aws:username}")).Allowed; got == variables {
				t.Errorf("%s: the variable is text: %v", doc, got)
			}
		}
	}
}
