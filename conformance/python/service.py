"""boto3 against a service over https: an operator with all rights, an agent with the few that it needs, and strangers.

PHASE is consent for the first run, and after for a second one that finds what the first one left.
"""

import os

import boto3

from lab import Application, Provider, data_plane, control_plane, refused

WORKLOAD, CREDENTIAL_PROVIDER = "service-agent", "company-github"
provider = Provider()
operator = boto3.client(
    "bedrock-agentcore-control",
    aws_access_key_id=os.environ["OPERATOR_AWS_ACCESS_KEY_ID"],
    aws_secret_access_key=os.environ["OPERATOR_AWS_SECRET_ACCESS_KEY"],
)
agent = data_plane()


def workload_token(user="alice"):
    return agent.get_workload_access_token_for_user_id(workloadName=WORKLOAD, userId=user)["workloadAccessToken"]


def ask(user="alice", **kwargs):
    return agent.get_resource_oauth2_token(
        workloadIdentityToken=workload_token(user),
        resourceCredentialProviderName=CREDENTIAL_PROVIDER,
        scopes=provider.user_scopes,
        oauth2Flow="USER_FEDERATION",
        **kwargs,
    )


def set_up(app):
    operator.create_workload_identity(name=WORKLOAD, allowedResourceOauth2ReturnUrls=[app.url])
    created = operator.create_oauth2_credential_provider(
        name=CREDENTIAL_PROVIDER,
        credentialProviderVendor="GithubOauth2",
        oauth2ProviderConfigInput={
            "githubOauth2ProviderConfig": {"clientId": provider.client_id, "clientSecret": provider.client_secret}
        },
    )
    assert created["callbackUrl"].startswith("https://"), created["callbackUrl"]
    provider.register_callback(created["callbackUrl"])


def consent():
    def complete(session):
        agent.complete_resource_token_auth(sessionUri=session, userIdentifier={"userId": "alice"})

    app = Application(complete)
    set_up(app)
    pending = ask(resourceOauth2ReturnUrl=app.url)
    assert "accessToken" not in pending
    landing = provider.browse(pending["authorizationUrl"], "alice")
    assert landing["url"].startswith(app.url) and landing["text"] == "completed", landing
    refused("ValidationException", ask, saying="You must register", user="bob")
    another = Application()  # on loopback, but not registered: only a development instance would allow it
    refused("ValidationException", ask, saying="You must register", user="bob", resourceOauth2ReturnUrl=another.url)


def rights_are_kept_apart():
    denied = refused("AccessDeniedException", control_plane().create_workload_identity, name="by-agent")
    assert "bedrock-agentcore:CreateWorkloadIdentity" in denied["Error"]["Message"], denied["Error"]
    refused(
        "AccessDeniedException",
        agent.get_resource_api_key,
        workloadIdentityToken=workload_token(),
        resourceCredentialProviderName="any",
    )
    key_id = os.environ["AWS_ACCESS_KEY_ID"]
    for expected, name, secret in (
        ("InvalidSignatureException", key_id, "wrong"),
        ("UnrecognizedClientException", "AKIA" + "A" * 16, "wrong"),
    ):
        stranger = boto3.client("bedrock-agentcore", aws_access_key_id=name, aws_secret_access_key=secret)
        refused(expected, stranger.get_workload_access_token_for_user_id, workloadName=WORKLOAD, userId="alice")


if os.environ["PHASE"] == "consent":
    consent()
rights_are_kept_apart()
token = ask()["accessToken"]
assert token.startswith("ghu_") and provider.user_of(token) == "alice"
