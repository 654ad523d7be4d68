"""What a client shows: text that is final and, where it wants a preview, what may still change behind it.

Normalised erasure (Arivazhagan et al. 2020) is how many words were deleted for each word of the final text:
0 where nothing that was shown ever changed.
"""

from dataclasses import dataclass, replace

from agents.stream.state import StreamState
from models.translator import Tokenizer


@dataclass(frozen=True)
class TextChange:
    """As simulstream says it: `deleted` is taken off the end of what is shown, then `new` is put behind."""

    new: str
    deleted: str


class ShownText:
    """Of one stream."""

    def __init__(self) -> None:
        self.final_text = ""
        self.deleted_words = 0
        self.preview = ""  # what is shown behind the final text

    @property
    def normalised_erasure(self) -> float:
        return self.deleted_words / max(1, len(self.final_text.split()))

    def write(self, text: str, preview: str = "") -> TextChange:
        """`text` is final from now on; `preview` is shown behind it."""
        if not self.final_text:
            # Some tokenizers put a space in front of a text's first word.
            text, preview = text.lstrip(), preview if text.strip() else preview.lstrip()
        before, after = self.preview, text + preview
        same = _shared_words(before, after)
        change = TextChange(after[same:], before[same:])
        self.final_text += text
        self.deleted_words += len(change.deleted.split())
        self.preview = preview
        return change


def unwritten_text(stream: StreamState, tokenizer: Tokenizer) -> str:
    """What the last hypothesis said behind the written text; nobody may step the stream meanwhile.

    Only the next token, maybe, where the policy stopped the search, unless the stream `previews`.
    """
    if not stream.draft:
        return ""
    text = replace(stream.text, committed=list(stream.text.committed), times_ms=list(stream.text.times_ms))
    return text.write(stream.draft, [0.0] * len(stream.draft), tokenizer.decode)


def _shared_words(before: str, after: str) -> int:
    """How many of the first characters are the same, in whole words."""
    same = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    if same is None:
        same = min(len(before), len(after))
        ends_word = all(len(text) == same or text[same].isspace() for text in (before, after))
        if ends_word:
            return same
    start = same
    while start > 0 and not before[start - 1].isspace():
        start -= 1
    # The space in front of a word goes with it.
    return len(before[:start].rstrip())
