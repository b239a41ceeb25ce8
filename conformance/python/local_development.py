"""bedrock-agentcore on a developer's machine: no workload access token, no registered identity, no return URL."""

import asyncio
import json
import pathlib

from bedrock_agentcore.identity.auth import requires_access_token, requires_api_key

from lab import Provider, control_plane, unique

control = control_plane()
provider = Provider()
credential_provider = provider.create(control)
key_provider = unique("apikey")
control.create_api_key_credential_provider(name=key_provider, apiKey="the-api-key")
remembered = pathlib.Path(".agentcore.json")
landings = []


@requires_api_key(provider_name=key_provider)
def key(*, api_key):
    return api_key


@requires_access_token(
    provider_name=credential_provider,
    scopes=provider.user_scopes,
    auth_flow="USER_FEDERATION",
    on_auth_url=lambda url: landings.append(provider.browse(url, "alice")),
)
async def tool(*, access_token):
    return access_token


assert not remembered.exists()
assert key() == "the-api-key"
config = json.loads(remembered.read_text())
assert set(config) == {"workload_identity_name", "user_id"}, config
assert control.get_workload_identity(name=config["workload_identity_name"])["allowedResourceOauth2ReturnUrls"] == []

token = asyncio.run(tool())
assert provider.user_of(token) == "alice"
assert len(landings) == 1, "the user was asked more than once"
assert landings[0]["title"] and landings[0]["text"], "the session ended on an empty page"
assert asyncio.run(tool()) == token and len(landings) == 1
assert json.loads(remembered.read_text()) == config
