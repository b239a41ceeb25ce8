"""What the programs share: the lab around them, the application that a user returns to, and checks.

Lanyard is reached only through the unmodified clients, which read its endpoints and keys from the environment. The lab
plays everybody else: the person at the browser, and the operator of an identity provider.
"""

import json
import os
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.exceptions import ClientError


def control_plane():
    return boto3.client("bedrock-agentcore-control")


def data_plane():
    return boto3.client("bedrock-agentcore")


def unique(prefix):
    """A name that no other program uses."""
    return f"{prefix}-{secrets.token_hex(4)}"


class Provider:
    """An identity provider, as its operator sees it. LAB_PROVIDER chooses which."""

    def __init__(self, name=None):
        self.name = name or os.environ.get("LAB_PROVIDER", "oidc-provider")
        info = _lab("GET", f"/providers/{self.name}")
        self.issuer = info["issuer"]
        self.discovery_url = info.get("discoveryUrl")
        self.authorize_url = info.get("authorizeUrl")
        self.token_url = info.get("tokenUrl")
        self.user_info_url = info["userInfoUrl"]
        self.client_id = info["clientId"]
        self.client_secret = info["clientSecret"]
        self.user_scopes = info["userScopes"]
        self.machine_scopes = info["machineScopes"]

    def register_callback(self, url):
        _lab("POST", f"/providers/{self.name}/callbacks", {"url": url})

    def user_token(self, user):
        """A JWT that the provider issued to an application in front of the agent."""
        return _lab("POST", f"/providers/{self.name}/user-tokens", {"user": user})["token"]

    def token_requests(self, grant_type):
        return _lab("GET", f"/providers/{self.name}/token-requests").get(grant_type, 0)

    def browse(self, url, user, deny=False):
        """Send the user's browser to url, through sign-in and consent; the page where it ends."""
        return _lab("POST", "/browser", {"provider": self.name, "url": url, "user": user, "deny": deny})

    def user_of(self, access_token):
        """Whose token the provider says it is; None when it refuses the token."""
        request = urllib.request.Request(self.user_info_url, headers={"Authorization": f"Bearer {access_token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                user = json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return None
            raise
        return user.get("preferred_username") or user.get("login") or user["sub"]

    def config(self):
        """The credential provider's configuration for this identity provider."""
        if self.discovery_url:
            discovery = {"discoveryUrl": self.discovery_url}
        else:
            discovery = {
                "authorizationServerMetadata": {
                    "issuer": self.issuer,
                    "authorizationEndpoint": self.authorize_url,
                    "tokenEndpoint": self.token_url,
                    "responseTypes": ["code"],
                }
            }
        return {
            "customOauth2ProviderConfig": {
                "oauthDiscovery": discovery,
                "clientId": self.client_id,
                "clientSecret": self.client_secret,
            }
        }

    def create(self, control, name=None):
        """Make a credential provider for it and register the callback URL; the credential provider's name."""
        name = name or unique(self.name)
        created = control.create_oauth2_credential_provider(
            name=name, credentialProviderVendor="CustomOauth2", oauth2ProviderConfigInput=self.config()
        )
        self.register_callback(created["callbackUrl"])
        return name


class Application:
    """The application that a browser returns to after consent. It knows who is signed in, which here is the caller's
    word, and completes the session for that user when complete is set."""

    def __init__(self, complete=None):
        self.complete = complete
        self.visits = []
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                app._visited(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/oauth2/session-binding"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _visited(self, handler):
        path, _, query = handler.path.partition("?")
        if path != urllib.parse.urlsplit(self.url).path:
            handler.send_error(404)
            return
        params = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        text, status = "returned", 200
        try:
            if self.complete and "error" not in params:
                self.complete(params["session_id"])
                text = "completed"
        except ClientError as error:
            text, status = str(error), 403
        self.visits.append(params)
        handler.send_response(status)
        handler.send_header("Content-Type", "text/plain; charset=utf-8")
        handler.end_headers()
        handler.wfile.write(text.encode())


def refused(code, call, *, saying="", **kwargs):
    """The call must be refused with this exception; the error answer."""
    try:
        answer = call(**kwargs)
    except ClientError as error:
        response = error.response
        assert response["Error"]["Code"] == code, f"refused with {error}, expected {code}"
        assert saying in response["Error"]["Message"], f"{error} does not say {saying!r}"
        assert response["ResponseMetadata"]["RequestId"], "the answer has no request id"
        return response
    raise AssertionError(f"{call.__name__} was answered instead of refused with {code}: {sorted(answer)}")


def _lab(method, path, body=None):
    request = urllib.request.Request(
        os.environ["LAB"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"the lab failed at {method} {path}: {error.read().decode()}") from None
