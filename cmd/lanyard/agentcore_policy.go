package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// The permissions that launch gives an agent's role: inline policies by fixed names, so that launching again changes
// them and destroy knows them.
const (
	policyModels   = "AgentCoreModelAccess"
	policyIdentity = "AgentCoreIdentityAccess"
	policyJWT      = "AgentCoreAwsJwtAccess"
)

// ownPolicies are the inline policies that launch manages.
var ownPolicies = []string{policyModels, policyIdentity, policyJWT}

// Tags of a role that launch made. destroy deletes no other.
const (
	madeByTag    = "lanyard:made-by"
	madeByLaunch = "launch"
	agentTag     = "lanyard:agent"
)

// roleNameFor is the same for the same agent each time, and the toolkit's for it too.
func roleNameFor(a *agent) string {
	sum := sha256.Sum256([]byte(a.name))
	return "AmazonBedrockAgentCoreSDKRuntime-" + a.region() + "-" + hex.EncodeToString(sum[:])[:10]
}

type statement struct {
	Sid       string         `json:"Sid,omitempty"`
	Effect    string         `json:"Effect"`
	Principal any            `json:"Principal,omitempty"`
	Action    any            `json:"Action"`
	Resource  any            `json:"Resource,omitempty"`
	Condition map[string]any `json:"Condition,omitempty"`
}

// document encodes a policy.
func document(list ...statement) string {
	b, err := json.Marshal(struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{"2012-10-17", list})
	if err != nil {
		panic(err) // texts and lists always encode
	}
	return string(b)
}

// trustDocument lets the runtime service of this account alone assume the role: without the conditions, another account
// could have the service assume it on its own behalf (the confused deputy).
func trustDocument(a *agent) string {
	return document(statement{
		Sid: "AssumeRolePolicy", Effect: "Allow", Principal: map[string]string{"Service": "bedrock-agentcore.amazonaws.com"}, Action: "sts:AssumeRole",
		Condition: map[string]any{
			"StringEquals": map[string]string{"aws:SourceAccount": a.account()},
			"ArnLike":      map[string]string{"aws:SourceArn": a.arnOf("bedrock-agentcore", "*")},
		},
	})
}

func (a *agent) arnOf(service, resource string) string {
	return "arn:aws:" + service + ":" + a.region() + ":" + a.account() + ":" + resource
}

// wantedPolicies are the documents that the agent's role should have, by name; what is not in it is taken away again.
func wantedPolicies(a *agent) map[string]string {
	wanted := map[string]string{policyModels: modelDocument(a)}
	if doc := identityDocument(a); doc != "" {
		wanted[policyIdentity] = doc
	}
	if s := a.jwt(); s.Enabled && len(s.Audiences) > 0 {
		wanted[policyJWT] = jwtDocument(s)
	}
	return wanted
}

// modelDocument allows model calls, which the agent host passes through if it is configured to.
func modelDocument(a *agent) string {
	return document(statement{
		Sid: "InvokeModels", Effect: "Allow", Action: []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"},
		Resource: []string{"arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:*:*:inference-profile/*", a.arnOf("bedrock", "*")},
	})
}

// identityDocument allows exactly the providers that the file lists, through the agent's own workload identities. The
// agent gets its workload access token with each invocation. As the workload identity that the file names it may also
// get one for itself, or for a user whose JWT it holds; never for a user id of its own choice, for what an agent was
// talked into it would then do as anybody.
func identityDocument(a *agent) string {
	var oauth, keys, secrets []string
	for _, p := range a.providers() {
		oauth = append(oauth, cmp.Or(p.ARN, a.arnOf("bedrock-agentcore", "token-vault/default/oauth2credentialprovider/"+p.Name)))
		secrets = append(secrets, a.arnOf("secretsmanager", "secret:bedrock-agentcore-identity!default/oauth2/"+p.Name+"*"))
	}
	if name := textAt(a.doc(), "api_key_credential_provider_name"); name != "" {
		keys = append(keys, a.arnOf("bedrock-agentcore", "token-vault/default/apikeycredentialprovider/"+name))
		secrets = append(secrets, a.arnOf("secretsmanager", "secret:bedrock-agentcore-identity!default/apikey/"+name+"*"))
	}
	directory := a.arnOf("bedrock-agentcore", "workload-identity-directory/default")
	around := []string{a.arnOf("bedrock-agentcore", "token-vault/default"), directory, directory + "/workload-identity/" + a.name + "-*"}
	w, named := a.workload()
	if named {
		w.ARN = cmp.Or(w.ARN, directory+"/workload-identity/"+w.Name)
		around = append(around, w.ARN)
	}
	var list []statement
	if len(oauth) > 0 {
		list = append(list, statement{Sid: "GetUsersTokens", Effect: "Allow", Action: "bedrock-agentcore:GetResourceOauth2Token", Resource: slices.Concat(around, oauth)})
	}
	if len(keys) > 0 {
		list = append(list, statement{Sid: "GetApiKeys", Effect: "Allow", Action: "bedrock-agentcore:GetResourceApiKey", Resource: slices.Concat(around, keys)})
	}
	if len(secrets) > 0 {
		list = append(list, statement{Sid: "ReadProvidersSecrets", Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secrets})
	}
	if named {
		list = append(list, statement{Sid: "ActAsOwnWorkload", Effect: "Allow", Resource: []string{directory, w.ARN},
			Action: []string{"bedrock-agentcore:GetWorkloadAccessToken", "bedrock-agentcore:GetWorkloadAccessTokenForJWT"}})
	}
	if len(list) == 0 {
		return ""
	}
	return document(list...)
}

// jwtDocument allows web identity tokens for the audiences configured, and for none besides: with ForAnyValue alone, a
// token with one allowed audience and any number of others would do.
func jwtDocument(s jwtSettings) string {
	audiences, present := map[string]any{"sts:IdentityTokenAudience": s.Audiences}, map[string]string{"sts:IdentityTokenAudience": "false"}
	return document(
		statement{Sid: "AllowGetWebIdentityToken", Effect: "Allow", Action: "sts:GetWebIdentityToken", Resource: "*", Condition: map[string]any{
			"ForAnyValue:StringEquals":  audiences,
			"ForAllValues:StringEquals": audiences,
			"Null":                      present,
			"NumericLessThanEquals":     map[string]any{"sts:DurationSeconds": s.Duration},
			"StringEquals":              map[string]any{"sts:SigningAlgorithm": s.Algorithm},
		}},
		statement{Sid: "AllowTagGetWebIdentityToken", Effect: "Allow", Action: "sts:TagGetWebIdentityToken", Resource: "*", Condition: map[string]any{
			"ForAnyValue:StringEquals":  audiences,
			"ForAllValues:StringEquals": audiences,
			"Null":                      present,
		}})
}
