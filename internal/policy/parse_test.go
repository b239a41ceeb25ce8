package policy

import (
	"errors"
	"strings"
	"testing"
)

// TestParseGuideForms has the shapes that IAM documents come in.
func TestParseGuideForms(t *testing.T) {
	for name, doc := range map[string]string{
		"one statement, scalars": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`,
		"lists":                  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","iam:Get*"],"Resource":["*","arn:aws:iam::000000000000:role/*"]}]}`,
		"old version, Id, Sid":   `{"Version":"2008-10-17","Id":"cd3ad3d9-2776-4ef1-a904-4c229d1642ee","Statement":[{"Sid":"Statement1","Effect":"Deny","Action":"*","Resource":"*"}]}`,
		"no version":             `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		"any order of elements":  `{"Statement":[{"Resource":"*","Action":"*","Effect":"Allow"}],"Version":"2012-10-17"}`,
		"white space":            " \r\n\t{ \"Statement\" : { \"Effect\" : \"Allow\" ,\n\"Action\":\"*\", \"Resource\":\"*\"} }\n",
		"several without Sid":    `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"}]}`,
		"escapes":                `{"Statement":[{"Effect":"Allow","Action":"\u002a","Resource":"arn:aws:s3:::\u00fc"}]}`,
	} {
		if d, err := Parse(name, []byte(doc)); err != nil {
			t.Error(err)
		} else if d.Name() != name {
			t.Errorf("named %s", d.Name())
		}
	}
}

