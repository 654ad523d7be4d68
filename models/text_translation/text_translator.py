"""What all translators have in common that read text: `SourceText` in place of audio.

They do not hear: a cascade (`agents.cascade`) recognises first, and gives them the words.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from foundation.errors import InputError
from models.text_translation.source_text import SourceText
from models.text_translation.tokens import SourceTokens
from models.translator import AudioStream, Translator


class TextTranslator(Translator):
    """A translator of text. Its memory's frames are source tokens, which end at times of the audio."""

    reads_text = True
    maximum_audio_ms = None
    maximum_source_tokens: int | None = None  # what its encoder reads at most, marks included; None: any

    def open_stream(self, whole: bool = False) -> AudioStream:
        raise InputError(
            "this model translates text and hears nothing: add a recogniser, such as --recogniser "
            "openai/whisper-base"
        )

    def source_tokens(self, text: SourceText) -> SourceTokens:
        """The tokens of a stream's text. Raises InputError for a pair that the model cannot do."""
        return self.tokenizer.source(text.text, text.languages)

    def check_text(self, text: SourceText) -> None:
        """Raises InputError for a text that is longer than what the model reads."""
        if self.maximum_source_tokens is None or not text.text:
            return
        count = len(self.source_tokens(text).tokens)
        if count > self.maximum_source_tokens:
            raise InputError(
                f"the recognised text has {count} tokens, but the model reads {self.maximum_source_tokens} "
                "at once: remember less, by --window-s"
            )


def token_end_times(texts: Sequence[SourceText], tokens: Sequence[SourceTokens], device) -> Tensor:
    """(B, T) float32: when each token of B streams ends, in ms; behind a row's end it does not matter."""
    times = [
        torch.tensor(text.times_ms(one.ends), dtype=torch.float32)
        for text, one in zip(texts, tokens, strict=True)
    ]
    return torch.nn.utils.rnn.pad_sequence(times, batch_first=True).to(device)
