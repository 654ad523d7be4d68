"""What fine-tuning makes of data and model, without a trainer."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torch.nn.functional as F
import yaml
from fairseq2.utils.structured import StandardValueConverter

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.audio_language.translator import AudioLanguageDecoder, AudioLanguageTranslator
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.translator import Memory, TranslatorOptions, frame_ends
from tests.train.tiny_sft import LORA, TinySft, batch_of, build_sft, in_training
from train.data.batch_plan import BatchSection
from train.data.encoder_cache import EncoderCache, FrozenEncoder
from train.data.examples import DataSection
from train.prepare import main as prepare
from train.recipes.checks import check_data
from train.recipes.decoding import translate
from train.simulsa_augment import main as augment
from train.simulsa_augment.speculator import Speculator
from train.simulsa_sft.data import section_reader, train_reader
from train.simulsa_sft.model import AudioLanguageConfig
from train.simulsa_sft.recipe import SftConfig
from train.simulsa_sft.start import Origin

CONFIGURATIONS = sorted((Path(__file__).parents[3] / "train/simulsa_sft/configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> TinySft:
    return build_sft(tmp_path_factory.mktemp("world"))


def test_the_loss_counts_texts_alone(world):
    """An oracle: each pair by itself through the whole network, the text's tokens picked by hand."""
    training = in_training(world)
    batch = batch_of(world, training, world.manifest)
    logits, targets = training(batch)
    model, expected = training.model, []
    for prompt, target, waveform in zip(batch.prompts, batch.targets, batch.waveforms, strict=True):
        assert target[-1] == model.tokenizer.end_of_sequence
        audio = model.audio_embeddings(model.features([waveform]))
        before, behind = (model.embed(torch.tensor(one)) for one in (prompt.before, [*prompt.after, *target]))
        hidden = model.hidden_states(torch.cat([before, audio.values[0], behind])[None])[0]
        predicting = hidden[-len(target) - 1 : -1]
        expected.append(F.cross_entropy(model.logits(predicting), torch.tensor(target), reduction="sum"))
    assert F.cross_entropy(logits, targets, reduction="sum").item() == pytest.approx(
        sum(expected).item(), rel=1e-5
    )


def test_truncated_clips_are_heard_as_far_as_the_manifest_says(world):
    training = in_training(world)
    batch = batch_of(world, training, world.augmented)
    assert [len(waveform) for waveform in batch.waveforms] == [8320] * 4 + [8016]
    # An empty label is the end alone.
    assert batch.targets[4] == [training.model.tokenizer.end_of_sequence]


def test_a_label_without_its_end_teaches_none(world, tmp_path):
    lines = world.augmented.read_text(encoding="utf-8").replace("../spoken", str(world.folder / "spoken"))
    header, *rows = lines.splitlines()
    rows = [row.replace("\t52", "\tno\t52").replace("\t501", "\tno\t501") for row in rows]
    open_end = tmp_path / "manifest.tsv"
    open_end.write_text("\n".join([header.replace("heard_ms", "ends\theard_ms"), *rows]) + "\n", "utf-8")
    training = in_training(world)
    batch = batch_of(world, training, open_end)
    end = training.model.tokenizer.end_of_sequence
    assert len(batch.targets) == 4 and not any(end in target for target in batch.targets)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({}, {"language_model", "multi_modal_projector"}),
        ({"freeze_encoder": False}, {"language_model", "multi_modal_projector", "audio_tower"}),
        ({"lora": LORA, "freeze_adapter": True}, {"language_model"}),
        ({"lora": LORA}, {"language_model", "multi_modal_projector"}),
    ],
)
def test_only_what_shall_be_is_trained_and_stored(world, settings, parts):
    stored = in_training(world, **settings).state_dict()
    assert {name.split(".")[1] for name in stored} == parts
    of_language = [name for name in stored if "language_model" in name]
    if "lora" in settings:
        # 3 layers x 3 modules x A and B
        assert len(of_language) == 18 and all("lora_" in name for name in of_language)
    # Whisper's positions are constant.
    assert not any("embed_positions" in name for name in stored)


