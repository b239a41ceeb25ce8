package policy

import (
	"fmt"
	"strings"
	"testing"
)

// trusting is a trust policy of one statement.
func trusting(t *testing.T, version, principal, condition string) *Document {
	t.Helper()
	d, err := ParseTrust("trust", []byte(`{"Version":"`+version+`","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"Bool":{"aws:SecureTransport":"false"}}},`+
		`{"Effect":"Allow","Principal":`+principal+`,"Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"],"Condition":`+condition+`}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPrincipalsOfATrustPolicy(t *testing.T) {
	d := trusting(t, "2012-10-17", `{"AWS":["123456789012","arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/a/bob","arn:aws:sts::123456789012:assumed-role/r/s","*"],"Federated":"accounts.google.com"}`, `{}`)
	if got := strings.Join(d.Principals(), " "); got != "arn:aws:iam::123456789012:user/a/bob arn:aws:sts::123456789012:assumed-role/r/s" {
		t.Errorf("the principals are %s", got)
	}
}

func TestKeysOfADocument(t *testing.T) {
	d, err := Parse("p", []byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"a:B","Resource":"arn:aws:a:::${aws:username}/*","Condition":{"StringLike":{"sts:ExternalId":["${aws:PrincipalTag/Team, 'none'}"],"aws:PrincipalArn":"*"}}},
		{"Effect":"Deny","Action":"a:B","Resource":"*","Condition":{"ArnLike":{"AWS:principalarn":"arn:aws:iam::*:user/${aws:userid}"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.Keys(), " "); got != "aws:username sts:ExternalId aws:PrincipalTag/Team aws:PrincipalArn aws:userid" {
		t.Errorf("the keys are %s", got)
	}
}

// TestA61_PinsAreWhatAConditionFixes: only a condition that no other value, and no absence, passes pins anything.
func TestA61_PinsAreWhatAConditionFixes(t *testing.T) {
	const issuer = "sts.windows.net/t1/"
	for _, c := range []struct{ version, condition, want string }{
		{"2012-10-17", `{}`, "[]"},
		{"2012-10-17", `{"StringEquals":{"KEY:sub":"a*"}}`, "[[{a* true}]]"},
		{"2012-10-17", `{"StringEqualsIgnoreCase":{"KEY:SUB":"a"}}`, "[[{a true}]]"},
		{"2012-10-17", `{"StringLike":{"KEY:sub":["repo:a/*","b"]}}`, "[[{repo:a/ false} {b true}]]"},
		{"2012-10-17", `{"StringLike":{"KEY:sub":"a${*}b"}}`, "[[{a*b true}]]"},
		{"2012-10-17", `{"StringEquals":{"KEY:sub":"a${KEY:aud}"}}`, "[[{a false}]]"},
		{"2008-10-17", `{"StringEquals":{"KEY:sub":"a${KEY:aud}"}}`, "[[{a${KEY:aud} true}]]"},
		{"2012-10-17", `{"StringEquals":{"KEY:sub":"a"},"StringLike":{"KEY:sub":"*"}}`, "[[{a true}] [{ false}]]"},
		{"2012-10-17", `{"ForAnyValue:StringEquals":{"KEY:sub":"a"}}`, "[[{a true}]]"},
		{"2012-10-17", `{"ForAllValues:StringEquals":{"KEY:sub":"a"}}`, "[]"},
		{"2012-10-17", `{"StringEqualsIfExists":{"KEY:sub":"a"}}`, "[]"},
		{"2012-10-17", `{"StringNotEquals":{"KEY:sub":"a"}}`, "[]"},
		{"2012-10-17", `{"StringEquals":{"KEY:aud":"a"}}`, "[]"},
		{"2012-10-17", `{"StringEquals":{"sts.windows.net/t1:sub":"a"}}`, "[]"}, // another issuer's, for the slash counts
	} {
		condition := strings.ReplaceAll(c.condition, "KEY", issuer)
		d := trusting(t, c.version, `{"Federated":["arn:aws:iam::123456789012:oidc-provider/`+issuer+`"]}`, condition)
		all := d.Federations()
		if len(all) != 1 || all[0].Statement != 2 || all[0].Issuer != issuer {
			t.Fatalf("the federations are %+v", all)
		}
		if got := strings.ReplaceAll(fmt.Sprint(all[0].Pins("sub")), issuer, "KEY"); got != c.want {
			t.Errorf("%s pins %s, want %s", condition, got, c.want)
		}
	}
}
