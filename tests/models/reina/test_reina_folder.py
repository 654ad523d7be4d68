"""REINA models and policies on disk: what is saved comes back; whatever is wrong is named."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from foundation.errors import InputError
from models.policy.folder import StoredPolicy, load_policy, save_policy
from models.policy.scored_translator import ScoredTranslator
from models.registry import load_translator
from models.reina.folder import load_reina, load_whisper_encoder, save_reina
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.reina.translator import ReinaTranslator
from models.translator import TranslatorOptions
from models.whisper.checkpoint import load_whisper_checkpoint
from tests.models.tiny_reina import (
    LANGUAGES,
    tiny_policy,
    tiny_reina,
    write_tiny_pieces,
    write_tiny_reina,
)
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture
def folder(tmp_path):
    return write_tiny_reina(tmp_path / "reina", threshold=0.25)


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def test_a_saved_model_comes_back(tmp_path):
    model = tiny_reina(seed=4)
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "pieces"), LANGUAGES, ["en"])
    save_reina(tmp_path / "all", model, tokenizer, torch.float32, with_text_encoder=True)
    loaded, again = load_reina(tmp_path / "all")
    assert loaded.dimensions == model.dimensions
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    assert again.languages == LANGUAGES and again.encode("the cat") == tokenizer.encode("the cat")


def test_float16_is_half_the_size_but_for_positions(tmp_path):
    model = tiny_reina()
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "pieces"), LANGUAGES, ["en"])
    save_reina(tmp_path / "half", model, tokenizer)
    loaded, _ = load_reina(tmp_path / "half")
    assert loaded.text_encoder is None and loaded.dimensions.n_source_layer == 0
    kinds = {name: weight.dtype for name, weight in loaded.state_dict().items()}
    full = {name for name, dtype in kinds.items() if dtype == torch.float32}
    assert full == {"positions.frequency", "positions.phase"}
    assert set(kinds.values()) == {torch.float16, torch.float32}


def test_eight_bits_are_off_by_half_a_step_at_most(tmp_path):
    model = tiny_reina()
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "pieces"), LANGUAGES, ["en"])
    save_reina(tmp_path / "eight", model, tokenizer, torch.float32, eight_bit=True)
    stored = load_file(tmp_path / "eight/model.safetensors")
    loaded = load_reina(tmp_path / "eight")[0].state_dict()
    for name, weight in model.state_dict().items():
        if name not in loaded:
            continue
        if weight.dim() < 2 or "position" in name:
            assert torch.equal(loaded[name], weight), name
        else:
            assert stored[name].dtype == torch.int8, name
            half_a_step = weight.flatten(1).abs().amax(1) / 127 / 2
            off = (loaded[name] - weight).flatten(1).abs().amax(1)
            assert (off <= 1.001 * half_a_step).all(), name


def test_positions_keep_their_phase_in_half_precision(folder):
    half, full = load(folder, precision="bfloat16").base, load(folder).base
    assert half.model.projection.weight.dtype == torch.bfloat16
    assert torch.equal(half.model.positions(torch.arange(1500)), full.model.positions(torch.arange(1500)))


def test_a_folder_of_whisper_or_reina_is_a_translator(folder):
    translator = load(folder)
    assert isinstance(translator, ScoredTranslator) and isinstance(translator.base, ReinaTranslator)
    assert translator.threshold == 0.25
    assert translator.maximum_audio_ms == 30_000.0
    assert (translator.maximum_tokens, translator.hidden_width) == (120, 32)
    memory = translator.encode([np.zeros(16_000, np.float32)])
    _, output = translator.start(memory, [translator.tokenizer.prompt("en", "de")])
    forbidden = output.log_probabilities[0, translator.tokenizer.suppressed]
    assert not torch.isfinite(forbidden).any()


def test_existing_folder_is_never_overwritten(folder, tmp_path):
    before = (folder / "model.safetensors").read_bytes()
    tokenizer = load_reina(folder)[1]
    with pytest.raises(InputError, match="exists: choose another folder"):
        save_reina(folder, tiny_reina(seed=9), tokenizer)
    assert (folder / "model.safetensors").read_bytes() == before


def test_failed_save_leaves_nothing(tmp_path, monkeypatch):
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "pieces"), LANGUAGES, ["en"])

    def disk_full(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr("models.storage.stored_weights.save_file", disk_full)
    with pytest.raises(OSError):
        save_reina(tmp_path / "new", tiny_reina(), tokenizer)
    assert [path.name for path in tmp_path.iterdir()] == ["pieces"]


def test_model_and_tokenizer_must_fit_when_saved(tmp_path):
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "pieces"), ["de"], ["en"])
    with pytest.raises(InputError, match="tokenizer has 401 tokens, the model 403"):
        save_reina(tmp_path / "new", tiny_reina(), tokenizer)


def change_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change_dimensions(folder, **changes):
    change_config(folder, dimensions=json.loads((folder / "config.json").read_text())["dimensions"] | changes)


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def spoil(file, name):
    weights = load_file(file)
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, file)


def drop_a_weight(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["projection.bias"]
    save_file(weights, folder / "model.safetensors")


BROKEN = {
    "another architecture": (
        lambda folder: change_config(folder, model_type="bert"),
        "'bert' model.*known: whisper, reina",
    ),
    "truncated weights": (
        lambda folder: cut(folder / "model.safetensors"),
        "model.safetensors is truncated or damaged",
    ),
    "truncated tokenizer": (lambda folder: cut(folder / "tokenizer.model"), "tokenizer.model is missing, d"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.model").unlink(), "lacks tokenizer.model"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "lacks model.safetensors"),
    "a weight missing": (drop_a_weight, "1 missing \\(projection.bias\\)"),
    "vocabulary": (
        lambda folder: change_config(folder, languages=["en", "de"]),
        "402 tokens.*the model has 403 tokens",
    ),
    "no languages": (lambda folder: change_config(folder, languages=[]), "at least one language"),
    "a target without a tag": (
        lambda folder: change_config(folder, target_languages=["it"]),
        r"have tags \(.*\), but it shall write it: name some",
    ),
    "no targets": (lambda folder: change_config(folder, target_languages=[]), "shall write none"),
    "languages": (lambda folder: change_config(folder, source_languages="en"), "source_languages as a list"),
    "no JSON": (lambda folder: cut(folder / "config.json"), "config.json is not valid JSON"),
    "no dimensions": (lambda folder: change_config(folder, dimensions=None), "must give dimensions with"),
    "a text for a size": (lambda folder: change_dimensions(folder, n_mels="80"), "no usable n_mels"),
    "a size of 0": (lambda folder: change_dimensions(folder, n_text_layer=0), "no usable n_text_layer"),
    "a size of no model": (lambda folder: change_dimensions(folder, n_text_layer=10**12), "n_text_layer"),
    "a type of no model": (lambda folder: change_config(folder, model_type=["reina"]), "model_type as a"),
    "a weight that is no number": (
        lambda folder: spoil(folder / "model.safetensors", "projection.bias"),
        "model.safetensors: projection.bias has 1 numbers that are NaN or infinite",
    ),
    "a policy's weight that is no number": (
        lambda folder: spoil(folder / "policy.safetensors", "score.weight"),
        "policy.safetensors: score.weight has 1 numbers that are NaN or infinite",
    ),
    "pointer of Git LFS": (
        lambda folder: (folder / "tokenizer.model").write_text("version https://git-lfs.github.com/spec/v1"),
        "tokenizer.model is a Git LFS pointer",
    ),
    "pieces that are no text": (
        lambda folder: (folder / "tokenizer.model").write_bytes(
            (folder / "tokenizer.model").read_bytes().replace("▁the".encode(), b"\xff\xff\xffthe", 1)
        ),
        "tokenizer.model is missing, damaged",
    ),
    "policy of no size": (lambda folder: change_policy(folder, layers=10**12), "give no usable layers"),
    "policy's dropout": (lambda folder: change_policy(folder, dropout=2.0), "give no usable dropout"),
    "huge threshold": (
        lambda folder: (folder / "policy.json").write_text(json.dumps({"threshold": 10**400})),
        "must give options|finite threshold or null",
    ),
    "base that no path can be": (
        lambda folder: (folder / "policy.json").write_text(json.dumps({"base": "x" * 300})),
        "was not found. Give a path",
    ),
    "dropout": (lambda folder: change_dimensions(folder, dropout=1.0), "no usable dropout"),
    "heads": (lambda folder: change_dimensions(folder, n_text_head=3), "does not split into 3 heads"),
    "other sizes": (lambda folder: change_dimensions(folder, n_text_layer=3), "missing"),
    "policy without weights": (
        lambda folder: (folder / "policy.safetensors").unlink(),
        "policy without policy.safetensors",
    ),
    "policy without options": (lambda folder: (folder / "policy.json").unlink(), "without policy.json"),
    "truncated policy": (
        lambda folder: cut(folder / "policy.safetensors"),
        "policy.safetensors is truncated or damaged",
    ),
    "unknown objective": (
        lambda folder: change_policy(folder, objective="entropy"),
        "objective 'entropy' must be one of gain",
    ),
    "policy of other sizes": (lambda folder: change_policy(folder, layers=3), "missing"),
    "policy size": (lambda folder: change_policy(folder, width="wide"), "policy.json: "),
    "policy option": (lambda folder: change_policy(folder, colour="red"), "must give options with"),
    "threshold": (
        lambda folder: (folder / "policy.json").write_text('{"threshold": NaN}'),
        "finite threshold or null",
    ),
    "base": (lambda folder: (folder / "policy.json").write_text('{"base": 7}'), "must name its base model"),
}


def change_policy(folder, **changes):
    file = folder / "policy.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"options": config["options"] | changes}))


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folder_is_refused(case, folder):
    break_it, message = BROKEN[case]
    break_it(folder)
    with pytest.raises(InputError, match=message):
        load(folder)


def test_reina_is_not_read_from_a_folder_of_another_model(tmp_path):
    write_tiny_reina(tmp_path / "reina")
    change_config(tmp_path / "reina", model_type="whisper")
    with pytest.raises(InputError, match="describes a 'whisper' model"):
        load_reina(tmp_path / "reina")


def test_a_saved_policy_comes_back(tmp_path):
    network = tiny_policy(seed=3, score="probability", hears_duration=True)
    save_policy(tmp_path, StoredPolicy(network, -0.5, "openai/whisper-base"), torch.float32)
    stored = load_policy(tmp_path)
    assert (stored.threshold, stored.base) == (-0.5, "openai/whisper-base")
    assert stored.network.options == network.options
    for name, weight in network.state_dict().items():
        assert torch.equal(stored.network.state_dict()[name], weight), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]


@pytest.mark.parametrize("absolute", [True, False])
def test_a_policy_may_name_its_base(tmp_path, absolute):
    """Several policies share one model, which has a policy of its own or none."""
    base = write_tiny_reina(tmp_path / "base", threshold=1.0)
    for name, threshold in (("a", 0.5), ("b", None)):
        policy = StoredPolicy(tiny_policy(seed=7), threshold, str(base) if absolute else "../base")
        save_policy(tmp_path / name, policy, torch.float32)
        translator = load(tmp_path / name)
        assert translator.threshold == threshold
        assert isinstance(translator.base, ReinaTranslator)
        weight = policy.network.score.weight
        assert torch.equal(translator.network.score.weight, weight)


def test_training_starts_from_the_encoder_of_a_whisper(tmp_path):
    write_tiny_whisper(tmp_path / "whisper", width=24)
    model = tiny_reina()
    load_whisper_encoder(model, tmp_path / "whisper")
    weights = load_whisper_checkpoint(tmp_path / "whisper").weights
    assert torch.equal(model.encoder.conv1.weight, weights["encoder.conv1.weight"])
    assert torch.equal(model.encoder.blocks[1].mlp[2].bias, weights["encoder.blocks.1.mlp.2.bias"])


def test_encoder_of_another_size_is_refused(tmp_path):
    write_tiny_whisper(tmp_path / "whisper", width=48)
    with pytest.raises(InputError, match="conv1.weight"):
        load_whisper_encoder(tiny_reina(), tmp_path / "whisper")


def test_whoever_may_read_the_folder_may_read_the_weights(tmp_path):
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "pieces"), LANGUAGES, ["en"])
    save_reina(tmp_path / "new", tiny_reina(), tokenizer)
    modes = {(tmp_path / "new" / name).stat().st_mode for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1
