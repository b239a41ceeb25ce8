package policy

import (
	"strings"
	"testing"
)

func TestParseTrustGuideForms(t *testing.T) {
	for name, doc := range map[string]string{
		"everybody":  trustText(`"*"`, "sts:AssumeRole", ""),
		"an account": trustText(`{"AWS":"123456789012"}`, "sts:AssumeRole", `{"StringEquals":{"sts:ExternalId":"x"}}`),
		"all kinds":  trustText(`{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/path/alice"],"Service":"ec2.amazonaws.com","Federated":["accounts.google.com.example"]}`, "sts:*", ""),
		"a session":  trustText(`{"AWS":"arn:aws:sts::123456789012:assumed-role/role/session"}`, "sts:assumerole", ""),
		"SAML":       trustText(`{"Federated":"arn:aws:iam::123456789012:saml-provider/corp"}`, "sts:AssumeRole*", ""),
		"old":        `{"Version":"2008-10-17","Id":"x","Statement":[{"Sid":"A","Effect":"Deny","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`,
	} {
		if d, err := ParseTrust(name, []byte(doc)); err != nil {
			t.Error(err)
		} else if d.Name() != name {
			t.Errorf("named %s", d.Name())
		}
	}
}

func TestParseTrustRefuses(t *testing.T) {
	before := "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\",\n  "
	checkRefusals(t, ParseTrust, before, "}]}", []refusal{
		{`"Principal": "*", "Resource": "*"`, `"Resource"`, "Has prohibited field Resource"},
		{`"Principal": "*", "NotResource": "*"`, `"NotResource"`, "Has prohibited field NotResource"},
		{`"Principal": "*", "NotAction": "*"`, `"NotAction"`, "Has prohibited field NotAction"},
		{`"NotPrincipal": "*"`, `"NotPrincipal"`, "Has prohibited field NotPrincipal"},
		{`"Sid": "A"`, "", "Principal is missing"},
		{`"principal": "*"`, `"principal"`, "must be spelled Principal"},
		{`"Principal": {}`, `{`, "Principal is empty"},
		{`"Principal": []`, `[`, "must be \"*\" or an object"},
		{`"Principal": ["*"]`, `[`, "must be \"*\" or an object"},
		{`"Principal": "` + aliceARN + `"`, `"arn`, "must be \"*\" or an object"},
		{`"Principal": null`, `null`, "must be \"*\" or an object"},
		{`"Principal": {"CanonicalUser": "x"}`, `"CanonicalUser"`, "policies of S3 buckets"},
		{`"Principal": {"aws": "*"}`, `"aws"`, "must be spelled AWS"},
		{`"Principal": {"Group": "*"}`, `"Group"`, "unknown here: there are AWS, Federated, Service"},
		{`"Principal": {"AWS": "*", "AWS": "*"}`, `"AWS"`, "present twice"},
		{`"Principal": {"AWS": []}`, `[`, "empty list"},
		{`"Principal": {"AWS": {}}`, `{}`, "a string or a list"},
		{`"Principal": {"AWS": ""}`, `""`, "12 digits"},
		{`"Principal": {"AWS": "alice"}`, `"alice"`, "12 digits"},
		{`"Principal": {"AWS": "12345678901"}`, "", "12 digits"},
		{`"Principal": {"AWS": ["123456789012", "arn:aws:iam::123456789012:role/*"]}`, `"arn`, "has a wildcard"},
		{`"Principal": {"AWS": "arn:aws:iam::123456789012:user/al?ce"}`, "", "has a wildcard"},
		{`"Principal": {"AWS": "arn:aws:iam::*:root"}`, "", "has a wildcard"},
		{`"Principal": {"AWS": "**"}`, "", "has a wildcard"},
		{`"Principal": {"AWS": "arn:aws:iam::123456789012:group/x"}`, "", "12 digits"},
		{`"Principal": {"AWS": "arn:aws:iam::123456789012:role/"}`, "", "12 digits"},
		{`"Principal": {"AWS": "arn:aws:iam::123456789012:role//x"}`, "", "12 digits"},
		{`"Principal": {"AWS": "arn:aws:iam:us-west-2:123456789012:role/x"}`, "", "12 digits"},
		{`"Principal": {"AWS": "arn:aws:iam::1234:role/x"}`, "", "12 digits"},
		{`"Principal": {"AWS": "arn:aws:sts::123456789012:assumed-role/x"}`, "", "12 digits"},
		{`"Principal": {"AWS": "arn:aws:sts::123456789012:root"}`, "", "12 digits"},
		{`"Principal": {"AWS": "${aws:PrincipalArn}"}`, "", "12 digits"},
		{`"Principal": {"Federated": "*"}`, `"*"`, "would trust any identity provider"},
		{`"Principal": {"Federated": "*.example.com"}`, "", "would trust any identity provider"},
		{`"Principal": {"Federated": "https://issuer.example.com"}`, "", "without https://"},
		{`"Principal": {"Federated": "issuer"}`, "", "without https://"},
		{`"Principal": {"Federated": "arn:aws:iam::123456789012:role/x"}`, "", "provider's ARN"},
		{`"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/"}`, "", "provider's ARN"},
		{`"Principal": {"Federated": "arn:aws:sts::123456789012:oidc-provider/x.example"}`, "", "provider's ARN"},
		{`"Principal": {"Federated": "arn:aws:iam::1:oidc-provider/x.example"}`, "", "provider's ARN"},
		{`"Principal": {"Service": "*"}`, "", "a service's name"},
		{`"Principal": {"Service": "lambda"}`, "", "a service's name"},
	})
}

