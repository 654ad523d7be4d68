"""What a policy learns from is what the model hears when it runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from foundation.errors import InputError
from models.registry import load_translator
from models.sound.audio import read_audio
from models.translator import TranslatorOptions
from models.whisper.hearing import PLAIN, Hearing
from models.whisper.network import FRAME_MS
from tests.foundation.run_here import run_here
from tests.models.tiny_whisper import write_tiny_whisper
from train.commands import PREPARE
from train.data.batches import Collation, TruncationSection
from train.data.encoder_cache import EncoderCache, FrozenEncoder
from train.data.examples import DataSection, read_examples
from train.data.streamed import TrainingHearing
from train.policy.model import Teacher
from train.policy.two_passes import two_passes
from train.recipes.start_model import open_model

THINNED = Hearing(30_000, 1_000, 4, 3_000.0)
CHUNK = 4_000  # samples


@pytest.fixture(scope="module")
def whisper(tmp_path_factory) -> Path:
    return write_tiny_whisper(tmp_path_factory.mktemp("whisper"), layers=1)


@pytest.fixture(scope="module")
def cached(whisper, tmp_path_factory, speech) -> tuple[Path, Path]:
    """A manifest of one clip of 8 s, in which frames are frozen, and the cache of its encoder's outputs."""
    folder = tmp_path_factory.mktemp("data")
    soundfile.write(folder / "a.wav", speech, 16_000)
    seconds = len(speech) / 16_000
    (folder / "manifest.tsv").write_text(f"id\taudio\tseconds\ten\na\ta.wav\t{seconds:.3f}\tthe cat\n")
    words = ["--manifest", folder / "manifest.tsv", "--whisper", whisper, "--truncations", 3, "--jobs", 1]
    hearing = ["--trailing-silence-ms", 30_000, "--silence-stride", 4, "--frozen-after-s", 3]
    run_here(PREPARE["encode"], list(map(str, [*words, *hearing, "--output", folder / "cache"])))
    return folder / "manifest.tsv", folder / "cache"


def test_cached_frames_are_those_of_the_running_encoder(whisper, cached):
    """A stream that decides every 250 ms meets each cut of the clip on its way."""
    manifest, cache = cached
    translator = load_translator(str(whisper), TranslatorOptions())
    assert translator.hearing == THINNED
    audio = read_audio(manifest.parent / "a.wav")
    clip = EncoderCache(cache)["a"]
    heard = TrainingHearing.of(THINNED, translator.model.dimensions)
    stream, found = translator.open_stream(), {}
    for start in range(0, len(audio), CHUNK):
        stream.append(audio[start : start + CHUNK])
        memory = translator.encode_streams([stream])
        found[min(start + CHUNK, len(audio))] = (memory.frames[0].clone(), memory)
    assert max(version.heard_samples for version in clip.versions) == len(audio)
    for number, version in enumerate(clip.versions):
        frames, memory = found[version.heard_samples]
        stored = torch.from_numpy(np.array(clip.frames_of(number))).float()
        assert stored.shape == frames.shape
        assert torch.allclose(stored, frames, atol=5e-3)
        assert torch.equal(heard.log_counts([version.heard_samples]), memory.log_counts)


def test_a_teacher_hears_the_same_from_cache_and_clip(whisper, cached):
    """And its logits are those of the runtime's decoder on the runtime's memory."""
    manifest, cache = cached
    start = open_model(whisper)
    teacher = Teacher(start, "gain", "reference", aligns=True, hearing=THINNED)
    encoder = FrozenEncoder(32, FRAME_MS, start.model.encoder, THINNED)
    batches = []
    for folder in (cache, None):
        section = DataSection(manifest=manifest, task="asr", encoder_cache=folder)
        [pair] = read_examples(section, start.tokenizer, 400, 30.0, encoder).pairs
        heard = TrainingHearing.of(THINNED, start.model.dimensions)
        cut = TruncationSection(cut_probability=1.0)
        collation = Collation(
            start.tokenizer.end_of_sequence, start.model.front_end, cut, True, seed=0, heard=heard
        )
        batches.append(collation.batch([pair], [], 0).speech)
    from_cache, from_clip = (teacher.listen(batch.whole_audio) for batch in batches)
    assert torch.equal(batches[0].whole_audio.heard_s, batches[1].whole_audio.heard_s)
    assert torch.allclose(from_cache.frames, from_clip.frames, atol=5e-3)
    assert torch.equal(from_cache.log_counts, from_clip.log_counts)

    tokens = batches[0].text.tokens
    passes = two_passes(start.model.eval(), from_clip, from_clip, tokens)
    translator = load_translator(str(whisper), TranslatorOptions())
    stream = translator.open_stream()
    stream.append(read_audio(manifest.parent / "a.wav"))
    _, output = translator.start(translator.encode_streams([stream]), tokens.tolist())
    told = output.log_probabilities[0].isfinite()
    expected = passes.full_logits[0, -1].log_softmax(-1)[told]
    assert torch.allclose(
        expected.log_softmax(-1), output.log_probabilities[0][told].log_softmax(-1), atol=1e-3
    )
    assert teacher.lesson(batches[0]).spoken_s is not None


def test_a_whole_clip_gains_nothing_under_any_hearing(whisper, cached):
    manifest, cache = cached
    start = open_model(whisper)
    teacher = Teacher(start, "gain", "reference", aligns=False, hearing=THINNED)
    encoder = FrozenEncoder(32, FRAME_MS, start.model.encoder, THINNED)
    section = DataSection(manifest=manifest, task="s2tt", targets=["en"], encoder_cache=cache)
    [pair] = read_examples(section, start.tokenizer, 400, 30.0, encoder).pairs
    heard = TrainingHearing.of(THINNED, start.model.dimensions)
    for share, gains in ((0.0, False), (1.0, True)):
        cut = TruncationSection(cut_probability=share)
        collation = Collation(
            start.tokenizer.end_of_sequence, start.model.front_end, cut, True, seed=0, heard=heard
        )
        lesson = teacher.lesson(collation.batch([pair], [], 0).speech)
        assert (lesson.goal[lesson.mask].abs().max() > 1e-5) == gains


@pytest.mark.parametrize("other", [PLAIN, Hearing(0, frozen_after_ms=3000.0), replace(THINNED, dense_ms=500)])
def test_a_cache_that_was_heard_otherwise_is_refused(whisper, cached, other):
    encoder = FrozenEncoder(32, FRAME_MS, open_model(whisper).model.encoder, other)
    with pytest.raises(InputError, match="holds frames heard with silence_ms 30000, dense_ms 1000") as caught:
        EncoderCache(cached[1], encoder)
    assert "\n" not in str(caught.value)


def test_hearings_that_hear_alike_are_described_alike():
    assert replace(PLAIN, silence_stride=8, dense_ms=500).described() == PLAIN.described()
    assert Hearing(500, dense_ms=100).described() == Hearing(500).described()
    assert Hearing(500, silence_stride=8).described() != Hearing(500).described()
