"""The agent that shows the container contract of the SDK. What it does is the payload's "do".

ENTRYPOINT says which of the four kinds of function is the entrypoint: sync, async, generator or async-generator.
"""

import asyncio
import os
import threading

from bedrock_agentcore import BedrockAgentCoreApp
from bedrock_agentcore.runtime.context import BedrockAgentCoreContext
from starlette.exceptions import HTTPException

app = BedrockAgentCoreApp()
released = threading.Event()  # by "release": streams and work that wait go on
background = set()  # holds tasks, of which an event loop keeps weak references only


@app.async_task
async def work():
    """Goes on after its request was answered."""
    while not released.is_set():
        await asyncio.sleep(0.01)


def answer(payload, context):
    """What needs no stream."""
    match payload["do"]:
        case "echo":
            return {"said": payload["text"]}
        case "context":
            return {
                "session": context.session_id,
                "session of the thread": BedrockAgentCoreContext.get_session_id(),
                "request": BedrockAgentCoreContext.get_request_id(),
                "token": BedrockAgentCoreContext.get_workload_access_token(),
                "headers": context.request_headers or {},
            }
        case "fail":
            raise RuntimeError("the tool is not there")
        case "refuse":
            raise HTTPException(409, "somebody else has the ticket")
        case "die":
            print("the agent gives up", flush=True)
            os._exit(9)
        case "status":
            return {"status": app.get_current_ping_status().value, **app.get_async_task_info()}
        case "release":
            released.set()
            return {"released": True}
    raise ValueError(f"unknown: {payload['do']}")


def event(payload, i):
    """The next event of a stream, or its end by an error."""
    if i == payload.get("failAt"):
        raise RuntimeError("the tool broke")
    if i == payload.get("dieAt"):
        os._exit(9)
    return {"i": i, "text": payload.get("text", "")}


def events(payload):
    for i in range(payload["n"]):
        if i == payload.get("waitAt"):
            released.wait(30)
        yield event(payload, i)


async def async_events(payload):
    for i in range(payload["n"]):
        while i == payload.get("waitAt") and not released.is_set():
            await asyncio.sleep(0.01)
        yield event(payload, i)


def sync(payload, context):
    return events(payload) if payload["do"] == "stream" else answer(payload, context)


async def asynchronous(payload, context):
    if payload["do"] == "stream":
        return async_events(payload)
    if payload["do"] == "work":
        task = asyncio.create_task(work())
        background.add(task)
        task.add_done_callback(background.discard)
        await asyncio.sleep(0)  # until it counts as busy
        return {"working": True}
    return answer(payload, context)


def generator(payload, context):
    if payload["do"] == "stream":
        yield from events(payload)
    else:
        yield answer(payload, context)


async def async_generator(payload, context):
    if payload["do"] == "stream":
        async for e in async_events(payload):
            yield e
    else:
        yield answer(payload, context)


entrypoints = {"sync": sync, "async": asynchronous, "generator": generator, "async-generator": async_generator}
app.entrypoint(entrypoints[os.environ.get("ENTRYPOINT", "async")])

if __name__ == "__main__":
    app.run()
