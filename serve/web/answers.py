"""What a client is told of a decision: simulstream's `new` and `deleted`, and what it asked for besides.

    times      words: text, heard_s (the audio that the word was attended to ends), written_s (audio that had
               been heard when it was written), continues where no space stands before it; heard_s of the
               stream
    scores     wait: where the policy held a token back: what it scored, its limit, and the token if known
    attention  attention, of each word and of wait: where the model looked, as begin_s, step_s and weights,
               one for each step_s from begin_s on
    events     event: read or write
    sentences  sentence_ends: behind so many characters of all final text a sentence ends

All times are seconds of the stream's audio.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from agents.live.sentences import sentence_ends
from agents.live.written_words import token_owners, written_words
from agents.stream.attention_curve import BIN_MS, AttentionCurve
from agents.stream.decision import Decision
from serve.web.shown_text import TextChange


def answer(
    decision: Decision,
    change: TextChange,
    final_text: str,
    report: Collection[str],
    decode: Callable[[Sequence[int]], str],
) -> dict[str, Any]:
    """The message for one decision. final_text: of the stream, that of the decision included."""
    told: dict[str, Any] = {"new": change.new, "deleted": change.deleted}
    if report:
        told["heard_s"] = _seconds(decision.heard_ms)
    if "times" in report:
        is_first = len(final_text) <= len(decision.text)
        told["words"] = words(decision, decode, is_first, "attention" in report)
    if "scores" in report and (wait := _wait(decision)) is not None:
        told["wait"] = wait
    if "events" in report:
        told["event"] = "write" if decision.text else "read"
    if "sentences" in report:
        told["sentence_ends"] = sentence_ends(final_text, max(0, len(final_text) - len(decision.text)))
    return told


def words(
    decision: Decision, decode: Callable[[Sequence[int]], str], is_first: bool, with_attention: bool = False
) -> list[dict[str, Any]]:
    """The words of a decision's text; a text without spaces is one word. is_first: no text stands before."""
    found = written_words(decision, decode, with_times=True, is_first=is_first)
    owners = token_owners([word.text for word in found], decision.tokens, decode) if with_attention else []
    told = []
    for place, word in enumerate(found):
        one: dict[str, Any] = {
            "text": word.text,
            "heard_s": word.written_s if word.heard_s is None else word.heard_s,
            "written_s": word.written_s,
        }
        if word.continues:
            one["continues"] = True
        if with_attention and decision.attention:
            own = [decision.attention[token] for token, owner in enumerate(owners) if owner == place]
            one["attention"] = _attention(AttentionCurve.sum_of(own))
        told.append(one)
    return told


def _attention(curve: AttentionCurve) -> dict[str, Any]:
    weights = [round(weight, 3) for weight in curve.weights]
    return {"begin_s": _seconds(curve.begin_ms), "step_s": _seconds(BIN_MS), "weights": weights}


def _wait(decision: Decision) -> dict[str, Any] | None:
    scores = decision.scores
    if scores is None:
        return None
    value = scores.values[scores.written]
    if value is None or value < scores.limit:
        return None  # it stopped for another reason: the last word is not complete, or nothing is left to say
    token = scores.tokens[scores.written] if scores.written < len(scores.tokens) else None
    told: dict[str, Any] = {"score": round(value, 4), "limit": round(scores.limit, 4), "token": token}
    # Of two decisions in one, the scores may be the first one's.
    if scores.written == len(decision.tokens) == len(decision.attention) - 1:
        told["attention"] = _attention(decision.attention[-1])
    return told


def _seconds(ms: float) -> float:
    return round(ms / 1000, 3)
