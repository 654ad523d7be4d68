"""Each family of audio-language models against transformers, chunk by chunk, and from damaged folders."""

import json
import shutil

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.family_reference import Reference
from tests.models.tiny_families import FAMILIES

# Within a block, a whole one less some samples, several, and ends that fill no frame.
SAMPLES = (9_000, 16_160, 32_077, 63_950)
BLOCKS_AT_LEAST = 400  # feature frames: of blocks that no stream here finishes
COMMITTED = ([], [105], [106, 170, 180], [190, 200])


def noise(samples, seed=0):
    """Louder towards the end, so that the floor of quiet features rises."""
    loudness = np.linspace(0.001, 0.3, samples)
    return (np.random.default_rng(seed).normal(0, 1, samples) * loudness).astype(np.float32)


WAVEFORMS = [noise(samples, seed) for seed, samples in enumerate(SAMPLES)]


class Tiny:
    """One family's folder, our translator and transformers' model."""

    def __init__(self, name, folder):
        self.family = FAMILIES[name]
        self.folder = self.family.write(folder, end_scale=2.0)
        self.translator = load(self.folder)
        self.model = self.translator.model
        self.tokenizer = self.translator.tokenizer
        self.prompt = self.tokenizer.prompt("en", "de")
        self.reference = Reference(self.family, self.folder, self.tokenizer)

    def inputs(self, waveform, prefix):
        frames = int(self.translator.encode([waveform]).lengths[0])
        return self.reference.inputs(waveform, prefix, frames)


@pytest.fixture(scope="module", params=FAMILIES)
def tiny(request, tmp_path_factory):
    return Tiny(request.param, tmp_path_factory.mktemp("models") / request.param)


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def test_greedy_search_writes_what_transformers_generates(tiny):
    requests = [StreamRequest(tiny.prompt, text, True, 12, character_units=True) for text in COMMITTED]
    search = StreamingSearch(tiny.translator, SearchOptions(beam=1, patience=0.5, blocked_ngram=0))
    found = search.find(tiny.translator.encode(WAVEFORMS), requests)
    expected = [
        tiny.reference.generate(tiny.inputs(waveform, [*tiny.prompt, *text]), 12)
        for waveform, text in zip(WAVEFORMS, COMMITTED, strict=True)
    ]
    assert [list(hypothesis.tokens) for hypothesis in found] == expected


@torch.no_grad()
def test_teacher_forced_logits_are_those_of_transformers(tiny):
    prompts = [tiny.model.prompt("en", language) for language in ("de", "fr", "es", "de")]
    targets = [[105, 106, 107], [108], [109, 110, 111, 112], [101, 102]]
    logits, real = tiny.model.teacher_forced(tiny.model.features(WAVEFORMS), prompts, targets)
    for row, (waveform, prompt, target) in enumerate(zip(WAVEFORMS, prompts, targets, strict=True)):
        prefix = [*tiny.tokenizer.in_one_piece(prompt), *target[:-1]]
        expected = tiny.reference.logits(tiny.inputs(waveform, prefix))[-len(target) :]
        assert int(real[row].sum()) == len(target)
        assert torch.allclose(logits[row, : len(target)], expected, atol=1e-4)


@pytest.mark.parametrize(
    "options, heads",
    [
        ({}, [(2, head) for head in range(4)]),
        ({"attention_layer": 2, "attention_heads": (2, 4)}, [(1, 1), (1, 3)]),
    ],
)
def test_attention_over_the_audio_is_that_of_transformers(tiny, options, heads):
    translator = load(tiny.folder, **options)
    prefix = [*tiny.prompt, 106, 170]
    _, output = translator.start(translator.encode(WAVEFORMS[2:3]), [prefix], with_attention=True)
    expected = tiny.reference.attention(tiny.inputs(WAVEFORMS[2], prefix), heads)
    assert torch.allclose(output.attention[0], expected, atol=1e-5)


