"""Silence behind clips that stay whole, which keeps a Whisper used to its window."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from foundation.errors import InputError
from models.sound.audio import read_audio
from models.sound.log_mel import log_mel_spectrogram
from models.whisper.front_end import WhisperFrontEnd
from train.data.batches import Collation, TruncationSection
from train.data.examples import DataSection, read_examples


def examples(world, tokenizer, **section):
    section = {"manifest": world.manifest, "task": "asr"} | section
    return read_examples(DataSection(**section), tokenizer, longest_tokens=120, longest_s=30.0).pairs


def heard(tokenizer, pairs, truncation=None):
    """(B, mels, F) features and their lengths."""
    audio = (
        Collation(tokenizer.end_of_sequence, WhisperFrontEnd(80), truncation, False, seed=0, most_frames=3000)
        .batch(pairs, [], 0)
        .speech.audio
    )
    return audio.values, audio.lengths.tolist()


def test_silence_is_heard_behind_whole_clips_alone(world, tokenizer):
    """As far as the window of 30 s reaches: the last two clips have 1.6 and 1.7 s."""
    pairs = examples(world, tokenizer, trailing_silence_ms=29_000)[-2:]
    assert [pair.silence_ms for pair in pairs] == [28_400, 28_300]
    assert [pair.seconds for pair in pairs] == pytest.approx([30.0, 30.0])
    features, lengths = heard(tokenizer, pairs)
    assert lengths == [3000, 3000]
    for pair, values in zip(pairs, features, strict=True):
        clip = torch.from_numpy(read_audio(pair.clip))
        assert torch.equal(values, log_mel_spectrogram(clip, 80, 3000))
    assert max(heard(tokenizer, pairs, TruncationSection(cut_probability=1.0))[1]) < 170


def test_clips_without_it_are_heard_as_they_are(world, tokenizer):
    pairs = examples(world, tokenizer)[:1]
    clip = torch.from_numpy(read_audio(pairs[0].clip))
    assert torch.equal(heard(tokenizer, pairs)[0][0], log_mel_spectrogram(clip, 80))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"trailing_silence_ms": 40_000}, "trailing_silence_ms must be from 0 to 30000, got 40000"),
        ({"trailing_silence_ms": 500, "encoder_cache": Path("x")}, "is for clips that are heard"),
        ({"trailing_silence_ms": 500, "task": "nmt", "targets": ["de"]}, "is for clips that are heard"),
    ],
)
def test_silence_that_makes_no_sense_is_refused(world, tokenizer, section, message):
    with pytest.raises(InputError, match=message):
        examples(world, tokenizer, **section)


def odd_clip(world, samples, seconds):
    """A manifest of one clip of so many samples, of which it says a rounded, or a wrong, length."""
    soundfile.write(world.folder / f"{samples}.wav", np.full(samples, 0.1), 16_000)
    manifest = world.folder / f"{samples}.tsv"
    manifest.write_text(f"id\taudio\tseconds\ten\nodd\t{samples}.wav\t{seconds}\thello\n", encoding="utf-8")
    return manifest


def test_silence_never_reaches_beyond_the_window(world, tokenizer):
    """A sample more than 2 s begins another frame of features, and lengths are written in whole ms."""
    pairs = examples(world, tokenizer, manifest=odd_clip(world, 32_001, "2.000"), trailing_silence_ms=30_000)
    assert heard(tokenizer, pairs)[1] == [3000]


def test_a_clip_longer_than_its_manifest_says_is_named_where_no_window_holds_it(world, tokenizer):
    pairs = examples(world, tokenizer, manifest=odd_clip(world, 480_161, "2.000"))
    with pytest.raises(
        InputError, match=r"480161.wav is 30.01 s long, longer than its manifest says .* 30 s"
    ):
        heard(tokenizer, pairs)
