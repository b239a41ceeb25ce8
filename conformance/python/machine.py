"""boto3: tokens and keys of the workload itself, with no user."""

from lab import Provider, control_plane, data_plane, refused, unique

control, data = control_plane(), data_plane()
provider = Provider()

workload = unique("agent")
control.create_workload_identity(name=workload)
credential_provider = provider.create(control)
workload_token = data.get_workload_access_token(workloadName=workload)["workloadAccessToken"]


def ask(**kwargs):
    request = {
        "workloadIdentityToken": workload_token,
        "resourceCredentialProviderName": credential_provider,
        "scopes": provider.machine_scopes,
        "oauth2Flow": "M2M",
    }
    return data.get_resource_oauth2_token(**{**request, **kwargs})


def api_key(name, token=workload_token):
    return data.get_resource_api_key(workloadIdentityToken=token, resourceCredentialProviderName=name)["apiKey"]


before = provider.token_requests("client_credentials")
first = ask()
assert first["accessToken"] and "authorizationUrl" not in first
assert ask()["accessToken"] == first["accessToken"], "a machine token is kept while it is good"
assert provider.token_requests("client_credentials") == before + 1

key_provider = unique("apikey")
control.create_api_key_credential_provider(name=key_provider, apiKey="key-one")
assert api_key(key_provider) == "key-one"
for_user = data.get_workload_access_token_for_user_id(workloadName=workload, userId="alice")["workloadAccessToken"]
assert api_key(key_provider, for_user) == "key-one"
control.update_api_key_credential_provider(name=key_provider, apiKey="key-two")
assert api_key(key_provider) == "key-two"
refused("UnauthorizedException", api_key, name=key_provider, token="not-a-token")
refused("ResourceNotFoundException", api_key, name="no-such-provider")
control.delete_api_key_credential_provider(name=key_provider)
refused("ResourceNotFoundException", api_key, saying=key_provider, name=key_provider)

# A workload identity that is gone takes its tokens with it, also when another one gets its name.
control.delete_workload_identity(name=workload)
control.create_workload_identity(name=workload)
refused("UnauthorizedException", ask)
