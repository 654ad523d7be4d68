"""Sections of data: which of their rows and clips go together, and what their scores are called."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from foundation.errors import InputError
from models.whisper.front_end import WhisperFrontEnd
from train.data.batches import Collation, TruncationSection
from train.data.examples import DataSection, read_examples
from train.data.recipe_data import check_cuts, section_readers, train_reader
from train.translator.recipe import TranslationConfig


def examples(tokenizer, manifest, **section):
    section = {"task": "asr", **section}
    return read_examples(
        DataSection(manifest=manifest, **section), tokenizer, longest_tokens=448, longest_s=30.0
    )


def test_a_beginning_without_text_and_end_is_counted_and_one_with_an_end_is_learned(
    tmp_path, world, tokenizer
):
    manifest, clip = tmp_path / "manifest.tsv", world.manifest.parent / "11.wav"
    rows = [f"{name}\t{clip}\t1.7\t500\t{ends}\t" for name, ends in (("a", "no"), ("b", "yes"))]
    manifest.write_text("\n".join(["id\taudio\tseconds\theard_ms\tends\tde", *rows]) + "\n")
    # A sentence of Whisper's begins with a space, but one that is not there does not.
    read = examples(tokenizer, manifest, source="de")
    [pair] = read.pairs
    assert "/b/" in pair.id and pair.text.tolist() == []
    assert read.skipped == {"no text, and no end that is learned": 1}


def test_padding_to_multiples_ends_with_window_and_context(world, tokenizer):
    pairs = examples(tokenizer, world.manifest).pairs
    for multiples, shape in (((700, 100), (700, 100)), ((3500, 500), (3000, 448))):
        collation = Collation(
            tokenizer.end_of_sequence,
            WhisperFrontEnd(80),
            truncation=None,
            with_whole_audio=False,
            seed=0,
            frame_multiple=multiples[0],
            token_multiple=multiples[1],
            most_frames=3000,
            most_tokens=448,
        )
        speech = collation.batch(pairs, [], 0).speech
        assert (speech.audio.values.shape[2], speech.text.tokens.shape[1]) == shape


def test_clips_of_which_only_some_come_from_a_cache_are_refused(tmp_path):
    sections = [
        DataSection(manifest=tmp_path / "a.tsv", encoder_cache=tmp_path / "cache", targets=["de"]),
        DataSection(manifest=tmp_path / "texts.tsv", task="nmt", targets=["de"]),
        DataSection(manifest=tmp_path / "b.tsv", targets=["de"]),
    ]
    message = r"clips of .*a.tsv come from an encoder cache, and those of .*b.tsv do not"
    with pytest.raises(InputError, match=message):
        train_reader(None, TranslationConfig(train=sections), None, frozen_encoder=True)


@pytest.mark.parametrize(
    ("versions", "truncation", "whole", "heard", "refused"),
    [
        (1, TruncationSection(), False, None, True),
        (1, TruncationSection(), False, 800, False),  # a beginning, which stage 2 does not cut again
        (1, TruncationSection(), True, 800, True),  # but stage 3 does
        (2, TruncationSection(), True, None, False),
        (1, TruncationSection(cut_probability=0.0), False, None, False),
        (1, None, False, None, False),
    ],
)
def test_a_cache_of_whole_clips_is_refused_where_they_are_to_be_cut(
    tmp_path, versions, truncation, whole, heard, refused
):
    section = DataSection(manifest=tmp_path / "a.tsv", encoder_cache=tmp_path / "cache", targets=["de"])
    collation = Collation(0, WhisperFrontEnd(80), truncation, whole, seed=0)
    pair = SimpleNamespace(cached=SimpleNamespace(versions=[None] * versions), heard_samples=heard)
    message = "a.tsv are to be cut, and .*cache holds whole ones"
    with pytest.raises(InputError, match=message) if refused else nullcontext():
        check_cuts(section, [pair], collation)


def test_each_validation_set_has_a_name_of_its_own(world, tokenizer):
    sections = [
        DataSection(manifest=world.manifest, task="asr", source=source, limit=1)
        for source in ("en", "de", "de", "de")
    ]
    context = SimpleNamespace(gangs=SimpleNamespace(dp=SimpleNamespace(rank=0, size=1)))
    readers = section_readers(
        context,
        TranslationConfig(validation=sections),
        lambda section: read_examples(section, tokenizer, 448, 30.0).pairs,
        None,
    )
    plain = "spoken-asr"
    assert [name for name, _, _ in readers] == [
        plain,
        f"{plain}-de",
        f"{plain}-de-manifest",
        f"{plain}-de-manifest-2",
    ]
