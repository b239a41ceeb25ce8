// @aws-sdk with a role's name and a token file, and no key anywhere: the default chain, and the provider by its name.
import assert from "node:assert/strict";
import * as control from "@aws-sdk/client-bedrock-agentcore-control";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromTokenFile } from "@aws-sdk/credential-providers";
import { refused, unique } from "./lab.mjs";

assert.equal(process.env.AWS_ACCESS_KEY_ID, undefined);
const role = process.env.AWS_ROLE_ARN.split("/").at(-1);
for (const credentials of [undefined, fromTokenFile()]) {
  const who = await new STSClient({ credentials }).send(new GetCallerIdentityCommand());
  assert.ok(who.Arn.endsWith(`:assumed-role/${role}/${process.env.AWS_ROLE_SESSION_NAME}`), who.Arn);
  const client = new control.BedrockAgentCoreControlClient({ credentials });
  await client.send(new control.CreateWorkloadIdentityCommand({ name: unique("keyless") }));
  await refused(control.AccessDeniedException, client.send(new control.ListWorkloadIdentitiesCommand()));
}