def test_a_cache_gives_what_hearing_gives(world, tmp_path):
    files = ["--manifest", str(world.manifest), "--output", str(tmp_path / "cache"), "--jobs", "1"]
    assert prepare(["encode", *files, "--model", str(world.model)]) == 0
    training = in_training(world)
    heard = training(batch_of(world, training, world.manifest))[0]
    batch = batch_of(world, training, world.manifest, encoder_cache=tmp_path / "cache")
    assert not any(one is not None for one in batch.waveforms)
    assert torch.allclose(training(batch)[0], heard, atol=0.02)  # float16
    with pytest.raises(InputError, match="holds frames of 40 ms, but the model's have 20 ms"):
        EncoderCache(tmp_path / "cache", FrozenEncoder(32, 20.0, torch.nn.Identity()))


def test_cached_and_heard_clips_mix(world, tmp_path):
    files = ["--manifest", str(world.manifest), "--output", str(tmp_path / "cache"), "--jobs", "1"]
    assert prepare(["encode", *files, "--model", str(world.model)]) == 0
    training = in_training(world)
    mixed = batch_of(world, training, world.manifest, encoder_cache=tmp_path / "cache")
    heard = batch_of(world, training, world.manifest)
    expected = training.encode_batch(heard)
    for row in range(0, len(mixed.ids), 2):
        mixed.cached[row], mixed.waveforms[row] = None, heard.waveforms[row]
    frames = training.encode_batch(mixed)
    assert frames.lengths.tolist() == expected.lengths.tolist()
    for row, length in enumerate(frames.lengths.tolist()):
        assert torch.allclose(frames.values[row, :length], expected.values[row, :length], atol=5e-3)


def test_greedy_translations_are_those_of_the_translator(world):
    training = in_training(world)
    batch = batch_of(world, training, world.manifest, limit=4)
    training.eval()
    audio = training.model.adapt(training.encode_batch(batch))
    ends_ms = frame_ends(*audio.values.shape[:2], training.model.frame_ms, audio.values.device)
    memory = Memory(audio.values, audio.lengths, audio.lengths, ends_ms)
    prompts = [training.model.tokenizer.in_one_piece(prompt) for prompt in batch.prompts]
    written = translate(AudioLanguageDecoder(training.model, in_training=True), memory, prompts)
    assert all(written)
    model = load_audio_language_model(world.model, TranslatorOptions())
    translator = AudioLanguageTranslator(model, TranslatorOptions())
    prompt = model.tokenizer.prompt("en", "de")
    search = StreamingSearch(translator, SearchOptions())
    for row, waveform in enumerate(batch.waveforms):
        limit = search.options.token_limit(float(memory.heard_ms[row]), 0, True)
        [found] = search.find(translator.encode([waveform]), [StreamRequest(prompt, (), True, limit)])
        assert model.tokenizer.decode(found.tokens) == written[row]


def test_a_cache_of_whole_clips_is_not_taken_for_cut_ones(world, tmp_path):
    files = ["--manifest", str(world.manifest), "--output", str(tmp_path / "cache"), "--jobs", "1"]
    assert prepare(["encode", *files, "--model", str(world.model)]) == 0
    section = DataSection(manifest=world.augmented, encoder_cache=tmp_path / "cache", targets=["de"])
    with pytest.raises(InputError, match="5 x heard to another length in the encoder cache"):
        section_reader(in_training(world).model)(section)


def test_a_cache_of_cut_clips_is_not_taken_for_whole_ones(world, tmp_path, caplog):
    """One of five is cut a tenth of a second before its end, which may be how a length was rounded."""
    files = ["--manifest", str(world.augmented), "--output", str(tmp_path / "cache"), "--jobs", "1"]
    assert prepare(["encode", *files, "--model", str(world.model)]) == 0
    section = DataSection(manifest=world.manifest, encoder_cache=tmp_path / "cache", targets=["de"])
    section_reader(in_training(world).model)(section)
    assert "4 rows of " in caplog.text and "heard to another length in the encoder cache" in caplog.text


