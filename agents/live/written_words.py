"""The words of a decision, and what its tokens tell about each: time and score."""

import unicodedata
from collections.abc import Callable, Sequence

from agents.live.word import Word
from agents.stream.decision import Decision


def written_words(
    decision: Decision, decode: Callable[[Sequence[int]], str], with_times: bool, is_first: bool
) -> list[Word]:
    """The words of a decision, without control characters, which a terminal would obey.

    decode: the tokenizer's. with_times: the engine was asked for times of tokens. is_first: nothing was
    written before that the first could continue.
    """
    texts = decision.text.split()
    if not texts:
        return []
    owners = token_owners(texts, decision.tokens, decode)
    scores = _scores(decision)
    written_s = round(decision.heard_ms / 1000, 3)
    words = []
    for place, text in enumerate(texts):
        shown = _shown(text)
        if not shown:
            continue
        own = [token for token, owner in enumerate(owners) if owner == place]
        seen = [scores[token] for token in own if scores[token] is not None]
        heard_s = None
        if with_times and own:
            # Silence that is encoded behind the audio belongs to no later time.
            heard_s = min(round(max(decision.times_ms[token] for token in own) / 1000, 3), written_s)
        continues = place == 0 and not is_first and not decision.text[0].isspace()
        words.append(Word(shown, written_s, heard_s, max(seen, default=None), continues))
    return words


def token_owners(
    texts: Sequence[str], tokens: Sequence[int], decode: Callable[[Sequence[int]], str]
) -> list[int | None]:
    """For each token the word that it ends in; None for all where text and tokens do not agree.

    Compared by characters other than spaces: between two utterances the text has a space of its own, and a
    tokenizer may drop the one at the start of a text.
    """
    ends = [len(_solid(decode(tokens[: count + 1]))) for count in range(len(tokens))]
    of_character = [place for place, text in enumerate(texts) for _ in text]
    if not ends or ends[-1] != len(of_character):
        return [None] * len(tokens)
    return [of_character[max(0, end - 1)] for end in ends]


def _scores(decision: Decision) -> Sequence[float | None]:
    """What the policy saw before each token; nothing where an utterance ended, for it was not asked then."""
    saw = decision.scores
    if saw is None or saw.written != len(decision.tokens):
        return [None] * len(decision.tokens)
    return saw.values


def _shown(word: str) -> str:
    if word.isprintable():
        return word
    return "".join(one for one in word if unicodedata.category(one) != "Cc")


def _solid(text: str) -> str:
    return "".join(text.split())
