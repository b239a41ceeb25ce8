// bedrock-agentcore: withAccessToken and withApiKey around an agent's tools.
import assert from "node:assert/strict";
import * as control from "@aws-sdk/client-bedrock-agentcore-control";
import * as data from "@aws-sdk/client-bedrock-agentcore";
import { withAccessToken, withApiKey } from "bedrock-agentcore/identity";
import { application, provider, unique } from "./lab.mjs";

const controlPlane = new control.BedrockAgentCoreControlClient();
const dataPlane = new data.BedrockAgentCoreClient();
const idp = await provider();
const app = await application((sessionUri) =>
  dataPlane.send(new data.CompleteResourceTokenAuthCommand({ sessionUri, userIdentifier: { userId: "alice" } })),
);

const workloadName = unique("agent");
const providerName = unique("oauth");
const keyName = unique("apikey");
await controlPlane.send(
  new control.CreateWorkloadIdentityCommand({ name: workloadName, allowedResourceOauth2ReturnUrls: [app.url] }),
);
const made = await controlPlane.send(
  new control.CreateOauth2CredentialProviderCommand({
    name: providerName,
    credentialProviderVendor: "CustomOauth2",
    oauth2ProviderConfigInput: idp.config(),
  }),
);
await idp.registerCallback(made.callbackUrl);
await controlPlane.send(new control.CreateApiKeyCredentialProviderCommand({ name: keyName, apiKey: "the-api-key" }));
const { workloadAccessToken: workloadIdentityToken } = await dataPlane.send(
  new data.GetWorkloadAccessTokenForUserIdCommand({ workloadName, userId: "alice" }),
);

// The credential is the wrapped function's last argument.
const shown = [];
const tool = withAccessToken({
  workloadIdentityToken,
  providerName,
  scopes: idp.userScopes,
  authFlow: "USER_FEDERATION",
  callbackUrl: app.url,
  customState: "tool",
  onAuthUrl: async (url) => {
    shown.push(url);
    await idp.browse(url, "alice");
  },
})(async (question, token) => ({ question, token }));

const first = await tool("what is new?");
assert.equal(first.question, "what is new?");
assert.equal(await idp.userOf(first.token), "alice");
assert.equal(app.visits[0].state, "tool");
assert.deepEqual(await tool("again"), { question: "again", token: first.token });
assert.equal(shown.length, 1, "the user was asked again");

const machine = withAccessToken({ workloadIdentityToken, providerName, scopes: idp.machineScopes, authFlow: "M2M" });
assert.ok(await machine(async (token) => token)());

const key = withApiKey({ workloadIdentityToken, providerName: keyName })(async (apiKey) => apiKey);
assert.equal(await key(), "the-api-key");
const absent = withApiKey({ workloadIdentityToken, providerName: unique("absent") })(async (apiKey) => apiKey);
await assert.rejects(absent(), { name: "ResourceNotFoundException" });
