"""Marian (Opus-MT), M2M-100, NLLB, T5 and mT5 behind the Translator interface, over recognised text.

The encoder hears both ways, so that each further word changes all of its output: a text that has grown is
encoded anew, one that has not is kept with its stream. Rows, caches and drafts are those of
`models.speech_translator`.

Shapes: B streams, T source tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from foundation.errors import InputError
from models.layers.attention_heads import Heads, attention_heads, check_attention_options
from models.layers.processor_weights import arrange_weights, pack_output, quantise_decoder
from models.layers.transfers import to_device
from models.speech_translator import SpeechDecoder
from models.text_translation.folder import TextCheckpoint, load_text_checkpoint
from models.text_translation.source_text import SourceText
from models.text_translation.text_translator import TextTranslator, token_end_times
from models.text_translation.tokens import SourceTokens
from models.translator import Memory, TranslatorOptions

# Options of how audio is heard, or of networks whose steps are recorded.
OF_AUDIO = (
    *("encoder_precision", "trailing_silence_ms", "dense_silence_ms", "silence_stride", "frozen_after_s"),
    *("static_shapes", "cuda_graphs"),
)


def refuse_audio_options(options: TranslatorOptions) -> None:
    """Raises InputError for an option that a model which reads text knows nothing of."""
    for name in OF_AUDIO:
        if getattr(options, name) not in (None, False):
            raise InputError(
                f"{name} is an option of models that hear, and this one reads text: give it to the "
                f"recogniser, as --recogniser-options {name}=..."
            )


@dataclass(frozen=True)
class Encoded:
    """What the encoder has made of a text."""

    tokens: SourceTokens
    frames: Tensor  # (T, D)


class EncoderDecoderTranslator(SpeechDecoder, TextTranslator):
    """A text encoder and a text decoder of any family of `models.text_translation.configuration`."""

    def __init__(self, checkpoint: TextCheckpoint, options: TranslatorOptions) -> None:
        """Raises InputError for options that it knows nothing of."""
        refuse_audio_options(options)
        model, sizes = checkpoint.model, checkpoint.model.dimensions
        check_attention_options(sizes.n_text_layer, sizes.n_text_head, options)
        model.to(options.torch_device(), options.decoder_dtype()).eval().requires_grad_(False)
        super().__init__(model, checkpoint.tokenizer)
        self.options = options
        if self.device.type == "cpu":
            if options.decodes_in_eight_bits:
                quantise_decoder(model.decoder)
            elif options.decoder_dtype() == torch.float32:
                pack_output(model.decoder)
            arrange_weights(model)
        self.hidden_width = sizes.n_text_state
        self.maximum_source_tokens = sizes.n_text_ctx

    @cached_property
    def attention_heads(self) -> Heads:
        """The decoder's heads that policies see: (layer, head) pairs, from 0."""
        sizes = self.model.dimensions
        return attention_heads(sizes.n_text_layer, sizes.n_text_head, self.options)

    @torch.inference_mode()
    def encode_streams(self, streams: Sequence[SourceText]) -> Memory:
        """Encode the texts of B streams, each of at least one word."""
        encoded = [self._known(stream) for stream in streams]
        new = [place for place, one in enumerate(encoded) if isinstance(one, SourceTokens)]
        if new:
            for place, frames in zip(new, self._encode([encoded[place] for place in new]), strict=True):
                encoded[place] = streams[place].kept = Encoded(encoded[place], frames)
        frames = torch.nn.utils.rnn.pad_sequence([one.frames for one in encoded], batch_first=True)
        tokens = [one.tokens for one in encoded]
        lengths = to_device(torch.tensor([len(one.tokens) for one in tokens]), self.device)
        words = to_device(torch.tensor([one.words for one in tokens]), self.device)
        return Memory(frames, lengths, words, token_end_times(streams, tokens, self.device))

    def _known(self, stream: SourceText) -> Encoded | SourceTokens:
        """What is kept of a text that has not changed; else its tokens."""
        tokens = self.source_tokens(stream)
        kept = stream.kept
        return kept if isinstance(kept, Encoded) and kept.tokens.tokens == tokens.tokens else tokens

    def _encode(self, texts: Sequence[SourceTokens]) -> list[Tensor]:
        """(T, D) of each text."""
        rows = [torch.tensor(one.tokens) for one in texts]
        lengths = torch.tensor([len(row) for row in rows])
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        frames = self.model.encode(to_device(tokens, self.device), to_device(lengths, self.device))
        return [row[: int(length)] for row, length in zip(frames, lengths, strict=True)]


def load_text_translator(path: Path, options: TranslatorOptions) -> EncoderDecoderTranslator:
    """Load a model folder (`models.text_translation.folder`). Raises InputError if it cannot be used."""
    return EncoderDecoderTranslator(load_text_checkpoint(path, options.prompt), options)
