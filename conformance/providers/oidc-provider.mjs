// An OpenID provider for the conformance tests: the npm package oidc-provider with one confidential client that stands
// for Lanyard. It is a certified implementation that Lanyard's authors did not write, so that both sides of the
// protocol are not read by the same eyes.
//
//   node oidc-provider.mjs [--access-token-ttl SECONDS] [--default-resource URI]
//
// It listens on free loopback ports and prints one line when it is ready:
//   ready {"issuer": …, "admin": …, "clientId": …, "clientSecret": …}
//
// The admin address is for the tests alone:
//   POST /redirect-uris {"uri","client"}      registers one more redirect URI of the client (Lanyard's when none is named)
//   POST /federated-clients {"id","issuer"}   registers a client that proves itself by tokens of the issuer, with subject id
//   POST /user-token {"sub","audience","ttl"} signs a JWT access token, as an application in front of an agent gets it
//   POST /access-token-ttl {"seconds"}         changes how long access tokens live from now on
//   GET  /client-assertions                   by which clients proved themselves, oldest first
//   GET  /token-requests                      counts the token endpoint's requests by grant type, and the failed ones
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { parseArgs } from "node:util";
import Provider from "../node/node_modules/oidc-provider/lib/index.js";

const { values: options } = parseArgs({
  options: {
    "access-token-ttl": { type: "string", default: "300" },
    "default-resource": { type: "string" },
  },
});
let accessTokenTTL = Number(options["access-token-ttl"]);
const client = {
  client_id: "lanyard",
  client_secret: "oidc-provider-lanyard-secret-of-more-than-32-characters",
  client_name: "Lanyard",
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  response_types: ["code"],
  token_endpoint_auth_method: "client_secret_basic",
  redirect_uris: ["http://127.0.0.1/none-registered-yet"],
};
const app = {
  client_id: "agent-app",
  client_secret: "oidc-provider-agent-app-secret-of-more-than-32-characters",
  grant_types: [],
  response_types: [],
  redirect_uris: [],
};
// workload is somebody who gets tokens for itself, and takes them to Lanyard.
const workload = {
  client_id: "workload",
  client_secret: "oidc-provider-workload-secret-of-more-than-32-characters",
  grant_types: ["client_credentials"],
  response_types: [],
  token_endpoint_auth_method: "client_secret_post",
  redirect_uris: [],
};
const clients = new Map([client, app, workload].map((c) => [c.client_id, c]));

// MemoryAdapter keeps what the provider stores. It exists because the redirect URI of the client is known only once
// Lanyard has made the credential provider: the built-in one reads its clients once.
class MemoryAdapter {
  static rows = new Map();
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}/${id}`;
  }
  async upsert(id, payload, expiresIn) {
    MemoryAdapter.rows.set(this.key(id), { payload, expiresAt: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
  }
  async find(id) {
    if (this.model === "Client") return clients.get(id);
    const row = MemoryAdapter.rows.get(this.key(id));
    return row && row.expiresAt > Date.now() ? row.payload : undefined;
  }
  async findByUid(uid) {
    for (const [key, { payload }] of MemoryAdapter.rows) {
      if (key.startsWith(`${this.model}/`) && payload.uid === uid) return payload;
    }
    return undefined;
  }
  async consume(id) {
    (await this.find(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    MemoryAdapter.rows.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of MemoryAdapter.rows) {
      if (payload.grantId === grantId) MemoryAdapter.rows.delete(key);
    }
  }
}

const resourceServer = (identifier) => ({
  scope: "openid profile email files:read files:write",
  audience: identifier,
  accessTokenTTL,
  accessTokenFormat: "jwt",
});

const signingKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const configuration = (issuer) => ({
  adapter: MemoryAdapter,
  // The dispatcher would refuse loopback, where all that this provider fetches keys from is.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  jwks: { keys: [{ ...signingKey, use: "sig", alg: "RS256", kid: "conformance" }] },
  cookies: { keys: [issuer] },
  scopes: ["openid", "offline_access", "profile", "email", "files:read", "files:write"],
  claims: { profile: ["name"], email: ["email"] },
  features: {
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf ?? options["default-resource"],
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, identifier) => resourceServer(identifier),
    },
  },
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: (_ctx, c, code) => c.grantTypeAllowed("refresh_token") && code.scopes.has("offline_access"),
  ttl: {
    AccessToken: () => accessTokenTTL,
    ClientCredentials: () => accessTokenTTL,
    AuthorizationCode: 600,
    RefreshToken: 86400,
    IdToken: 300,
    Interaction: 600,
    Session: 600,
    Grant: 86400,
  },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: sub, email: `${sub}@example.com` }),
  }),
});

const listen = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`)));

