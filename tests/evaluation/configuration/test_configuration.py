"""Evaluation files: what they mean, and one clear message for each way to get them wrong."""

import re
from argparse import ArgumentParser

import pytest

from agents.alignatt_agent import AlignAttPolicy
from agents.configuration.agent_files import agent_names
from evaluation.configuration.evaluation_file import SHARED_OPTIONS, load_configuration
from foundation.command_line import read_flags
from foundation.errors import InputError
from foundation.options import options_of
from tests.evaluation.tiny_evaluation import ROOT

CONFIGURATIONS = sorted((ROOT / "eval_configs").glob("*.yaml"))
# These need a policy, an audio-language model, or one that translates text; the others run on any Whisper.
OTHERS = ("reina", "reina_whisper", "simulsa", "talk", "cascade")
WHISPER_CONFIGURATIONS = [file for file in CONFIGURATIONS if file.stem not in OTHERS]
MINIMAL = "agent: alignatt\nsource: s.txt\ntarget: t.txt\n"


@pytest.fixture
def load(tmp_path):
    """load(text, flags) reads a file of that text, with the words of a command line."""

    def load(text: str, *flags: str):
        file = tmp_path / "mine.yaml"
        file.write_text(text, encoding="utf-8")
        return load_configuration(file, read_flags(flags))

    return load


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: file.stem)
def test_shipped_file_loads(file):
    assert load_configuration(file).agent == {
        "talk": "reina",
        "reina_whisper": "reina",
        "cascade": "alignatt",
    }.get(file.stem, file.stem)


def test_defaults_are_those_of_the_dataclasses(load):
    configuration = load(MINIMAL)
    assert configuration.policy == AlignAttPolicy()
    assert configuration.evaluation.output == "outputs/mine"
    assert configuration.evaluation.quality_metrics == ("BLEU", "chrF")


def test_values_get_the_types_of_the_fields(load):
    configuration = load(
        MINIMAL + "patience: 2\nattention_layer: 3\nattention_heads: [1, 2]\nmaximum_tokens_per_second: 1e1\n"
    )
    translator, search = configuration.translator, configuration.search
    assert (translator.attention_layer, translator.attention_heads) == (3, (1, 2))
    assert isinstance(search.patience, float) and search.maximum_tokens_per_second == 10.0


def test_flags_replace_values_of_the_file(load):
    flags = (
        *("--recent-frames", "9", "--chunk-ms=250", "--attention-heads", "2", "1", "--attention-layer", "1"),
        *("--model", "1234", "--quality-metrics", "chrF", "--no-use-ref-len", "--computation-aware", "false"),
    )
    configuration = load(MINIMAL + "recent_frames: 2\n", *flags)
    agent, translator, policy = configuration.agent_options, configuration.translator, configuration.policy
    assert (policy.recent_frames, agent.chunk_ms, agent.model) == (9, 250, "1234")
    assert translator.attention_heads == (2, 1)
    evaluation = configuration.evaluation
    assert evaluation.quality_metrics == ("chrF",)
    assert evaluation.no_use_ref_len and not evaluation.computation_aware


def test_flag_may_name_another_agent(load):
    assert load(MINIMAL, "--agent", "holdn", "--held-tokens", "2").setting == "holdn held_tokens=2"
    # What the model says stands in its folder: no setting is called threshold=None.
    assert load(MINIMAL, "--agent", "reina").setting == "reina"


@pytest.mark.parametrize(
    ("language", "unit", "tokenizer"),
    [
        ("en", "word", "13a"),
        ("zh", "char", "zh"),
        ("zh-CN", "char", "zh"),
        ("ja", "char", "ja-mecab"),
        ("th", "char", "char"),
        ("zh_TW", "char", "zh"),
        ("Chinese", "char", "zh"),
        ("cmn", "char", "zh"),
        ("Japanese", "char", "ja-mecab"),
        ("Thai", "char", "char"),
        ("ko_KR", "word", "ko-mecab"),
        ("deu", "word", "13a"),
    ],
)
def test_units_follow_the_target_language(load, language, unit, tokenizer):
    evaluation = load(MINIMAL + f"target_language: {language}\n").evaluation
    assert (evaluation.eval_latency_unit, evaluation.sacrebleu_tokenizer) == (unit, tokenizer)


def test_written_configuration_reads_as_the_same(load):
    first = load(MINIMAL + "target_language: zh\nattention_layer: 1\nattention_heads: [2]\n")
    assert load(first.to_yaml()) == first


def test_arguments_of_the_agent_leave_out_what_has_no_value(load):
    arguments = load(MINIMAL + "attention_layer: 1\nattention_heads: [2, 1]\n").agent_arguments()
    assert arguments[:2] == ["--model=openai/whisper-base", "--source-language=en"]
    at = arguments.index("--attention-heads")
    assert arguments[at - 1 : at + 3] == ["--attention-layer=1", "--attention-heads", "2", "1"]
    assert arguments[-1] == "--recent-frames=4"
    assert not any("None" in argument for argument in load(MINIMAL).agent_arguments())


@pytest.mark.parametrize("agent", agent_names())
def test_every_switch_reaches_the_agent_on_and_off(load, agent):
    """Also those that an agent, or everybody, has on by default."""
    options = [one for part in SHARED_OPTIONS[1:] for one in options_of(part).values()]
    names = [one.name for one in options if one.type.value is bool and one.name != "cuda_graphs"]
    assert {"drafts", "look_ahead", "known_words"} <= {*names}
    for value in (True, False):
        flags = [word for name in names for word in (f"--{name.replace('_', '-')}", str(value).lower())]
        configuration = load(MINIMAL, *flags, "--agent", agent)
        parser = ArgumentParser()
        configuration.agent_class.add_args(parser)
        read = vars(parser.parse_args(configuration.agent_arguments()))
        assert {name: read[name] for name in names} == dict.fromkeys(names, value)


