"""boto3: one consent through two processes on one database; every step goes to the other process than the one before.

PROCESS_A and PROCESS_B are their addresses. The browser comes by the public URL, whose proxy sends the link to A and the
callback to B.
"""

import os

import boto3

from lab import Application, Provider

CONTROL, DATA = "bedrock-agentcore-control", "bedrock-agentcore"
NAME = "travelling-agent"
processes = [os.environ["PROCESS_A"], os.environ["PROCESS_B"]]
provider = Provider()
visited = []


def other(service):
    """A client of the process that did not answer last."""
    visited.append(len(visited) % 2)
    return boto3.client(service, endpoint_url=processes[visited[-1]])


def complete(session):
    other(DATA).complete_resource_token_auth(sessionUri=session, userIdentifier={"userId": "alice"})


def ask():
    return other(DATA).get_resource_oauth2_token(
        workloadIdentityToken=workload_token,
        resourceCredentialProviderName=NAME,
        scopes=provider.user_scopes,
        oauth2Flow="USER_FEDERATION",
        resourceOauth2ReturnUrl=app.url,
        customParameters={"prompt": "consent"},
    )


app = Application(complete)
other(CONTROL).create_workload_identity(name=NAME, allowedResourceOauth2ReturnUrls=[app.url])
created = other(CONTROL).create_oauth2_credential_provider(
    name=NAME, credentialProviderVendor="CustomOauth2", oauth2ProviderConfigInput=provider.config()
)
provider.register_callback(created["callbackUrl"])
workload_token = other(DATA).get_workload_access_token_for_user_id(workloadName=NAME, userId="alice")["workloadAccessToken"]
pending = ask()
assert pending["sessionStatus"] == "IN_PROGRESS", pending.get("sessionStatus")
landing = provider.browse(pending["authorizationUrl"], "alice")  # authorize at A, callback at B, then complete at A
assert landing["text"] == "completed", landing
token = ask()["accessToken"]
assert provider.user_of(token) == "alice"
assert visited == [0, 1, 0, 1, 0, 1], visited
assert ask()["accessToken"] == token, "the other process has another token"