def test_chunk_by_chunk_equals_all_at_once(tiny):
    """Streams out of step: what is kept of each, encoded or read, is what recomputation gives."""
    streams = [tiny.translator.open_stream() for _ in WAVEFORMS[2:]]
    kept = 0
    for end in range(5_000, 64_000 + 5_000, 5_000):
        for stream, waveform in zip(streams, WAVEFORMS[2:], strict=True):
            stream.append(waveform[end - 5_000 : end])
        memory = tiny.translator.encode_streams(streams)
        kept = max([kept, *(one.count for one in memory.final or ())])
        prefixes = [[*tiny.prompt, 105], tiny.prompt]
        _, output = tiny.translator.start(memory, prefixes, with_attention=True)
        whole = tiny.translator.encode([waveform[:end] for waveform in WAVEFORMS[2:]])
        assert torch.equal(memory.lengths, whole.lengths) and torch.equal(
            memory.heard_frames, whole.heard_frames
        )
        for row, length in enumerate(memory.lengths.tolist()):
            assert torch.allclose(memory.frames[row, :length], whole.frames[row, :length], atol=1e-5)
        _, expected = tiny.translator.start(whole, prefixes, with_attention=True)
        finite = torch.isfinite(expected.log_probabilities)
        difference = (output.log_probabilities - expected.log_probabilities)[finite].abs()
        assert difference.max() < 1e-4
        assert torch.allclose(output.attention, expected.attention, atol=1e-5)
    assert kept > 0 or getattr(tiny.model, "block_frames", BLOCKS_AT_LEAST) >= BLOCKS_AT_LEAST


def test_half_precision_stays_close(tiny):
    half = load(tiny.folder, precision="bfloat16")
    full, rounded = (
        one.start(one.encode(WAVEFORMS[:2]), [tiny.prompt] * 2)[1].log_probabilities
        for one in (tiny.translator, half)
    )
    finite = torch.isfinite(full)
    assert (full - rounded)[finite].abs().mean() < 0.2


def test_a_stream_that_forgot_audio_is_a_fresh_one(tiny):
    stream = tiny.translator.open_stream()
    stream.append(WAVEFORMS[3])
    tiny.translator.encode_streams([stream])
    dropped = round(stream.drop_before(1_200) * 16)
    memory = tiny.translator.encode_streams([stream])
    fresh = tiny.translator.encode([WAVEFORMS[3][dropped:]])
    assert dropped > 16_000 and torch.allclose(memory.frames, fresh.frames, atol=1e-5)
    _, output = tiny.translator.start(memory, [tiny.prompt])
    _, expected = tiny.translator.start(fresh, [tiny.prompt])
    assert torch.allclose(output.log_probabilities, expected.log_probabilities, atol=1e-4)


def test_saved_folder_loads_here_and_in_transformers(tiny, tmp_path):
    tiny.model.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert again.tokenizer.prompt("en", "de") == tiny.prompt
    for name, weight in again.model.network.state_dict().items():
        assert torch.equal(weight, tiny.model.network.state_dict()[name]), name
    Reference(tiny.family, tmp_path / "saved", again.tokenizer)


def test_audio_beyond_the_window_is_refused_in_one_line(tiny):
    stream = tiny.translator.open_stream()
    stream.append(np.zeros(round(16 * tiny.translator.maximum_audio_ms) + 1600, np.float32))
    with pytest.raises(InputError, match="is longer than the model's window of .* s: split it"):
        tiny.translator.encode_streams([stream])


def test_damaged_folders_are_refused_in_one_line(tiny, tmp_path):
    copy = shutil.copytree(tiny.folder, tmp_path / "copy")
    (copy / "vocab.json").unlink(missing_ok=True)  # which would do, with merges.txt
    for name in ("config.json", tiny.tokenizer.file.name, *type(tiny.model).needed_files):
        content = (copy / name).read_bytes()
        (copy / name).unlink()
        if name != "config.json":
            with pytest.raises(InputError, match=f"lacks {name}: copy the whole folder"):
                load(copy)
        (copy / name).write_bytes(content)
    config = json.loads((copy / "config.json").read_text())
    tiny.model.network.save_pretrained(copy, max_shard_size="100KB")
    shards = sorted(copy.glob("model-*.safetensors"))
    assert len(shards) > 1
    (copy / "model.safetensors").unlink(missing_ok=True)
    shards[-1].unlink()
    with pytest.raises(InputError, match="holds no usable .*: download it again") as refused:
        load(copy)
    assert "\n" not in str(refused.value)
    (copy / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(InputError, match="'bert' model"):
        load(copy)


@pytest.mark.parametrize(
    "name, pair, message",
    [("voxtral", ("en", "zh"), "language 'zh' is not known to this model. It knows en, es")],
)
def test_pairs_that_a_family_lacks_are_refused_in_one_line(name, pair, message, tmp_path):
    translator = load(FAMILIES[name].write(tmp_path / name))
    with pytest.raises(InputError, match=message):
        translator.tokenizer.prompt(*pair)


def test_a_transformers_that_is_too_new_is_told_in_one_line(tiny, monkeypatch):
    if tiny.model.newest_transformers is None:
        pytest.skip("it runs on all")
    monkeypatch.setattr("models.audio_language.hub_model.version", lambda _: "5.24.0")
    with pytest.raises(InputError, match=r"runs on transformers 4, and 5.24.0 is installed: pip install"):
        load(tiny.folder)
