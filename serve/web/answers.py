"""What a client is told of a decision: simulstream's `new` and `deleted`, and what it asked for besides.

    times      words: text, heard_s (the audio that the word was attended to ends), written_s (audio that had
               been heard when it was written), continues where no space stands before it; heard_s of the
               stream
    scores     wait: where the policy held a token back: what it scored, its limit, and the token if known
    events     event: read or write
    sentences  sentence_ends: behind so many characters of all final text a sentence ends

All times are seconds of the stream's audio.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from agents.live.sentences import sentence_ends
from agents.live.written_words import written_words
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
        told["words"] = words(decision, decode, is_first=len(final_text) <= len(decision.text))
    if "scores" in report and (wait := _wait(decision)) is not None:
        told["wait"] = wait
    if "events" in report:
        told["event"] = "write" if decision.text else "read"
    if "sentences" in report:
        told["sentence_ends"] = sentence_ends(final_text, max(0, len(final_text) - len(decision.text)))
    return told


def words(decision: Decision, decode: Callable[[Sequence[int]], str], is_first: bool) -> list[dict[str, Any]]:
    """The words of a decision's text; a text without spaces is one word. is_first: no text stands before."""
    return [
        {
            "text": word.text,
            "heard_s": word.written_s if word.heard_s is None else word.heard_s,
            "written_s": word.written_s,
            **({"continues": True} if word.continues else {}),
        }
        for word in written_words(decision, decode, with_times=True, is_first=is_first)
    ]


def _wait(decision: Decision) -> dict[str, Any] | None:
    scores = decision.scores
    if scores is None:
        return None
    value = scores.values[scores.written]
    if value is None or value < scores.limit:
        return None  # it stopped for another reason: the last word is not complete, or nothing is left to say
    token = scores.tokens[scores.written] if scores.written < len(scores.tokens) else None
    return {"score": round(value, 4), "limit": round(scores.limit, 4), "token": token}


def _seconds(ms: float) -> float:
    return round(ms / 1000, 3)
