"""Labels that come from another model, or from when the words of the reference are spoken."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.registry import load_translator
from models.sound.audio import read_audio
from models.translator import TranslatorOptions
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import write_tiny_reina
from tests.train.scripted_speculator import ScriptedSpeculator
from tests.train.tiny_training import build
from train.data.manifest import Row, read_manifest
from train.simulsa_augment import main as augment
from train.simulsa_augment.labels import HeardText
from train.simulsa_augment.other_models import TranslatorSpeculator
from train.simulsa_augment.prefixes import label_up_to
from train.simulsa_augment.reference import end_of_heard
from train.simulsa_augment.sampling import HeardClip, Speculation
from train.simulsa_augment.source_times import SpokenWord, source_times, spoken_words
from train.simulsa_augment.speculation import OtherLabels

LANGUAGES = {"languages": ["de", "en"], "source_languages": ["en"]}


class TwoLetters(ScriptedSpeculator):
    """Tokens of two characters, of which one can be told for each 200 ms heard; V is 500."""

    vocabulary_size = 500
    maximum_audio_ms = 3000.0
    maximum_text = 20
    weights = "two letters"

    def encode(self, text: str) -> list[int]:
        pairs = [text[place : place + 2].ljust(2) for place in range(0, len(text), 2)]
        return [ord(first) << 8 | ord(second) for first, second in pairs]

    def decode(self, tokens) -> str:
        return "".join(chr(token >> 8) + chr(token & 255) for token in tokens)

    def probabilities(self, waveforms, targets, texts) -> list[np.ndarray]:
        known = [len(waveform) // 3200 for waveform in waveforms]
        return [np.where(np.arange(len(text)) < n, 0.9, 0.1) for n, text in zip(known, texts, strict=True)]


def heard(text: str, heard_ms: int) -> HeardText:
    """With the tokens of `ScriptedSpeculator`: bytes."""
    clip = HeardClip(Row("r", {"de": text}), heard_ms)
    return HeardText(Speculation(clip, "de", tuple(text.encode())), np.zeros(16 * 4000, np.float32))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = build(tmp_path_factory.mktemp("world"))
    write_tiny_qwen2_audio(world.folder / "model", translation=LANGUAGES)
    write_tiny_reina(world.folder / "reina")
    return world


@pytest.fixture
def command(world, tmp_path):
    files = ["--model", str(world.folder / "model"), "--manifest", str(world.manifest)]
    return [*files, "--targets", "de", "--count", "8", "--output", str(tmp_path / "out"), "--overwrite"]


def rows(folder: Path) -> dict[str, Row]:
    return {row.id: row for row in read_manifest(folder / "out/manifest.tsv", needs_audio=True).rows}


def test_another_model_labels_in_its_tokens_and_the_text_is_that_of_the_reference():
    labels = OtherLabels(ScriptedSpeculator(), TwoLetters(), factor=100)
    assert labels.threshold == 0.2 and labels.weights == "two letters"
    # 1.1 s are five pairs, "Zwölf Männ": eleven bytes and two of them for umlauts.
    (label,) = labels.label([heard("Zwölf Männer", 1100)])
    assert (label.kept, label.cut, label.doubt) == ("Zwölf Männ", "er", 0.1)
    assert (label.kept_tokens, label.tokens, label.same_tokens) == (12, 14, True)
    (nothing,) = labels.label([heard("Zwölf Männer", 199)])
    assert (nothing.kept, nothing.kept_tokens, nothing.cut) == ("", 0, "Zwölf Männer")
    (whole,) = labels.label([heard("Zwölf Männer", 3000)])
    assert (whole.kept, whole.cut, whole.doubt) == ("Zwölf Männer", "", None)


def test_what_another_model_cannot_hear_or_write_is_skipped_and_the_rest_is_labelled():
    labels = OtherLabels(ScriptedSpeculator(), TwoLetters(), factor=100)
    texts = [heard("Eins", 3001), heard("x" * 42, 500), heard("Zwei", 400)]
    long, wide, label = labels.label(texts)
    assert (long.reason, long.detail) == ("longer than the labeller's window", "3001 ms")
    assert (wide.reason, wide.detail) == ("text longer than the labeller's context", "21 tokens")
    assert label.kept == "Zwei"
    assert all(one.reason.startswith("longer") for one in labels.label(texts[:1]))


def test_a_text_that_another_model_cannot_write_is_skipped():
    """Cut anywhere else, the label would be another text."""

    class Deaf(TwoLetters):
        def decode(self, tokens) -> str:
            return super().decode(tokens).replace("ö", "oe")

    labels = OtherLabels(ScriptedSpeculator(), Deaf(), factor=100)
    (skipped,) = labels.label([heard("Zwölf", 1000)])
    assert (skipped.reason, skipped.detail) == ("the labeller cannot write the text", "de: Zwoelf ")


def test_tokens_of_the_trained_model_count_as_kept_where_they_begin_before_the_end():
    model = TwoLetters()
    clip = HeardClip(Row("r", {"de": "Ein Bus"}), 500)
    speculation = Speculation(clip, "de", tuple(model.encode("Ein Bus")))  # Ei|n |Bu|s
    found = [label_up_to(model, speculation, end, None) for end in (0, 1, 3, 5, 7)]
    assert [label.kept_tokens for label in found] == [0, 1, 2, 3, 4]
    assert [(label.kept, label.cut) for label in found[2:4]] == [("Ein", "Bus"), ("Ein B", "us")]


def test_a_word_is_spoken_with_its_last_letter_and_signs_say_nothing():
    # Ein| Bu|s|,| der hält|.  with times of tokens that go back and a full stop at the end of the clip.
    ends, times_ms = [3, 5, 6, 7, 14, 15], [400, 900, 700, 3000, 600, 4000]
    words = spoken_words("Ein Bus, der hält.", ends, times_ms, character_units=False)
    assert words == [SpokenWord(3, 400), SpokenWord(8, 900), SpokenWord(12, 600), SpokenWord(18, 600)]
    assert spoken_words("Ja – so", [2, 3, 5], [100, 900, 300], False)[1] == SpokenWord(4, None)


def test_a_character_is_a_word_where_there_are_no_spaces():
    words = spoken_words("他来了。", [2, 3, 4], [500, 800, 2000], character_units=True)
    assert words == [SpokenWord(1, 500), SpokenWord(2, 500), SpokenWord(3, 800), SpokenWord(4, None)]


def test_the_reference_ends_before_its_first_word_that_is_spoken_behind_the_cut():
    words = [SpokenWord(3, 400), SpokenWord(8, 900), SpokenWord(12, 600), SpokenWord(14, None)]
    ends = {heard_ms: end_of_heard(words, heard_ms) for heard_ms in (399, 400, 700, 899, 900)}
    assert ends == {399: 0, 400: 3, 700: 3, 899: 3, 900: 14}
    dashed = [SpokenWord(1, None), SpokenWord(7, 900), SpokenWord(12, 1500)]
    assert [end_of_heard(dashed, heard_ms) for heard_ms in (500, 900, 1500)] == [0, 7, 12]


def test_probabilities_of_any_translator_are_those_of_its_steps(world):
    translator = load_translator(str(world.folder / "reina"), TranslatorOptions())
    tokenizer = translator.tokenizer
    model = TranslatorSpeculator(translator, "here", "en", ["de", "en"])
    rows = read_manifest(world.manifest).rows
    waveforms = [read_audio(row.audio)[:8000] for row in rows[:2]]
    texts = [model.encode(rows[0].texts["de"]), model.encode(rows[1].texts["en"])[:5]]
    found = model.probabilities(waveforms, ["de", "en"], texts)
    assert [len(one) for one in found] == [len(text) for text in texts]
    for waveform, target, text, likely in zip(waveforms, ["de", "en"], texts, found, strict=True):
        memory, prompt = translator.encode([waveform]), tokenizer.prompt("en", target)
        for place, token in enumerate(text):
            _, output = translator.start(memory, [[*prompt, *text[:place]]])
            expected = output.log_probabilities[0, token].exp().item()
            assert likely[place] == pytest.approx(expected, rel=1e-3)


def test_signs_that_a_whisper_never_writes_end_no_label(world):
    """Its search leaves out quotation marks: that says nothing about what it has heard."""
    translator = load_translator(str(world.whisper), TranslatorOptions())
    model = TranslatorSpeculator(translator, "here", "en", ["en"])
    text = model.encode('hello "world"')
    [likely] = model.probabilities([read_audio(read_manifest(world.manifest).rows[0].audio)], ["en"], [text])
    never = [token in translator.tokenizer.suppressed for token in text]
    assert any(never) and not all(never)
    assert [one == 1.0 for one in likely] == never


def test_words_are_spoken_within_the_clip(world):
    translator = load_translator(str(world.folder / "reina"), TranslatorOptions())
    row = read_manifest(world.manifest).rows[3]
    words = source_times(translator, read_audio(row.audio), "en", "de", row.texts["de"])
    assert [row.texts["de"][: word.end] for word in words][-1] == row.texts["de"]
    assert len(words) == len(row.texts["de"].split())
    times = [word.spoken_ms for word in words if word.spoken_ms is not None]
    assert times and all(0 < time <= 1000 * row.seconds + 20 for time in times)


def test_cuts_do_not_depend_on_where_labels_come_from(world, command, tmp_path):
    reina = str(world.folder / "reina")
    assert augment(command) == 0
    own, own_labels = rows(tmp_path), (tmp_path / "out/labels.tsv").read_bytes()
    # The model itself, given as another, says the same.
    assert augment([*command, "--labels-from", "model", "--labeller", str(world.folder / "model")]) == 0
    assert (tmp_path / "out/labels.tsv").read_bytes() == own_labels and rows(tmp_path) == own
    for more in (["model", "--labeller", reina], ["reference", "--labeller", reina], ["reference"]):
        assert augment([*command, "--labels-from", *more]) == 0
        found = rows(tmp_path)
        assert {name: row.heard_ms for name, row in found.items()} == {
            name: row.heard_ms for name, row in own.items()
        }
        whole = {row.id: row.texts["de"] for row in read_manifest(world.manifest).rows}
        assert all(whole[name].startswith(row.texts["de"]) for name, row in found.items())
        settings = json.loads((tmp_path / "out/settings.json").read_text())
        assert settings["weights"] == str(world.folder / "model")
        assert settings["labeller_weights"] == (reina if len(more) > 1 else settings["weights"])
        statistics = json.loads((tmp_path / "out/statistics.json").read_text())
        assert statistics["threshold"] == (None if more[0] == "reference" else pytest.approx(100 / 403))
        assert (tmp_path / "out/distributions.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--labels-from", "model"], "--labels-from model needs a model that labels: give --labeller"),
        (["--labeller", "@reina"], "--labels-from own needs no --labeller"),
        (["--labels-from", "model", "--labeller", "@whisper"], "Whisper cannot translate 'en' into 'de'"),
        (["--labels-from", "reference", "--labeller", "@whisper"], "Whisper cannot translate 'en' into 'de'"),
        (["--labels-from", "model", "--labeller", "@nowhere"], "/nowhere' was not found"),
        (["--beta", "0"], "--beta must be above 0, got 0"),
    ],
)
def test_labellers_that_cannot_be_used_are_one_line(world, command, tmp_path, more, message, capsys):
    more = [word.replace("@", f"{world.folder}/") for word in more]
    assert augment([*command, *more]) != 0
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()
