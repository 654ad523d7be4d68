"""An audio encoder with a text decoder behind the Translator interface: what Whisper and REINA share."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.errors import InputError
from models.log_mel import LogMelStream
from models.row_cache import RowCache
from models.translator import DecoderOutput, Memory, Tokenizer, Translator, TranslatorOptions
from models.whisper import SpeechDimensions, SpeechModel

HOP_MS = 10  # one log-mel frame
STRIDE = 2  # the encoder's second convolution halves the frame rate


class SpeechTokenizer(Tokenizer, Protocol):
    """A tokenizer that also knows which tokens are no text."""

    suppressed: Sequence[int]  # ids that are never generated


class SpeechTranslator(Translator):
    """A SpeechModel of any size. Trailing silence is the choice between speed and what Whisper expects."""

    frame_ms = float(HOP_MS * STRIDE)

    def __init__(
        self,
        model: SpeechModel,
        tokenizer: SpeechTokenizer,
        options: TranslatorOptions,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """alignment_heads: (layer, head) pairs, from 0, whose attention follows the speech."""
        self.options = options
        self.device = options.torch_device()
        self.dtype = options.torch_dtype()
        self.model = model.to(self.device, self.dtype).eval().requires_grad_(False)
        if self.device.type == "cpu":
            _store_by_columns(self.model.decoder.output_layer.weight)
        self.tokenizer = tokenizer
        self.attention_heads = _attention_heads(model.dimensions, options, alignment_heads)
        self.window_frames = STRIDE * model.dimensions.n_audio_ctx
        self.maximum_audio_ms = float(HOP_MS * self.window_frames)
        self.maximum_tokens = model.dimensions.n_text_ctx
        self.hidden_width = model.dimensions.n_text_state
        self._suppressed = torch.tensor(tokenizer.suppressed, device=self.device)

    def open_stream(self) -> LogMelStream:
        return LogMelStream(self.model.dimensions.n_mels)

    @torch.inference_mode()
    def encode_streams(self, streams: Sequence[LogMelStream]) -> Memory:
        heard = torch.tensor([stream.frames_heard for stream in streams])
        if int(heard.max()) > self.window_frames:
            longest_s = max(stream.duration_ms for stream in streams) / 1000
            raise InputError(
                f"audio of {longest_s:.1f} s is longer than the model's window of "
                f"{self.maximum_audio_ms / 1000:g} s: split it into shorter segments"
            )
        if int(heard.min()) == 0:
            raise InputError("a stream has no audio yet: encode it once it has heard at least one sample")
        lengths = (heard + self.options.trailing_silence_ms // HOP_MS).clamp(max=self.window_frames)
        features = torch.nn.utils.rnn.pad_sequence(
            [stream.features(int(length)).T for stream, length in zip(streams, lengths, strict=True)],
            batch_first=True,
        ).transpose(1, 2)
        equal = bool((lengths == lengths[0]).all())
        frames = self.model.hear(
            features.to(self.device, self.dtype), None if equal else lengths.to(self.device)
        )
        return Memory(
            frames=frames,
            lengths=(-(-lengths // STRIDE)).to(self.device),
            heard_frames=(-(-heard // STRIDE)).to(self.device),
            frame_ms=self.frame_ms,
        )

    @torch.inference_mode()
    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[RowCache, DecoderOutput]:
        lengths = torch.tensor([len(prefix) for prefix in prefixes])
        tokens = torch.zeros(len(prefixes), int(lengths.max()), dtype=torch.int64)
        for row, prefix in enumerate(prefixes):
            tokens[row, : len(prefix)] = torch.tensor(prefix)
        heads = self.attention_heads if with_attention else ()
        rows = torch.tensor(range(len(prefixes)) if listens_to is None else listens_to, device=self.device)
        cache = self.model.decoder.open_cache(memory.frames, memory.lengths, rows, heads)
        return cache, self._decode(cache, tokens.to(self.device), lengths.to(self.device))

    @torch.inference_mode()
    def step(self, state: RowCache, tokens: Tensor) -> DecoderOutput:
        return self._decode(state, tokens[:, None], torch.ones_like(tokens))

    def _decode(self, cache: RowCache, tokens: Tensor, lengths: Tensor) -> DecoderOutput:
        hidden, attention = self.model.decoder(tokens, lengths, cache)
        rows = torch.arange(len(tokens), device=self.device)
        logits = self.model.decoder.logits(hidden[rows, lengths - 1])
        logits[:, self._suppressed] = -torch.inf
        return DecoderOutput(logits.log_softmax(-1), hidden, lengths, attention)


def _store_by_columns(weight: Tensor) -> None:
    """Lay the output layer (V, D) out in memory as (D, V); its values and shape stay.

    Processors' matrix kernels take a few rows against this layout twice as fast, and the logits are a
    large part of a decoding step.
    """
    weight.data = weight.data.T.contiguous().T


def _attention_heads(
    dimensions: SpeechDimensions,
    options: TranslatorOptions,
    alignment_heads: Sequence[tuple[int, int]] | None,
) -> tuple[tuple[int, int], ...]:
    """The (layer, head) pairs, from 0, whose mean attention the policies see."""
    layers, heads = dimensions.n_text_layer, dimensions.n_text_head
    if options.attention_layer is None:
        if options.attention_heads is not None:
            raise InputError("attention heads were given without a layer: add --attention-layer")
        # Without known alignment heads the last layer is the usual choice (EDAtt, Papi et al. 2023).
        return tuple(alignment_heads or ((layers - 1, head) for head in range(heads)))
    if not 1 <= options.attention_layer <= layers:
        raise InputError(f"attention layer {options.attention_layer} does not exist: choose 1 to {layers}")
    chosen = options.attention_heads or range(1, heads + 1)
    if not all(1 <= head <= heads for head in chosen):
        raise InputError(f"attention heads {list(chosen)} are not all there: choose among 1 to {heads}")
    return tuple((options.attention_layer - 1, head - 1) for head in chosen)
