"""What a stream has written and still remembers: the search's forced prefix, and the text before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

CONTEXT_TOKENS = 256  # of text that has left the prefix; more than any model's prompt takes
# Newest tokens that the text of further ones is looked at with: a tokenizer may drop a space at the start of
# a text, and a character may take several tokens.
OVERLAP_TOKENS = 16


@dataclass
class TextWindow:
    """Text of one stream, in tokens; nothing of it is ever revised."""

    committed: list[int] = field(default_factory=list)  # the forced prefix
    times_ms: list[float] = field(default_factory=list)  # of each committed token: the time it belongs to
    context: list[int] = field(default_factory=list)  # left the prefix: the newest of it
    separator: str = " "  # between the text of two utterances
    begins: bool = True  # nothing of the present utterance has been written

    def write(
        self, tokens: Sequence[int], times_ms: Sequence[float], decode: Callable[[Sequence[int]], str]
    ) -> str:
        """Put new tokens behind the committed ones. Returns the text that they add.

        times_ms: one for each token. Only the end of the earlier text is decoded again.
        """
        if len(tokens) != len(times_ms):
            raise ValueError(f"{len(tokens)} tokens need as many times, got {len(times_ms)}")
        if not tokens:
            return ""
        before = [] if self.begins else self._newest(decode)
        text = decode([*before, *tokens])[len(decode(before)) :]
        if self.begins and self.context:
            text = self.separator + text.lstrip()
        self.committed.extend(tokens)
        self.times_ms.extend(times_ms)
        self.begins = False
        return text

    def begin_anew(self) -> None:
        """An utterance has ended; all of its text becomes context."""
        self.forget(len(self.committed))
        self.begins = True

    def forget(self, count: int) -> None:
        """The first `count` committed tokens leave the prefix and become context.

        Raises ValueError where there are fewer.
        """
        if not 0 <= count <= len(self.committed):
            raise ValueError(f"cannot forget {count} of {len(self.committed)} committed tokens")
        self.context = [*self.context, *self.committed[:count]][-CONTEXT_TOKENS:]
        del self.committed[:count]
        del self.times_ms[:count]

    def _newest(self, decode: Callable[[Sequence[int]], str]) -> list[int]:
        """The newest tokens, so many that they show some text where there is any."""
        everything = [*self.context[-OVERLAP_TOKENS:], *self.committed[-OVERLAP_TOKENS:]]
        newest = everything[-OVERLAP_TOKENS:]
        if decode(newest).strip():
            return newest
        return [*self.context, *self.committed]
