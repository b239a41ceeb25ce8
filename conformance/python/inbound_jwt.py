"""boto3: users proven by the JWT of an identity provider, from the workload access token to session binding."""

from lab import Application, Provider, control_plane, data_plane, refused, unique

control, data = control_plane(), data_plane()
provider = Provider()
app = Application()

workload = unique("agent")
control.create_workload_identity(name=workload, allowedResourceOauth2ReturnUrls=[app.url])
credential_provider = provider.create(control)


def workload_token(jwt):
    return data.get_workload_access_token_for_jwt(workloadName=workload, userToken=jwt)["workloadAccessToken"]


def ask(token, **kwargs):
    return data.get_resource_oauth2_token(
        workloadIdentityToken=token,
        resourceCredentialProviderName=credential_provider,
        scopes=provider.user_scopes,
        oauth2Flow="USER_FEDERATION",
        resourceOauth2ReturnUrl=app.url,
        **kwargs,
    )


def complete(session, **user):
    return data.complete_resource_token_auth(sessionUri=session, userIdentifier=user)


def forged(jwt):
    header, payload, signature = jwt.split(".")
    return f"{header}.{payload}.{'A' * len(signature)}"


alice = provider.user_token("alice")
refused("UnauthorizedException", workload_token, jwt=forged(alice))
refused("ValidationException", workload_token, jwt="not a JWT")

first = ask(workload_token(alice))
landing = provider.browse(first["authorizationUrl"], "alice")
assert landing["url"].startswith(app.url), landing
session_uri = app.visits[0]["session_id"]

# The user is the JWT's issuer and subject: neither another user's JWT nor the bare name fits, a fresh JWT does.
bob = provider.user_token("bob")
refused("AccessDeniedException", complete, session=session_uri, userToken=bob)
refused("AccessDeniedException", complete, session=session_uri, userId="alice")
refused("UnauthorizedException", complete, session=session_uri, userToken=forged(alice))
complete(session_uri, userToken=provider.user_token("alice"))

token = ask(workload_token(provider.user_token("alice")), sessionUri=session_uri)["accessToken"]
assert provider.user_of(token) == "alice"
assert "accessToken" not in ask(workload_token(bob))
by_id = data.get_workload_access_token_for_user_id(workloadName=workload, userId="alice")["workloadAccessToken"]
assert "accessToken" not in ask(by_id), "a user id reached the grant of a proven user"
