"""Verifies the token of a user's consent as the service would at which it is used: by the provider's discovery document,
reached at the address of the local pool. Prints what a reader of the token sees.

Arguments: the client, the issuer, and the address of the discovery document. The token is read from standard input.
"""

import json
import sys
import urllib.request

import jwt

client, issuer, discovery = sys.argv[1:]
token = sys.stdin.read().strip()
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
