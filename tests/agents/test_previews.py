"""What is shown behind the written text is all that the model would say next, whatever its policy held."""

import pytest

from agents.alignatt_agent import AlignAttPolicy
from agents.edatt_agent import EDAttPolicy
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.waitk_agent import WaitKPolicy
from tests.agents.test_engine import GERMAN, SENTENCE, engine, hear
from tests.models.scripted_translator import fixed_script, random_script

POLICIES = [
    AlignAttPolicy(recent_frames=8),
    EDAttPolicy(alpha=0.3),
    HoldNPolicy(2),
    LocalAgreementPolicy(2),
    OfflinePolicy(),
    WaitKPolicy(k=2, step_ms=400),
]


def play(loop, policies, previews):
    """Decisions of streams side by side, and after each step what is expected of each."""
    streams = [loop.open_stream(policy, GERMAN) for policy in policies]
    for stream in streams:
        stream.previews = previews
    decisions, drafts = [], []
    for chunk in range(6):
        for stream in streams:
            hear(stream.audio, 400, finished=chunk == 5)
        decisions += loop.step(streams, with_scores=True)
        drafts.append([(tuple(stream.text.committed), stream.draft) for stream in streams])
    return decisions, drafts


def test_the_draft_is_the_rest_of_the_sentence():
    """The model knows the whole sentence at once; AlignAtt writes "Ab" of it, wait-k nothing yet."""
    loop = engine(fixed_script(SENTENCE, 14, 1.0))
    _, without = play(loop, POLICIES, previews=False)
    _, shown = play(loop, POLICIES, previews=True)
    assert without[0][0] == ((1, 2), (3, 4))
    assert shown[0][0] == ((1, 2), (3, 4, 5, 7, 8, 9, 11))  # 0.4 s of audio have no more tokens
    for drafts in shown[1:-1]:  # of all that decode before the end, text and draft make the sentence
        assert [list(committed + draft) for committed, draft in (*drafts[:4], drafts[5])] == [SENTENCE] * 5
    assert all(drafts[4] == ((), ()) for drafts in shown[:-1])  # offline: no hypothesis
    assert all(draft == () for _, draft in shown[-1])


@pytest.mark.parametrize("options", [{}, {"beam": 3}, {"beam": 3, "look_ahead": True}])
def test_previews_change_no_decision(options):
    for seed in range(3):
        loop = engine(random_script(seed, 10, sharpness=4.0), vocabulary=10, **options)
        assert play(loop, POLICIES, previews=True)[0] == play(loop, POLICIES, previews=False)[0]


def test_a_preview_ends_where_the_models_context_does():
    """A step beside others never fails for a stream that has no room left to look ahead."""
    loop = engine(fixed_script([1, 2] * 30, 14, 10.0), maximum_tokens_per_chunk=100, blocked_ngram=0)
    loop.translator.maximum_tokens = 7
    stream = loop.open_stream(AlignAttPolicy(recent_frames=4), GERMAN)
    stream.previews = True
    for _ in range(3):
        hear(stream.audio, 400)
        [decision] = loop.step([stream])
        assert decision.error is None
        assert len(stream.text.committed) + len(stream.draft) <= 7 + 1  # and the token behind the last


def test_a_preview_that_fails_stops_no_stream(monkeypatch, caplog):
    """What was written in its step would be lost, of streams beside it, too."""
    loop = engine(fixed_script(SENTENCE, 14, 1.0))
    expected, _ = play(loop, POLICIES, previews=False)

    def fail(memory, requests):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(loop._previews._search, "find", fail)
    assert play(loop, POLICIES, previews=True)[0] == expected
    assert "their search failed: out of memory" in caplog.text