def test_a_clip_longer_than_its_manifest_says_is_named(world, tmp_path):
    training = in_training(world)
    samples = training.model.window_frames * 160 + 1
    soundfile.write(tmp_path / "long.wav", np.zeros(samples), 16_000)
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text("id\taudio\tseconds\tde\na\tlong.wav\t1\teins\n")
    with pytest.raises(InputError, match="long.wav is .* s long, longer than its manifest says"):
        batch_of(world, training, manifest)


def test_a_begun_run_goes_on_only_as_it_began(world, tmp_path):
    in_training(world).describe(tmp_path)
    (tmp_path / "checkpoints" / "step_1").mkdir(parents=True)
    in_training(world).describe(tmp_path)
    with pytest.raises(InputError, match="holds checkpoints of a run with another lora"):
        in_training(world, lora=LORA).describe(tmp_path)
    assert Origin.read(tmp_path).lora is None


def test_probabilities_are_those_of_each_text_alone(world):
    speculator = Speculator(in_training(world).model, "random", "en", ["de"])
    waveforms = [np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32) for n in (8_000, 12_000)]
    texts = [speculator.encode(text) for text in ("der Hund", "die Katze und der Hund")]
    together = speculator.probabilities(waveforms, ["de", "de"], texts)
    for waveform, text, likely in zip(waveforms, texts, together, strict=True):
        [alone] = speculator.probabilities([waveform], ["de"], [text])
        assert likely.shape == (len(text),) and np.allclose(likely, alone, rtol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lora": {"modules": ["to_q"]}}, "the model has no modules to_q"),
        ({"lora": {"rank": 0}}, "lora needs a rank of 1 or more"),
        ({"start": ""}, "there is no model to train: set `start`"),
        ({"precision": "bfloat16"}, "weights in bfloat16 cannot be trained: use float32, or lora"),
    ],
)
def test_models_that_cannot_be_trained_are_refused(world, settings, message):
    with pytest.raises(InputError, match=message):
        in_training(world, **settings)


def test_sections_that_cannot_be_trained_on_are_refused(world):
    training = in_training(world)
    with pytest.raises(InputError, match="there is nothing to train on"):
        check_data(SftConfig())
    padded = SftConfig(batch=BatchSection(token_multiple=8))
    with pytest.raises(InputError, match="batch.token_multiple is of stages 1 to 3"):
        train_reader(None, padded, training.model, frozen_encoder=True)
    cached = SftConfig(train=[DataSection(manifest=world.manifest, encoder_cache=Path("c"), targets=["de"])])
    with pytest.raises(InputError, match="an encoder cache needs a frozen encoder"):
        train_reader(None, cached, training.model, frozen_encoder=False)
    with pytest.raises(InputError, match="task must be s2tt or asr"):
        section_reader(training.model)(DataSection(manifest=world.manifest, task="nmt", targets=["de"]))
    with pytest.raises(InputError, match="has no column 'fr'"):
        section_reader(training.model)(DataSection(manifest=world.manifest, targets=["fr"]))


def test_a_model_that_hears_no_audio_cannot_label(world, tmp_path, capsys):
    files = ["--manifest", str(world.manifest), "--output", str(tmp_path / "out"), "--targets", "de"]
    assert augment([*files, "--model", str(world.whisper), "--count", "2"]) == 1
    assert "no audio-language model that is known here" in capsys.readouterr().err


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: file.stem)
def test_shipped_configurations_are_of_the_recipe(file):
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    overrides = content["model"].pop("config_overrides")
    assert StandardValueConverter().structure({"train": content["train"]}, SftConfig).train
    model = StandardValueConverter().structure(overrides, AudioLanguageConfig)
    assert file.stem == "mini_base" or (model.lora.rank, model.lora.alpha) == (8, 32)
