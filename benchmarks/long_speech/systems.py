"""The systems of a file such as systems.yaml, each an evaluation of its own."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.history import HistoryOptions
from agents.streaming_agent import StreamingAgent
from benchmarks.long_speech.stream_files import SEGMENTS, LongStream
from evaluation.configuration.evaluation_file import Configuration, configure
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from foundation.options import options_of, unknown_name

PEER = "redecoding_beside"
# What the cut segments need none of: each is shorter than the window.
HISTORY = tuple(options_of(HistoryOptions))


@dataclass(frozen=True)
class System:
    """One agent as it hears the long stream, and as it hears the cut segments."""

    name: str
    values: Mapping[str, Any]  # keys of an evaluation file
    place: str  # where they stand, for messages
    with_peer: bool

    def on_stream(self) -> Configuration:
        """Raises InputError, which names the file and the system, for a key or value that cannot be."""
        return configure(self.values, self.place)

    def on_segments(self) -> Configuration:
        """The same, forgetting nothing."""
        values = {name: value for name, value in self.values.items() if name not in HISTORY}
        return configure(values | {"history": "none"}, self.place)


def read_systems(path: Path, stream: LongStream, only: tuple[str, ...] = ()) -> list[System]:
    """The systems of a file, or those that are named, for a stream.

    Raises InputError that names file and system.
    """
    values = read_yaml(path)
    systems, beside = values.pop("systems", None), values.pop(PEER, None)
    if not isinstance(systems, dict) or not all(isinstance(keys, dict) for keys in systems.values()):
        raise InputError(f"{path}: systems must hold lines of the form `NAME: {{agent: ..., KEY: VALUE}}`")
    for name in (*only, *([] if beside is None else [beside])):
        if name not in systems:
            raise unknown_name(f"system in {path}", name, systems)
    # What an evaluation needs to name.
    test_set = {"source": str(stream.audio.resolve()), "target": str((stream.folder / SEGMENTS).resolve())}
    found = [
        System(name, test_set | values | keys, f"{path}: system {name}", name == beside)
        for name, keys in systems.items()
        if not only or name in only
    ]
    for system in found:
        # All of them now, not after the first hours.
        system.on_stream()
        system.on_segments()
    return found


def load_agent(configuration: Configuration) -> StreamingAgent:
    """The agent with its engine and its model. Raises InputError where these cannot be used."""
    parts = [asdict(part) for part in configuration.parts]
    return configuration.agent_class(
        Namespace(**{name: value for part in parts for name, value in part.items()})
    )
