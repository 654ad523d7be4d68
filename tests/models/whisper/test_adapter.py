"""An adapter beside public weights: what it changes, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from foundation.errors import InputError
from models.policy.folder import StoredPolicy, save_policy
from models.policy.network import PolicyNetwork, PolicyOptions
from models.registry import load_translator
from models.translator import TranslatorOptions
from models.whisper.adapter import Adapter, save_adapter, whisper_fingerprint
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.hearing import Hearing
from tests.models.tiny_whisper import write_tiny_whisper

MODULES = ("encoder.blocks.0.attn.query", "decoder.blocks.0.cross_attn.value", "decoder.blocks.0.mlp.2")
RANK, ALPHA = 2, 6.0


@pytest.fixture(scope="module")
def whisper(tmp_path_factory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("whisper"), layers=1)


def random_adapter(whisper: Path, seed: int = 0) -> Adapter:
    weights = load_whisper_checkpoint(whisper).weights
    generator = torch.Generator().manual_seed(seed)
    matrices = {}
    for name in MODULES:
        outputs, inputs = weights[f"{name}.weight"].shape
        pair = (
            torch.randn(RANK, inputs, generator=generator),
            torch.randn(outputs, RANK, generator=generator),
        )
        matrices[name] = tuple(matrix.half().float() for matrix in pair)
    return Adapter(str(whisper), whisper_fingerprint(weights), matrices, ALPHA / RANK, 0)


@pytest.fixture
def adapter(whisper, tmp_path) -> Path:
    """The folder of a random adapter."""
    (tmp_path / "adapter").mkdir()
    save_adapter(tmp_path / "adapter", random_adapter(whisper))
    return tmp_path / "adapter"


def put_policy(folder: Path, adapter: str | None, hearing: dict | None = None) -> None:
    network = PolicyNetwork(PolicyOptions(hidden_width=32, width=16, heads=2, layers=1))
    save_policy(folder, StoredPolicy(network, 0.0, None, adapter, hearing))


def test_loading_merges_it_and_tells_its_hearing(whisper, adapter):
    base, loaded = load_whisper_checkpoint(whisper), load_whisper_checkpoint(adapter)
    matrices = random_adapter(whisper).matrices
    assert loaded.trailing_silence_ms == 0 and base.trailing_silence_ms is None
    for name, weight in base.weights.items():
        expected = weight
        if name.removesuffix(".weight") in matrices:
            first, second = matrices[name.removesuffix(".weight")]
            expected = weight + 3.0 * second @ first
        assert torch.allclose(loaded.weights[name], expected, atol=1e-6), name


def test_peft_makes_the_same_model_of_it(whisper, adapter):
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    base = transformers.WhisperForConditionalGeneration.from_pretrained(whisper)
    other = peft.PeftModel.from_pretrained(base, adapter).eval()
    features, tokens = torch.randn(1, 80, 3000), torch.tensor([[5, 6, 7]])
    translator = load_translator(str(adapter), TranslatorOptions())
    model = translator.model
    with torch.no_grad():
        expected = other(input_features=features, decoder_input_ids=tokens).logits
        hidden = model.decoder.teacher_force(model.hear(features), torch.tensor([1500]), tokens)
        found = model.decoder.token_embedding(torch.arange(640)) @ hidden[0].T
    assert torch.allclose(found.T, expected[0], atol=1e-3)


def test_the_translator_hears_no_silence(adapter):
    assert load_translator(str(adapter), TranslatorOptions()).silence_ms == 0
    assert load_translator(str(adapter), TranslatorOptions(trailing_silence_ms=700)).silence_ms == 700


def test_the_base_may_be_stored_in_half_precision(whisper, adapter, tmp_path):
    half = tmp_path / "half"
    half.mkdir()
    for file in whisper.iterdir():
        (half / file.name).write_bytes(file.read_bytes())
    weights = load_file(whisper / "model.safetensors")
    save_file({name: value.half() for name, value in weights.items()}, half / "model.safetensors")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "../half"}))
    assert load_whisper_checkpoint(adapter).weights["decoder.blocks.0.mlp.2.weight"].dtype == torch.float16


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_model_name_or_path": "OTHER"}, "does not fit .*the adapter was trained on"),
        ({"base_model_name_or_path": "."}, "which is one, too: name a whole Whisper there"),
        ({"base_model_name_or_path": "nobody"}, "is an adapter, whose model is not here: model 'nobody'"),
        ({"base_model_name_or_path": None}, "names no base_model_name_or_path"),
        ({"r": 3}, "of another rank than r 3"),
        ({"lora_alpha": "much"}, "no usable r and lora_alpha"),
        ({"lora_alpha": 10**400}, "no usable r and lora_alpha"),
        ({"use_rslora": True}, "is of another kind of adapter .use_rslora."),
        ({"alpha_pattern": {"fc2": 100}}, "is of another kind of adapter .alpha_pattern."),
        ({"peft_type": "IA3"}, "is of another kind of adapter .peft_type."),
    ],
)
def test_a_base_that_is_not_its_own_gets_one_line(adapter, tmp_path, changes, message):
    if changes.get("base_model_name_or_path") == "OTHER":
        other = write_tiny_whisper(tmp_path / "other", layers=1, seed=1)
        changes = {"base_model_name_or_path": str(other)}
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | changes))
    with pytest.raises(InputError, match=message) as caught:
        load_translator(str(adapter), TranslatorOptions())
    assert "\n" not in str(caught.value)


def test_damaged_files_get_one_line(adapter):
    (adapter / "adapter.json").write_text('{"trailing_silence_ms": -1}')
    with pytest.raises(InputError, match="adapter.json gives no usable base_fingerprint"):
        load_whisper_checkpoint(adapter)
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(
        InputError, match="without adapter_model.safetensors: copy the adapter's folder again"
    ):
        load_whisper_checkpoint(adapter)


@pytest.mark.parametrize("name", ["adapter.json", "adapter_config.json"])
def test_an_adapter_without_one_of_its_files_is_called_that(adapter, name):
    (adapter / name).unlink()
    with pytest.raises(InputError, match=f"holds an adapter without {name}: copy the adapter's folder again"):
        load_whisper_checkpoint(adapter)


def test_matrices_of_whole_numbers_are_refused(adapter):
    file = adapter / "adapter_model.safetensors"
    save_file({name: matrix.to(torch.int8) for name, matrix in load_file(file).items()}, file)
    with pytest.raises(InputError, match="holds matrices of whole numbers"):
        load_whisper_checkpoint(adapter)


def test_sums_that_half_precision_does_not_hold_are_refused(whisper):
    weights = {name: one.half() for name, one in load_whisper_checkpoint(whisper).weights.items()}
    own = random_adapter(whisper)
    with pytest.raises(InputError, match="the weights with the adapter: .* NaN or infinite"):
        replace(own, scale=1e6, base_fingerprint=whisper_fingerprint(weights)).merged(weights)


def test_a_policy_runs_on_the_adapter_that_it_learned_on(whisper, adapter):
    own = random_adapter(whisper)
    put_policy(adapter, own.fingerprint)
    assert load_translator(str(adapter), TranslatorOptions()).threshold == 0.0


@pytest.mark.parametrize("learned_on", [None, "another"])
def test_a_policy_of_another_adapter_is_refused(whisper, adapter, learned_on):
    other = random_adapter(whisper, seed=1).fingerprint
    put_policy(adapter, other if learned_on else None)
    found = f"the adapter {other[:8]}" if learned_on else "no adapter"
    with pytest.raises(InputError, match=f"learned on {found}, and its model here has the adapter"):
        load_translator(str(adapter), TranslatorOptions())


def test_a_policy_of_an_adapter_is_refused_on_the_base_alone(whisper, tmp_path):
    put_policy(tmp_path / "policy", random_adapter(whisper).fingerprint)
    file = tmp_path / "policy" / "policy.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base": str(whisper)}))
    with pytest.raises(InputError, match="and its model here has no adapter"):
        load_translator(str(tmp_path / "policy"), TranslatorOptions())


@pytest.mark.parametrize(
    ("learned", "warns"),
    [
        (None, False),
        (Hearing(0, frozen_after_ms=3000.0).described(), False),
        (Hearing(0).described(), False),
        (Hearing(5000).described(), True),
        (Hearing(30_000, silence_stride=8).described(), True),
    ],
)
def test_a_policy_that_learned_under_another_silence_warns(whisper, adapter, caplog, learned, warns):
    put_policy(adapter, random_adapter(whisper).fingerprint, learned)
    load_translator(str(adapter), TranslatorOptions())
    said = [record.message for record in caplog.records if "under another silence" in record.message]
    assert len(said) == warns and all("silence_ms" in one and "(now 0)" in one for one in said)


def test_fingerprints_tell_adapters_apart(whisper):
    one = random_adapter(whisper)
    assert one.fingerprint == replace(one, base="elsewhere").fingerprint
    assert one.fingerprint != random_adapter(whisper, seed=1).fingerprint
    assert one.fingerprint != replace(one, scale=2 * one.scale).fingerprint
