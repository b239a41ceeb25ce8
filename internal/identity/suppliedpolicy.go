package identity

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Supplied policies come with Lanyard, so that nobody has to write the usual ones by hand, and gets the splits right:
// none that asks for tokens also completes sessions, for then an agent could finish its own consent (A53); one holds a
// workload to users who were verified (A54); none writes users, roles or policies (A41). Nobody can change or delete
// them; a release that changes what one allows gives it a new version.

const suppliedPrefix = "arn:aws:iam::aws:policy/"

// supplied is one row: everything that the statements allow, on the resources.
type supplied struct {
	name, description string
	version           string
	statements        []suppliedStatement
}

type suppliedStatement struct{ actions, resources []string }

const (
	anyDirectory = "arn:aws:bedrock-agentcore:*:*:workload-identity-directory/*"
	anyVault     = "arn:aws:bedrock-agentcore:*:*:token-vault/*"
	anyAccount   = "arn:aws:lanyard:*:*:*"
)

// readConfiguration reads workload identities and credential providers, and no secret of theirs.
var readConfiguration = suppliedStatement{
	actions: []string{"bedrock-agentcore:GetWorkloadIdentity", "bedrock-agentcore:ListWorkloadIdentities",
		"bedrock-agentcore:GetOauth2CredentialProvider", "bedrock-agentcore:ListOauth2CredentialProviders",
		"bedrock-agentcore:GetApiKeyCredentialProvider", "bedrock-agentcore:ListApiKeyCredentialProviders", "bedrock-agentcore:GetTokenVault"},
	resources: []string{anyDirectory, anyVault},
}

var suppliedRows = []supplied{
	{"LanyardAudit", "Reads the audit, grants and authorization sessions; no token", "v1", []suppliedStatement{
		{[]string{"lanyard:FindAuditRecords", "lanyard:ListAuthorizationSessions", "lanyard:ListGrants"}, []string{anyAccount}},
	}},
	{"LanyardGrantAdministrator", "Lists and revokes grants of any user; no token", "v1", []suppliedStatement{
		{[]string{"lanyard:ListGrants"}, []string{anyAccount}},
		{[]string{"lanyard:RevokeGrant"}, []string{anyDirectory, anyVault}},
	}},
	{"LanyardIdentityAdministrator", "Makes, changes and deletes workload identities and credential providers; no token", "v1", []suppliedStatement{
		readConfiguration,
		{[]string{"bedrock-agentcore:CreateWorkloadIdentity", "bedrock-agentcore:UpdateWorkloadIdentity", "bedrock-agentcore:DeleteWorkloadIdentity",
			"bedrock-agentcore:CreateOauth2CredentialProvider", "bedrock-agentcore:UpdateOauth2CredentialProvider", "bedrock-agentcore:DeleteOauth2CredentialProvider",
			"bedrock-agentcore:CreateApiKeyCredentialProvider", "bedrock-agentcore:UpdateApiKeyCredentialProvider", "bedrock-agentcore:DeleteApiKeyCredentialProvider"},
			[]string{anyDirectory, anyVault}},
	}},
	{"LanyardReadOnly", "Reads workload identities, credential providers, users, roles and policies; no token", "v1", []suppliedStatement{
		readConfiguration,
		{[]string{"iam:Get*", "iam:List*", "iam:Simulate*", "sts:GetCallerIdentity"}, []string{"*"}},
	}},
	{"LanyardSessionBinding", "Completes authorization sessions for users whom the application has signed in; asks for no token", "v1", []suppliedStatement{
		{[]string{"bedrock-agentcore:CompleteResourceTokenAuth"}, []string{anyDirectory, anyVault}},
	}},
	{"LanyardWebIdentity", "Gets web identity tokens that prove to others which principal of this account calls", "v1", []suppliedStatement{
		{[]string{"sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"}, []string{"*"}},
	}},
	{"LanyardWorkloadTokens", "Gets tokens and API keys for workloads themselves, and for users whom a JWT proves; completes no session", "v1", []suppliedStatement{
		{[]string{"bedrock-agentcore:GetWorkloadAccessToken", "bedrock-agentcore:GetWorkloadAccessTokenForJWT",
			"bedrock-agentcore:GetResourceOauth2Token", "bedrock-agentcore:GetResourceApiKey"}, []string{anyDirectory, anyVault}},
	}},
	{"LanyardWorkloadTokensForUserId", "As LanyardWorkloadTokens, and also for any user id that the caller vouches for; completes no session", "v1", []suppliedStatement{
		{[]string{"bedrock-agentcore:GetWorkloadAccessToken", "bedrock-agentcore:GetWorkloadAccessTokenForJWT", "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
			"bedrock-agentcore:GetResourceOauth2Token", "bedrock-agentcore:GetResourceApiKey"}, []string{anyDirectory, anyVault}},
	}},
}

// suppliedSince is the creation date that supplied policies show.
var suppliedSince = time.Date(2025, time.October, 1, 0, 0, 0, 0, time.UTC)

// suppliedPolicies are all, in order of name.
func suppliedPolicies() []*ManagedPolicy {
	out := make([]*ManagedPolicy, len(suppliedRows))
	for i := range suppliedRows {
		out[i] = suppliedRows[i].policy()
	}
	return out
}

func suppliedPolicy(name string) (*ManagedPolicy, bool) {
	i := slices.IndexFunc(suppliedRows, func(r supplied) bool { return r.name == name })
	if i < 0 {
		return nil, false
	}
	return suppliedRows[i].policy(), true
}

func (r *supplied) policy() *ManagedPolicy {
	return &ManagedPolicy{Account: "aws", ID: "ANPA" + strings.ToUpper(r.name), Name: r.name, Path: "/", Description: r.description, Supplied: true,
		Versions: []PolicyVersion{{ID: r.version, Document: r.document(), CreatedAt: suppliedSince}}, Default: r.version, CreatedAt: suppliedSince, UpdatedAt: suppliedSince,
		record: Record{Account: "aws", Kind: KindManagedPolicy, Name: r.name}}
}

func (r *supplied) document() string {
	type statement struct {
		Sid, Effect      string
		Action, Resource []string
	}
	doc := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for i, st := range r.statements {
		doc.Statement = append(doc.Statement, statement{r.name + string(rune('1'+i)), "Allow", st.actions, st.resources})
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic("identity: a supplied policy has no JSON: " + err.Error()) // strings always have
	}
	return string(b)
}

// notSupplied names the policies that there are. Those of Amazon's that would let one principal both ask for tokens and
// complete sessions have no counterpart here.
func notSupplied(name string) error {
	names := make([]string, len(suppliedRows))
	for i, r := range suppliedRows {
		names[i] = r.name
	}
	return refuse(NotFound, "there is no policy %s%s here. Policies that come with Lanyard are split, so that who asks for tokens cannot complete sessions too: attach those that are needed of %s (%sNAME)",
		suppliedPrefix, clip(name), strings.Join(names, ", "), suppliedPrefix)
}
