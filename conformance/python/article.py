"""The article's two services as its text builds them in Python: an agent's endpoint and a session binding endpoint, each
behind a load balancer's signed header.

They know nothing of Lanyard. The header's keys come from the load balancer's key host, the workload access token and the
completion from boto3, the resource token from the SDK's IdentityClient inside the text's own decorator.
"""

import functools
import os

import boto3
import httpx
import jwt
import requests
from bedrock_agentcore.services.identity import IdentityClient
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel

REGION = os.environ["AWS_REGION"]


@functools.cache
def public_key(kid):
    answer = requests.get(f"https://public-keys.auth.elb.{REGION}.amazonaws.com/{kid}", timeout=10)
    answer.raise_for_status()
    return answer.text


def current_user(x_amzn_oidc_data: str = Header(...)) -> str:
    try:
        kid = jwt.get_unverified_header(x_amzn_oidc_data)["kid"]
        return jwt.decode(x_amzn_oidc_data, public_key(kid), algorithms=["ES256"])["sub"]
    except (jwt.PyJWTError, requests.RequestException, KeyError) as error:
        raise HTTPException(status_code=401, detail="Invalid ALB token") from error


class AuthorizationRequired(Exception):
    def __init__(self, url):
        super().__init__("the user has to give consent")
        self.url = url


def requires_access_token(*, provider_name, scopes, auth_flow, workload_access_token=None, session_binding_url=None,
                          on_auth_url=None, force_authentication=False, token_poller=None, custom_state=None,
                          custom_parameters=None, into="access_token", region=None):
    """The SDK's decorator with the workload access token as an argument, as the text changes it."""

    def decorator(func):
        client = IdentityClient(region)

        @functools.wraps(func)
        async def wrapper(*args, **kwargs):
            if not workload_access_token:
                raise ValueError("workload_access_token is required")
            kwargs[into] = await client.get_token(
                provider_name=provider_name, agent_identity_token=workload_access_token, scopes=scopes, auth_flow=auth_flow,
                callback_url=session_binding_url, on_auth_url=on_auth_url, force_authentication=force_authentication,
                token_poller=token_poller, custom_state=custom_state, custom_parameters=custom_parameters,
            )
            return await func(*args, **kwargs)

        return wrapper

    return decorator


class GitHubUser(BaseModel):
    login: str
    id: int


class GitHubTools:
    def __init__(self, workload_access_token):
        self.workload_access_token = workload_access_token

    def _on_auth_url(self, url):
        raise AuthorizationRequired(url)

    async def _call(self, endpoint, scopes):
        @requires_access_token(
            provider_name=os.environ["GITHUB_PROVIDER_NAME"], scopes=scopes, auth_flow="USER_FEDERATION",
            workload_access_token=self.workload_access_token, session_binding_url=os.environ["SESSION_BINDING_URL"],
            on_auth_url=self._on_auth_url, region=REGION,
        )
        async def make_request(*, access_token):
            async with httpx.AsyncClient() as client:
                answer = await client.get(os.environ["GITHUB_API_BASE"] + endpoint, timeout=10.0, headers={
                    "Authorization": f"Bearer {access_token}", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"})
                answer.raise_for_status()
                return answer.json()

        return await make_request()

    async def get_github_user(self) -> GitHubUser:
        return GitHubUser.model_validate(await self._call("/user", ["read:user"]))


class Invocation(BaseModel):
    sessionId: str
    message: str


agent = FastAPI()


@agent.get("/ping")
def ping():
    return {"status": "healthy", "environment": "conformance"}


@agent.post("/python/invocations")
async def invoke(_: Invocation, user_id: str = Depends(current_user)):
    client = boto3.client("bedrock-agentcore", region_name=REGION)
    answer = client.get_workload_access_token_for_user_id(workloadName=os.environ["WORKLOAD_IDENTITY_NAME"], userId=user_id)
    tools = GitHubTools(answer["workloadAccessToken"])

    async def stream():
        try:
            user = await tools.get_github_user()
            yield f"You are {user.login}."
        except AuthorizationRequired as required:
            yield f"Authorize: {required.url}"

    return StreamingResponse(stream(), media_type="text/event-stream")


binding = FastAPI()


@binding.get("/python/oauth2/session-binding", response_class=HTMLResponse)
async def session_binding(session_id: str = Query(...), user_id: str = Depends(current_user)):
    client = boto3.client("bedrock-agentcore", region_name=REGION)
    try:
        client.complete_resource_token_auth(sessionUri=session_id, userIdentifier={"userId": user_id})
    except client.exceptions.ValidationException as error:
        raise HTTPException(status_code=400, detail=str(error)) from error
    except client.exceptions.ResourceNotFoundException as error:
        raise HTTPException(status_code=404, detail=str(error)) from error
    except (client.exceptions.UnauthorizedException, client.exceptions.AccessDeniedException) as error:
        raise HTTPException(status_code=401, detail=str(error)) from error
    return "<!doctype html><title>Authorization complete</title><h1>Authorization complete</h1>"


@binding.get("/ping")
def binding_ping():
    return {"status": "healthy"}
