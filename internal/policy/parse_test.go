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

// good is a statement that is accepted, or the tables would show nothing.
const good = `{"Effect":"Allow","Action":"*","Resource":"*"}`

func oneStatement(s string) string { return `{"Statement":` + s + `}` }

// withElement is a document whose one statement has an element replaced.
func withElement(name, value string) string {
	m := map[string]string{"Effect": `"Allow"`, "Action": `"*"`, "Resource": `"*"`}
	m[name] = value
	s := ""
	for _, k := range []string{"Sid", "Effect", "Action", "Resource"} {
		if m[k] != "" {
			s += `,"` + k + `":` + m[k]
		}
	}
	return oneStatement("{" + s[1:] + "}")
}

type parseCase struct{ doc, text string }

func checkParseErrors(t *testing.T, tests []parseCase) {
	t.Helper()
	for _, tt := range tests {
		_, err := Parse("p", []byte(tt.doc))
		wantError(t, tt.doc, err, tt.text)
	}
	if _, err := Parse("p", []byte(oneStatement(good))); err != nil {
		t.Fatal(err)
	}
}

func TestParseRefusesDocuments(t *testing.T) {
	checkParseErrors(t, []parseCase{
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
		{oneStatement(good) + "x", "goes on after"},
		{oneStatement(good) + oneStatement(good), "goes on after"},
		{oneStatement(good + ","), "not JSON"},
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
		{oneStatement(`{"effect":"Deny"}`), "must be spelled Effect"},
		{oneStatement(`{"Efect":"Deny"}`), "unknown here"},
		{oneStatement(`{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}`), "present twice"},
		{oneStatement(`{"Action":"*","Resource":"*"}`), "Effect is missing"},
		{oneStatement(`{"Effect":"Allow","Resource":"*"}`), "Action is missing"},
		{oneStatement(`{"Effect":"Allow","Action":"*"}`), "Resource is missing"},
		{oneStatement(`{}`), "Effect is missing"},
		{`{"Statement":[{"Sid":"A",` + good[1:] + `,{"Sid":"A",` + good[1:] + `]}`, "present twice"},
		{"{\"Id\":\"\xff\",\"Statement\":" + good + "}", "not valid UTF-8"},
		{`{"Id":"` + strings.Repeat("x", maxNonSpace) + `","Statement":` + good + `}`, "more than 10240"},
		{strings.Repeat(" ", maxBytes) + oneStatement(good), "bytes long"},
		{strings.Repeat("[", 10000), "must begin with {"},
	})
}

func TestParseRefusesElements(t *testing.T) {
	checkParseErrors(t, []parseCase{
		{withElement("Effect", `"allow"`), "must be Allow or Deny"},
		{withElement("Effect", `""`), "must be Allow or Deny"},
		{withElement("Effect", `true`), "Effect must be a string"},
		{withElement("Effect", `["Allow"]`), "Effect must be a string"},
		{withElement("Sid", `"with space"`), "letters and digits"},
		{withElement("Sid", `"é"`), "letters and digits"},
		{withElement("Sid", `1`), "Sid must be a string"},
		{withElement("Action", `[]`), "empty list"},
		{withElement("Action", `null`), "a string or a list"},
		{withElement("Action", `{"a":"b"}`), "a string or a list"},
		{withElement("Action", `["*",1]`), "Action must be a string"},
		{withElement("Action", `["*",["*"]]`), "Action must be a string"},
		{withElement("Action", `""`), "begin with a service's prefix"},
		{withElement("Action", `"GetRole"`), "behind the colon"},
		{withElement("Action", `"iam:"`), "behind the colon"},
		{withElement("Action", `"i*m:GetRole"`), "spelled without wildcards"},
		{withElement("Action", `"*:GetRole"`), "spelled without wildcards"},
		{withElement("Action", `"iam:Get Role"`), "behind the colon"},
		{withElement("Action", `"iam:Get:Role"`), "behind the colon"},
		{withElement("Action", `"\u212aam:Get"`), "service's prefix"},
		{withElement("Action", `"iam:Get\u0000"`), "control character"},
		{withElement("Action", `"iam:`+strings.Repeat("a", maxAction)+`"`), "longer than"},
		{withElement("Resource", `[]`), "empty list"},
		{withElement("Resource", `""`), "must be * or an ARN"},
		{withElement("Resource", `"token-vault/default"`), "must be * or an ARN"},
		{withElement("Resource", `"arn:*"`), "must be * or an ARN"},
		{withElement("Resource", `"a*"`), "must be * or an ARN"},
		{withElement("Resource", `"arn:aws:*"`), "must be * or an ARN"},
		{withElement("Resource", `"arn::iam::1:x"`), "must be * or an ARN"},
		{withElement("Resource", `"arn:aws:*:r:1:x"`), "spell the service out"},
		{withElement("Resource", `"arn:aws:s3*:r:1:x"`), "spell the service out"},
		{withElement("Resource", `"arn:aws::r:1:x"`), "spell the service out"},
		{withElement("Resource", `"arn:aws:iam:r:1"`), "six parts"},
		{withElement("Resource", `"arn:aws:iam:*x:1"`), "six parts"},
		{withElement("Resource", `"arn:aws:iam::1:a\ud800"`), "broken escape"},
		{withElement("Resource", `"arn:aws:iam::1:a\n"`), "control character"},
		{withElement("Resource", `"arn:aws:iam::1:`+strings.Repeat("a", maxResource)+`"`), "longer than"},
	})
}

func wantError(t *testing.T, doc string, err error, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, text) {
		t.Errorf("%.200s: got %v, want %q", doc, err, text)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	doc := "{\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"},\n    {\"Effect\": \"Allow\", \"NotPrincipal\": \"*\"}\n  ]\n}"
	_, err := Parse("my policy", []byte(doc))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Line != 4 || e.Column != 25 {
		t.Errorf("line %d, column %d: %v", e.Line, e.Column, e)
	}
	for _, want := range []string{`policy "my policy", line 4, column 25: `, "statement 2", "NotPrincipal"} {
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
