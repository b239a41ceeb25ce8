"""Serves an agent's application on a socket that this process inherited.

The agent's file is imported under its own name, so that what it does only as a main program is left out, and an
application that it tries to run while it is imported is kept instead of run.
"""

import importlib
import importlib.util
import os
import signal
import sys
import threading
import time


def applications(module):
    """Returns the applications among a module's variables, by name."""
    found = {}
    for name, value in vars(module).items():
        kinds = {c.__module__.partition(".")[0] + "." + c.__name__ for c in type(value).__mro__}
        if kinds & {"bedrock_agentcore.BedrockAgentCoreApp", "starlette.Starlette", "fastapi.FastAPI"}:
            found[name] = value
    return found


def keep_from_running():
    """Makes app.run() do nothing: where and how to listen is the host's to say."""
    try:
        from bedrock_agentcore.runtime import BedrockAgentCoreApp
    except ImportError:
        return
    BedrockAgentCoreApp.run = lambda self, *args, **kwargs: None


def load(entry):
    """Imports agent.py, dir/agent.py or module[:variable]; returns the module and the variable's name."""
    if not entry.endswith(".py"):
        sys.path.insert(0, os.getcwd())
        module, _, variable = entry.partition(":")
        return importlib.import_module(module), variable
    path = os.path.abspath(entry)
    sys.path.insert(0, os.getcwd())
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    if not name.isidentifier() or name in sys.modules:
        name = "agent_main"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or not os.path.isfile(path):
        sys.exit("lanyard: the entry point %s is not in the agent's files" % entry)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module, ""


def choose(module, variable, entry):
    """Returns the one application to serve."""
    if variable:
        return getattr(module, variable)
    found = applications(module)
    distinct = {id(value): value for value in found.values()}
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    if "app" in found:
        return found["app"]
    if not found:
        sys.exit("lanyard: %s has no application: no variable is a BedrockAgentCoreApp" % entry)
    sys.exit("lanyard: %s has several applications (%s): name one as module:variable" % (entry, ", ".join(sorted(found))))


def leave():
    """Ends the process a while after its server is done, whatever else it waits for.

    The SDK reads an answer that streams in a thread, which waits for ever once nobody reads the answer any more. Nothing
    can end that thread, and the interpreter waits for it.
    """
    time.sleep(3)
    os._exit(0)


def leaving(server_class):
    """Returns the server, made to leave when it is done."""

    class Server(server_class):
        async def serve(self, *args, **kwargs):
            try:
                await super().serve(*args, **kwargs)
            finally:
                threading.Thread(target=leave, daemon=True).start()

    return Server


def main():
    entry, fd = sys.argv[1], int(sys.argv[2])
    sys.argv = [entry]
    try:
        import uvicorn
    except ImportError:
        sys.exit("lanyard: uvicorn is not installed: the requirements file must name bedrock-agentcore, or uvicorn itself")
    os.set_inheritable(fd, False)
    keep_from_running()
    module, variable = load(entry)
    app = choose(module, variable, entry)
    config = uvicorn.Config(app, fd=fd, log_level="warning", access_log=False, proxy_headers=False, server_header=False, timeout_keep_alive=75)
    signal.signal(signal.SIGINT, lambda *_: None)  # the host's second signal is the server's alone
    server = leaving(uvicorn.Server)(config)
    server.run()
    if not server.started:
        sys.exit(3)  # the application's own start failed, and said why


main()
