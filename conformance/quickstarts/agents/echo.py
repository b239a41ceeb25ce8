"""The smallest agent: it says what it was told, whole or in parts."""

from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.entrypoint
async def invoke(payload):
    for word in payload["prompt"].split():
        yield {"word": word}


if __name__ == "__main__":
    app.run()
