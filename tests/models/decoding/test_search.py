"""The streaming search against two oracles: a naive beam search in plain Python, and enumeration."""

import itertools
import math

import pytest
import torch

from foundation.errors import InputError
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import Hypothesis, StreamingSearch
from tests.models.scripted_translator import (
    END,
    ScriptedTranslator,
    fixed_script,
    random_script,
    scripted_memory,
)


def memory_of(*frames):
    return scripted_memory(torch.tensor(frames))


def request(committed=(), audio_finished=False, token_limit=6, unit_limit=None, character_units=False):
    return StreamRequest(
        (), list(committed), audio_finished, token_limit, unit_limit, character_units=character_units
    )


def options(**changes):
    return SearchOptions(**{"beam": 1, "patience": 1.0, "blocked_ngram": 0, "repeated_phrase": 0} | changes)


def reads_by_hash(frames, text):
    """An arbitrary policy: a pure function of the audio and the text."""
    return (31 * sum(text) + 7 * len(text) + frames) % 4 == 0 and len(text) % 3 != 0


def naive_search(script, frames, request, options, reads=None):
    """METHODS 1.5 for one stream, one hypothesis at a time, in plain lists."""
    prefix = list(request.committed)
    enough = 0 if options.beam == 1 else options.beam * options.patience
    finished, live = [], [((), 0.0)]
    while live and len(finished) <= enough:
        going = []
        for tokens, score in live:
            log_probabilities = script(frames, prefix + list(tokens)).tolist()
            text = prefix + list(tokens)
            size = options.blocked_ngram
            if size and len(text) >= size - 1:
                seen = {tuple(text[at : at + size]) for at in range(len(text) - size + 1)}
                for token in range(len(log_probabilities)):
                    if (*text[len(text) - size + 1 :], token) in seen:
                        log_probabilities[token] = -math.inf
            if text and not tokens:
                for token in range(1, len(log_probabilities)):
                    if token % 2 == 0:  # a lower-case letter: goes on with a word that has been shown
                        log_probabilities[token] = -math.inf
            likeliest = max(range(len(log_probabilities)), key=log_probabilities.__getitem__)
            read = reads is not None and not request.audio_finished and reads(frames, text)
            if read or len(tokens) >= request.token_limit:
                average = score / len(tokens) if tokens else 0.0
                finished.append((average, tokens, likeliest))
            else:
                going += [(tokens, score + value, token) for token, value in enumerate(log_probabilities)]
        if len(finished) > enough:
            break
        live = []
        for tokens, score, token in sorted(going, key=lambda one: -one[1]):
            if score == -math.inf or len(live) == options.beam:
                break
            if token == END:
                finished.append((score / (len(tokens) + 1), tokens, END))
            else:
                live.append(((*tokens, token), score))
    return max(finished, key=lambda one: one[0])


@pytest.mark.parametrize("audio_finished", [False, True])
@pytest.mark.parametrize("beam, patience", [(1, 1.0), (2, 1.0), (3, 3.0), (4, 0.5)])
def test_search_equals_a_naive_one(beam, patience, audio_finished):
    for seed in range(25):
        script = random_script(seed, vocabulary_size=7)
        chosen = options(beam=beam, patience=patience, blocked_ngram=seed % 4 if seed % 4 != 1 else 0)
        wanted = request([1, 2, 1, 3][: seed % 5], audio_finished, token_limit=3 + seed % 5)
        frames = 10 + seed
        expected = naive_search(script, frames, wanted, chosen, reads_by_hash)

        def read(step, frames=frames, wanted=wanted):
            texts = [list(wanted.committed) + tokens for tokens in step.tokens.tolist()]
            return torch.tensor([reads_by_hash(frames, text) for text in texts])

        search = StreamingSearch(ScriptedTranslator(script, 7), chosen)
        [found] = search.find(memory_of(frames), [wanted], read)
        assert (found.tokens, found.next_token) == expected[1:]
        assert found.average_log_probability == pytest.approx(expected[0], abs=1e-5)


def test_an_unbounded_beam_finds_the_best_of_all_sequences():
    vocabulary, longest = 4, 4
    for seed in range(10):
        script = random_script(seed, vocabulary)
        candidates = []
        for length in range(longest + 1):
            for tokens in itertools.product(range(1, vocabulary), repeat=length):
                score = sum(float(script(9, tokens[:at])[token]) for at, token in enumerate(tokens))
                if length == longest:
                    candidates.append((score / longest, tokens))
                else:
                    candidates.append(((score + float(script(9, tokens)[END])) / (length + 1), tokens))
        best = max(candidates)
        search = StreamingSearch(
            ScriptedTranslator(script, vocabulary), options(beam=3**longest, patience=1000)
        )
        [found] = search.find(memory_of(9), [request(audio_finished=True, token_limit=longest)])
        assert found.tokens == best[1]
        assert found.average_log_probability == pytest.approx(best[0], abs=1e-5)


