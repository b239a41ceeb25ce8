"""boto3: a user's consent from the agent's first request to the token, and everybody who must not get it."""

import urllib.parse

from lab import Application, Provider, control_plane, data_plane, refused, unique

control, data = control_plane(), data_plane()
provider = Provider()
app = Application()

workload = unique("agent")
control.create_workload_identity(name=workload, allowedResourceOauth2ReturnUrls=[app.url])
credential_provider = provider.create(control)


def workload_token(user, name=workload):
    return data.get_workload_access_token_for_user_id(workloadName=name, userId=user)["workloadAccessToken"]


def ask(token, **kwargs):
    """GetResourceOauth2Token, as the agent calls it."""
    request = {
        "workloadIdentityToken": token,
        "resourceCredentialProviderName": credential_provider,
        "scopes": provider.user_scopes,
        "oauth2Flow": "USER_FEDERATION",
        "resourceOauth2ReturnUrl": app.url,
    }
    return data.get_resource_oauth2_token(**{**request, **kwargs})


def check_pending(answer):
    assert "accessToken" not in answer, "a token was handed out before the consent was complete"
    assert answer["sessionUri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert answer["sessionStatus"] == "IN_PROGRESS", answer.get("sessionStatus")


def consented():
    """The agent asks, the user consents; the session and what reached the application."""
    first = ask(workload_token("alice"), customState="state of the application")
    check_pending(first)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(first["authorizationUrl"]).query)
    assert query == {"request_uri": [first["sessionUri"]]}, "the link carries nothing but the session"
    session = first["sessionUri"]
    check_pending(ask(workload_token("alice"), sessionUri=session))

    landing = provider.browse(first["authorizationUrl"], "alice")
    assert landing["url"].startswith(app.url), landing
    (visit,) = app.visits
    assert visit["session_id"] == session
    assert visit["state"] == "state of the application"
    assert "code" not in visit, "the provider's code reached the application"
    check_pending(ask(workload_token("alice"), sessionUri=session))
    return session


def complete(session, **user):
    return data.complete_resource_token_auth(sessionUri=session, userIdentifier=user)


def bound_to_the_user(session):
    """Only the user for whom the session was begun can finish it, and a wrong one does not end it."""
    refused("AccessDeniedException", complete, saying="Invalid or expired session", session=session, userId="mallory")
    unknown = "urn:ietf:params:oauth:request_uri:unknown"
    refused("AccessDeniedException", complete, saying="Invalid or expired session", session=unknown, userId="alice")
    assert complete(session, userId="alice")["ResponseMetadata"]["HTTPStatusCode"] == 200
    refused("AccessDeniedException", complete, saying="Invalid or expired session", session=session, userId="alice")


def token_is_served(session):
    token = ask(workload_token("alice"), sessionUri=session)["accessToken"]
    assert provider.user_of(token) == "alice"
    assert ask(workload_token("alice"))["accessToken"] == token, "without a session the vault answers"
    assert ask(workload_token("alice"), forceAuthentication=False)["accessToken"] == token
    assert provider.token_requests("authorization_code") == exchanges + 1
    assert provider.token_requests("failed") == failures
    return token


def others_get_nothing(session):
    check_pending(ask(workload_token("bob")))
    refused("AccessDeniedException", ask, token=workload_token("bob"), sessionUri=session)
    other = unique("agent")
    control.create_workload_identity(name=other, allowedResourceOauth2ReturnUrls=[app.url])
    check_pending(ask(workload_token("alice", other)))
    refused("AccessDeniedException", ask, token=workload_token("alice", other), sessionUri=session)
    check_pending(ask(workload_token("alice"), scopes=[*provider.user_scopes, "profile"]))


def bad_requests():
    token = workload_token("alice")
    unregistered = {"token": token, "scopes": ["profile"], "resourceOauth2ReturnUrl": "https://evil.example.com/back"}
    refused("ValidationException", ask, saying="You must register", **unregistered)
    refused("UnauthorizedException", ask, token=token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"))
    refused("UnauthorizedException", ask, token="not-a-token")
    refused("ResourceNotFoundException", ask, token=token, resourceCredentialProviderName="no-such-provider")
    refused("ValidationException", ask, token=token, oauth2Flow="NO_SUCH_FLOW")
    alone = data.get_workload_access_token(workloadName=workload)["workloadAccessToken"]
    refused("ValidationException", ask, token=alone)
    missing = unique("absent")
    refused("ResourceNotFoundException", workload_token, saying=missing, user="alice", name=missing)
    override = {"redirect_uri": "https://evil.example.com/"}
    refused("ValidationException", ask, token=token, scopes=["profile"], customParameters=override)


def consent_again(old):
    """forceAuthentication drops what is stored and asks the user again."""
    forced = ask(workload_token("alice"), forceAuthentication=True)
    check_pending(forced)
    check_pending(ask(workload_token("alice"), sessionUri=forced["sessionUri"], forceAuthentication=False))
    app.complete = lambda session: complete(session, userId="alice")
    provider.browse(forced["authorizationUrl"], "alice")
    token = ask(workload_token("alice"), sessionUri=forced["sessionUri"], forceAuthentication=False)["accessToken"]
    assert token != old and provider.user_of(token) == "alice"


def refused_consent():
    """Pollers learn of a refusal by an exception, because clients ignore any status."""
    first = ask(workload_token("carol"))
    landing = provider.browse(first["authorizationUrl"], "carol", deny=True)
    assert landing["url"].startswith(app.url), landing
    assert app.visits[-1]["error"] == "access_denied", app.visits[-1]
    refused("AccessDeniedException", ask, token=workload_token("carol"), sessionUri=first["sessionUri"])
    refused("AccessDeniedException", complete, session=first["sessionUri"], userId="carol")
    check_pending(ask(workload_token("carol")))


exchanges, failures = provider.token_requests("authorization_code"), provider.token_requests("failed")
session_uri = consented()
bound_to_the_user(session_uri)
access_token = token_is_served(session_uri)
others_get_nothing(session_uri)
bad_requests()
consent_again(access_token)
refused_consent()
