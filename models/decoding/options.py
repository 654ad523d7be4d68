"""How hypotheses are searched, and what one stream brings to a search."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import InputError
from foundation.options import check_options, option


@dataclass(frozen=True)
class SearchOptions:
    """How hypotheses are searched; the same for every policy."""

    beam: int = option(
        1, "Each stream is searched with this many beams; 1 is greedy search.", at_least=1, at_most=256
    )
    patience: float = option(
        1.0, "The search stops once more than beam * patience hypotheses are finished.", above=0, at_most=1000
    )
    maximum_tokens_per_chunk: int = option(
        32, "A chunk before the audio's end brings at most this many new tokens.", at_least=1, at_most=100_000
    )
    # Fast speech is about 6 tokens a second; loops on silence run to hundreds.
    maximum_tokens_per_second: float = option(
        12.0, "Each second of audio heard allows at most this many tokens.", above=0, at_most=1000
    )
    # Nobody keeps up more than 4.3 words a second of speech in 50 segments of actors' dialogue.
    maximum_words_per_second: float = option(
        6.0,
        "At most so many words are written for each second in which somebody spoke, and three more; where "
        "characters are counted, one of them is a third of a word.",
        above=0,
        at_most=1000,
    )
    # Shorter n-grams do repeat in honest speech ("I don't know. I don't know.").
    blocked_ngram: int = option(
        6, "The same n tokens are never written twice; 0 switches this off.", at_least=0, at_most=1000
    )
    # Blocked n-grams compare tokens: other capitals or punctuation let a loop through.
    repeated_phrase: int = option(
        3,
        "A phrase stands at most so often in a row, whatever its capitals and punctuation, a word once more; "
        "0 switches this off.",
        at_least=0,
        at_most=1000,
    )
    known_words: bool = option(
        True,
        "A model whose folder has lists of words (words.de.txt) writes no others, but for compounds of two.",
    )
    drafts: bool = option(
        True,
        "Greedy search reads what the last hypothesis said behind the written text at once, and goes step by "
        "step only from where the new one differs; the text is the same either way.",
    )
    # Rows that READ while they are searched leave nothing to look ahead to, so a beam hardly helps them.
    look_ahead: bool = option(
        False,
        "The policy is asked after a search to the end, about the best text; slower, and better with beams.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.blocked_ngram == 1:
            raise InputError("blocked n-gram 1 would forbid all: give 0, or 2 and more")

    def unit_limit(self, speech_ms: float, character_units: bool) -> int:
        """Words, or characters, that a stream may have written once it has heard speech_ms of speech."""
        units_per_word = 3 if character_units else 1
        return units_per_word * (3 + int(self.maximum_words_per_second * speech_ms / 1000))

    def token_limit(self, heard_ms: float, committed: int, audio_finished: bool) -> int:
        """New tokens that a stream may write after heard_ms of audio."""
        # Very short audio still deserves a sentence of a few tokens.
        limit = max(8, round(self.maximum_tokens_per_second * heard_ms / 1000)) - committed
        if not audio_finished:
            limit = min(limit, self.maximum_tokens_per_chunk)
        return max(0, limit)


@dataclass(frozen=True)
class StreamRequest:
    """What one stream brings to the search of one chunk."""

    prompt: Sequence[int]  # tokens before the text: language tags and the like
    committed: Sequence[int]  # text tokens written so far, never revised
    audio_finished: bool  # no more audio: the callable is not asked, end-of-sequence ends
    token_limit: int  # new tokens at most
    unit_limit: int | None = None  # words (characters) that may begin; None: any number
    listens_to: int | None = None  # index into the memory; None: the stream's own place
    character_units: bool = False  # unit_limit counts characters (zh, ja) instead of words
    draft: Sequence[int] = ()  # tokens expected behind `committed`; they change nothing but the time
