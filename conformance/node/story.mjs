// @aws-sdk: the life of a workload identity and its credential providers, and a user's consent up to the token.
import assert from "node:assert/strict";
import * as control from "@aws-sdk/client-bedrock-agentcore-control";
import * as data from "@aws-sdk/client-bedrock-agentcore";
import { application, provider, refused, unique } from "./lab.mjs";

const controlPlane = new control.BedrockAgentCoreControlClient();
const dataPlane = new data.BedrockAgentCoreClient();
const idp = await provider();
const complete = (sessionUri, userIdentifier) =>
  dataPlane.send(new data.CompleteResourceTokenAuthCommand({ sessionUri, userIdentifier }));
const app = await application((session) => complete(session, { userId: "alice" }));

// Workload identity: create, read, list by the paginator, replace the return URLs.
const workloadName = unique("agent");
const created = await controlPlane.send(new control.CreateWorkloadIdentityCommand({ name: workloadName }));
assert.match(created.workloadIdentityArn, new RegExp(`workload-identity/${workloadName}$`));
await controlPlane.send(
  new control.UpdateWorkloadIdentityCommand({ name: workloadName, allowedResourceOauth2ReturnUrls: [app.url] }),
);
const got = await controlPlane.send(new control.GetWorkloadIdentityCommand({ name: workloadName }));
assert.deepEqual(got.allowedResourceOauth2ReturnUrls, [app.url]);
assert.ok(got.createdTime instanceof Date && Math.abs(Date.now() - got.createdTime) < 300_000, `${got.createdTime}`);
const listed = [];
for await (const page of control.paginateListWorkloadIdentities({ client: controlPlane, pageSize: 1 }, {})) {
  listed.push(...page.workloadIdentities.map((w) => w.name));
}
assert.equal(listed.filter((name) => name === workloadName).length, 1);
await refused(
  control.ResourceNotFoundException,
  controlPlane.send(new control.GetWorkloadIdentityCommand({ name: unique("absent") })),
);
await refused(
  control.ValidationException,
  controlPlane.send(new control.CreateWorkloadIdentityCommand({ name: "has space" })),
);

// Credential provider.
const providerName = unique("oauth");
const credentialProvider = {
  name: providerName,
  credentialProviderVendor: "CustomOauth2",
  oauth2ProviderConfigInput: idp.config(),
};
const made = await controlPlane.send(new control.CreateOauth2CredentialProviderCommand(credentialProvider));
await idp.registerCallback(made.callbackUrl);
await refused(
  control.ConflictException,
  controlPlane.send(new control.CreateOauth2CredentialProviderCommand(credentialProvider)),
);

// Consent.
const { workloadAccessToken } = await dataPlane.send(
  new data.GetWorkloadAccessTokenForUserIdCommand({ workloadName, userId: "alice" }),
);
const ask = (more) =>
  dataPlane.send(
    new data.GetResourceOauth2TokenCommand({
      workloadIdentityToken: workloadAccessToken,
      resourceCredentialProviderName: providerName,
      scopes: idp.userScopes,
      oauth2Flow: "USER_FEDERATION",
      resourceOauth2ReturnUrl: app.url,
      ...more,
    }),
  );
const pending = await ask();
assert.equal(pending.accessToken, undefined);
assert.equal(pending.sessionStatus, "IN_PROGRESS");
await refused(data.AccessDeniedException, complete(pending.sessionUri, { userId: "mallory" }));
await idp.browse(pending.authorizationUrl, "alice");
assert.equal(app.visits[0].session_id, pending.sessionUri);
const { accessToken } = await ask({ sessionUri: pending.sessionUri });
assert.equal(await idp.userOf(accessToken), "alice");
assert.equal((await ask()).accessToken, accessToken);
await refused(data.AccessDeniedException, complete(pending.sessionUri, { userId: "alice" }));
await refused(data.ValidationException, ask({ scopes: ["profile"], resourceOauth2ReturnUrl: "https://evil.example.com/" }));
await refused(data.UnauthorizedException, ask({ workloadIdentityToken: "not-a-token" }));

await controlPlane.send(new control.DeleteOauth2CredentialProviderCommand({ name: providerName }));
await refused(data.ResourceNotFoundException, ask());
await controlPlane.send(new control.DeleteWorkloadIdentityCommand({ name: workloadName }));
