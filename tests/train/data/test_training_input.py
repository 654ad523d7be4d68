"""What training says about input that it cannot use, and how it reads the rest."""

import json

import numpy as np
import pytest
import torch
from fairseq2.metrics import MetricBag

from foundation.errors import InputError
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.whisper.front_end import WhisperFrontEnd
from tests.models.tiny_reina import LANGUAGES, tiny_reina, write_tiny_pieces, write_tiny_reina
from train.data.batch_plan import BatchPlan, BatchSection
from train.data.batches import IGNORED, Collation, TruncationSection
from train.data.encoder_cache import EncoderCache, FrozenEncoder
from train.data.examples import DataSection, read_examples
from train.data.masking import MaskingSection
from train.data.recipe_data import train_reader
from train.policy.loss import check_policy
from train.policy.recipe import PolicyConfig, create
from train.recipes.start_model import StartModel, new_model, open_model
from train.translator.family import TranslatorConfig, start_model
from train.translator.model import MultitaskTranslator
from train.translator.recipe import TranslationConfig
from train.translator.unit import TranslationUnit


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return SentencePieceTokenizer(
        write_tiny_pieces(tmp_path_factory.mktemp("pieces") / "m.model"), LANGUAGES, ["en"]
    )


def examples(world, tokenizer, **section):
    section = {"manifest": world.manifest, "task": "s2tt", "targets": ["de"]} | section
    return read_examples(DataSection(**section), tokenizer, longest_tokens=120, longest_s=30.0)


def collation(tokenizer, truncation=None, whole=False, **options):
    return Collation(tokenizer.end_of_sequence, WhisperFrontEnd(80), truncation, whole, seed=0, **options)