@pytest.mark.parametrize("beam", [1, 3])
def test_result_does_not_depend_on_the_streams_beside_it(beam):
    script = random_script(3, vocabulary_size=9)
    search = StreamingSearch(ScriptedTranslator(script, 9), options(beam=beam, patience=2.0, blocked_ngram=2))
    generator = torch.Generator().manual_seed(1)
    requests, frames = [], []
    for place in range(12):
        committed = torch.randint(1, 9, (place % 5,), generator=generator).tolist()
        requests.append(request(committed, place % 3 == 0, 2 + place % 6, None if place % 4 else 1 + place))
        frames.append(5 + 3 * place)

    def read(step):
        return (step.tokens.sum(1) + step.frame_lengths) % 5 == 1

    alone = [
        search.find(memory_of(heard), [one], read)[0] for heard, one in zip(frames, requests, strict=True)
    ]
    together = search.find(memory_of(*frames), requests, read)
    assert [(one.tokens, one.next_token) for one in together] == [
        (one.tokens, one.next_token) for one in alone
    ]
    for one, other in zip(together, alone, strict=True):
        assert one.average_log_probability == pytest.approx(other.average_log_probability, abs=1e-6)


def test_streams_that_wrote_the_same_share_a_row_of_the_model():
    """Of six streams over two memories, four are the same to the model until their limits part them."""
    rows = []

    class Counted(ScriptedTranslator):
        def start(self, memory, prefixes, listens_to=None, with_attention=False):
            rows.append(len(prefixes))
            return super().start(memory, prefixes, listens_to, with_attention)

        def step(self, state, tokens):
            rows.append(len(tokens))
            return super().step(state, tokens)

    script = fixed_script([1, 2, 3, 4, 5], 7, tokens_per_frame=1)
    requests = [
        StreamRequest((), committed, False, limit, None, listens_to)
        for committed, limit, listens_to in [
            ((), 1, 0),
            ((), 3, 0),
            ((), 3, 0),
            ((), 2, 0),
            ((1, 2), 3, 0),
            ((), 3, 1),
        ]
    ]
    found = StreamingSearch(Counted(script, 7), options()).find(memory_of(9, 8), requests)
    assert [one.tokens for one in found] == [(1,), (1, 2, 3), (1, 2, 3), (1, 2), (3, 4, 5), (1, 2, 3)]
    assert rows == [3, 3, 3, 3]


def test_policy_is_asked_before_the_first_token():
    translator = ScriptedTranslator(fixed_script([1, 2, 3], 5, tokens_per_frame=1), 5)
    search = StreamingSearch(translator, options(beam=3, patience=3.0))
    [found] = search.find(
        memory_of(10), [request()], lambda step: torch.ones(len(step.streams), dtype=torch.bool)
    )
    assert found == Hypothesis((), 0.0, 1)
    assert translator.steps == 0


def test_a_row_that_reads_leaves_without_its_next_token():
    search = StreamingSearch(ScriptedTranslator(fixed_script([1, 2, 3], 5, 1), 5), options())
    [found] = search.find(memory_of(10), [request()], lambda step: torch.tensor([step.tokens.shape[1] == 2]))
    assert (found.tokens, found.next_token) == ((1, 2), 3)
    assert found.average_log_probability == pytest.approx(math.log(0.9))


def test_policy_has_no_say_once_the_audio_has_ended():
    search = StreamingSearch(ScriptedTranslator(fixed_script([1, 2, 3], 5, 1), 5), options())

    def never(step):
        raise AssertionError("asked although all audio has been heard")

    [found] = search.find(memory_of(10), [request(audio_finished=True)], never)
    assert (found.tokens, found.next_token) == ((1, 2, 3), END)


def test_search_stops_when_no_row_can_do_better():
    """An end of 0.9; what goes on has at most 0.1, and cannot make up for it in three tokens."""

    def script(frames, tokens):
        return torch.tensor([0.9, 0.07, 0.03]).log()

    translator = ScriptedTranslator(script, 3)
    search = StreamingSearch(translator, options(beam=2, patience=50.0))
    [found] = search.find(memory_of(10), [request(token_limit=3)])
    assert (found.tokens, translator.steps) == ((), 0)
    # Over thirty tokens it could: ln 0.07 / 30 is above ln 0.9.
    [found] = search.find(memory_of(10), [request(token_limit=30)])
    assert found.tokens == () and translator.steps > 0


