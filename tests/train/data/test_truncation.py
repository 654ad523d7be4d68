"""How much of each clip is heard in training."""

from dataclasses import replace

import torch

from models.whisper.front_end import WhisperFrontEnd
from tests.train.tiny_training import build
from train.data.batches import Collation, TruncationSection
from train.data.examples import DataSection, read_examples
from train.data.truncation import truncated_samples
from train.recipes.start_model import open_model

SECOND = 16_000


def heard(samples, count=20_000, **options):
    generator = torch.Generator().manual_seed(0)
    return truncated_samples(torch.full((count,), samples), generator, **options)


def test_four_of_five_clips_are_cut_after_whole_chunks_each_equally_likely():
    lengths = heard(2 * SECOND + 700)
    quarters = torch.arange(1, 9) * 4000
    whole = lengths == 2 * SECOND + 700
    # Nine chunks, the last of them incomplete: a cut there keeps the whole clip.
    assert abs(float(whole.float().mean()) - (0.2 + 0.8 / 9)) < 0.01
    for quarter in quarters:
        assert abs(float((lengths == quarter).float().mean()) - 0.8 / 9) < 0.01
    assert set(lengths[~whole].tolist()) == set(quarters.tolist())


def test_nothing_is_cut_where_nothing_shall_be():
    assert (heard(5 * SECOND, 100, cut_probability=0.0) == 5 * SECOND).all()


def test_a_clip_of_less_than_a_chunk_stays_whole():
    assert (heard(300, 100) == 300).all() and (heard(1, 100) == 1).all()


def test_the_same_seed_cuts_the_same():
    assert torch.equal(heard(5 * SECOND, 50), heard(5 * SECOND, 50))


def test_the_beginning_of_a_clip_is_cut_further_for_a_policy_alone(tmp_path):
    """Its text is of what is heard of it; a policy compares what is heard with less of it."""
    world = build(tmp_path)
    tokenizer = open_model(world.whisper).tokenizer
    section = DataSection(manifest=world.manifest, task="asr")
    pairs = read_examples(section, tokenizer, longest_tokens=120, longest_s=30.0).pairs[:3]
    pairs = [replace(pair, heard_samples=SECOND // 2) for pair in pairs]
    always = TruncationSection(cut_probability=1.0)
    for whole, expected in ((False, [[50] * 3] * 2), (True, [[50, 25, 25], [50, 50, 50]])):
        collation = Collation(tokenizer.end_of_sequence, WhisperFrontEnd(80), always, whole, seed=0)
        heard = [collation.batch(pairs, [], epoch).speech.audio.lengths.tolist() for epoch in (0, 1)]
        assert heard == expected
