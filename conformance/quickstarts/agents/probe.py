"""An agent beside the document's own: it calls the document's tool and hands out the token that the tool got, or asks for
one with the decorator's other settings, so that a service elsewhere can verify what the document only decodes."""

import agent
import jwt
from bedrock_agentcore.identity.auth import requires_iam_access_token
from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
decode = jwt.decode


@app.entrypoint
def invoke(payload):
    seen = []

    def remember(token, *args, **options):
        seen.append(token)
        return decode(token, *args, **options)

    if "settings" not in payload:
        jwt.decode = remember
        return {"text": agent.authenticate_external_service(), "token": seen[0]}

    @requires_iam_access_token(**payload["settings"])
    def tool(**given):
        return given

    given = tool()
    return {"into": sorted(given), "token": given.popitem()[1]}


if __name__ == "__main__":
    app.run()