// TestA40_UnservedElementsAreRefused: each of these narrows or widens what the
// statement means, so reading on without it would be wrong.
func TestA40_UnservedElementsAreRefused(t *testing.T) {
	const base = `"Effect":"Allow","Action":"sts:*","Resource":"*"`
	for _, tt := range []struct{ statement, element string }{
		{`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, "NotAction"},
		{`{"Effect":"Allow","Action":"*","NotResource":"*"}`, "NotResource"},
		{`{` + base + `,"Condition":{}}`, "Condition"},
		{`{` + base + `,"Condition":{"StringEquals":{"aws:SourceIp":[]}}}`, "Condition"},
		{`{` + base + `,"Condition":null}`, "Condition"},
		{`{` + base + `,"Principal":"*"}`, "Principal"},
		{`{` + base + `,"NotPrincipal":{"AWS":"*"}}`, "NotPrincipal"},
	} {
		for _, doc := range []string{`{"Statement":` + tt.statement + `}`, `{"Statement":[{` + base + `},` + tt.statement + `]}`} {
			_, err := Parse("p", []byte(doc))
			wantError(t, doc, err, "the element "+tt.element+" is not served")
			if list := strings.Contains(doc, "["+"{"); list {
				wantError(t, doc, err, "statement 2:")
			}
		}
	}
}

func TestA40_PolicyVariablesAreRefused(t *testing.T) {
	for _, version := range []string{"2012-10-17", "2008-10-17"} {
		for _, v := range []string{"arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::${*}", "${aws:userid}", "arn:aws:s3:::\\u0024{x}"} {
			doc := `{"Version":"` + version + `","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"` + v + `"}}`
			_, err := Parse("p", []byte(doc))
			wantError(t, doc, err, "policy variable")
		}
	}
	_, err := Parse("p", []byte(`{"Statement":{"Effect":"Deny","Action":"s3:${x}","Resource":"*"}}`))
	wantError(t, "action", err, "policy variable")
}

func TestParseRefuses(t *testing.T) {
	statement := func(s string) string { return `{"Statement":` + s + `}` }
	good := `{"Effect":"Allow","Action":"*","Resource":"*"}`
	member := func(name, value string) string {
		m := map[string]string{"Effect": `"Allow"`, "Action": `"*"`, "Resource": `"*"`}
		m[name] = value
		s := ""
		for _, k := range []string{"Sid", "Effect", "Action", "Resource"} {
			if m[k] != "" {
				s += `,"` + k + `":` + m[k]
			}
		}
		return statement("{" + s[1:] + "}")
	}
	tests := []struct{ doc, text string }{
		{``, "ends too early"},
		{`   `, "ends too early"},
		{`{`, "ends too early"},
		{`[]`, "must begin with {"},
		{`null`, "must begin with {"},
		{`{}`, "has no Statement"},
		{`{"Version":"2012-10-17"}`, "has no Statement"},
		{`{"Statement":[]}`, "empty list"},
		{`{"Statement":null}`, "must be an object or a list"},
		{`{"Statement":["x"]}`, "must begin with {"},
		{statement(good) + "x", "goes on after"},
		{statement(good) + statement(good), "goes on after"},
		{statement(good + ","), "not JSON"},
		{`{"Statement":[` + good + `,]}`, "not JSON"},
		{`{'Statement':` + good + `}`, "not JSON"},
		{`{"Version":"2012-10-18","Statement":` + good + `}`, "must be 2012-10-17 or 2008-10-17"},
		{`{"Version":20121017,"Statement":` + good + `}`, "Version must be a string"},
		{`{"Version":null,"Statement":` + good + `}`, "Version must be a string"},
		{`{"Id":1,"Statement":` + good + `}`, "Id must be a string"},
		{`{"Statement":` + good + `,"Statement":` + good + `}`, "present twice"},
		{`{"Statement":` + good + `,"\u0053tatement":` + good + `}`, "present twice"},
		{`{"statement":` + good + `}`, "must be spelled Statement"},
		{`{"Comment":"x","Statement":` + good + `}`, "unknown here"},
		{`{"Condition":{},"Statement":` + good + `}`, "unknown here"},
		{statement(`{"effect":"Deny"}`), "must be spelled Effect"},
		{statement(`{"Efect":"Deny"}`), "unknown here"},
		{statement(`{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}`), "present twice"},
		{statement(`{"Action":"*","Resource":"*"}`), "Effect is missing"},
		{statement(`{"Effect":"Allow","Resource":"*"}`), "Action is missing"},
		{statement(`{"Effect":"Allow","Action":"*"}`), "Resource is missing"},
		{statement(`{}`), "Effect is missing"},
		{member("Effect", `"allow"`), "must be Allow or Deny"},
		{member("Effect", `""`), "must be Allow or Deny"},
		{member("Effect", `true`), "Effect must be a string"},
		{member("Effect", `["Allow"]`), "Effect must be a string"},
		{member("Sid", `"with space"`), "letters and digits"},
		{member("Sid", `"é"`), "letters and digits"},
		{member("Sid", `1`), "Sid must be a string"},
		{member("Action", `[]`), "empty list"},
		{member("Action", `null`), "a string or a list"},
		{member("Action", `{"a":"b"}`), "a string or a list"},
		{member("Action", `["*",1]`), "Action must be a string"},
		{member("Action", `["*",["*"]]`), "Action must be a string"},
		{member("Action", `""`), "begin with a service's prefix"},
		{member("Action", `"GetRole"`), "behind the colon"},
		{member("Action", `"iam:"`), "behind the colon"},
		{member("Action", `"i*m:GetRole"`), "spelled without wildcards"},
		{member("Action", `"*:GetRole"`), "spelled without wildcards"},
		{member("Action", `"iam:Get Role"`), "behind the colon"},
		{member("Action", `"iam:Get:Role"`), "behind the colon"},
		{member("Action", `"\u212aam:Get"`), "service's prefix"},
		{member("Action", `"iam:Get\u0000"`), "control character"},
		{member("Action", `"iam:`+strings.Repeat("a", maxAction)+`"`), "longer than"},
		{member("Resource", `[]`), "empty list"},
		{member("Resource", `""`), "must be * or an ARN"},
		{member("Resource", `"token-vault/default"`), "must be * or an ARN"},
		{member("Resource", `"arn:*"`), "must be * or an ARN"},
		{member("Resource", `"a*"`), "must be * or an ARN"},
		{member("Resource", `"arn:aws:*"`), "must be * or an ARN"},
		{member("Resource", `"arn::iam::1:x"`), "must be * or an ARN"},
		{member("Resource", `"arn:aws:*:r:1:x"`), "spell the service out"},
		{member("Resource", `"arn:aws:s3*:r:1:x"`), "spell the service out"},
		{member("Resource", `"arn:aws::r:1:x"`), "spell the service out"},
		{member("Resource", `"arn:aws:iam:r:1"`), "six parts"},
		{member("Resource", `"arn:aws:iam:*x:1"`), "six parts"},
		{member("Resource", `"arn:aws:iam::1:a\ud800"`), "broken escape"},
		{member("Resource", `"arn:aws:iam::1:a\n"`), "control character"},
		{member("Resource", `"arn:aws:iam::1:`+strings.Repeat("a", maxResource)+`"`), "longer than"},
		{`{"Statement":[{"Sid":"A",` + good[1:] + `,{"Sid":"A",` + good[1:] + `]}`, "present twice"},
		{"{\"Id\":\"\xff\",\"Statement\":" + good + "}", "not valid UTF-8"},
		{`{"Id":"` + strings.Repeat("x", maxNonSpace) + `","Statement":` + good + `}`, "more than 10240"},
		{strings.Repeat(" ", maxBytes) + statement(good), "bytes long"},
		{strings.Repeat("[", 10000), "must begin with {"},
	}
	for _, tt := range tests {
		_, err := Parse("p", []byte(tt.doc))
		wantError(t, tt.doc, err, tt.text)
	}
	if _, err := Parse("p", []byte(statement(good))); err != nil {
		t.Fatal(err) // or the table shows nothing
	}
}

func wantError(t *testing.T, doc string, err error, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, text) {
		t.Errorf("%.200s: got %v, want %q", doc, err, text)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	doc := "{\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"},\n    {\"Effect\": \"Allow\", \"NotAction\": \"*\"}\n  ]\n}"
	_, err := Parse("my policy", []byte(doc))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Line != 4 || e.Column != 25 {
		t.Errorf("line %d, column %d: %v", e.Line, e.Column, e)
	}
	for _, want := range []string{`policy "my policy", line 4, column 25: `, "statement 2", "NotAction"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%v lacks %q", e, want)
		}
	}
}

// TestA48_ErrorsQuoteTheDocument puts escapes of control characters where
// messages repeat the text.
func TestA48_ErrorsQuoteTheDocument(t *testing.T) {
	for _, doc := range []string{
		`{"\r\nInjected: x\u001b[2J":1}`, `{"Version":"\u009b\u202e"}`, "{\"a\nb\":1}", "{\"Statement\"\x1b:1}",
		`{"` + strings.Repeat("é", 1000) + `":1}`,
	} {
		_, err := Parse("name\r\n\x1b", []byte(doc))
		if err == nil || strings.ContainsAny(err.Error(), "\r\n\x1b\u009b\u202e") || len(err.Error()) > 600 {
			t.Errorf("%q", err)
		}
	}
}
