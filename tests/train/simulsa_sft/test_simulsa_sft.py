"""Fine-tuning of a tiny audio-language model through fairseq2's real trainer."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.registry import load_translator
from models.sound.audio import read_audio
from models.translator import TranslatorOptions
from tests.foundation.run_here import run_here
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.train.launch import losses, stored, train, trained
from tests.train.tiny_sft import LORA, TinySft, build_sft, in_training
from train.commands import EXPORT
from train.simulsa_augment import main as augment
from train.simulsa_augment.speculation import whole_characters
from train.simulsa_sft.model import AudioLanguageConfig, create
from train.simulsa_sft.start import open_audio_language_model

export = partial(run_here, EXPORT)

RECIPE = "train.simulsa_sft"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> TinySft:
    return build_sft(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def adapters(world) -> Path:
    """Output folder of a run that trained adapters and nothing else."""
    configuration = world.configuration(LORA, freeze_adapter=True)
    return trained(RECIPE, world.folder / "adapters", world.write("adapters", configuration))


@pytest.fixture(scope="module")
def whole(world) -> Path:
    """Output folder of a run that trained everything, in bfloat16, two batches to a step."""
    configuration = world.configuration(None, freeze_encoder=False)
    configuration["trainer"] |= {"mixed_precision": {"mode": "auto"}, "grad_accumulation": {"num_batches": 2}}
    configuration["regime"] |= {"num_steps": 2}
    configuration["batch"]["pairs"] = 4
    return trained(RECIPE, world.folder / "whole", world.write("whole", configuration))


def weights_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.float() for name, value in network.state_dict().items()}


def test_a_run_trains_and_validates(adapters):
    assert len(losses(adapters)) == 4
    [file] = (adapters / "metrics" / "valid").glob("*.jsonl")
    validations = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [one["Step"] for one in validations] == [2, 4] and "BLEU" in validations[0]
    assert validations[1]["NLL Loss"] < validations[0]["NLL Loss"]


def test_resumed_training_gives_the_same_weights(world, adapters, tmp_path):
    """Again, cut off after step 2."""
    configuration = world.configuration(LORA, freeze_adapter=True)
    configuration["regime"] |= {"num_steps": 2}
    again = trained(RECIPE, tmp_path / "again", world.write("half", configuration))
    trained(RECIPE, again, world.folder / "adapters.yaml")
    straight = stored(adapters, 4)
    resumed = stored(again, 4)
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(resumed[name], value) for name, value in straight.items())


def test_two_processes_see_the_losses_of_one(world, adapters, tmp_path):
    two = losses(trained(RECIPE, tmp_path / "two", world.folder / "adapters.yaml", processes=2))
    assert two == pytest.approx(losses(adapters), abs=2e-5)


def test_exported_adapters_and_the_merged_model_are_what_was_trained(world, adapters, tmp_path):
    export([str(adapters), str(tmp_path / "merged"), "--precision", "float32", "--licence", "MIT"])
    export([str(adapters), str(tmp_path / "adapter"), "--base", str(world.model)])
    from_run = open_audio_language_model(adapters, TranslatorOptions())
    merged, beside = (
        load_audio_language_model(tmp_path / name, TranslatorOptions()) for name in ("merged", "adapter")
    )
    untrained = load_audio_language_model(world.model, TranslatorOptions())
    waveform = np.sin(np.arange(16_000) / 9).astype(np.float32)
    prompt, target = merged.prompt("en", "de"), merged.tokenizer.encode("Ein Mann")
    with torch.no_grad():
        logits = [
            model.teacher_forced(model.features([waveform]), [prompt], [target])[0]
            for model in (from_run, merged, beside, untrained)
        ]
    assert torch.allclose(logits[0], logits[1], atol=1e-5) and torch.allclose(logits[0], logits[2], atol=1e-4)
    assert not torch.allclose(logits[0], logits[3], atol=1e-2)
    assert "license: mit" in (tmp_path / "merged" / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "adapter/adapter_model.safetensors").stat().st_size < 100_000


@pytest.mark.parametrize("lora", [LORA, None], ids=["adapters", "whole"])
def test_a_model_with_one_matrix_for_embeddings_and_logits_is_trained_and_exported(world, lora, tmp_path):
    translation = {"languages": ["de", "en"], "source_languages": ["en"]}
    start = write_tiny_qwen2_audio(tmp_path / "start", translation=translation, tied=True)
    configuration = world.configuration(lora, start=str(start))
    configuration["regime"] |= {"num_steps": 2}
    run = trained(RECIPE, tmp_path / "run", world.write("tied", configuration))
    export([str(run), str(tmp_path / "model"), "--precision", "float32"])
    before, after, exported = (
        open_audio_language_model(folder, TranslatorOptions()) for folder in (start, run, tmp_path / "model")
    )
    embeddings, head = (exported.network.get_input_embeddings(), exported.network.get_output_embeddings())
    assert embeddings.weight is head.weight
    changed = not torch.equal(before.network.get_output_embeddings().weight, head.weight)
    assert changed == (lora is None)
    own = weights_of(after.network)
    assert all(torch.allclose(own[name], value) for name, value in weights_of(exported.network).items())


def test_eight_bits_are_for_reina(adapters, tmp_path):
    with pytest.raises(InputError, match="no 8-bit folder: leave --eight-bit out"):
        export([str(adapters), str(tmp_path / "model"), "--eight-bit"])
    assert not (tmp_path / "model").exists()


def test_an_exported_model_translates_and_trains_on(world, whole, tmp_path):
    export([str(whole), str(tmp_path / "model"), "--precision", "float32"])
    translator = load_translator(str(tmp_path / "model"), TranslatorOptions())
    assert translator.tokenizer.prompt("en", "de")
    trained_on = in_training(TinySft(world.folder), freeze_encoder=False).network.state_dict()
    exported = weights_of(open_audio_language_model(whole, TranslatorOptions()).network)
    changed = [name for name, value in trained_on.items() if not torch.equal(exported[name], value)]
    assert any("audio_tower" in name for name in changed) and any("lm_head" in name for name in changed)
    further = create(AudioLanguageConfig(start=str(whole)))
    head = "language_model.lm_head.weight"
    assert torch.equal(weights_of(further.network)[head], exported[head])


def test_a_run_labels_what_it_is_trained_on_next(world, adapters, tmp_path):
    """The model that labels may be a training output; its probabilities are those of the trained weights."""
    files = ["--model", str(adapters), "--manifest", str(world.manifest), "--output", str(tmp_path / "out")]
    assert augment([*files, "--targets", "de", "--count", "6", "--factor", "1", "--batch-seconds", "2"]) == 0
    lines = [line.split("\t") for line in (tmp_path / "out/labels.tsv").read_text("utf-8").splitlines()[1:]]
    model = open_audio_language_model(adapters, TranslatorOptions())
    texts = [line.split("\t") for line in world.manifest.read_text("utf-8").splitlines()[1:]]
    rows = {text[0]: text for text in texts}
    assert len(lines) == 6
    for name, _, heard_ms, kept_tokens, tokens, doubt, *_ in lines:
        target = model.tokenizer.encode(rows[name][4])
        waveform = read_audio(world.manifest.parent / rows[name][1])[: int(heard_ms) * 16]
        with torch.no_grad():
            features = model.features([waveform])
            logits, _ = model.teacher_forced(features, [model.prompt("en", "de")], [target])
        likely = logits[0].softmax(-1)[range(len(target)), target]
        below = (likely < 1 / 512).nonzero()[:, 0].tolist()
        assert int(tokens) == len(target)
        confident = target[: below[0]] if below else target
        assert int(kept_tokens) == whole_characters([model.tokenizer.token_bytes(one) for one in confident])
        if below:
            assert float(doubt) == pytest.approx(likely[below[0]].item(), rel=0.01)


def test_a_run_aligns_the_references_that_it_is_trained_on_next(world, adapters, tmp_path):
    """Without a labeller the attention of the training output itself says when words are spoken."""
    files = ["--model", str(adapters), "--manifest", str(world.manifest), "--output", str(tmp_path / "out")]
    assert augment([*files, "--targets", "de", "--count", "6", "--labels-from", "reference"]) == 0
    settings = json.loads((tmp_path / "out/settings.json").read_text())
    assert settings["labeller_weights"] == settings["weights"] and "step_" in settings["weights"]


@pytest.mark.parametrize(
    ("model", "trainer", "message"),
    [
        ({"start": "whisper"}, {}, "no audio-language model that is known here"),
        (
            {"precision": "bfloat16"},
            {"data_parallelism": "fsdp"},
            "weights in bfloat16 beside adapters in float32 cannot be divided",
        ),
    ],
)
def test_input_that_cannot_be_used_is_one_line(world, model, trainer, message, tmp_path):
    configuration = world.configuration(LORA)
    overrides = configuration["model"]["config_overrides"]
    overrides |= model
    overrides["start"] = str(world.folder / overrides["start"])
    configuration["trainer"] |= trainer
    done = train(RECIPE, tmp_path / "out", world.write("bad", configuration))
    assert done.returncode == 1 and message in done.stderr
    assert "Traceback" not in done.stderr
