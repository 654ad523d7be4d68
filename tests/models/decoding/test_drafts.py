"""Drafts change nothing but the time, whatever they say."""

import random

import numpy as np
import pytest
import torch

from models.decoding.beams import grouped_in_place
from models.decoding.drafts import DraftedRows
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.policy.folder import StoredPolicy, save_policy
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import tiny_policy, write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

FIELDS = ("log_probabilities", "hidden", "attention", "policy_score")


@pytest.fixture(scope="module", params=["whisper", "reina", "qwen2_audio"])
def translator(request, tmp_path_factory):
    """A tiny model of each kind; the first two have a policy that hears durations."""
    folder = tmp_path_factory.mktemp("models") / request.param
    if request.param == "qwen2_audio":
        write_tiny_qwen2_audio(folder)
    elif request.param == "reina":
        write_tiny_reina(folder, threshold=0.0, hears_duration=True)
    else:
        write_tiny_whisper(folder)
        save_policy(folder, StoredPolicy(tiny_policy(hears_duration=True), 0.0, None), torch.float32)
    return load_translator(str(folder), TranslatorOptions())


@pytest.fixture(scope="module")
def memory(translator):
    chance = np.random.default_rng(1)
    return translator.encode(
        [chance.normal(0, 0.1, round(16_000 * seconds)).astype(np.float32) for seconds in (1.7, 0.6, 1.1)]
    )


def searched(translator, memory, requests, drafts, **options):
    """What a search finds, and all that it showed of its steps; some rows READ in mid draft."""
    seen = {}

    def read(step):
        for row, stream in enumerate(step.streams.tolist()):
            key = stream, *step.tokens[row].tolist()
            seen[key] = [
                getattr(step, name)[row].clone() for name in FIELDS if getattr(step, name) is not None
            ]
        reads = [sum(tokens) % 11 == 0 and len(tokens) > 2 for tokens in step.tokens.tolist()]
        return torch.tensor(reads)

    search = StreamingSearch(translator, SearchOptions(drafts=drafts, **options))
    return search.find(memory, requests, read, with_attention=True), seen


def assert_drafts_change_nothing(translator, memory, requests, **options):
    plain, seen = searched(translator, memory, requests, False, **options)
    found, seen_too = searched(translator, memory, requests, True, **options)
    for one, other in zip(plain, found, strict=True):
        assert (one.tokens, one.next_token) == (other.tokens, other.next_token)
        assert one.average_log_probability == pytest.approx(other.average_log_probability, abs=1e-4)
    assert seen.keys() == seen_too.keys()
    for key, values in seen.items():
        for value, other in zip(values, seen_too[key], strict=True):
            torch.testing.assert_close(value, other, atol=1e-4, rtol=1e-4)
    return plain


def request_of(translator, heard, committed=(), draft=(), limit=14, finished=False):
    prompt = translator.tokenizer.prompt("en", "en")
    return StreamRequest(prompt, list(committed), finished, limit, listens_to=heard, draft=draft)


def damaged(chance, tokens, end):
    """A draft that is right up to some place, and then wrong, longer, shorter, or at the sequence's end."""
    tokens, place = list(tokens), chance.randrange(len(tokens) + 1)
    kind = chance.randrange(6)
    if kind == 0:
        return tokens
    if kind == 1:
        return tokens[:place]
    if kind == 2:
        return [*tokens[:place], end, *tokens[place:]]
    if kind == 3:
        return [*tokens, *chance.choices(range(3, 200), k=40)]
    if kind == 4:
        return [*tokens[:place], chance.randrange(3, 200), *tokens[place + 1 :]]
    return chance.choices(range(3, 200), k=place)


