package issuertest

import "strings"

// The documented claim shapes of the issuers that give tokens to workloads.

// Kubernetes is a projected service account token: no typ, the audience in a list, names below kubernetes.io.
func Kubernetes(namespace, account, audience string) Token {
	return Token{Claims: map[string]any{
		"aud": []string{audience},
		"sub": "system:serviceaccount:" + namespace + ":" + account,
		"jti": "9a6f6b0e-1a4e-4d4f-9f6c-6d2b8a3e5c71",
		"kubernetes.io": map[string]any{
			"namespace":      namespace,
			"node":           map[string]any{"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
			"pod":            map[string]any{"name": "agent-7c9d", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
			"serviceaccount": map[string]any{"name": account, "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
		},
	}}
}

// GitHubActions is the token of a workflow run.
func GitHubActions(repository, ref, audience string) Token {
	owner, _, _ := strings.Cut(repository, "/")
	return Token{Type: "JWT", Claims: map[string]any{
		"aud": audience, "sub": "repo:" + repository + ":ref:" + ref, "jti": "example-id",
		"repository": repository, "repository_owner": owner, "repository_id": "74", "repository_owner_id": "65",
		"repository_visibility": "private", "ref": ref, "ref_type": "branch", "sha": "example-sha",
		"workflow": "deploy", "job_workflow_ref": repository + "/.github/workflows/deploy.yml@" + ref,
		"event_name": "push", "runner_environment": "github-hosted",
		"run_id": "30433642", "run_number": "10", "run_attempt": "2", "actor": "octocat", "actor_id": "12",
		"base_ref": "", "head_ref": "",
	}}
}

// SPIFFE is a JWT-SVID: it has neither iat nor nbf need, and SPIRE adds iss where it is told to.
func SPIFFE(id, audience string) Token {
	return Token{Type: "JOSE", ES256: true, Claims: map[string]any{"aud": []string{audience}, "sub": id, "nbf": missing}}
}

// GCP is an identity token of a service account, as the metadata server gives it: azp is the subject, not an OAuth client.
func GCP(uniqueID, email, audience string) Token {
	return Token{Type: "JWT", Claims: map[string]any{
		"aud": audience, "azp": uniqueID, "sub": uniqueID, "email": email, "email_verified": true, "nbf": missing,
		"google": map[string]any{"compute_engine": map[string]any{
			"project_id": "my-project", "project_number": 123456789012, "zone": "europe-west1-b", "instance_name": "agent-1",
			"instance_id": "152986662232938449", "instance_creation_timestamp": 1700000000,
		}},
	}}
}

// Azure is the token of a managed identity (version 1.0), with the tenant in issuer and claim.
func Azure(tenant, objectID, audience string) Token {
	return Token{Type: "JWT", Claims: map[string]any{
		"aud": audience, "sub": objectID, "oid": objectID, "tid": tenant, "ver": "1.0", "idtyp": "app",
		"appid": "ff9e1aa7-3b5a-4b9b-8d0a-5d1ce1f0a3aa", "appidacr": "2", "idp": "https://sts.windows.net/" + tenant + "/",
		"xms_mirid": "/subscriptions/sub/resourcegroups/agents/providers/Microsoft.ManagedIdentity/userAssignedIdentities/agent",
	}}
}

// AWS is the web identity token of a role: its ARN is the subject, the rest is below a claim named as a URL.
func AWS(account, role, audience string, tags map[string]string) Token {
	return Token{Type: "JWT", Claims: map[string]any{
		"aud": audience, "sub": "arn:aws:iam::" + account + ":role/" + role, "jti": "d9a5a5a8-4b1f-4e2a-8d2c-3b0f3f0d9c11", "nbf": missing,
		"https://sts.amazonaws.com/": map[string]any{
			"aws_account": account, "source_region": "eu-central-1", "org_id": "o-exampleorg1",
			"ou_path": []string{"o-exampleorg1/r-ab12/ou-ab12-11111111/"}, "principal_id": "arn:aws:iam::" + account + ":role/" + role,
			"principal_tags": tags, "original_session_exp": "2030-01-01T00:00:00Z",
			"lambda_source_function_arn": "arn:aws:lambda:eu-central-1:" + account + ":function:agent",
		},
	}}
}
