"""What a step of each training computes, on another device than the one that the numbers of Python are on."""

import pytest
import torch
from fairseq2.metrics import MetricBag
from torch import nn

from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.whisper.front_end import WhisperFrontEnd
from tests.models.tiny_reina import LANGUAGES, tiny_reina, write_tiny_pieces, write_tiny_reina
from tests.pretended_device import pretended_device
from tests.train.tiny_sft import LORA, batch_of, build_sft, in_training
from train.data.batches import Collation, TruncationSection
from train.data.examples import DataSection, read_examples
from train.policy.recipe import PolicyConfig, create
from train.policy.unit import CORRELATION, PolicyEvalUnit, PolicyUnit
from train.recipes.start_model import StartModel
from train.simulsa_augment.speculator import Speculator
from train.simulsa_sft.unit import SftEvalUnit, SftUnit
from train.translator.model import MultitaskTranslator
from train.translator.unit import TranslationEvalUnit, TranslationUnit

CPU = torch.device("cpu")
# Everything but chance: dropout and random cuts would differ.
ALL_CUT = TruncationSection(cut_probability=1.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_tiny_reina(folder / "reina", seed=5)
    return build_sft(folder)


def step(unit, module: nn.Module, batch, device: torch.device) -> tuple[float, list[list[float]]]:
    """The loss of a training step, and the gradients of all weights."""
    metrics = MetricBag(device)
    unit.prepare_metric_bag(metrics)
    loss, _ = unit.process_batch(batch, metrics)
    loss.backward()
    assert loss.device == device
    weights = [weight for weight in module.parameters() if weight.grad is not None]
    assert weights and all(weight.grad.device == device for weight in weights)
    return loss.item(), [weight.grad.flatten().tolist() for weight in weights]


def scores(unit, batch, device: torch.device) -> dict[str, float]:
    """What a validation step measures."""
    metrics = MetricBag(device)
    unit.prepare_metric_bag(metrics)
    with torch.no_grad():
        unit.process_batch(batch, metrics)
    return {name: float(metric.compute()) for name, metric in metrics.metrics.items()}


def check(compute) -> None:
    """compute(device) gives a loss with gradients, and scores."""
    (loss, gradients), measured = compute(CPU)
    with pretended_device() as name:
        (loss_there, gradients_there), measured_there = compute(torch.device(name))
    assert loss_there == pytest.approx(loss, rel=1e-4)
    assert len(gradients_there) == len(gradients)
    for there, here in zip(gradients_there, gradients, strict=True):
        assert there == pytest.approx(here, rel=1e-2, abs=1e-4 * max(map(abs, here)) + 1e-6)
    assert measured_there == pytest.approx(measured, rel=1e-3)


def speech_and_text(world, tokenizer, whole=False, with_text=False):
    """A batch of speech, and of text if asked for."""
    collation = Collation(tokenizer.end_of_sequence, WhisperFrontEnd(80), ALL_CUT, whole, seed=0)
    sections = [DataSection(manifest=world.manifest, task=task, targets=["de"]) for task in ("s2tt", "nmt")]
    speech, texts = (
        read_examples(section, tokenizer, longest_tokens=120, longest_s=30.0).pairs for section in sections
    )
    return collation.batch(speech, texts if with_text else [], epoch=0)


def test_stages_1_and_2(world, tmp_path):
    tokenizer = SentencePieceTokenizer(write_tiny_pieces(tmp_path / "m.model"), LANGUAGES, ["en"])
    references = {one: "eine Katze" for one in speech_and_text(world, tokenizer).ids}

    def compute(device):
        model = MultitaskTranslator(StartModel(tiny_reina(), tokenizer), freeze_encoder=False).to(device)
        batch, spoken = (speech_and_text(world, tokenizer, with_text=text) for text in (True, False))
        batch.to(device)
        spoken.to(device)
        trained = step(TranslationUnit(model, 0.1), model, batch, device)
        return trained, scores(TranslationEvalUnit(model, "val", references), spoken, device)

    check(compute)


@pytest.mark.parametrize(
    "settings",
    [
        {"hears_duration": True},
        {"score": "probability", "alignment_weight": 1.0},
        {"gain": "jensen-shannon"},
        {"objective": "divergence"},
    ],
    ids=["tan", "san", "jensen-shannon", "digsst"],
)
def test_stage_3(settings, world):
    def compute(device):
        torch.manual_seed(0)
        config = PolicyConfig(
            translator=str(world.folder / "reina"), width=16, heads=2, dropout=0.0, **settings
        )
        policy = create(config)
        policy.to(device)
        policy.teacher.to(device)
        batch = speech_and_text(world, policy.teacher.start.tokenizer, whole=True)
        batch.to(device)
        trained = step(PolicyUnit(policy, policy.teacher, policy.loss), policy, batch, device)
        measured = scores(PolicyEvalUnit(policy, policy.loss, "val"), batch, device)
        assert -1 <= measured[CORRELATION] <= 1
        return trained, measured

    check(compute)


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_fine_tuning_of_an_audio_language_model(lora, world):
    def compute(device):
        torch.manual_seed(0)
        training = in_training(world, lora=lora).to(device)
        batch = batch_of(world, training, world.augmented)
        batch.to(device)
        trained = step(SftUnit(training, 0.0), training, batch, device)
        references = dict.fromkeys(batch.ids, "eine Katze")
        return trained, scores(SftEvalUnit(training, "val", references), batch, device)

    check(compute)


def test_self_augmentation(world):
    def compute(device):
        model = in_training(world).to(device).model
        batch = batch_of(world, in_training(world), world.manifest)
        speculator = Speculator(model, "tiny", "en", ["de"])
        texts = [target[:-1] for target in batch.targets]
        return speculator.probabilities(batch.waveforms, ["de"] * len(texts), texts)

    expected = compute(CPU)
    with pretended_device() as name:
        found = compute(torch.device(name))
    for there, here in zip(found, expected, strict=True):
        assert there == pytest.approx(here, rel=1e-3)