const server = createServer();
const issuer = await listen(server);
const provider = new Provider(issuer, configuration(issuer));
// A federated client is known by two names (see POST /federated-clients), and the pages of a consent by one.
provider.use((ctx, next) => {
  const known = ctx.path === "/auth" && clients.get(ctx.query.client_id);
  if (known) ctx.query = { ...ctx.query, client_id: known.client_id };
  return next();
});
server.on("request", provider.callback());

const counts = { failed: 0 };
const clientAssertions = [];
provider.on("grant.success", (ctx) => {
  const grant = ctx.oidc.params.grant_type;
  counts[grant] = (counts[grant] ?? 0) + 1;
  if (ctx.oidc.params.client_assertion) clientAssertions.push(ctx.oidc.params.client_assertion);
});
provider.on("grant.error", (_ctx, error) => {
  counts.failed += 1;
  console.error(`token endpoint: ${error.message}: ${error.error_description}: ${error.error_detail ?? ""}`, error.cause ?? "");
});
provider.on("authorization.error", (_ctx, error) =>
  console.error(`authorization endpoint: ${error.message}: ${error.error_description}`),
);
provider.on("server_error", (_ctx, error) => console.error(error));

async function signUserToken({ sub, audience, ttl = 300 }) {
  const token = new provider.AccessToken({
    accountId: sub,
    client: await provider.Client.find(app.client_id),
    scope: "openid",
    grantId: "conformance",
    gty: "authorization_code",
  });
  token.resourceServer = new provider.ResourceServer(audience, { ...resourceServer(audience), accessTokenTTL: ttl });
  return { token: await token.save(ttl) };
}

const admin = {
  "POST /redirect-uris": async ({ uri, client: id }) => {
    const c = id ? clients.get(id) : client;
    c.redirect_uris = [...c.redirect_uris, uri];
    return { redirectUris: c.redirect_uris };
  },
  "POST /federated-clients": async ({ id, issuer: tokenIssuer }) => {
    const federated = {
      client_id: tokenIssuer,
      client_name: "Lanyard without a secret",
      grant_types: ["authorization_code", "refresh_token", "client_credentials"],
      response_types: ["code"],
      token_endpoint_auth_method: "private_key_jwt",
      jwks_uri: `${tokenIssuer}/.well-known/jwks.json`,
      redirect_uris: ["http://127.0.0.1/none-registered-yet"],
    };
    clients.set(id, federated);
    clients.set(tokenIssuer, federated);
    return {};
  },
  "POST /user-token": signUserToken,
  "POST /access-token-ttl": async ({ seconds }) => {
    accessTokenTTL = seconds;
    return {};
  },
  "GET /client-assertions": async () => clientAssertions,
  "GET /token-requests": async () => counts,
};

async function answerAdmin(req, res) {
  const operation = admin[`${req.method} ${req.url}`];
  if (!operation) {
    res.writeHead(404).end();
    return;
  }
  let body = "";
  for await (const chunk of req) body += chunk;
  const answer = await operation(body ? JSON.parse(body) : {});
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
}

const adminServer = createServer((req, res) => {
  answerAdmin(req, res).catch((error) => res.writeHead(500).end(String(error)));
});
const ready = {
  issuer,
  admin: await listen(adminServer),
  clientId: client.client_id,
  clientSecret: client.client_secret,
  workload: { id: workload.client_id, secret: workload.client_secret },
};
console.log(`ready ${JSON.stringify(ready)}`);
