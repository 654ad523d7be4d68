"""Cascades of random tiny models as users run them: SimulEval, the batched engine, translate, and servers."""

import json

import pytest
import soundfile

from agents.alignatt_agent import AlignAttPolicy
from agents.cascade.loading import load_agent_translator
from agents.configuration.agent_configuration import configure_agent
from agents.live.loading import configure_live, load_live
from foundation.errors import InputError
from models.languages import LanguagePair
from models.policy.folder import StoredPolicy, save_policy
from serve.served_agent import served_agent
from simulst import main
from tests.agents.simuleval_run import run_simuleval
from tests.models.tiny_reina import tiny_policy
from tests.models.tiny_text_translators import (
    write_tiny_causal,
    write_tiny_m2m,
    write_tiny_marian,
    write_tiny_t5,
)
from tests.models.tiny_whisper import write_tiny_whisper

WRITERS = {
    "marian": write_tiny_marian,
    "nllb": write_tiny_m2m,
    "t5": write_tiny_t5,
    "qwen2": write_tiny_causal,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, write in WRITERS.items():
        write(folder / name, seed=3)
    write_tiny_whisper(folder / "whisper", english_only=True, n_audio_ctx=150)
    save_policy(folder / "reina", StoredPolicy(tiny_policy(hidden_width=32), 0.0, "../marian"))
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory, speech):
    """Lists of two clips of speech, and of their references."""
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in (("a", 2.2), ("b", 1.4)):
        soundfile.write(folder / f"{name}.wav", speech[: round(16_000 * seconds)], 16_000, subtype="FLOAT")
    (folder / "source.txt").write_text(f"{folder / 'a.wav'}\n{folder / 'b.wav'}\n")
    (folder / "target.txt").write_text("reference of a\nreference of b\n")
    return folder


def cascade(models, model="marian", agent="alignatt", **more):
    # Two hypotheses of a random model never agree.
    return {
        "agent": agent,
        "model": str(models / model),
        "target_language": "de",
        "chunk_ms": 300,
        "decode_silence": True,
        "recogniser": str(models / "whisper"),
        "recogniser_options": ["agreeing_chunks=1"],
        **more,
    }


def flags(values) -> list:
    words = []
    for name, value in values.items():
        if name not in ("agent", "decode_silence"):
            words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return words


@pytest.mark.parametrize("model", WRITERS)
def test_simuleval_and_the_batched_engine_write_the_same(model, models, clips, tmp_path, monkeypatch):
    values = cascade(models, model, recent_frames=1)
    lists = ["--source", clips / "source.txt", "--target", clips / "target.txt"]
    alone = run_simuleval(
        monkeypatch, tmp_path / "alone", "--agent", "agents/alignatt_agent.py", *flags(values), *lists
    )
    files = {"source": str(clips / "source.txt"), "target": str(clips / "target.txt")}
    evaluation = tmp_path / "cascade.yaml"
    evaluation.write_text(
        json.dumps({**values, **files, "engine": "batched", "output": str(tmp_path / "together")})
    )
    assert main(["evaluate", str(evaluation)]) == 0
    together = [json.loads(line) for line in (tmp_path / "together/instances.log").open()]
    for one, other in zip(alone, together, strict=True):
        assert one["prediction"] == other["prediction"] != ""
        assert one["delays"] == other["delays"]


@pytest.mark.parametrize("agent", ["waitk", "reina", "offline"])
def test_further_policies_run(agent, models, clips, tmp_path, monkeypatch):
    """REINA's network scores the hidden states of the text decoder."""
    options = {"waitk": {"k": 1}, "reina": {"threshold": 2.0}, "offline": {}}[agent]
    values = cascade(models, "reina" if agent == "reina" else "marian", agent, **options)
    lists = ["--source", clips / "source.txt", "--target", clips / "target.txt"]
    log = run_simuleval(
        monkeypatch, tmp_path / "out", "--agent", f"agents/{agent}_agent.py", *flags(values), *lists
    )
    for line in log:
        assert line["prediction"] and line["delays"] == sorted(line["delays"])
        if agent == "offline":
            assert set(line["delays"]) == {line["source_length"]}


