// What the programs share: the lab around them (a user's browser, the operator of an identity provider), and the
// application that a user returns to. Lanyard is reached only through the unmodified clients.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";

export const unique = (prefix) => `${prefix}-${randomBytes(4).toString("hex")}`;

async function lab(method, path, body) {
  const response = await fetch(process.env.LAB + path, { method, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`the lab failed at ${method} ${path}: ${await response.text()}`);
  return response.json();
}

// provider is an identity provider, as its operator sees it. LAB_PROVIDER chooses which.
export async function provider(name = process.env.LAB_PROVIDER ?? "oidc-provider") {
  const info = await lab("GET", `/providers/${name}`);
  return {
    ...info,
    registerCallback: (url) => lab("POST", `/providers/${name}/callbacks`, { url }),
    browse: (url, user) => lab("POST", "/browser", { provider: name, url, user }),
    // userOf tells whose token the provider says it is.
    async userOf(accessToken) {
      const response = await fetch(info.userInfoUrl, { headers: { authorization: `Bearer ${accessToken}` } });
      const user = await response.json();
      return user.preferred_username ?? user.login ?? user.sub;
    },
    // config is the credential provider's configuration for this identity provider.
    config: () => ({
      customOauth2ProviderConfig: {
        oauthDiscovery: { discoveryUrl: info.discoveryUrl },
        clientId: info.clientId,
        clientSecret: info.clientSecret,
      },
    }),
  };
}

// application is where a browser returns to after consent; complete finishes the session for the user who is signed in.
export async function application(complete) {
  const visits = [];
  const server = createServer(async (req, res) => {
    const url = new URL(req.url, "http://127.0.0.1");
    if (url.pathname !== "/oauth2/session-binding") {
      res.writeHead(404).end();
      return;
    }
    visits.push(Object.fromEntries(url.searchParams));
    try {
      await complete(url.searchParams.get("session_id"));
      res.end("completed");
    } catch (error) {
      res.writeHead(403).end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { visits, url: `http://127.0.0.1:${server.address().port}/oauth2/session-binding` };
}

// refused asserts that the command fails with this exception, typed as the SDK types it.
export async function refused(exception, promise) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof exception, `refused with ${error.name}: ${error.message}, expected ${exception.name}`);
    assert.ok(error.$metadata.requestId, "the answer has no request id");
    return true;
  });
}
