"""simulstream's HTTP server of speech processors, as the image starts it.

    python -m serve.container.start processor.yaml [--device cuda] [--port 8080]

`python -m simulstream.server.speech_processors.remote.http_speech_processor_server` serves the same file.
This one ends at once on SIGTERM, which the first process of a container does not get unless it asks for it,
says in one line what is wrong with a file, and takes the GPU where there is one.
"""

import os
import sys
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.files.yaml_files import read_yaml
from foundation.options import REQUIRED, option
from serve.container.healthy import PORT


@dataclass(frozen=True)
class StartOptions:
    """What is served, and where."""

    processor: Path = option(
        REQUIRED, "This file describes the speech processor.", metavar="PROCESSOR.yaml", positional=True
    )
    device: str | None = option(
        None, "The model runs on this device; default: what the file says, but for cpu where there is a GPU."
    )
    host: str = option("0.0.0.0", "The server listens at this address; by default at all of the machine.")
    port: int = option(PORT, "The server listens at this port.", at_least=1, at_most=65_535)
    sessions: int = option(
        8, "So many streams are translated at once; further ones are refused.", at_least=1, at_most=1000
    )
    idle_s: float = option(
        600.0, "A stream of which nothing was heard for so many seconds is given up.", above=0, at_most=86_400
    )

    def __post_init__(self) -> None:
        read_yaml(self.processor)


def run(options: StartOptions) -> None:
    """Serve until a signal comes. Raises InputError for what cannot be served."""
    import torch
    from simulstream.config import yaml_config

    config = yaml_config(str(options.processor))
    if options.device is not None:
        config.device = options.device
    elif getattr(config, "device", "cpu") == "cpu" and torch.cuda.is_available():
        config.device = "cuda"
    _serve(config, options)


def _serve(config: SimpleNamespace, options: StartOptions) -> None:
    from simulstream.server.speech_processors.remote.http_speech_processor_server import (
        HttpSpeechProcessorHandler,
        SpeechProcessorSessionManager,
    )

    sessions = SpeechProcessorSessionManager(config, options.sessions, options.idle_s)
    handler = partial(HttpSpeechProcessorHandler, speech_processor_manager=sessions)
    with ThreadingHTTPServer((options.host, options.port), handler) as server:
        device = getattr(config, "device", "cpu")
        print(f"serving {options.processor} on port {options.port}, by {device}", flush=True)
        server.serve_forever()


def main(arguments: list[str] | None = None) -> int:
    """Run the server and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m serve.container.start"
    return exit_status(lambda: run(parse(StartOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python's own end takes seconds once torch is there, and threads may still be decoding.
    os._exit(status)
