"""An audio encoder with a text decoder behind the Translator interface: what Whisper and REINA share."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from models.layers.attention_heads import Heads, attention_heads, check_attention_options
from models.layers.processor_weights import arrange_weights, pack_output, quantise_decoder
from models.layers.row_cache import RowCache
from models.layers.shared_prefixes import holders
from models.sound.log_mel import HOP_MS, LogMelStream, frames_heard
from models.translator import (
    Decoder,
    DecoderOutput,
    Memory,
    Tokenizer,
    Translator,
    TranslatorOptions,
    frame_ends,
)
from models.whisper.network import FRAME_MS, STRIDE, SpeechModel, memory_frames


class SpeechTokenizer(Tokenizer, Protocol):
    """A tokenizer that also knows which tokens are no text."""

    suppressed: Sequence[int]  # ids that are never generated


class SpeechDecoder(Decoder):
    """The text decoder of a SpeechModel, over memories that somebody else has encoded."""

    attention_heads: Heads = ()  # (layer, head) pairs, from 0, whose attention is reported on request

    def __init__(self, model: SpeechModel, tokenizer: SpeechTokenizer, in_training: bool = False) -> None:
        super().__init__(in_training)
        self.model = model
        self.device = model.decoder.token_embedding.weight.device
        self.tokenizer = tokenizer
        self.maximum_tokens = model.dimensions.n_text_ctx
        self._suppressed = torch.tensor(tokenizer.suppressed, device=self.device)

    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[RowCache, DecoderOutput]:
        heard = range(len(prefixes)) if listens_to is None else listens_to
        held_by = holders([(at, *prefix) for at, prefix in zip(heard, prefixes, strict=True)])
        read = sorted(set(held_by))  # no other prefix needs computing
        tokens = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(prefixes[row], dtype=torch.int64) for row in read], batch_first=True
        ).to(self.device)
        heads = self.attention_heads if with_attention else ()
        with self.without_gradients():
            read_lengths = self._integers([len(prefixes[row]) for row in read])
            listening = self._integers([heard[row] for row in read])
            cache = self.model.decoder.open_cache(
                memory.frames, memory.lengths, listening, heads, memory.cross
            )
            place = {row: at for at, row in enumerate(read)}
            rows = self._integers([place[row] for row in held_by])
            lengths = self._integers([len(prefix) for prefix in prefixes])
            hidden, attention = self.model.decoder(tokens, read_lengths, cache, (rows, lengths - 1))
            cache.branch(rows, lengths)
            return cache, self._output(hidden[rows, : int(lengths.max())], lengths, attention)

    def step(self, state: RowCache, tokens: Tensor) -> DecoderOutput:
        with self.without_gradients():
            lengths = torch.ones_like(tokens)
            hidden, attention = self.model.decoder(tokens[:, None], lengths, state)
            return self._output(hidden, lengths, attention)

    def _output(self, hidden: Tensor, lengths: Tensor, attention: Tensor | None) -> DecoderOutput:
        rows = torch.arange(len(hidden), device=self.device)
        logits = self.model.decoder.logits(hidden[rows, lengths - 1])
        logits[:, self._suppressed] = -torch.inf
        return DecoderOutput(logits.log_softmax(-1), hidden, lengths, attention)

    def _integers(self, values: Sequence[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.int64, device=self.device)


class SpeechTranslator(SpeechDecoder, Translator):
    """A SpeechModel of any size. Trailing silence is the choice between speed and what Whisper expects."""

    def __init__(
        self,
        model: SpeechModel,
        tokenizer: SpeechTokenizer,
        options: TranslatorOptions,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """alignment_heads: (layer, head) pairs, from 0, whose attention follows the speech."""
        self.options = options = options.with_silence(self.usual_silence_ms)
        self.silence_ms = options.trailing_silence_ms
        self._encoder_dtype, self._decoder_dtype = options.encoder_dtype(), options.decoder_dtype()
        device = options.torch_device()
        for part in model.children():
            part.to(device, self._decoder_dtype if part is model.decoder else self._encoder_dtype)
        model.eval().requires_grad_(False)
        super().__init__(model, tokenizer)
        self._alignment_heads = alignment_heads
        check_attention_options(model.dimensions.n_text_layer, model.dimensions.n_text_head, options)
        if self.device.type == "cpu":
            _prepare_for_processor(model, options)
        self.window_frames = STRIDE * model.dimensions.n_audio_ctx
        self.maximum_audio_ms = float(HOP_MS * self.window_frames)
        self.hidden_width = model.dimensions.n_text_state

    @cached_property
    def attention_heads(self) -> Heads:
        """The decoder's heads that policies see: (layer, head) pairs, from 0."""
        sizes = self.model.dimensions
        return attention_heads(sizes.n_text_layer, sizes.n_text_head, self.options, self._alignment_heads)

    def open_stream(self) -> LogMelStream:
        return LogMelStream(self.model.dimensions.n_mels)

    @torch.inference_mode()
    def encode_streams(self, streams: Sequence[LogMelStream]) -> Memory:
        heard = frames_heard(streams, self.window_frames)
        lengths = (heard + self.options.trailing_silence_ms // HOP_MS).clamp(max=self.window_frames)
        features = torch.nn.utils.rnn.pad_sequence(
            [stream.features(int(length)).T for stream, length in zip(streams, lengths, strict=True)],
            batch_first=True,
        ).transpose(1, 2)
        equal = bool((lengths == lengths[0]).all())
        frames = self.model.hear(
            features.to(self.device, self._encoder_dtype), None if equal else lengths.to(self.device)
        ).to(self._decoder_dtype)
        return Memory(
            frames=frames,
            lengths=memory_frames(lengths).to(self.device),
            heard_frames=memory_frames(heard).to(self.device),
            end_ms=frame_ends(*frames.shape[:2], FRAME_MS, self.device),
        )


def _prepare_for_processor(model: SpeechModel, options: TranslatorOptions) -> None:
    if options.decodes_in_eight_bits:
        quantise_decoder(model.decoder)
    elif options.decoder_dtype() == torch.float32:
        pack_output(model.decoder)
    arrange_weights(model)
