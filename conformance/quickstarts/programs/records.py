"""Prints what the account has, a line each, so that what was there before and what is left can be compared."""

import boto3

control, iam, pools = boto3.client("bedrock-agentcore-control"), boto3.client("iam"), boto3.client("cognito-idp")
lists = {
    "runtime": (control.list_agent_runtimes, "agentRuntimes", "agentRuntimeName", {}),
    "workload identity": (control.list_workload_identities, "workloadIdentities", "name", {}),
    "OAuth provider": (control.list_oauth2_credential_providers, "credentialProviders", "name", {}),
    "API key provider": (control.list_api_key_credential_providers, "credentialProviders", "name", {}),
    "pool": (pools.list_user_pools, "UserPools", "Name", {"MaxResults": 60}),
    "role": (iam.list_roles, "Roles", "RoleName", {}),
    "policy": (iam.list_policies, "Policies", "PolicyName", {"Scope": "Local"}),
}
for kind, (operation, members, name, arguments) in lists.items():
    for record in operation(**arguments)[members]:
        print(kind, record[name])
