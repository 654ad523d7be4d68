"""A policy network on top of Whisper and of REINA: its scores follow every row of the search."""

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.policy.folder import StoredPolicy, save_policy
from models.policy.scored_translator import ScoredTranslator
from models.registry import base_model, load_translator, load_translators
from models.translator import TranslatorOptions
from tests.models.tiny_reina import tiny_policy, write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module", params=["whisper", "reina"])
def folder(request, tmp_path_factory):
    """A model of either kind with a policy that hears durations."""
    folder = tmp_path_factory.mktemp("models") / request.param
    if request.param == "reina":
        return write_tiny_reina(folder, threshold=0.0, hears_duration=True)
    write_tiny_whisper(folder)
    save_policy(folder, StoredPolicy(tiny_policy(hears_duration=True), 0.0, None), torch.float32)
    return folder


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def expected_score(translator, waveform, tokens):
    """The network's score behind `tokens`, from hidden states that are computed at once."""
    memory = translator.base.encode([waveform])
    _, output = translator.base.start(memory, [tokens])
    heard_s = torch.tensor([int(memory.heard_frames[0]) * 0.02])
    with torch.no_grad():
        return float(translator.network(output.hidden, heard_s)[0, -1])


def test_policies_for_one_model_share_it(tmp_path):
    write_tiny_reina(tmp_path / "reina")
    for name in ("first", "second"):
        save_policy(tmp_path / name, StoredPolicy(tiny_policy(), 0.0, "../reina"))
    names = [str(tmp_path / name) for name in ("first", "second", "reina")]
    first, second, alone = load_translators(names, TranslatorOptions()).values()
    assert first.base is second.base and first.network is not second.network
    assert {base_model(name) for name in names} == {(tmp_path / "reina").resolve()}
    assert alone is first.base


def test_scores_follow_rows_that_are_reordered_repeated_and_dropped(folder):
    translator = load(folder)
    assert isinstance(translator, ScoredTranslator)
    waveforms = [noise(1.7, 1), noise(0.6, 2)]
    prompt = translator.tokenizer.prompt("en", "en")
    rows = [(0, [*prompt, 5, 9]), (1, [*prompt]), (0, [*prompt, 7, 5, 8])]
    state, output = translator.start(
        translator.encode(waveforms), [tokens for _, tokens in rows], [at for at, _ in rows]
    )
    for chosen in ([1, 0, 0, 2], [3, 3, 1], [2]):
        for row, (at, tokens) in enumerate(rows):
            assert float(output.policy_score[row]) == pytest.approx(
                expected_score(translator, waveforms[at], tokens), abs=1e-4
            )
        state.select(torch.tensor(chosen))
        new = torch.arange(10, 10 + len(chosen))
        rows = [(rows[at][0], [*rows[at][1], token]) for at, token in zip(chosen, new.tolist(), strict=True)]
        output = translator.step(state, new)
        assert output.policy_score.shape == (len(chosen),)
    assert output.policy_score.dtype == torch.float32


def test_texts_that_begin_others_start_as_if_alone(folder):
    """Six prefixes over two memories, of which the decoder reads three."""
    translator = load(folder)
    memory = translator.encode([noise(1.7, 1), noise(0.6, 2)])
    prompt = translator.tokenizer.prompt("en", "en")
    texts = [(0, [5, 9]), (1, []), (0, []), (0, [5, 9, 7, 8]), (1, [5, 9]), (0, [5, 7])]
    rows = [(heard, [*prompt, *text]) for heard, text in texts]
    state, together = translator.start(memory, [text for _, text in rows], [at for at, _ in rows], True)
    tokens = torch.arange(10, 10 + len(rows))
    further = translator.step(state, tokens)
    for row, (heard, text) in enumerate(rows):
        own, alone = translator.start(memory, [text], [heard], True)
        for ours, theirs in ((together, alone), (further, translator.step(own, tokens[row, None]))):
            for name in ("log_probabilities", "attention", "policy_score"):
                torch.testing.assert_close(
                    getattr(ours, name)[row], getattr(theirs, name)[0], atol=1e-4, rtol=0
                )


def test_all_else_is_that_of_the_translator_alone(folder):
    translator = load(folder)
    memory = translator.encode([noise(1.0)])
    prompt = translator.tokenizer.prompt("en", "en")
    _, scored = translator.start(memory, [prompt], with_attention=True)
    _, plain = translator.base.start(memory, [prompt], with_attention=True)
    assert torch.equal(scored.log_probabilities, plain.log_probabilities)
    assert torch.equal(scored.attention, plain.attention)
    assert plain.policy_score is None and scored.policy_score is not None
    heads = translator.read_each_head(memory, [*prompt, 5, 6], 2)
    assert torch.equal(heads, translator.base.read_each_head(memory, [*prompt, 5, 6], 2))


def test_search_hands_each_row_its_score(folder):
    translator = load(folder)
    search = StreamingSearch(translator, SearchOptions(beam=3, patience=2.0))
    waveforms = [noise(1.3, 3), noise(0.8, 4)]
    prompt = translator.tokenizer.prompt("en", "en")
    seen = []

    def read(step):
        for row, stream in enumerate(step.streams.tolist()):
            tokens = [*prompt, *step.tokens[row].tolist()]
            expected = expected_score(translator, waveforms[stream], tokens)
            seen.append((float(step.policy_score[row]), expected))
        return step.policy_score > 1e9

    search.find(translator.encode(waveforms), [StreamRequest(prompt, [], False, 3)] * 2, read)
    assert len(seen) > 6
    for score, expected in seen:
        assert score == pytest.approx(expected, abs=1e-4)


def test_half_precision_stays_close(folder):
    waveform = noise(1.0)
    full, half = (
        translator.start(translator.encode([waveform]), [translator.tokenizer.prompt("en", "en")])[1]
        for translator in (load(folder), load(folder, precision="bfloat16"))
    )
    assert abs(float(full.policy_score[0] - half.policy_score[0])) < 0.3


def test_policy_of_another_model_is_refused(tmp_path):
    write_tiny_whisper(tmp_path / "whisper")
    policy = tiny_policy(hidden_width=48)
    save_policy(tmp_path / "policy", StoredPolicy(policy, 0.0, str(tmp_path / "whisper")))
    with pytest.raises(InputError, match="hidden states of width 48, but the model's have width 32"):
        load(tmp_path / "policy")
