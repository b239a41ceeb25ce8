"""bedrock-agentcore: the decorators of an agent's tools, with the default poller."""

import asyncio

from bedrock_agentcore.identity.auth import requires_access_token, requires_api_key
from bedrock_agentcore.runtime import BedrockAgentCoreContext
from bedrock_agentcore.services.identity import IdentityClient, UserIdIdentifier

from lab import Application, Provider, unique

client = IdentityClient("us-west-2")
provider = Provider()
app = Application(lambda session: client.complete_resource_token_auth(session, UserIdIdentifier(user_id="alice")))

workload = client.create_workload_identity(unique("agent"), [app.url])["name"]
credential_provider = unique("oauth")
created = client.create_oauth2_credential_provider(
    {
        "name": credential_provider,
        "credentialProviderVendor": "CustomOauth2",
        "oauth2ProviderConfigInput": provider.config(),
    }
)
provider.register_callback(created["callbackUrl"])
key_provider = unique("apikey")
client.create_api_key_credential_provider({"name": key_provider, "apiKey": "the-api-key"})
token = client.get_workload_access_token(workload, user_id="alice")["workloadAccessToken"]
BedrockAgentCoreContext.set_workload_access_token(token)


class NeedsConsent(Exception):
    pass


def stop_and_tell(url):
    """What a web application does: it shows the link and does not wait."""
    raise NeedsConsent(url)


shown = []


def open_browser(url):
    shown.append(url)
    provider.browse(url, "alice")


@requires_access_token(
    provider_name=credential_provider,
    scopes=provider.user_scopes,
    auth_flow="USER_FEDERATION",
    callback_url=app.url,
    on_auth_url=stop_and_tell,
)
def without_waiting(*, access_token):
    return access_token


@requires_access_token(
    provider_name=credential_provider,
    scopes=provider.user_scopes,
    auth_flow="USER_FEDERATION",
    callback_url=app.url,
    force_authentication=True,
    custom_state="tool",
    on_auth_url=open_browser,
)
async def with_polling(question, *, access_token):
    return question, access_token


@requires_access_token(provider_name=credential_provider, scopes=provider.machine_scopes, auth_flow="M2M")
async def machine(*, access_token):
    return access_token


@requires_access_token(provider_name=credential_provider, scopes=provider.machine_scopes, auth_flow="M2M", into="token")
def machine_in_sync(*, token):
    return token


@requires_api_key(provider_name=key_provider)
def key(*, api_key):
    return api_key


@requires_api_key(provider_name=key_provider, into="secret")
async def key_in_async(*, secret):
    return secret


async def sync_tools_in_a_running_loop():
    return key(), machine_in_sync()


try:
    without_waiting()
    raise AssertionError("a token was there before any consent")
except NeedsConsent as stopped:
    provider.browse(str(stopped), "alice")
assert provider.user_of(without_waiting()) == "alice", "the second call finds the grant"

question, polled = asyncio.run(with_polling("what is new?"))
assert question == "what is new?" and provider.user_of(polled) == "alice"
assert len(shown) == 1 and app.visits[-1]["state"] == "tool"

m2m = asyncio.run(machine())
assert m2m and machine_in_sync() == m2m
assert key() == "the-api-key" and asyncio.run(key_in_async()) == "the-api-key"
assert asyncio.run(sync_tools_in_a_running_loop()) == ("the-api-key", m2m)