def test_agent_may_be_a_file_anywhere(load, tmp_path):
    file = tmp_path / "eager_agent.py"
    file.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from simuleval.utils import entrypoint\n"
        "from agents.policy import Policy\n"
        "from agents.streaming_agent import StreamingAgent\n"
        "@dataclass(frozen=True)\n"
        "class EagerPolicy(Policy):\n"
        "    pass\n"
        "@entrypoint\n"
        "class EagerAgent(StreamingAgent):\n"
        "    policy_class = EagerPolicy\n"
    )
    configuration = load(f"agent: {file}\nsource: s.txt\ntarget: t.txt\n")
    assert configuration.agent_class.__name__ == "EagerAgent"
    assert configuration.setting == "eager"


def test_option_with_the_name_of_another_is_refused(load, tmp_path):
    file = tmp_path / "clash_agent.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from agents.policy import Policy\n"
        "from agents.streaming_agent import StreamingAgent\n"
        "from foundation.options import option\n"
        "@dataclass(frozen=True)\n"
        "class ClashPolicy(Policy):\n"
        "    beam: int = option(1, 'mine')\n"
        "class ClashAgent(StreamingAgent):\n"
        "    policy_class = ClashPolicy\n"
    )
    with pytest.raises(InputError, match="ClashPolicy.beam has the name of another option"):
        load(f"agent: {file}\nsource: s.txt\ntarget: t.txt\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "recnt_frames: 3\n", "mine.yaml: there is no option 'recnt_frames': did you mean 'rec"),
        (MINIMAL + "xyz: 3\n", "there is no option 'xyz': `simulst options` lists them all"),
        (MINIMAL + "held_tokens: 3\n", "there is no option 'held_tokens'"),
        (MINIMAL + "beam: two\n", "mine.yaml: beam must be a whole number, got 'two' (text)"),
        (MINIMAL + "beam: 2.0\n", "beam must be a whole number, got 2.0 (a number)"),
        (MINIMAL + "beam: true\n", "beam must be a whole number, got True (true or false)"),
        (MINIMAL + "beam:\n", "beam must be a whole number, got None (nothing)"),
        (MINIMAL + "patience: .nan\n", "patience must be a finite number, got nan"),
        (MINIMAL + "computation_aware: 1\n", "computation_aware must be true or false, got 1 (a whole"),
        (MINIMAL + "source_language: no\n", "source_language must be text, got False (true or false): put"),
        (MINIMAL + "attention_heads: [a]\n", "attention_heads must be a list of whole numbers, got ['a']"),
        (MINIMAL + "precision: fp16\n", "must be one of float32, bfloat16, float16, int8, got 'fp16'"),
        (
            MINIMAL + "target_language: cmn\neval_latency_unit: word\n",
            "mine.yaml: eval_latency_unit word counts",
        ),
        (
            MINIMAL + "target_language: ja\nsacrebleu_tokenizer: 13a\n",
            "mine.yaml: BLEU's tokenizer 13a finds",
        ),
        (MINIMAL + "eval_latency_unit: spm\n", "eval_latency_unit must be one of word, char, got 'spm'"),
        (MINIMAL + "recent_frames: 0\n", "mine.yaml: recent_frames must be at least 1, got 0"),
        (MINIMAL + "start_index: -1\n", "start_index -1 and end_index -1 must not be negative"),
        (MINIMAL + "start_index: 2\nend_index: 2\n", "no sentence lies between start_index 2 and end_index"),
        (MINIMAL + "beam: 1\nbeam: 2\n", "key 'beam' is given twice"),
        ("agent: alignatt\ntarget: t\n", "mine.yaml: source is missing"),
        ("source: s\n", "mine.yaml: agent is missing: name one of agents/"),
        ("agnet: reina\n", "agent is missing ('agnet' is no key: did you mean 'agent'?)"),
        ("agent: aligntt\n", "there is no agent 'aligntt': did you mean 'alignatt'?"),
        ("agent: streaming\n", "there is no agent 'streaming'"),
        ("agent: none.py\n", "agent file none.py does not exist"),
        ("agent: tests/__init__.py\n", "must define one subclass of StreamingAgent, found none"),
        ("- a\n", "must hold lines of the form `key: value`"),
        ("", "must hold lines of the form `key: value`"),
        ("a: [\n", "is no valid YAML"),
    ],
)
def test_bad_file_gets_one_clear_message(load, monkeypatch, text, message):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--recnt-frames", "3"), "command line: there is no option 'recnt_frames': did you mean 'recent_fr"),
        (("--beam", "two"), "command line: beam must be a whole number, got 'two'"),
        (("--beam", "["), "beam must be a whole number, got '['"),
        (("--beam", "1", "2"), "command line: beam takes one value, got 2: 1 2"),
        (("--model",), "command line: --model needs text behind it, and there is nothing"),
        (
            ("--held-tokens", "3"),
            "there is no option 'held_tokens' of agent alignatt, for it is one of holdn: ",
        ),
    ],
)
def test_bad_flag_gets_one_clear_message(load, flags, message):
    with pytest.raises(InputError, match=re.escape(message)):
        load(MINIMAL, *flags)


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="no.yaml does not exist"):
        load_configuration(tmp_path / "no.yaml")
    with pytest.raises(InputError, match="is no text file"):
        load_configuration(tmp_path)
