"""SimulSA's augmentation and fine-tuning, and REINA's stage 3, on every family of audio-language models."""

import json
from types import SimpleNamespace

import pytest
import torch

from foundation.errors import InputError
from models.policy.scored_translator import ScoredTranslator
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.foundation.run_here import run_here
from tests.models.tiny_families import FAMILIES
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.train.launch import losses, trained
from tests.train.tiny_sft import batch_of
from tests.train.tiny_training import build
from train.commands import EXPORT
from train.data.examples import DataSection
from train.data.manifest import read_manifest
from train.policy.audio_language import TruncationSection, _collation
from train.policy.recipe import PolicyConfig, create
from train.recipes.lora import LoraSection
from train.simulsa_augment import main as augment
from train.simulsa_sft.data import section_reader
from train.simulsa_sft.model import AudioLanguageConfig
from train.simulsa_sft.model import create as create_sft

PAIR = {"languages": ["de", "en"], "source_languages": ["en"]}
WRITERS = {"qwen2_audio": write_tiny_qwen2_audio, **{name: family.write for name, family in FAMILIES.items()}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("world"))


@pytest.fixture(params=WRITERS)
def start(request, world):
    """A model folder of each family."""
    folder = world.folder / request.param
    return folder if folder.exists() else WRITERS[request.param](folder, translation=PAIR)


def test_augmentation_labels_cut_clips(start, world, tmp_path):
    options = ["--model", str(start), "--manifest", str(world.manifest), "--output", str(tmp_path / "out")]
    augment([*options, "--targets", "de", "--count", "4"])
    rows = read_manifest(tmp_path / "out" / "manifest.tsv", ["de"], needs_audio=True).rows
    assert 1 <= len(rows) <= 4 and all(row.heard_ms for row in rows)


def test_fine_tuning_learns_a_batch_through_its_adapters(start, world):
    torch.manual_seed(0)  # the adapters are drawn
    lora = LoraSection(rank=4)
    model = create_sft(AudioLanguageConfig(start=str(start), lora=lora))
    model.requires_grad_(True)  # as fairseq2 does
    model.freeze()
    model.model.adapter.requires_grad_(False)
    learned = [name for name, weight in model.named_parameters() if weight.requires_grad]
    adapted = [name for name in learned if "lora_" in name]
    assert adapted == learned, "all else is frozen, the head too"
    model.model.adapter.requires_grad_(True)
    assert adapted and all("language_model" in name or ".model." in name for name in adapted)
    batch = batch_of(world, model, world.manifest)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.02)
    found = []
    for _ in range(4):
        logits, targets = model(batch)
        loss = torch.nn.functional.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    assert found[-1] < found[0] - 0.2


def test_a_policy_learns_of_what_it_sees_when_it_runs(start, world):
    policy = create(PolicyConfig(translator=str(start), width=16, heads=2, dropout=0.0))
    model = policy.teacher.model
    pairs = section_reader(model)(DataSection(manifest=world.manifest, targets=["de"], limit=4))
    reader = SimpleNamespace(seed=0)
    cut = TruncationSection(cut_probability=1.0, chunk_ms=250)
    collation = _collation(SimpleNamespace(reader=reader), model, cut)
    speech = collation.batch(pairs, [], 0).speech
    lesson = policy.teacher.lesson(speech)

    translator = load_translator(str(start), TranslatorOptions())
    memory = translator.encode([clip.numpy() for clip in speech.audio.clips])
    texts = [[*pair.prompt, *pair.text.tolist()] for pair in pairs]
    _, output = translator.start(memory, texts)
    for row, length in enumerate(output.hidden_lengths.tolist()):
        assert torch.allclose(lesson.hidden[row, :length], output.hidden[row, :length], atol=1e-4)
        assert int(lesson.mask[row].sum()) == len(pairs[row].text) + 1  # and the end
        assert lesson.mask[row, length - 1] and not lesson.mask[row, length:].any()
    assert torch.allclose(lesson.heard_s, memory.heard_ms / 1000)
    whole = translator.encode([clip.numpy() for clip in speech.whole_audio.clips])
    _, everything = translator.start(whole, [texts[0]], [0])
    token = model.tokenizer.end_of_sequence
    last = int(output.hidden_lengths[0]) - 1
    # Tokens that are never generated have no share in a translator's probabilities.
    logits = [model.logits(one.hidden[0, last]) for one in (everything, output)]
    full, partial = (some.log_softmax(-1)[token] for some in logits)
    assert torch.allclose(lesson.goal[0, last], full - partial, atol=1e-3)

    optimizer = torch.optim.AdamW(policy.network.parameters(), lr=0.01)
    found = []
    for _ in range(5):
        loss = policy.loss(policy(lesson.hidden, lesson.heard_s), lesson)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    assert found[-1] < found[0]


def test_stage_3_runs_in_the_trainer_and_its_policy_loads(world, tmp_path):
    start = world.folder / "qwen2_audio_base"
    write_tiny_qwen2_audio(start, translation=PAIR)
    configuration = world.stage3(start)
    configuration["regime"] |= {"num_steps": 2}
    output = trained("train.stage3", tmp_path / "stage3", world.write("audio_language_stage3", configuration))
    assert len(losses(output)) == 2
    run_here(EXPORT, [str(output), str(tmp_path / "policy"), "--threshold", "0", "--base", str(start)])
    translator = load_translator(str(tmp_path / "policy"), TranslatorOptions())
    assert isinstance(translator, ScoredTranslator) and translator.hidden_width == 48
    with pytest.raises(InputError, match="an audio-language model is not copied: name it with --base"):
        run_here(EXPORT, [str(output), str(tmp_path / "copy"), "--threshold", "0"])
    assert json.loads((output / "policy.json").read_text())["base"] == str(start)


def test_what_a_policy_of_these_models_cannot_learn_from_is_refused(world):
    start = world.folder / "qwen2_audio_refusing"
    write_tiny_qwen2_audio(start, translation=PAIR)
    for option, message in (
        ({"trailing_silence_ms": 0}, "trailing_silence_ms is for Whisper and REINA"),
        ({"alignment_weight": 1.0}, "alignment_weight needs cross-attention"),
        ({"gain": "none"}, "gain must be one of"),
    ):
        with pytest.raises(InputError, match=message):
            create(PolicyConfig(translator=str(start), **option))
