"""An audio encoder with a text decoder behind the Translator interface: what Whisper and REINA share.

What a new chunk of audio leaves to be computed: the newest frames, and their keys for the decoder's
cross-attention (`models.whisper.streaming_encoder`); and the decoder's pass over the whole text, because each
position attends to all audio, so that what every layer but the first makes of the text changes with it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from models.layers.attention_heads import Heads, attention_heads, check_attention_options
from models.layers.each_head import EachHead
from models.layers.processor_weights import arrange_weights, pack_output, quantise_decoder
from models.layers.row_cache import RowCache
from models.layers.shared_prefixes import holders
from models.layers.transfers import to_device
from models.sound.log_mel import HOP_MS
from models.static_steps import StaticSteps
from models.translator import (
    AudioStream,
    Decoder,
    DecoderOutput,
    Memory,
    Reading,
    Tokenizer,
    Translator,
    TranslatorOptions,
    at_last,
    last_places,
)
from models.whisper.hearing import FROZEN_AFTER_MS, Hearing
from models.whisper.network import SpeechModel
from models.whisper.speech_stream import SpeechStream
from models.whisper.streaming_encoder import SpeechEncoder


class SpeechTokenizer(Tokenizer, Protocol):
    """A tokenizer that also knows which tokens are no text."""

    suppressed: Sequence[int]  # ids that are never generated


class SpeechDecoder(Decoder):
    """The text decoder of a SpeechModel, over memories that somebody else has encoded."""

    reads_ahead = True
    attention_heads: Heads = ()  # (layer, head) pairs, from 0, whose attention is reported on request
    static_steps: StaticSteps | None = None  # take the steps, where they are given

    def __init__(self, model: SpeechModel, tokenizer: SpeechTokenizer, in_training: bool = False) -> None:
        super().__init__(in_training)
        self.model = model
        self.device = model.decoder.token_embedding.weight.device
        self.tokenizer = tokenizer
        self.maximum_tokens = model.dimensions.n_text_ctx
        self._suppressed = torch.tensor(tokenizer.suppressed, dtype=torch.int64, device=self.device)

    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[RowCache, DecoderOutput]:
        with self.without_gradients():
            cache, seen = self.read(memory, prefixes, [1] * len(prefixes), listens_to, with_attention)
            return cache, self._output(seen.hidden, seen.lengths, seen.attention)

    def read(
        self,
        memory: Memory,
        texts: Sequence[Sequence[int]],
        told: Sequence[int],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[RowCache, Reading]:
        heard = range(len(texts)) if listens_to is None else listens_to
        held_by = holders([(at, *text) for at, text in zip(heard, texts, strict=True)])
        read = sorted(set(held_by))  # no other text needs computing
        tokens = torch.nn.utils.rnn.pad_sequence([_integers(texts[row]) for row in read], batch_first=True)
        heads = self.attention_heads if with_attention else ()
        with self.without_gradients():
            read_lengths = _integers([len(texts[row]) for row in read])
            listening = _integers([heard[row] for row in read])
            cache = self.model.decoder.open_cache(
                memory.frames, memory.lengths, listening, heads, memory.cross, memory.log_counts
            )
            place = {row: at for at, row in enumerate(read)}
            rows = _integers([place[row] for row in held_by])
            lengths = _integers([len(text) for text in texts])
            watched = last_places(rows, lengths, _integers(told))
            hidden, attention = self.model.decoder(
                to_device(tokens, self.device), read_lengths, cache, watched
            )
            cache.branch(rows, lengths)
            hidden = hidden[to_device(rows, self.device), : int(lengths.max())]
            return cache, Reading(hidden, lengths, attention)

    def read_each_head(self, memory: Memory, text: Sequence[int], told: int) -> Tensor:
        sizes, decoder = self.model.dimensions, self.model.decoder
        every = [(layer, head) for layer in range(sizes.n_text_layer) for head in range(sizes.n_text_head)]
        one = _integers([len(text)])
        watched = last_places(_integers([0]), one, _integers([told]))
        with self.without_gradients():
            cross = memory.cross or decoder.cross_keys(memory.frames)
            cache = EachHead(cross, memory.lengths, _integers([0]), every, memory.log_counts)
            decoder(to_device(_integers([text]), self.device), one, cache, watched)
        return torch.stack(cache.kept)

    def step(self, state: RowCache, tokens: Tensor) -> DecoderOutput:
        with self.without_gradients():
            if self.static_steps is not None:
                output = self.static_steps.step(state, tokens)
                if output is not None:
                    return output
            lengths = torch.ones_like(tokens)
            hidden, attention = self.model.decoder(to_device(tokens, self.device)[:, None], lengths, state)
            return self._output(hidden, lengths, attention)

    def _output(self, hidden: Tensor, lengths: Tensor, attention: Tensor | None) -> DecoderOutput:
        return DecoderOutput(self.predict(at_last(hidden, lengths)), hidden, lengths, attention)

    def predict(self, hidden: Tensor) -> Tensor:
        with self.without_gradients():
            logits = self.model.decoder.logits(hidden)
            return logits.index_fill_(-1, self._suppressed, -torch.inf).log_softmax(-1)


def _integers(values: Sequence[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)


class StreamEncoder(Protocol):
    """Makes memories of what streams have heard."""

    window_frames: int  # feature frames that it hears at most
    bytes_per_audio_s: int  # of what it keeps of a second of audio

    def encode(self, streams: Sequence[AudioStream]) -> Memory:
        """Does as `Translator.encode_streams`."""


class SpeechTranslator(SpeechDecoder, Translator):
    """A SpeechModel of any size. Trailing silence is the choice between speed and what Whisper expects."""

    usual_hearing = Hearing(frozen_after_ms=FROZEN_AFTER_MS)  # of this model; options may choose another

    def __init__(
        self,
        model: SpeechModel,
        tokenizer: SpeechTokenizer,
        options: TranslatorOptions,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """alignment_heads: (layer, head) pairs, from 0, whose attention follows the speech."""
        self.hearing = self.usual_hearing.chosen(options)
        self.options = options = options.with_silence(self.hearing.silence_ms)
        self.silence_ms = self.hearing.silence_ms
        self.encoded_silence_ms = self.hearing.encoded_silence_ms
        device, encoder_dtype, decoder_dtype = (
            options.torch_device(),
            options.encoder_dtype(),
            options.decoder_dtype(),
        )
        for part in model.children():
            part.to(device, decoder_dtype if part is model.decoder else encoder_dtype)
        model.eval().requires_grad_(False)
        super().__init__(model, tokenizer)
        self._alignment_heads = alignment_heads
        check_attention_options(model.dimensions.n_text_layer, model.dimensions.n_text_head, options)
        if self.device.type == "cpu":
            _prepare_for_processor(model, options)
        if options.has_static_shapes:
            self.static_steps = StaticSteps(model.decoder, self.predict, options.recording())
        # Recorded steps take place in one memory.
        self.steps_in_threads = self.static_steps is None
        self._encoder = self.new_encoder(encoder_dtype, decoder_dtype)
        self.maximum_audio_ms = float(HOP_MS * self._encoder.window_frames)
        self.hidden_width = model.dimensions.n_text_state
        self.bytes_per_audio_s = self._encoder.bytes_per_audio_s

    def new_encoder(self, dtype: torch.dtype, decoder_dtype: torch.dtype) -> StreamEncoder:
        """What encodes streams; dtype: of the model but for its decoder."""
        return SpeechEncoder(self.model, self.hearing, self.device, dtype, decoder_dtype)

    @cached_property
    def attention_heads(self) -> Heads:
        """The decoder's heads that policies see: (layer, head) pairs, from 0."""
        sizes = self.model.dimensions
        return attention_heads(sizes.n_text_layer, sizes.n_text_head, self.options, self._alignment_heads)

    def open_stream(self, whole: bool = False) -> AudioStream:
        return SpeechStream(self.model.dimensions.n_mels, whole)

    @torch.inference_mode()
    def encode_streams(self, streams: Sequence[AudioStream]) -> Memory:
        return self._encoder.encode(streams)


def _prepare_for_processor(model: SpeechModel, options: TranslatorOptions) -> None:
    if options.decodes_in_eight_bits:
        quantise_decoder(model.decoder)
    elif options.decoder_dtype() == torch.float32:
        pack_output(model.decoder)
    arrange_weights(model)
