"""What a recipe refuses before it loads a model, and what it never writes: the environment."""

import os
import struct
import zipfile
from dataclasses import replace

import pytest
import torch
from torch import nn

from foundation.errors import InputError
from models.whisper.checkpoint import load_whisper_checkpoint
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper
from tests.train.launch import train
from tests.train.tiny_training import build
from train.data.batch_plan import BatchSection
from train.data.batches import TruncationSection
from train.data.examples import DataSection
from train.data.recipe_data import ReaderSection
from train.policy.recipe import PolicyConfig, create
from train.recipes.checks import check_data
from train.recipes.resumption import check_last_checkpoint
from train.recipes.start_model import best_checkpoint, new_model
from train.simulsa_sft.recipe import SftConfig
from train.translator.family import TranslatorConfig, check_languages, start_model
from train.translator.recipe import TranslationConfig


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("world"))


def configuration(world, **section):
    data = {"manifest": world.manifest, "targets": ["de"], **section}
    return TranslationConfig(
        train=[DataSection(manifest=world.manifest, targets=["de"]), DataSection(**data)]
    )


def test_data_that_is_there_passes(world):
    check_data(configuration(world))
    check_data(configuration(world, task="asr", targets=[]))


def test_a_section_is_refused_without_a_model(world, tmp_path):
    refused = {
        "no column 'fr': its languages are en, de": {"targets": ["fr"]},
        "no column 'fr'": {"source": "fr", "task": "asr", "targets": []},
        "nowhere.tsv: no such manifest": {"manifest": tmp_path / "nowhere.tsv"},
        f"{tmp_path}/cache lacks frames.f16": {"encoder_cache": tmp_path / "cache"},
        "limit must be 1 or more": {"limit": -1},
    }
    for message, section in refused.items():
        with pytest.raises(InputError, match=message):
            check_data(configuration(world, **section))
        with pytest.raises(InputError, match=message):
            held_out = configuration(world, **section).train[1:]
            check_data(TranslationConfig(train=configuration(world).train, validation=held_out))
    with pytest.raises(InputError, match="the configuration's list `train` is empty"):
        check_data(TranslationConfig())


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (
            BatchSection,
            {"seconds": -1.0},
            "batch: seconds, pairs and text_tokens must be above 0, got -1, 128",
        ),
        (BatchSection, {"seconds": float("nan")}, "must be above 0, got nan"),
        (BatchSection, {"frame_multiple": 10**9}, "must be from 1 to 10000, got 1000000000 and 1"),
        (ReaderSection, {"workers": -1}, "reader.workers must be from 0 to below 4096, got -1"),
        (ReaderSection, {"seed": -1}, "reader.seed must be from 0"),
        (
            TruncationSection,
            {"cut_probability": 1.5},
            "truncation.cut_probability must be from 0 to 1, got 1.5",
        ),
        (TruncationSection, {"chunk_ms": 0}, "truncation.chunk_ms must be from 1 to 60000, got 0"),
        (TranslationConfig, {"label_smoothing": -0.1}, "label_smoothing must be from 0 to below 1, got -0.1"),
        (SftConfig, {"label_smoothing": 1.0}, "label_smoothing must be from 0 to below 1, got 1"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(section, values, message):
    with pytest.raises(InputError) as error:
        section(**values)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n_text_layer": -1}, "sizes: n_text_layer must be of type int, from 1 to 1048576, got -1"),
        ({"n_text_layer": 1.5}, "sizes: n_text_layer must be of type int, from 1 to 1048576, got 1.5"),
        ({"n_text_layer": True}, "sizes: n_text_layer must be of type int, from 1 to 1048576, got True"),
        ({"n_text_state": "256"}, "sizes: n_text_state must be of type int, from 1 to 1048576, got 256"),
        ({"n_text_state": 30}, "sizes: n_text_state 30 does not split into 4 heads"),
        ({"dropout": 2}, "sizes: dropout must be of type float, from 0 to 1, got 2"),
        ({"shared_output": 1}, "sizes: shared_output must be true or false, got 1"),
    ],
)
def test_sizes_that_make_no_model_are_refused_before_whisper_is_looked_at(world, tmp_path, sizes, message):
    with pytest.raises(InputError) as error:
        new_model("reina-mini", tmp_path / "none", world.folder / "tokenizer.model", ["de"], ["en"], sizes)
    assert message in str(error.value)


