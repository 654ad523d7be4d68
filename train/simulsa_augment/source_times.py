"""When the source of each word of a text is spoken, by a model's attention over the whole clip.

A token is put where the model looks for it most (`models.decoding.attended`), with all audio at hand; a word
is spoken by when the last of its letters is. Signs without a letter or digit say nothing, for a full stop
looks at the end of the clip. Times may go back: order is what differs between languages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.decoding.attended import attended_frames
from models.languages import CHARACTER_LANGUAGES, canonical_language
from models.sound.audio import SAMPLE_RATE
from models.translator import Translator
from train.simulsa_augment.prefixes import end_after, same_length, token_ends


class UnalignedText(Exception):  # noqa: N818  it is no fault of the program
    """A text and clip that a model cannot align: a reason that texts have in common, and a detail."""


@dataclass(frozen=True)
class SpokenWord:
    """A word of a text, or a character where there are no spaces."""

    end: int  # characters of the text up to its end
    spoken_ms: float | None  # of the clip when it has been spoken; None: it has neither letter nor digit


def spoken_words(
    text: str, ends: Sequence[int], times_ms: Sequence[float], character_units: bool
) -> list[SpokenWord]:
    """The words of a text.

    ends: of each token, in characters of the text other than spaces; times_ms: when each is spoken.
    """
    of_character = np.repeat(times_ms, np.diff(ends, prepend=0))
    words, start = [], 0
    for word in "".join(text.split()) if character_units else text.split():
        spoken = [of_character[start + at] for at, character in enumerate(word) if character.isalnum()]
        start += len(word)
        words.append(SpokenWord(end_after(text, start), float(max(spoken)) if spoken else None))
    return words


def source_times(
    translator: Translator, waveform: np.ndarray, source: str, target: str, text: str
) -> list[SpokenWord]:
    """The words of a text in `target`, with when they are spoken in the clip, (n,) float32 at 16 kHz.

    Raises UnalignedText where that cannot be told, InputError for languages that the model cannot do.
    """
    tokenizer, longest_ms = translator.tokenizer, translator.maximum_audio_ms
    prompt, tokens = tokenizer.prompt(source, target), tokenizer.encode_sentence(text)
    seconds = len(waveform) / SAMPLE_RATE
    if longest_ms is not None and 1000 * seconds > longest_ms:
        raise UnalignedText("longer than the labeller's window", f"{seconds:.2f} s")
    if len(prompt) + len(tokens) > translator.maximum_tokens:
        raise UnalignedText("text longer than the labeller's context", f"{len(tokens)} tokens")
    if not same_length(text, tokenizer.decode(tokens)):
        raise UnalignedText("the labeller cannot write the text", f"{target}: {tokenizer.decode(tokens)}")
    memory = translator.encode([waveform])
    frames = attended_frames(translator, memory, 0, prompt, tokens)
    times_ms = memory.end_ms[0].cpu()[frames].tolist()
    character_units = canonical_language(target) in CHARACTER_LANGUAGES
    return spoken_words(text, token_ends(tokenizer.decode, tokens), times_ms, character_units)
