// jose: a service that accepts tokens of an issuer for its audience, and knows nothing else of the issuer.
//
// Arguments are issuer and audience. It reads tokens, one a line, and writes a line for each: the claims, or the refusal.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const [issuer, audience] = process.argv.slice(2);
const answer = await fetch(`${issuer}/.well-known/openid-configuration`);
const document = await answer.json();
assert.equal(document.issuer, issuer);
const keys = createRemoteJWKSet(new URL(document.jwks_uri));
for (const token of readFileSync(0, "utf8").trimEnd().split("\n")) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: document.id_token_signing_alg_values_supported,
      typ: "JWT",
      requiredClaims: ["exp", "iat", "sub", "jti"],
    });
    console.log(JSON.stringify(payload));
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    console.log(`refused: ${error.code}`);
  }
}
