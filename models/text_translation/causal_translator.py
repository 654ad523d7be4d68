"""Causal language models, asked by a prompt, behind the Translator interface, over recognised text.

The prompt up to the end of the source text is read once: recognised words are never revised, and a causal
model makes the same of them whatever follows. The rest of the prompt and the translation attend to all of the
source, and are read anew when it has grown.

Shapes: B streams, T source tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from foundation.errors import InputError
from models.audio_language.audio_attention import watch_attention
from models.audio_language.translator import AudioLanguageDecoder
from models.layers.attention_heads import Heads, attention_heads, check_attention_options
from models.layers.transfers import to_device
from models.text_translation.causal_model import CausalModel, load_causal_model
from models.text_translation.source_text import SourceText
from models.text_translation.text_translator import TextTranslator, token_end_times
from models.text_translation.translator import refuse_audio_options
from models.translator import FinalFrames, Memory, TranslatorOptions


@dataclass(frozen=True)
class ReadText:
    """Tokens whose keys a stream keeps, and where: what has been read of other tokens is of no use."""

    tokens: tuple[int, ...]
    keys: dict


class CausalTranslator(AudioLanguageDecoder, TextTranslator):
    """A language model of any kind that transformers reads as a causal one."""

    def __init__(self, model: CausalModel, options: TranslatorOptions) -> None:
        """Raises InputError for options that it knows nothing of."""
        refuse_audio_options(options)
        sizes = model.language_model.config
        check_attention_options(sizes.num_hidden_layers, sizes.num_attention_heads, options)
        super().__init__(model)
        self.options = options
        self.hidden_width = model.width
        self.maximum_source_tokens = model.maximum_frames
        watch_attention(model.language_model)

    @cached_property
    def attention_heads(self) -> Heads:
        """The heads that policies see: (layer, head) pairs, from 0."""
        sizes = self.model.language_model.config
        return attention_heads(sizes.num_hidden_layers, sizes.num_attention_heads, self.options)

    @torch.inference_mode()
    def encode_streams(self, streams: Sequence[SourceText]) -> Memory:
        """Embed the texts of B streams, each of at least one word."""
        tokens = [self.source_tokens(stream) for stream in streams]
        rows = [torch.tensor(one.tokens) for one in tokens]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = to_device(torch.tensor([len(row) for row in rows]), self.device)
        return Memory(
            self.model.embed(to_device(padded, self.device)),
            lengths,
            lengths,
            token_end_times(streams, tokens, self.device),
            final=tuple(self._final(stream, one.tokens) for stream, one in zip(streams, tokens, strict=True)),
        )

    def _final(self, stream: SourceText, tokens: tuple[int, ...]) -> FinalFrames:
        """All tokens so far. Where earlier ones have changed, as when words were forgotten, keys are new."""
        kept = stream.kept
        known = isinstance(kept, ReadText) and tokens[: len(kept.tokens)] == kept.tokens
        stream.kept = ReadText(tokens, kept.keys if known else {})
        return FinalFrames(len(tokens), stream.kept.keys)


def load_causal_translator(path: Path, options: TranslatorOptions) -> CausalTranslator:
    """Load a model folder. Raises InputError if it cannot be used."""
    if (path / "adapter_config.json").is_file():
        raise InputError(f"{path} holds an adapter: merge it into its model, and give that")
    return CausalTranslator(load_causal_model(path, options), options)