func TestParseTrustRefusesActions(t *testing.T) {
	for _, action := range []string{"sts:GetCallerIdentity", "iam:*", "bedrock-agentcore:GetWorkloadAccessToken", "sts:GetWebIdentityToken", "sts:AssumeRoleX", "iam:PassRole", "AssumeRole"} {
		_, err := ParseTrust("p", []byte(trustText(`"*"`, action, "")))
		want := "none that a trust policy decides"
		if action == "AssumeRole" {
			want = "behind the colon"
		}
		wantError(t, action, err, want)
	}
	_, err := ParseTrust("p", []byte(documentText(`{"Effect":"Allow","Principal":"*"}`)))
	wantError(t, "no action", err, "Action is missing")
}

// TestParseRefusesPrincipals: an identity-based policy speaks for whom it is
// attached to.
func TestParseRefusesPrincipals(t *testing.T) {
	before := "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\",\n  "
	checkRefusals(t, Parse, before, "}]}", []refusal{
		{`"Principal": "*"`, `"Principal"`, "Has prohibited field Principal"},
		{`"Principal": {"AWS": "*"}`, `"Principal"`, "Has prohibited field Principal"},
		{`"NotPrincipal": "*"`, `"NotPrincipal"`, "Has prohibited field NotPrincipal"},
		{`"NotAction": "*"`, "", "Action and NotAction cannot stand beside"},
		{`"NotResource": "*"`, "", "Resource and NotResource cannot stand beside"},
		{`"condition": {}`, `"condition"`, "must be spelled Condition"},
		{`"NotCondition": {}`, `"NotCondition"`, "unknown here"},
	})
	for _, doc := range []string{
		`{"Effect":"Allow","NotAction":[],"Resource":"*"}`, `{"Effect":"Allow","NotAction":"GetRole","Resource":"*"}`,
		`{"Effect":"Allow","Action":"*","NotResource":[]}`, `{"Effect":"Allow","Action":"*","NotResource":"x"}`,
	} {
		if _, err := Parse("p", []byte(documentText(doc))); err == nil || !strings.Contains(err.Error(), "Not") {
			t.Errorf("%s: %v", doc, err)
		}
	}
}