@pytest.mark.parametrize(
    "section, message",
    [
        ({"task": "mt"}, "task must be one of s2tt, asr, nmt, got 'mt'"),
        ({"targets": []}, "s2tt needs targets: name the languages"),
        ({"task": "nmt", "targets": ["en"]}, "nmt needs targets other than 'en'"),
        ({"task": "asr", "targets": ["de"]}, "asr writes the language that it hears"),
        ({"weight": 0.0}, "weight must be above 0 and at most 10000, got 0"),
        ({"weight": float("nan")}, "weight must be above 0 and at most 10000, got nan"),
        ({"weight": float("inf")}, "weight must be above 0 and at most 10000, got inf"),
        ({"limit": 0}, "limit must be 1 or more rows, or null for all, got 0"),
        ({"limit": -4}, "limit must be 1 or more rows, or null for all, got -4"),
        ({"targets": ["de", "de"]}, "targets de, de repeat one: name each once"),
        ({"targets": ["es"]}, "no column 'es'"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(world, tokenizer, section, message):
    with pytest.raises(InputError, match=message):
        examples(world, tokenizer, **section)


def test_a_language_without_tag_is_refused(world, tokenizer, tmp_path):
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text(
        world.manifest.read_text().replace("\ten\tde", "\ten\tfr").replace("\t0.wav", "\t0.wav")
    )
    for clip in world.manifest.parent.glob("*.wav"):
        (tmp_path / clip.name).symlink_to(clip)
    with pytest.raises(InputError, match="fr"):
        examples(world, tokenizer, manifest=manifest, targets=["fr"])


def test_an_empty_manifest_is_refused(tokenizer, tmp_path, world):
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text("id\taudio\tseconds\ten\tde\n")
    with pytest.raises(InputError, match="is empty"):
        examples(world, tokenizer, manifest=manifest)


def test_all_missing_clips_are_named_at_once(tokenizer, tmp_path, world):
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text(
        "id\taudio\tseconds\ten\tde\n" + "".join(f"r{n}\t{n}.wav\t1\ta\tb\n" for n in range(3))
    )
    with pytest.raises(InputError, match=r"3 audio files.*0\.wav.*1\.wav.*2\.wav"):
        examples(world, tokenizer, manifest=manifest)


def test_rows_that_teach_nothing_are_counted(tokenizer, tmp_path, world):
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text(
        "id\ten\tde\nr0\thello\thallo\nr1\thello\t\nr2\t\thallo\n" + f"r3\tlong\t{'wort ' * 200}\n"
    )
    read = examples(world, tokenizer, manifest=manifest, task="nmt")
    assert [pair.id for pair in read.pairs] == [f"{tmp_path.name}/r0/nmt/de"]
    assert read.skipped == {"no text in de": 1, "no text in en": 1, "text longer than the decoder": 1}


@pytest.mark.parametrize(
    "config, message",
    [
        ({}, "a new model needs whisper, tokenizer, languages"),
        (
            {"architecture": "reina-large"},
            "architecture 'reina-large' is not known: give one of reina-medium",
        ),
        ({"sizes": {"n_layers": 3}}, "sizes has no n_layers"),
        ({"start": "nowhere/at-all/x"}, "nowhere/at-all/x"),
    ],
)
def test_a_model_that_cannot_be_made_is_refused(world, config, message):
    new = (
        {} if config == {} else {"whisper": str(world.whisper), "tokenizer": world.folder / "tokenizer.model"}
    )
    with pytest.raises(InputError, match=message):
        start_model(TranslatorConfig(**({**new, "languages": ["de"]} if new else {}), **config))


def test_whisper_of_another_size_is_refused(world):
    with pytest.raises(InputError, match=str(world.whisper)):
        new_model("reina-mini", world.whisper, world.folder / "tokenizer.model", ["de"], ["en"], {})


def test_another_architecture_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="'bert'"):
        open_model(tmp_path)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    folder = write_tiny_reina(tmp_path / "model")
    write_tiny_pieces(folder / "tokenizer.model", pieces=350)
    with pytest.raises(InputError, match="350 pieces"):
        open_model(folder)


def test_a_checkpoint_that_is_cut_off_is_refused(tmp_path):
    reina = StartModel(
        tiny_reina(), SentencePieceTokenizer(write_tiny_pieces(tmp_path / "p.model"), LANGUAGES, ["en"])
    )
    reina.describe(tmp_path / "run" / "translator")
    shard = tmp_path / "run" / "checkpoints" / "step_5" / "model" / "pp_00" / "tp_00" / "sdp_00.pt"
    shard.parent.mkdir(parents=True)
    torch.save({"translator." + name: value for name, value in reina.model.state_dict().items()}, shard)
    assert open_model(tmp_path / "run").tokenizer.languages == LANGUAGES
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(InputError, match="sdp_00.pt is cut off or damaged"):
        open_model(tmp_path / "run")


def test_a_loss_that_is_no_number_stops_with_the_batch(world, tokenizer):
    model = MultitaskTranslator(StartModel(tiny_reina(), tokenizer), freeze_encoder=False)
    with torch.no_grad():
        model.translator.decoder.ln.weight.fill_(float("nan"))
    batch = collation(tokenizer).batch(examples(world, tokenizer).pairs[:2], [], 0)
    unit, metrics = TranslationUnit(model, 0.1), MetricBag(torch.device("cpu"))
    unit.prepare_metric_bag(metrics)
    with pytest.raises(InputError, match="spoken/row0/s2tt/de, spoken/row1/s2tt/de"):
        unit.process_batch(batch, metrics)


def test_two_cures_for_one_illness_are_refused():
    with pytest.raises(InputError, match="hears_duration to false or alignment_weight to 0"):
        check_policy("gain", hears_duration=True, alignment_weight=1.0, alignment_temperature_s=0.5)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"gain": "mean"},
            "policy: gain must be one of reference, jensen-shannon, kullback-leibler, "
            "jensen-shannon-distance, regret, got 'mean'",
        ),
        (
            {"objective": "divergence", "divergence": "cosine"},
            "policy: divergence must be one of jensen-shannon, kullback-leibler, "
            "jensen-shannon-distance, got 'cosine'",
        ),
        (
            {"divergence": "kullback-leibler"},
            "divergence kullback-leibler is of objective `divergence`, and the objective is gain",
        ),
    ],
)
def test_a_policy_learns_from_what_is_known(options, message, tmp_path):
    folder = write_tiny_reina(tmp_path / "reina")
    with pytest.raises(InputError, match=message):
        create(PolicyConfig(translator=str(folder), **options))


def test_a_position_predicts_the_next_token_and_the_last_one_the_end(world, tokenizer):
    [pair] = examples(world, tokenizer, limit=1).pairs
    text = collation(tokenizer).batch([pair], [], 0).speech.text
    assert text.tokens[0].tolist() == [tokenizer.tag("de"), *pair.text]
    assert text.targets[0].tolist() == [*pair.text, tokenizer.end_of_sequence]


def test_shorter_texts_are_padded_with_targets_that_do_not_count(world, tokenizer):
    pairs = sorted(examples(world, tokenizer).pairs, key=lambda pair: pair.tokens)
    text = collation(tokenizer).batch([pairs[0], pairs[-1]], [], 0).speech.text
    assert text.mask.sum(1).tolist() == [pairs[0].tokens, pairs[-1].tokens]
    assert text.targets[0, pairs[0].tokens :].unique().tolist() == [IGNORED]