def test_silence_stays_silent():
    """An end of 0.9 at once wins over any word."""
    search = StreamingSearch(ScriptedTranslator(fixed_script([], 5, 1), 5), options(beam=3, patience=3.0))
    [found] = search.find(memory_of(10), [request()])
    assert found.tokens == ()


def test_loops_are_cut_by_ngrams_and_by_the_token_limit():
    def loop(frames, tokens):
        return torch.tensor([0.01, 0.97, 0.01, 0.01]).log()

    search = StreamingSearch(ScriptedTranslator(loop, 4), options())
    assert search.find(memory_of(10), [request(token_limit=5)])[0].tokens == (1, 1, 1, 1, 1)
    guarded = StreamingSearch(ScriptedTranslator(loop, 4), options(repeated_phrase=3))
    assert guarded.find(memory_of(10), [request(token_limit=5)])[0].tokens == (1, 1, 1, 1, 2)
    blocked = StreamingSearch(ScriptedTranslator(loop, 4), options(blocked_ngram=3))
    tokens = blocked.find(memory_of(10), [request([1], token_limit=9)])[0].tokens
    text = (1, *tokens)
    trigrams = [text[at : at + 3] for at in range(len(text) - 2)]
    assert len(trigrams) == len(set(trigrams))


def test_nothing_is_glued_to_a_word_that_has_been_shown():
    def script(frames, tokens):  # end, A, b, C, d: the model would go on with b
        return torch.tensor([0.05, 0.1, 0.7, 0.15, 1e-9]).log()

    words = StreamingSearch(ScriptedTranslator(script, 5), options())
    assert words.find(memory_of(10), [request([1], token_limit=1)])[0].tokens == (3,)
    assert words.find(memory_of(10), [request([], token_limit=1)])[0].tokens == (2,)
    characters = request([1], token_limit=1, character_units=True)
    assert words.find(memory_of(10), [characters])[0].tokens == (2,)
    # Side by side, each by its own rule.
    both = words.find(memory_of(10, 10), [characters, request([1], token_limit=1)])
    assert [found.tokens for found in both] == [(2,), (3,)]


def test_unit_limit_stops_before_the_next_word():
    # Letters: 1 A, 2 b, 3 C, 4 d, 5 E: three words of two, two and one tokens.
    search = StreamingSearch(ScriptedTranslator(fixed_script([1, 2, 3, 4, 5], 7, 1), 7), options())
    [found] = search.find(memory_of(10), [request(unit_limit=2)])
    assert (found.tokens, found.next_token) == ((1, 2, 3, 4), 5)


def test_unit_limit_counts_a_first_word_without_a_space():
    # Letters: 2 b, 3 C, 4 d, 5 E: "b" begins the text, though nothing shows that it begins a word.
    search = StreamingSearch(ScriptedTranslator(fixed_script([2, 3, 4, 5], 7, 1), 7), options())
    [found] = search.find(memory_of(10), [request(unit_limit=1)])
    assert (found.tokens, found.next_token) == ((2,), 3)
    [found] = search.find(memory_of(10), [request([2], unit_limit=1)])
    assert (found.tokens, found.next_token) == ((3, 4), 5)


@pytest.mark.parametrize(
    "heard_ms, committed, finished, limit",
    [
        (1000, 0, False, 12),
        (1000, 5, False, 7),
        (1000, 30, False, 0),
        (100, 0, False, 8),
        (20_000, 10, False, 32),
        (20_000, 10, True, 230),
    ],
)
def test_token_limit(heard_ms, committed, finished, limit):
    assert SearchOptions().token_limit(heard_ms, committed, finished) == limit


def test_text_beyond_the_context_is_an_error_that_says_what_to_do():
    search = StreamingSearch(ScriptedTranslator(fixed_script([1], 5, 1), 5), options())
    with pytest.raises(InputError, match="61 tokens.*context holds 60.*shorter segments"):
        search.find(memory_of(10), [request([1] * 61)])
    assert search.find(memory_of(10), [request([1] * 60)])[0].tokens == ()


@pytest.mark.parametrize(
    "changes", [{"beam": 0}, {"patience": 0}, {"blocked_ngram": 1}, {"maximum_tokens_per_chunk": 0}]
)
def test_impossible_options_are_refused(changes):
    with pytest.raises(InputError):
        SearchOptions(**changes)
