"""The next version of the document's agent, for once: it hands out the token that the user's consent gave the agent, so
that it can be verified elsewhere. A second consent would be a mistake."""

from bedrock_agentcore.identity import requires_access_token
from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


def refuse(url):
    raise RuntimeError("the user is asked for a consent that was given already")


@requires_access_token(
    provider_name="AgentCoreIdentityQuickStartProvider",
    scopes=["openid"],
    auth_flow="USER_FEDERATION",
    on_auth_url=refuse,
)
async def witness(*, access_token):
    return {"token": access_token}


@app.entrypoint
async def invoke(payload):
    return await witness()


if __name__ == "__main__":
    app.run()
