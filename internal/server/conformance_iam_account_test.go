package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func testOIDCProviders(t *testing.T, s *servertest.Service) {
	c, arn := s.Client(s.Root).IAM, aws.String(providerARN)
	in := &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://issuer.example.com"), ClientIDList: []string{"one"}, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}
	made, err := c.CreateOpenIDConnectProvider(t.Context(), in)
	check(t, err)
	if aws.ToString(made.OpenIDConnectProviderArn) != providerARN || len(made.Tags) != 1 {
		t.Errorf("made %+v", made)
	}
	_, err = c.CreateOpenIDConnectProvider(t.Context(), in)
	failsAs[*types.EntityAlreadyExistsException](t, err, 409)
	_, err = c.AddClientIDToOpenIDConnectProvider(t.Context(), &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("<two>")})
	check(t, err)
	_, err = c.RemoveClientIDFromOpenIDConnectProvider(t.Context(), &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("one")})
	check(t, err)
	thumbprint := strings.Repeat("0a", 20)
	_, err = c.UpdateOpenIDConnectProviderThumbprint(t.Context(), &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{thumbprint}})
	check(t, err)
	got, err := c.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	check(t, err)
	if aws.ToString(got.Url) != "issuer.example.com" || !slices.Equal(got.ClientIDList, []string{"<two>"}) || !slices.Equal(got.ThumbprintList, []string{thumbprint}) || got.CreateDate == nil {
		t.Errorf("got %+v", got)
	}
	list, err := c.ListOpenIDConnectProviders(t.Context(), nil)
	check(t, err)
	if len(list.OpenIDConnectProviderList) != 1 || aws.ToString(list.OpenIDConnectProviderList[0].Arn) != providerARN {
		t.Errorf("listed %+v", list.OpenIDConnectProviderList)
	}
	_, err = c.TagOpenIDConnectProvider(t.Context(), &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	check(t, err)
	_, err = c.UntagOpenIDConnectProvider(t.Context(), &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, TagKeys: []string{"k"}})
	check(t, err)
	tags, err := c.ListOpenIDConnectProviderTags(t.Context(), &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: arn})
	check(t, err)
	if len(tags.Tags) != 1 || aws.ToString(tags.Tags[0].Key) != "a" {
		t.Errorf("tags are %+v", tags.Tags)
	}
	_, err = c.DeleteOpenIDConnectProvider(t.Context(), &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	check(t, err)
	_, err = c.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	failsAs[*types.NoSuchEntityException](t, err, 404)
}

func testOutboundFederation(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).IAM
	_, err := c.GetOutboundWebIdentityFederationInfo(t.Context(), nil)
	failsAs[*types.FeatureDisabledException](t, err, 404)
	_, err = c.DisableOutboundWebIdentityFederation(t.Context(), nil)
	failsAs[*types.FeatureDisabledException](t, err, 404)
	on, err := c.EnableOutboundWebIdentityFederation(t.Context(), nil)
	check(t, err)
	_, err = c.EnableOutboundWebIdentityFederation(t.Context(), nil)
	failsAs[*types.FeatureEnabledException](t, err, 409)
	info, err := c.GetOutboundWebIdentityFederationInfo(t.Context(), nil)
	check(t, err)
	if !info.JwtVendingEnabled || aws.ToString(info.IssuerIdentifier) != aws.ToString(on.IssuerIdentifier) || !strings.HasPrefix(aws.ToString(on.IssuerIdentifier), s.Public) {
		t.Errorf("enabled as %s, got %+v", aws.ToString(on.IssuerIdentifier), info)
	}
	_, err = c.DisableOutboundWebIdentityFederation(t.Context(), nil)
	check(t, err)
	aliases, err := c.ListAccountAliases(t.Context(), nil)
	check(t, err)
	if aliases.AccountAliases == nil || len(aliases.AccountAliases) != 0 {
		t.Errorf("aliases are %v, want an empty list", aliases.AccountAliases)
	}
}

func testSimulation(t *testing.T, s *servertest.Service) {
	c := newIAM(t, s)
	const conditional = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},
 {"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"x"}}}]}`
	_, err := c.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("person"), PolicyName: aws.String("inline"), PolicyDocument: aws.String(conditional)})
	check(t, err)
	person := aws.String(iamPrefix + "user/team/person")
	out, err := c.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{PolicySourceArn: person, ActionNames: []string{"iam:GetUser", "iam:DeleteUser", "iam:ListUsers"},
		ContextEntries: []types.ContextEntry{{ContextKeyName: aws.String("aws:RequestTag/team"), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{"x"}}}})
	check(t, err)
	var got []string
	for _, r := range out.EvaluationResults {
		got = append(got, string(r.EvalDecision))
	}
	if !slices.Equal(got, []string{"allowed", "explicitDeny", "implicitDeny"}) {
		t.Fatalf("decided %v", got)
	}
	if m := out.EvaluationResults[1].MatchedStatements; len(m) != 1 || aws.ToString(m[0].SourcePolicyId) != "inline" || m[0].SourcePolicyType != types.PolicySourceTypeUser || m[0].StartPosition.Line != 2 {
		t.Errorf("matched %+v", m)
	}
	custom, err := c.SimulateCustomPolicy(t.Context(), &iam.SimulateCustomPolicyInput{PolicyInputList: []string{conditional}, ActionNames: []string{"iam:DeleteUser"}, ResourceArns: []string{aws.ToString(person)}})
	check(t, err)
	if r := custom.EvaluationResults; len(r) != 1 || r[0].EvalDecision != types.PolicyEvaluationDecisionTypeImplicitDeny || len(r[0].MissingContextValues) != 1 || aws.ToString(r[0].EvalResourceName) != aws.ToString(person) {
		t.Errorf("decided %+v", r)
	}
	_, err = c.SimulateCustomPolicy(t.Context(), &iam.SimulateCustomPolicyInput{PolicyInputList: []string{conditional}, ActionNames: []string{"iam:DeleteUser"}, PermissionsBoundaryPolicyInputList: []string{conditional}})
	if err == nil || !strings.Contains(err.Error(), "'PermissionsBoundaryPolicyInputList'") {
		t.Errorf("a boundary that counts for nothing is taken: %v", err)
	}
	keys, err := c.GetContextKeysForPrincipalPolicy(t.Context(), &iam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: person})
	check(t, err)
	if !slices.Equal(keys.ContextKeyNames, []string{"aws:RequestTag/team"}) {
		t.Errorf("keys are %v", keys.ContextKeyNames)
	}
}
