"""Evaluation files, sweeps' files and flags, damaged at random: they are read, or refused in one line.

No model is loaded and no audio read: what is refused is refused before.
"""

import random
from pathlib import Path

import pytest

from agents.streaming_agent import AgentOptions
from evaluation.commands.compare_arguments import CompareArguments
from evaluation.commands.nose_arguments import NoseArguments
from evaluation.commands.sweep_arguments import SweepArguments
from evaluation.configuration.evaluation_file import configure, load_configuration
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.sweeps.plan import load_plan
from foundation.command_line import parse, parse_with_keys
from foundation.errors import InputError
from foundation.options import options_of
from models.decoding.options import SearchOptions
from models.translator import TranslatorOptions
from tests.fuzz.mutations import VALUES, check_inputs, check_reader, mutate

EVALUATION = b"""agent: alignatt
source: list.txt
target: "references.txt"
model: openai/whisper-tiny.en
recent_frames: 8
chunk_ms: 500
beam: 2
end_index: 5
audio_at_once_s: 60.5
no_use_ref_len: true
computation_aware: null
engine: simuleval
target_language: de
quality_metrics: [BLEU, chrF, NoSE]
latency_metrics:
- AL
- NoSE
nose_bounds: [0.5, 2]
attention_heads: []
"""
SWEEP = b"""model: openai/whisper-tiny.en
source: list.txt
engine: batched
quality_metrics: [BLEU]
languages:
  en-de: {target_language: de, target: de.txt}
  en-fr: {target_language: fr, target: "fr.txt"}
systems:
  waitk:
    knob: k
    settings: [1, 3]
  other:
    agent: alignatt
    chunk_ms: 250
    settings:
    - {recent_frames: 4}
    - {recent_frames: 8, beam: 2}
"""
SHARED = (EvaluationOptions, AgentOptions, TranslatorOptions, SearchOptions)
KEYS = [name for options_class in SHARED for name in options_of(options_class)]
WORDS = (*VALUES, "", "-", "--", "=", "a b", "~nobody/x", "\0", "\udcff", "é" * 300, "k: v", "%s", "[" * 5000)


def yaml_values(valid: bytes, seed: int) -> bytes:
    """Every second time only a value behind a key is another, so that the file as a whole can be read."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return mutate(valid, seed)
    lines = valid.decode().split("\n")
    place = chance.choice([at for at, line in enumerate(lines) if ": " in line])
    lines[place] = lines[place].partition(": ")[0] + ": " + chance.choice(VALUES)
    return "\n".join(lines).encode()


def test_a_damaged_evaluation_file_is_read_or_refused(tmp_path):
    def read(path: Path) -> None:
        configuration = load_configuration(path)
        configuration.agent_arguments()
        path.write_text(configuration.to_yaml(), encoding="utf-8")
        # What was understood can be kept: the file of a result says the same.
        assert load_configuration(path) == configuration

    check_reader(read, tmp_path / "evaluation.yaml", EVALUATION, mutate=yaml_values)


def test_damaged_flags_of_an_evaluation_are_read_or_refused():
    values = {"agent": "alignatt", "source": "a.txt", "target": "b.txt", "model": "m"}

    def damaged(seed: int) -> dict[str, list[str]]:
        chance = random.Random(seed)
        key = chance.choice([*KEYS, "agent", "recent_frames", "kee", "\0"])
        return {key: [chance.choice(WORDS) for _ in range(chance.choice((0, 1, 1, 1, 2)))]}

    def read(overrides: dict[str, list[str]]) -> None:
        try:
            configure(values, "<command line>", overrides).agent_arguments()
        except InputError as error:
            assert len(str(error)) < 3000
            raise

    check_inputs(read, damaged, name="command line")


def test_a_damaged_sweep_file_is_read_or_refused(tmp_path):
    def read(path: Path) -> None:
        for run in load_plan(path, tmp_path / "sweep", {}).runs:
            assert run.place.path.parts[0] not in ("..", "/")
            run.configuration.agent_arguments()

    check_reader(read, tmp_path / "sweep.yaml", SWEEP, mutate=yaml_values)


@pytest.mark.parametrize("options_class", [NoseArguments, CompareArguments, SweepArguments])
def test_a_damaged_command_line_is_read_or_refused(tmp_path, options_class, capsys):
    (tmp_path / "sweep.yaml").write_bytes(SWEEP)
    options = list(options_of(options_class).values())

    def damaged(seed: int) -> list[str]:
        chance = random.Random(seed)
        words = [str(tmp_path / "sweep.yaml")]
        for one in chance.choices(options, k=chance.randint(1, 4)):
            values = [chance.choice(WORDS) for _ in range(chance.choice((0, 1, 1, 2)))]
            words += [*([] if one.positional else [one.flag]), *values]
        return words

    def read(words: list[str]) -> None:
        try:
            if options_class is SweepArguments:
                parse_with_keys(options_class, "simulst sweep", "Sweeps.", words)
            else:
                parse(options_class, "simulst", "Scores.", words)
        except SystemExit as error:  # wrong usage: argparse has printed it
            usage, _, message = capsys.readouterr().err.partition("error: ")
            assert error.code == 2 and usage.startswith("usage: ")
            assert message.count("\n") == 1

    check_inputs(read, damaged, name="")