def test_a_clip_is_cut_in_the_same_place_whenever_it_is_read(world, tokenizer):
    pairs = examples(world, tokenizer).pairs
    cut = collation(tokenizer, TruncationSection(cut_probability=1.0), whole=True)
    heard = [cut.batch(pairs, [], epoch).speech for epoch in (0, 0, 1)]
    assert torch.equal(heard[0].audio.lengths, heard[1].audio.lengths)
    assert not torch.equal(heard[0].audio.lengths, heard[2].audio.lengths)
    assert torch.equal(heard[0].whole_audio.lengths, heard[2].whole_audio.lengths)
    memory_frames = (heard[0].audio.lengths + 1) // 2
    assert heard[0].audio.heard_s.tolist() == pytest.approx((memory_frames * 0.02).tolist())


def test_an_epoch_holds_every_pair_as_often_as_its_weight_says(world, tokenizer):
    speech = examples(world, tokenizer).pairs
    texts = examples(world, tokenizer, task="nmt").pairs
    weights = [2.0] * len(speech) + [0.5] * len(texts)
    plan = BatchPlan(speech + texts, weights, BatchSection(seconds=10, pairs=5), seed=0)
    batches = plan.epoch(3)
    counts = np.bincount(
        [at for batch in batches for at in batch.speech + batch.text], minlength=len(weights)
    )
    assert counts[: len(speech)].tolist() == [2] * len(speech)
    assert 0 < counts[len(speech) :].sum() < len(texts)
    assert batches == plan.epoch(3) and batches != plan.epoch(4)
    for batch in batches:
        longest = max(speech[at].seconds for at in batch.speech)
        assert len(batch.speech) <= 5 and (len(batch.speech) == 1 or longest * len(batch.speech) <= 10)


def test_a_cache_of_another_width_or_cut_short_is_refused(tmp_path):
    (tmp_path / "cache.json").write_text(json.dumps({"width": 4}))
    (tmp_path / "index.tsv").write_text(
        "id\tversion\theard_samples\tsamples\toffset\tframes\na\t0\t640\t640\t0\t2\n"
    )
    np.arange(8, dtype="<f2").tofile(tmp_path / "frames.f16")
    four = FrozenEncoder(4, 20.0, torch.nn.Identity())
    assert EncoderCache(tmp_path, four)["a"].frames_of(0).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(InputError, match="width 4, but the model's encoder has 8"):
        EncoderCache(tmp_path, FrozenEncoder(8, 20.0, torch.nn.Identity()))
    np.arange(4, dtype="<f2").tofile(tmp_path / "frames.f16")
    with pytest.raises(InputError, match="cut off: 1 frames of width 4, not 2"):
        EncoderCache(tmp_path)


def test_padding_to_multiples_gives_few_shapes_and_the_same_predictions(world, tokenizer):
    pairs = examples(world, tokenizer).pairs
    model = MultitaskTranslator(StartModel(tiny_reina(seed=1).eval(), tokenizer), freeze_encoder=False)
    plain = collation(tokenizer).batch(pairs, [], epoch=0)
    padded = collation(tokenizer, frame_multiple=100, token_multiple=8).batch(pairs, [], epoch=0)
    frames, tokens = plain.speech.audio.values.shape[2], plain.speech.text.tokens.shape[1]
    assert padded.speech.audio.values.shape[2] == -(-frames // 100) * 100 != frames
    assert padded.speech.text.tokens.shape[1] == -(-tokens // 8) * 8 != tokens
    with torch.no_grad():
        (expected, targets), (logits, padded_targets) = model(plain)[0], model(padded)[0]
    assert padded_targets.tolist() == targets.tolist()
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("multiples", [{"frame_multiple": 0}, {"token_multiple": -1}])
def test_a_multiple_below_one_is_refused(multiples):
    with pytest.raises(InputError, match="frame_multiple and token_multiple must be from 1 to 10000"):
        BatchSection(**multiples)


def test_masks_are_drawn_anew_each_epoch_and_spare_the_whole_audio_of_policies(world, tokenizer):
    pairs = examples(world, tokenizer).pairs[:3]
    masks = MaskingSection(time_share=0.5)
    plain, hidden = collation(tokenizer, whole=True), collation(tokenizer, whole=True, masking=masks)
    first, again, later = (hidden.batch(pairs, [], epoch).speech for epoch in (0, 0, 1))
    untouched = plain.batch(pairs, [], 0).speech
    assert torch.equal(first.audio.values, again.audio.values)
    assert not torch.equal(first.audio.values, later.audio.values)
    assert not torch.equal(first.audio.values, untouched.audio.values)
    assert torch.equal(first.whole_audio.values, untouched.whole_audio.values)


def test_masks_on_clips_from_an_encoder_cache_are_refused(tmp_path):
    section = DataSection(
        manifest=tmp_path / "manifest.tsv", encoder_cache=tmp_path / "cache", targets=["de"]
    )
    config = TranslationConfig(train=[section])
    with pytest.raises(InputError, match="masking hides features, and an encoder cache has none"):
        train_reader(None, config, None, frozen_encoder=True, masking=MaskingSection())
