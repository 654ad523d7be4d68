"""Which agent a server runs, by a file and flags that replace its keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.configuration.agent_configuration import AgentConfiguration, configure_agent
from agents.live.loading import HISTORY, usual_agent
from evaluation.configuration.evaluation_options import EvaluationOptions
from foundation.files.shipped_files import shipped_configuration
from foundation.files.yaml_files import read_yaml
from foundation.options import options_of
from serve.simulstream_options import SimulstreamOptions


def served_configuration(file: Path | None, keys: Mapping[str, Sequence[str]]) -> AgentConfiguration:
    """The agent of a file. Of an evaluation file, what it says of test sets and scores is left out.

    Raises InputError that names the file and the key.
    """
    values, place = {"agent": usual_agent(keys)}, Path("simulst serve")
    if "decode_silence" not in keys:  # by pauses it must be heard where nobody speaks
        values["history"] = HISTORY
    if file is not None:
        place = Path(shipped_configuration(str(file)))
        evaluation = options_of(EvaluationOptions)
        values = {name: value for name, value in read_yaml(place).items() if name not in evaluation}
    configuration, _ = configure_agent(values, place, keys, others=(SimulstreamOptions,))
    return configuration
