"""boto3: tokens that expire soon are refreshed once, however many ask, and the rotated refresh token is kept."""

import time
from concurrent.futures import ThreadPoolExecutor

from lab import Application, Provider, control_plane, data_plane, unique

CALLERS = 8
control, data = control_plane(), data_plane()
provider = Provider("oidc-provider-short")
app = Application(lambda session: data.complete_resource_token_auth(
    sessionUri=session, userIdentifier={"userId": "alice"}
))

workload = unique("agent")
control.create_workload_identity(name=workload, allowedResourceOauth2ReturnUrls=[app.url])
credential_provider = provider.create(control)
workload_token = data.get_workload_access_token_for_user_id(workloadName=workload, userId="alice")["workloadAccessToken"]


def ask(_=None):
    return data.get_resource_oauth2_token(
        workloadIdentityToken=workload_token,
        resourceCredentialProviderName=credential_provider,
        scopes=provider.user_scopes,
        oauth2Flow="USER_FEDERATION",
        resourceOauth2ReturnUrl=app.url,
        customParameters={"prompt": "consent"},  # this provider grants offline access only to a user who was asked
    )


def expired(token):
    """Wait, for as long as a token of the provider may live, until the provider refuses it."""
    deadline = time.monotonic() + 30
    while provider.user_of(token) is not None:
        assert time.monotonic() < deadline, "the token does not expire"
        time.sleep(0.2)


provider.browse(ask()["authorizationUrl"], "alice")
token = ask()["accessToken"]
for round_number in (1, 2):
    expired(token)
    refreshes = provider.token_requests("refresh_token")
    with ThreadPoolExecutor(CALLERS) as pool:
        tokens = {answer["accessToken"] for answer in pool.map(ask, range(CALLERS))}
    assert len(tokens) == 1, f"{CALLERS} callers got {len(tokens)} different tokens in round {round_number}"
    assert provider.token_requests("refresh_token") == refreshes + 1, "the refresh was not single"
    (new,) = tokens
    assert new != token and provider.user_of(new) == "alice"
    token = new
assert provider.token_requests("failed") == 0
