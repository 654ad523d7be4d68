"""Finds an agent class by the name of its file in agents/, or by the path of a file of the user's."""

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

import agents.streaming_agent
from agents.streaming_agent import StreamingAgent
from foundation.errors import InputError
from foundation.options import unknown_name

AGENTS_FOLDER = Path(agents.streaming_agent.__file__).parent
SUFFIX = "_agent.py"


def agent_names() -> list[str]:
    """Names of the agents that come with the project: alignatt for agents/alignatt_agent.py."""
    base = Path(agents.streaming_agent.__file__).name
    files = sorted(AGENTS_FOLDER.glob(f"*{SUFFIX}"))
    return [file.name.removesuffix(SUFFIX) for file in files if file.name != base]


def find_agent(agent: str) -> type[StreamingAgent]:
    """The one agent class of agents/AGENT_agent.py or, where it ends in .py, of the file `agent`.

    Raises InputError when there is no such file, or not exactly one agent in it.
    """
    if agent in agent_names():
        module = importlib.import_module(f"agents.{agent}_agent")
    elif agent.endswith(".py"):
        module = _import_file(Path(agent))
    else:
        unknown = unknown_name("agent", agent, agent_names())
        raise InputError(f"{unknown}; or give the path of an agent file (.py)")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, StreamingAgent)
        and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(agent_class.__name__ for agent_class in found) or "none"
        raise InputError(f"agent file {agent} must define one subclass of StreamingAgent, found {names}")
    return found[0]


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise InputError(f"agent file {file} does not exist (relative paths start from {Path.cwd()})")
    name = f"agent_file_{file.resolve().as_posix().encode().hex()}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses with postponed annotations look their module up here.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
