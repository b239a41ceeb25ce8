"""PyJWT: a service that accepts tokens of an issuer for its audience, and knows nothing else of the issuer.

Arguments are issuer and audience. It reads tokens, one a line, and writes a line for each: the claims, or the refusal.
"""

import json
import sys
import urllib.request

import jwt

issuer, audience = sys.argv[1:]
with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=10) as answer:
    document = json.load(answer)
assert document["issuer"] == issuer, document
keys = jwt.PyJWKClient(document["jwks_uri"])
for token in sys.stdin.read().splitlines():
    try:
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=document["id_token_signing_alg_values_supported"],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
        )
        print(json.dumps(claims))
    except jwt.PyJWTError as error:
        print(f"refused: {error!r}")