def test_a_live_stream_and_a_served_one_write_what_simuleval_writes(models, clips, tmp_path, monkeypatch):
    values = cascade(models, recent_frames=1)
    (tmp_path / "source.txt").write_text(str(clips / "a.wav"))
    (tmp_path / "target.txt").write_text("reference of a")
    lists = ["--source", tmp_path / "source.txt", "--target", tmp_path / "target.txt"]
    [line] = run_simuleval(
        monkeypatch, tmp_path / "out", "--agent", "agents/alignatt_agent.py", *flags(values), *lists
    )
    live = load_live(configure_live(values, "here"), with_times=True)
    words = list(live.stream(clips / "a.wav"))
    assert " ".join(word.text for word in words) == line["prediction"]
    assert all(word.heard_s <= word.written_s for word in words)

    configuration, _ = configure_agent(values, "here")
    agent = served_agent(configuration)
    stream = agent.open_stream(LanguagePair("en", "de"))
    samples, rate = soundfile.read(clips / "a.wav", dtype="float32")
    text = ""
    for start in range(0, len(samples), 4800):
        stream.audio.append(samples[start : start + 4800], rate, start + 4800 >= len(samples))
        decision = agent.engine.step(stream)
        assert decision.error is None
        text += decision.text
    agent.engine.close()
    assert text.split() == line["prediction"].split()


def test_what_is_translated_is_what_the_recogniser_writes_alone(models, clips):
    alone = {
        "agent": "local_agreement",
        "agreeing_chunks": 1,
        "model": str(models / "whisper"),
        "chunk_ms": 300,
        "decode_silence": True,
        "history": "none",
    }
    words = list(load_live(configure_live(alone, "here"), with_times=True).stream(clips / "a.wav"))
    configuration, _ = configure_agent(cascade(models), "here")
    agent = served_agent(configuration)
    stream = agent.open_stream(LanguagePair("en", "de"))
    samples, rate = soundfile.read(clips / "a.wav", dtype="float32")
    for start in range(0, len(samples), 4800):
        stream.audio.append(samples[start : start + 4800], rate, start + 4800 >= len(samples))
        agent.engine.step(stream)
    text = stream.audio.sound.text
    assert text.text.split() == " ".join(word.text for word in words).split()
    agent.engine.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"recogniser": None, "recogniser_options": None},
            "translates text and hears nothing: add a recogniser",
        ),
        ({"recogniser": None}, "recogniser_options were given without a recogniser"),
        (
            {"recogniser_options": ["agreeing_chunk=1"]},
            "no option 'agreeing_chunk': did you mean 'agreeing_chunks'",
        ),
        ({"recogniser_options": ["beam"]}, "'beam' is no option: write it as KEY=VALUE"),
        (
            {"recogniser_options": ["beam=many"]},
            "recogniser_options: beam must be a whole number, got 'many'",
        ),
        ({"recogniser_options": ["beam=2", "beam=3"]}, "beam is given twice"),
        ({"recogniser_options": ["chunk_ms=100"]}, "chunk_ms of the recogniser is given by chunk_ms"),
        ({"recogniser_options": ["window_s=5"]}, "window_s is an option of the whole cascade"),
        ({"recogniser_agent": "alinatt"}, "no agent 'alinatt': did you mean 'alignatt'"),
        ({"recogniser": "MARIAN"}, "the recogniser reads text: give one that hears"),
        ({"model": "WHISPER"}, "the model hears audio itself: leave the recogniser out"),
        ({"target_language": "fr"}, "this model writes 'deu', not 'fr'"),
        ({"source_language": "de"}, "this model reads 'eng', not 'de'"),
        ({"frozen_after_s": 3.0}, "frozen_after_s is an option of models that hear, and this one reads text"),
        ({"recogniser_agent": "reina", "recogniser_options": None}, "the model has no policy network"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(changes, message, models):
    named = {"MARIAN": str(models / "marian"), "WHISPER": str(models / "whisper")}
    changes = {
        name: named.get(value, value) if isinstance(value, str) else value for name, value in changes.items()
    }
    with pytest.raises(InputError) as caught:
        load_live(configure_live({**cascade(models), **changes}, "here"))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_recogniser_that_cannot_transcribe_the_language_is_refused(models):
    """A Whisper for English only, before a model of any languages."""
    values = cascade(models, "nllb", source_language="fr")
    with pytest.raises(InputError, match="the recogniser cannot transcribe 'fr': "):
        load_live(configure_live(values, "here"))


def test_the_languages_that_a_model_lacks_are_listed(models):
    with pytest.raises(InputError, match="'ja' .*is not known to this model. It knows .*deu_Latn"):
        load_live(configure_live(cascade(models, "nllb", target_language="ja"), "here"))


def test_text_longer_than_the_model_reads_stops_its_stream_only(models):
    configuration, _ = configure_agent(cascade(models), "here")
    translator = load_agent_translator(
        str(models / "marian"), configuration.translator, configuration.recogniser
    )
    stream = translator.open_stream(languages=LanguagePair("en", "de"))
    stream.text.add("cat " * 100, 100.0)
    with pytest.raises(
        InputError, match=r"the recognised text has \d+ tokens, but the model reads 96 at once"
    ):
        translator.text.check_text(stream.text)
    assert AlignAttPolicy().for_model(translator) == AlignAttPolicy()