@pytest.mark.parametrize("seed", range(4))
def test_wrong_short_long_and_ended_drafts_change_nothing(translator, memory, seed):
    """Eight rows over three memories part from their drafts at different steps; some share text or audio."""
    chance = random.Random(seed)
    texts = [(0, []), (1, [5, 9]), (2, [7]), (0, [5, 9]), (0, [5, 9, 7]), (1, [5, 9]), (2, []), (0, [])]
    requests = [request_of(translator, heard, text, finished=chance.random() < 0.3) for heard, text in texts]
    for blocked in (0, 2):
        options = {"blocked_ngram": blocked, "repeated_phrase": 3 if blocked else 0}
        plain, _ = searched(translator, memory, requests, False, **options)
        end = translator.tokenizer.end_of_sequence
        drafted = [
            request_of(translator, heard, text, damaged(chance, one.tokens, end), 14, request.audio_finished)
            for (heard, text), one, request in zip(texts, plain, requests, strict=True)
        ]
        assert_drafts_change_nothing(translator, memory, drafted, **options)


def test_a_wide_beam_needs_no_draft(translator, memory):
    drafted = [request_of(translator, at, [], [5, 6, 7]) for at in range(3)]
    assert_drafts_change_nothing(translator, memory, drafted, beam=3, patience=2.0)


def test_a_draft_that_comes_true_saves_all_steps(translator, memory, monkeypatch):
    requests = [request_of(translator, at, [5]) for at in (0, 2)]
    plain, _ = searched(translator, memory, requests, False)
    steps, step = [], type(translator).step
    monkeypatch.setattr(type(translator), "step", lambda *given: steps.append(1) or step(*given))
    drafted = [request_of(translator, at, [5], one.tokens) for at, one in zip((0, 2), plain, strict=True)]
    found, _ = searched(translator, memory, drafted, True)
    assert [one.tokens for one in found] == [one.tokens for one in plain]
    assert not steps
    searched(translator, memory, drafted, False)
    assert len(steps) >= max(len(one.tokens) for one in plain)


@torch.inference_mode()
def test_rows_that_are_repeated_reordered_and_dropped_stay_right(translator, memory):
    """As a wide beam might: each answer is that of its whole text."""
    chance = random.Random(5)
    prompt = tuple(translator.tokenizer.prompt("en", "en"))
    for _ in range(6):
        rows = [(at, [*prompt, *chance.choices(range(5, 100), k=at)]) for at in (0, 1, 2, 0)]
        drafts = [chance.choices(range(5, 100), k=length) for length in (6, 3, 0, 5)]
        drafted = DraftedRows(
            translator, memory, [text for _, text in rows], [at for at, _ in rows], True, drafts
        )
        expected = [[*text, *draft] for (_, text), draft in zip(rows, drafts, strict=True)]
        for _ in range(7):
            for row, (heard, text) in enumerate(rows):
                _, whole = translator.start(memory, [text], [heard], True)
                for name in ("log_probabilities", "attention", "policy_score"):
                    ours = getattr(drafted.output, name)
                    if ours is not None:
                        theirs = getattr(whole, name)[0]
                        torch.testing.assert_close(ours[row], theirs, atol=1e-4, rtol=1e-4)
                hidden = drafted.output.hidden[row, drafted.output.hidden_lengths[row] - 1]
                last = whole.hidden[0, whole.hidden_lengths[0] - 1]
                torch.testing.assert_close(hidden, last, atol=1e-4, rtol=1e-4)
            chosen = chance.choices(range(len(rows)), k=chance.randrange(1, 6))
            drafted.select(torch.tensor(chosen))
            rows, expected = [rows[at] for at in chosen], [expected[at] for at in chosen]
            tokens = [
                (one[len(text)] if len(one) > len(text) else 9) if chance.random() < 0.8 else 8
                for one, (_, text) in zip(expected, rows, strict=True)
            ]
            drafted.step(torch.tensor(tokens))
            rows = [(at, [*text, token]) for (at, text), token in zip(rows, tokens, strict=True)]


def test_rows_of_a_group_come_first_and_few_move():
    places = torch.tensor([0, 1, 2, 3, 4])
    first = torch.tensor([False, True, False, False, True])
    assert grouped_in_place(places, first).tolist() == [4, 1, 2, 3, 0]
    places, first = torch.tensor([5, 5, 0, 2]), torch.tensor([False, True, True, True])
    moved = grouped_in_place(places, first)
    assert sorted(moved.tolist()) == [0, 1, 2, 3]
    assert moved[2:].tolist() == [0, 2] and moved[0] == 3
