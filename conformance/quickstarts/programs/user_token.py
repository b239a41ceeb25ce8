"""Gets the token of a user's consent as the agent's workload identity does, and verifies it as the service would at which
it is used: by the provider's discovery document, reached at the address of the local pool.

Arguments: the workload identity, the user, the provider, the client, the issuer, and the address of the discovery document.
"""

import json
import sys
import urllib.request

import boto3
import jwt

workload, user, provider, client, issuer, discovery = sys.argv[1:]
data = boto3.client("bedrock-agentcore")
token = data.get_workload_access_token_for_user_id(workloadName=workload, userId=user)["workloadAccessToken"]
token = data.get_resource_oauth2_token(
    workloadIdentityToken=token,
    resourceCredentialProviderName=provider,
    scopes=["openid"],
    oauth2Flow="USER_FEDERATION",
)["accessToken"]

with urllib.request.urlopen(discovery, timeout=10) as answer:
    document = json.load(answer)
assert document["issuer"] == issuer, document
keys = discovery.removesuffix("openid-configuration") + "jwks.json"
key = jwt.PyJWKClient(keys).get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=["RS256"], issuer=issuer, options={"require": ["exp", "iat", "iss", "sub", "jti"]})
assert claims["client_id"] == client and claims["token_use"] == "access" and "openid" in claims["scope"].split(), claims
head, body, signature = token.split(".")
try:
    jwt.decode(f"{head}.{body}.{signature[:-8]}AAAAAAAA", key.key, algorithms=["RS256"], issuer=issuer)
    sys.exit("a token with another signature was accepted")
except jwt.InvalidSignatureError:
    pass
print(json.dumps({"claims": claims, "length": len(token), "preview": f"{token[:50]}...{token[-10:]}"}))
