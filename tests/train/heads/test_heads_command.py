"""`simulst heads`: the file that it writes, who reads it, and what it refuses."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from foundation.errors import InputError
from models.registry import load_translator
from models.storage.alignment_file import ALIGNMENT_HEADS
from models.translator import TranslatorOptions
from models.whisper.alignment_heads import ALIGNMENT_HEADS as PUBLISHED
from simulst.commands import main
from tests.models.tiny_canary import write_tiny_canary
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_text_translators import write_tiny_causal, write_tiny_marian
from tests.models.tiny_whisper import write_tiny_whisper

QUICKSTART = Path(__file__).parents[3] / "eval_configs/quickstart"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Three clips of noise with a sentence each."""
    folder = tmp_path_factory.mktemp("clips")
    lines = ["id\taudio\tseconds\ten\tde"]
    for clip in range(3):
        noise = np.random.default_rng(clip).normal(0, 0.1, 32_000)
        soundfile.write(folder / f"{clip}.wav", noise, 16_000)
        lines.append(f"{clip}\t{clip}.wav\t2.0\tthe cat sat on the mat\tder Hund schläft")
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny")


def heads_in(file):
    return [tuple(pair) for pair in json.loads(file.read_text(encoding="utf-8"))["alignment_heads"]]


def write(file, *pairs):
    file.write_text(json.dumps({"alignment_heads": pairs}), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "write_model", [write_tiny_whisper, write_tiny_reina, write_tiny_canary, write_tiny_qwen2_audio]
)
def test_heads_of_each_family_are_found_and_used(write_model, manifest, tmp_path, capsys):
    model = write_model(tmp_path / "model")
    languages = ["--source", "de"] if write_model is write_tiny_whisper else ["--target", "de"]
    arguments = ["heads", str(model), "--manifest", str(manifest), *languages]
    assert main(arguments) == 0, capsys.readouterr().err
    found = heads_in(model / ALIGNMENT_HEADS)
    assert found
    assert load_translator(str(model), TranslatorOptions()).attention_heads == tuple(found)
    assert "warning: so few clips may mislead" in capsys.readouterr().err
    # A second time it would replace what was found.
    assert main(arguments) == 1
    assert f"{model / ALIGNMENT_HEADS} exists: give --overwrite" in capsys.readouterr().err


def test_at_least_six_of_the_published_heads_of_base_are_found(whisper_folder, tmp_path):
    output = tmp_path / "heads.json"
    base, manifest = str(whisper_folder("base")), str(QUICKSTART / "segments.tsv")
    assert main(["heads", base, "--manifest", manifest, "--output", str(output)]) == 0
    found = heads_in(output)
    assert len(found) <= 8
    assert len(set(found) & set(PUBLISHED[80, 51865, 6, 6, 512])) >= 6
    assert load_translator(base, TranslatorOptions(alignment_heads=str(output))).attention_heads == tuple(
        found
    )


@pytest.mark.parametrize("named", ["whisper", "qwen2-audio"])
def test_each_head_is_what_the_mean_of_that_head_alone_is(named, tmp_path):
    write_model = write_tiny_whisper if named == "whisper" else write_tiny_qwen2_audio
    model = write_model(tmp_path / "model")
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    plain = load_translator(str(model), TranslatorOptions())
    prompt, told = plain.tokenizer.prompt("en", "en"), 4
    text = [*prompt, 5, 6, 70, 80]
    each = plain.read_each_head(plain.encode([noise]), text, told)
    for layer, head in ((0, 1), (1, 0)):
        file = write(tmp_path / "heads.json", [layer, head])
        alone = load_translator(str(model), TranslatorOptions(alignment_heads=str(file)))
        memory = alone.encode([noise])
        _, reading = alone.read(memory, [text], [told], with_attention=True)
        torch.testing.assert_close(each[layer, head], reading.attention, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"alignment_heads": [[0, 1], [7, 0]]}', "names the head [7, 0], but the decoder has layers 0 to 1"),
        ('{"alignment_heads": [[-1, 0]]}', "names the head [-1, 0]"),
        ('{"alignment_heads": []}', "must give alignment_heads as a list of [layer, head], found []"),
        ('{"alignment_heads": [[0.5, 1]]}', "found [[0.5, 1]]"),
        ('{"heads": [[0, 1]]}', "found None"),
        ("[[0, 1]]", "must hold a JSON object"),
    ],
)
def test_a_file_that_names_no_heads_of_the_model_is_refused(whisper, tmp_path, content, message):
    file = tmp_path / "heads.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        load_translator(str(whisper), TranslatorOptions(alignment_heads=str(file)))


def test_a_file_and_a_layer_are_one_too_many(whisper, tmp_path):
    file = write(tmp_path / "heads.json", [0, 1])
    with pytest.raises(InputError, match="a layer and a file of alignment heads were given"):
        load_translator(str(whisper), TranslatorOptions(alignment_heads=str(file), attention_layer=1))


def test_a_layer_goes_before_the_file_in_the_folder(whisper, tmp_path):
    model = shutil.copytree(whisper, tmp_path / "model")
    write(model / ALIGNMENT_HEADS, [0, 1])
    assert load_translator(str(model), TranslatorOptions()).attention_heads == ((0, 1),)
    options = TranslatorOptions(attention_layer=2, attention_heads=(1,))
    assert load_translator(str(model), options).attention_heads == ((1, 0),)


@pytest.mark.parametrize("write_model", [write_tiny_marian, write_tiny_causal])
def test_a_model_that_reads_text_is_refused(write_model, manifest, tmp_path, capsys):
    model = write_model(tmp_path / "model")
    assert main(["heads", str(model), "--manifest", str(manifest)]) == 1
    assert "translates text and hears nothing, so that no head of it follows" in capsys.readouterr().err


def test_clips_that_show_nothing_are_counted_and_none_left_is_an_error(whisper, tmp_path, capsys):
    soundfile.write(tmp_path / "short.wav", np.full(320, 0.1), 16_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    lines = [
        "id\taudio\ten",
        "a\tshort.wav\tthe cat sat on the mat",
        "b\tbroken.wav\tthe dog",
        "c\tshort.wav\t",
    ]
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = tmp_path / "heads.json"
    assert main(["heads", str(whisper), "--manifest", str(manifest), "--output", str(output)]) == 1
    said = capsys.readouterr().err
    assert "has no clip that the model can hear and read" in said
    assert "1 x unusable audio" in said and "1 x no text in en" in said
    assert not output.exists()


def test_times_of_words_are_read_and_checked(whisper, manifest, tmp_path, capsys):
    clip = manifest.parent / "0.wav"
    output = tmp_path / "heads.json"

    def run(times):
        timed = tmp_path / "timed.tsv"
        timed.write_text(
            f"id\taudio\tword_ends_ms\ten\n0\t{clip}\t{times}\tthe cat sat on the mat.\n", encoding="utf-8"
        )
        return main(["heads", str(whisper), "--manifest", str(timed), "--output", str(output), "--overwrite"])

    assert run("300 600 900 1200 1500 1800") == 0
    assert json.loads(output.read_text(encoding="utf-8"))["clips_with_word_times"] == 1
    for times in ("300 600", "300 600 900 1200 1500 yes", "300 600 900 700 1500 1800"):
        assert run(times) == 1
        assert "must give a rising number for each of the 6 words" in capsys.readouterr().err