def test_languages_that_a_new_model_would_not_know_are_refused_without_it(world):
    new = TranslatorConfig(tokenizer=world.folder / "tokenizer.model", languages=["de", "en"])
    check_languages(new, [("en", "de"), ("en", "en")])
    with pytest.raises(InputError, match="language 'fr' is not known"):
        check_languages(new, [("en", "de"), ("en", "fr")])
    with pytest.raises(InputError, match="the model writes 'de' but does not understand it"):
        check_languages(new, [("de", "en")])


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"width": -2}, "policy: hidden width 32, width -2"),
        ({"dropout": 1.5}, "policy: dropout must be from 0 to below 1, got 1.5"),
        ({"norm_weight": -0.5}, "policy: norm_weight must be 0 or more, got -0.5"),
        ({"margin": float("nan")}, "policy: margin must be 0 or more, got nan"),
        ({"alignment_weight": -1.0}, "alignment_weight must be 0 or more, got -1"),
        ({"alignment_temperature_s": 0.0}, "alignment_temperature_s must be above 0, got 0"),
        ({"translator": "/nowhere/at/all"}, "/nowhere/at/all"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(world, policy, message):
    with pytest.raises(InputError) as error:
        create(PolicyConfig(**{"translator": str(world.whisper), **policy}))
    assert message in str(error.value)


def checkpoint(folder, step):
    """All that fairseq2 writes of one step, as far as a ZIP archive is what counts."""
    names = (
        "model/pp_00/tp_00/sdp_00",
        "optimizer/pp_00/tp_00/sdp_00",
        "trainer/rank_00",
        "data_reader/dp_00",
    )
    for name in names:
        file = folder / f"step_{step}" / f"{name}.pt"
        file.parent.mkdir(parents=True)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("data", b"x" * 1000)
    return folder / f"step_{step}"


def cut(file):
    os.truncate(file, file.stat().st_size - 30)


def test_a_run_keeps_keys_of_the_environment_to_itself_and_refuses_before_it_loads(
    world, tmp_path, monkeypatch
):
    secret = "do-not-tell-4711"
    monkeypatch.setenv("SOME_API_TOKEN", secret)
    output = tmp_path / "output"
    damaged = checkpoint(output / "checkpoints", 2) / "model/pp_00/tp_00/sdp_00.pt"
    cut(damaged)
    done = train("train.stage1", output, world.write("secret", world.stage1()))
    shown = done.stdout + done.stderr
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(f"error: {damaged} is cut off")
    assert "Traceback" not in shown and "Initializing" not in shown
    # The log is there, up to what would come before the environment, and in files, too.
    assert "Runtime Environment - Process ID" in shown
    files = [path for path in output.rglob("*") if path.is_file()]
    assert any(b"Runtime Environment - Process ID" in path.read_bytes() for path in files)
    assert secret not in shown and "SOME_API_TOKEN" not in shown
    assert not any(secret.encode() in path.read_bytes() for path in files)


def test_a_run_goes_on_from_whole_checkpoints_and_from_none(tmp_path):
    check_last_checkpoint(tmp_path / "checkpoints")
    first, second = checkpoint(tmp_path, 2), checkpoint(tmp_path, 10)
    cut(first / "optimizer/pp_00/tp_00/sdp_00.pt")
    (tmp_path / "step_12.tmp").mkdir()
    (tmp_path / "step_11/model").mkdir(parents=True)  # weights alone
    check_last_checkpoint(tmp_path)
    assert second.is_dir()


def test_a_last_checkpoint_that_is_cut_off_is_named_with_the_one_to_take_instead(tmp_path):
    for step in (2, 4, 10):
        checkpoint(tmp_path, step)
    damaged = tmp_path / "step_10/model/pp_00/tp_00/sdp_00.pt"
    cut(damaged)
    with pytest.raises(InputError) as error:
        check_last_checkpoint(tmp_path)
    assert str(error.value) == (
        f"{damaged} is cut off or damaged, so the run cannot go on from it: move step_10 out of {tmp_path}, "
        "and the same command goes on from step 4"
    )
    (tmp_path / "step_4/trainer/rank_00.pt").write_bytes(b"")
    with pytest.raises(InputError, match="move step_4 and step_10 out of .* goes on from step 2$"):
        check_last_checkpoint(tmp_path)
    (tmp_path / "step_2/data_reader/dp_00.pt").unlink()
    with pytest.raises(
        InputError, match="move step_2 and step_4 and step_10 .* begins again, as no older one"
    ):
        check_last_checkpoint(tmp_path)


def test_a_last_checkpoint_with_a_wrong_byte_in_it_is_named(tmp_path):
    checkpoint(tmp_path, 2)
    file = tmp_path / "step_2/model/pp_00/tp_00/sdp_00.pt"
    torch.save({"weight": torch.full((500,), 0.5)}, file)
    check_last_checkpoint(tmp_path)
    data = bytearray(file.read_bytes())
    place = data.index(struct.pack("<f", 0.5) * 500)
    data[place + 400] ^= 1  # torch loads it without a word
    file.write_bytes(data)
    with pytest.raises(InputError, match="sdp_00.pt is cut off or damaged, so the run cannot go on from it"):
        check_last_checkpoint(tmp_path)


def test_a_score_that_is_none_is_named(tmp_path):
    for step in (2, 4):
        checkpoint(tmp_path / "checkpoints", step)
    (tmp_path / "checkpoints/scores").mkdir()
    score = tmp_path / "checkpoints/scores/step_2.txt"
    score.write_text("0.5\n")
    assert best_checkpoint(tmp_path).name == "step_2"
    score.write_text("nan\n")
    assert best_checkpoint(tmp_path).name == "step_4"
    score.write_text("")
    with pytest.raises(InputError, match="step_2.txt holds no score: remove it"):
        best_checkpoint(tmp_path)


def test_dropout_of_a_model_to_start_from():
    config = TranslatorConfig(start="reina-mini", dropout=0.25)
    start = start_model(config)
    assert start.model.dimensions.dropout == 0.25
    assert {module.p for module in start.model.modules() if isinstance(module, nn.Dropout)} == {0.25}
    with pytest.raises(InputError, match="dropout must be from 0 to below 1, got 1"):
        start_model(replace(config, dropout=1.0))
    with pytest.raises(InputError, match="a new one has it among its `sizes`"):
        start_model(TranslatorConfig(dropout=0.1))


def test_the_encoder_of_a_whisper_replaces_that_of_the_start(world, tmp_path):
    folder = write_tiny_reina(tmp_path / "reina")
    own = start_model(TranslatorConfig(start=str(folder))).model
    whisper = write_tiny_whisper(tmp_path / "whisper", seed=9, width=24)
    start = start_model(TranslatorConfig(start=str(folder), whisper=str(whisper))).model
    expected = load_whisper_checkpoint(whisper).weights["encoder.conv1.weight"]
    assert torch.equal(start.encoder.conv1.weight, expected)
    assert not torch.equal(own.encoder.conv1.weight, expected)
    assert torch.equal(start.decoder.token_embedding.weight, own.decoder.token_embedding.weight)
    with pytest.raises(InputError, match="22 mis-shaped"):
        start_model(TranslatorConfig(start=str(folder), whisper=str(world.whisper)))
