"""The scores of a search, traced through its beam, against asking again for each prefix of what won."""

import hashlib
from math import nan

import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.digsst_agent import DigSstPolicy
from agents.edatt_agent import EDAttPolicy
from agents.policy import Policy
from agents.reina_agent import ReinaPolicy
from agents.stream.policy_questions import PolicyQuestions
from agents.stream.policy_scores import PolicyScores
from agents.stream.row_trace import RowTrace
from models.decoding.hypotheses import Hypothesis
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.decoding.step import DecodingStep
from models.sound.audio import SAMPLE_RATE
from tests.models.scripted_translator import ScriptedTranslator

VOCABULARY = 9
STREAMS = 5


def chance(*key) -> float:
    """A number from 0 to 1 that depends on nothing but the key."""
    return int(hashlib.sha256(repr(key).encode()).hexdigest()[:8], 16) / 2**32


def log_probabilities(frames, tokens):
    return (
        torch.tensor([chance(frames, *tokens, token) for token in range(VOCABULARY)]).mul(4).log_softmax(-1)
    )


def step(streams, tokens, **changes) -> DecodingStep:
    rows = len(streams)
    fields = {
        "log_probabilities": torch.zeros(rows, VOCABULARY),
        "hidden": torch.zeros(rows, 2),
        "attention": None,
        "frame_lengths": torch.full((rows,), 4),
        "streams": torch.tensor(streams),
        "tokens": torch.tensor(tokens, dtype=torch.int64).reshape(rows, -1),
    }
    return DecodingStep(**(fields | changes))


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_each_prefix_of_the_chosen_hypothesis(seed, beam):
    def score(stream: int, tokens) -> float:
        return chance("score", seed, stream, *tokens)

    def read(at: DecodingStep):
        scores = torch.tensor(
            [score(stream, row) for stream, row in zip(at.streams.tolist(), at.tokens.tolist(), strict=True)]
        )
        trace.add(at, scores)
        return scores > 0.75

    translator = ScriptedTranslator(log_probabilities, VOCABULARY)
    memory = translator.encode([torch.zeros(SAMPLE_RATE * (1 + place)).numpy() for place in range(STREAMS)])
    requests = [StreamRequest([], [], audio_finished=False, token_limit=6) for _ in range(STREAMS)]
    trace = RowTrace()
    search = StreamingSearch(translator, SearchOptions(beam=beam, patience=1.0))
    hypotheses = search.find(memory, requests, read)
    assert any(len(hypothesis.tokens) > 1 for hypothesis in hypotheses)
    for stream, (hypothesis, found) in enumerate(zip(hypotheses, trace.of(hypotheses), strict=True)):
        tokens = hypothesis.tokens
        expected = [score(stream, tokens[:length]) for length in range(len(tokens) + 1)]
        # At the limit of 6 tokens no policy is asked.
        expected = [None if length == 6 else value for length, value in enumerate(expected)]
        assert found == pytest.approx(expected, abs=1e-6)


def test_rows_that_no_hypothesis_went_through_leave_no_trace():
    trace = RowTrace()
    trace.add(
        step(
            [0, 0, 1],
            [[], [], []],
        ),
        torch.tensor([0.1, 0.1, 0.2]),
    )
    trace.add(step([0, 0, 1], [[3], [4], [4]]), torch.tensor([0.3, 0.4, float("nan")]))
    trace.add(step([0], [[3, 5]]), torch.tensor([0.5]))
    hypotheses = [Hypothesis((4,), -1.0, 0), Hypothesis((), -1.0, 0)]
    found = trace.of(hypotheses)
    assert found[0] == pytest.approx([0.1, 0.4])
    assert found[1] == pytest.approx([0.2])


def test_without_any_question_there_are_no_scores():
    assert RowTrace().of([Hypothesis((4, 5), -1.0, 0)]) == [[None, None, None]]


def test_scores_without_a_place_for_the_stop_are_refused():
    with pytest.raises(ValueError, match="2 tokens go with one score more"):
        PolicyScores(0.0, ("a", "b"), (0.1, 0.2), 1)


def test_each_policy_reads_above_the_limit_of_its_score():
    attention = torch.tensor([[0.1, 0.6, 0.2, 0.1], [0.5, 0.1, 0.1, 0.3]])
    asked = step([0, 1], [[], []], attention=attention, policy_score=torch.tensor([0.7, -0.7]))
    scores = {
        AlignAttPolicy(recent_frames=3): [-3, -4],
        EDAttPolicy(alpha=0.35, newest_frames=2): [0.3, 0.4],
        ReinaPolicy(threshold=0.0): [0.7, -0.7],
        DigSstPolicy(threshold=0.5): [1.1032, 0.4032],  # log(1 + e^u)
    }
    reads = {
        AlignAttPolicy: [True, False],
        EDAttPolicy: [False, True],
        ReinaPolicy: [True, False],
        DigSstPolicy: [True, False],
    }
    for policy, expected in scores.items():
        assert policy.score(asked).tolist() == pytest.approx(expected, abs=1e-4)
        assert policy.read(asked).tolist() == reads[type(policy)]
        assert (policy.score(asked) >= policy.score_limit).tolist() == reads[type(policy)]


def test_a_policy_without_scores_says_so():
    assert Policy().score(step([0], [[]])) is None
    assert Policy().score_limit is None


def test_settings_of_one_policy_are_asked_at_once_and_read_at_their_own_limits(monkeypatch):
    """Eight rows of seven streams; the last policy is nobody's but its own."""
    asked = []
    score = ReinaPolicy.score
    monkeypatch.setattr(
        ReinaPolicy, "score", lambda self, at: asked.append(len(at.tokens)) or score(self, at)
    )

    class OddRows(Policy):
        def read(self, at):
            return at.streams % 2 == 1

    policies = [
        ReinaPolicy(0.2),
        ReinaPolicy(-0.1),
        AlignAttPolicy(recent_frames=1),
        EDAttPolicy(0.25, newest_frames=1),
        EDAttPolicy(0.5, newest_frames=2),
        OddRows(),
        Policy(),
    ]
    at = step(
        [0, 0, 1, 2, 3, 4, 5, 6],
        [[]] * 8,
        attention=torch.tensor([[0.1, 0.2, 0.3, 0.4]] * 8),
        policy_score=torch.tensor([0.2, 0.21, -0.05, 9, 9, 9, 9, 9]),
    )
    questions = PolicyQuestions(policies, look_ahead=False, with_scores=True, with_frames=False)
    # 0.2 in float32 is not above 0.2; the most attended frame is the last one; 0.4 and 0.7 are on the newest.
    assert questions.read(at).tolist() == [False, True, True, True, True, True, True, False]
    assert asked == [3] and not questions.errors
    [(_, _, values)] = questions.scores.steps
    assert values.tolist() == pytest.approx([0.2, 0.21, -0.05, -1, 0.4, 0.7, nan, nan], nan_ok=True)
