//go:build quickstarts

package quickstarts_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// The first document's mistakes, each made on purpose, seen, and mended as it says.

// noRegion is a command where nothing names a region: not the environment, not a file, not a project.
func (k *keyless) noRegion(t *testing.T) {
	const nowhere = "(cd ~ && unset AWS_REGION AWS_DEFAULT_REGION AWS_CONFIG_FILE\n%s)\n"
	command := fmt.Sprintf("agentcore identity setup-aws-jwt --audience %s\n", firstAudience)
	k.refused(t, fmt.Sprintf(nowhere, command), "No AWS region configured")
	k.refused(t, fmt.Sprintf(nowhere, command), "--region")
	k.run(t, fmt.Sprintf(nowhere, strings.TrimSpace(command)+" --region us-west-2\n"), quick)
	k.run(t, fmt.Sprintf(nowhere, k.block(keylessRegion)+command), quick)
	shows(t, "K16", "K54")
}

// wrongAudience is a service that expects another value than the token has.
func (k *keyless) wrongAudience(t *testing.T) {
	p := k.ask(t, `{}`)
	if _, refusal := k.verify(t, k.issuer, correctAudience, p.Token); !strings.Contains(refusal, "InvalidAudienceError") {
		t.Errorf("a service for %s says %q", correctAudience, refusal)
	}
	out := k.run(t, k.block(keylessAudience), install)
	want(t, out, regexp.QuoteMeta(correctAudience))
	want(t, k.run(t, "aws iam get-role-policy --role-name "+roleName(k.role)+" --policy-name AgentCoreAwsJwtAccess\n", quick), regexp.QuoteMeta(correctAudience))

	k.run(t, "(cd ../probe && agentcore identity setup-aws-jwt --audience "+correctAudience+" && agentcore launch)\n", install)
	p = k.ask(t, `{"settings": {"audience": ["`+correctAudience+`"]}}`)
	if _, refusal := k.verify(t, k.issuer, correctAudience, p.Token); refusal != "" {
		t.Error(refusal)
	}
	shows(t, "K17", "K55")
}

// serviceRejects is a service that trusts another issuer, until it is told this one.
func (k *keyless) serviceRejects(t *testing.T) {
	p := k.ask(t, `{}`)
	other := k.shell(t, "printf %s \"$LANYARD_DEV_ISSUER\"")
	if _, refusal := k.verify(t, other, firstAudience, p.Token); refusal == "" {
		t.Errorf("a service that trusts %s alone accepts a token of %s", other, k.issuer)
	}
	listed := group(t, k.run(t, k.block(keylessList), quick), `Issuer URL\W+(http://\S+)`)
	if _, refusal := k.verify(t, listed, firstAudience, p.Token); refusal != "" {
		t.Error(refusal)
	}
	want(t, k.shell(t, "curl -sf "+listed+"/.well-known/jwks.json"), `"keys"`)
	shows(t, "K45", "K46", "K56")
}

// notEnabled is an agent whose account has no federation, from its invocation to the remedy.
func (k *keyless) notEnabled(t *testing.T) {
	k.run(t, "aws iam disable-outbound-web-identity-federation\n", quick)
	want(t, k.answer(t), "(?i)FeatureDisabledException|not enabled")
	k.refused(t, "aws sts get-web-identity-token --audience "+firstAudience+" --signing-algorithm ES384\n", "FeatureDisabledException")
	want(t, k.run(t, k.block(keylessEnable), quick), "Issuer URL: +"+regexp.QuoteMeta(k.issuer))
	want(t, k.answer(t), "AWS IAM JWT Token Obtained!")
	shows(t, "K52")
}

// denied is an agent whose role may not ask for the audience, mended both ways.
func (k *keyless) denied(t *testing.T) {
	role := roleName(k.role)
	saved := k.run(t, "aws iam get-role-policy --role-name "+role+" --policy-name AgentCoreAwsJwtAccess --query PolicyDocument --output json\n", quick)
	remove := "aws iam delete-role-policy --role-name " + role + " --policy-name AgentCoreAwsJwtAccess\n"

	k.run(t, remove, quick)
	want(t, k.answer(t), "AccessDenied")
	k.run(t, k.block(keylessLaunch), install)
	want(t, k.answer(t), "AWS IAM JWT Token Obtained!")

	k.run(t, remove, quick)
	want(t, k.answer(t), "AccessDenied")
	k.save(t, "policy.json", saved)
	k.run(t, "aws iam put-role-policy --role-name "+role+" --policy-name ByHand --policy-document file://policy.json\nrm policy.json\n", quick)
	want(t, k.answer(t), "AWS IAM JWT Token Obtained!")
	k.run(t, "aws iam delete-role-policy --role-name "+role+" --policy-name ByHand\n", quick)
	k.run(t, k.block(keylessLaunch), install)
	shows(t, "K43", "K44", "K53")
}

// asksForToken asks in Python whether boto3 knows the operation.
const asksForToken = `python -c "
import boto3
sts = boto3.client('sts')
print(boto3.__version__, hasattr(sts, 'get_web_identity_token'))
sts.get_web_identity_token(Audience=['` + firstAudience + `'], SigningAlgorithm='ES384')
print('issued')
"
`

// oldBoto3 installs the release that the document wants, and those on both sides of the first that has the operation.
func (k *keyless) oldBoto3(t *testing.T) {
	k.run(t, "python3 -m venv ~/old && . ~/old/bin/activate\n", install)
	for _, version := range []string{"1.41.0", "1.40.76", "1.35.0"} {
		k.run(t, "pip install -q boto3=="+version+"\n", install)
		r := k.try(t, asksForToken, quick)
		if version == "1.41.0" {
			want(t, r.Output, `^1\.41\.0 True$`, "^issued$")
			continue
		}
		want(t, r.Output, "^"+regexp.QuoteMeta(version)+" False$", "AttributeError: 'STS' object has no attribute 'get_web_identity_token'")
	}
	k.run(t, k.block(keylessUpgrade), install)
	want(t, k.run(t, asksForToken, quick), "True$", "^issued$")
	k.run(t, "deactivate\n. .venv/bin/activate\n"+linePath, quick)
	shows(t, "K18", "K57")
}

// cleanUp runs the document's last block and looks whether anything is left.
func (k *keyless) cleanUp(t *testing.T) {
	if k.records(t) == k.before {
		t.Error("nothing was made that could be left")
	}
	secret := k.shell(t, "printf %s \"$AWS_SECRET_ACCESS_KEY\"")
	if r := k.try(t, "grep -rIl --exclude-dir=.venv -e '"+secret+"' -e "+operatorKeyID+" .\n", quick); r.Status != 1 {
		t.Errorf("a key is in the agent's folder: %s", r.Output)
	}
	k.run(t, "(cd ../probe && agentcore destroy --agent probe --force)\n", quick)
	want(t, k.run(t, k.block(keylessDestroy), quick), keylessName, "AgentCoreAwsJwtAccess", roleName(k.role))
	k.refused(t, "aws iam get-role --role-name "+roleName(k.role)+"\n", "NoSuchEntity")
	if left := k.records(t); left != k.before {
		t.Errorf("there was\n%s\nand is left\n%s", k.before, left)
	}
	want(t, k.run(t, "aws iam get-outbound-web-identity-federation-info\n", quick), regexp.QuoteMeta(k.issuer))
	nothingRuns(t, k.home+"/lanyard-data", "python")
	shows(t, "K15", "K47", "K49", "K60")
}
