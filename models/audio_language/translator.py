"""An audio-language model behind the Translator interface, so that every policy runs on it.

A row of the decoder is `text before the audio | audio | text behind it | committed and new text`, all in one
causal language model. What a new chunk of audio leaves to be computed:

- What the family's encoder says (`models.audio_language.audio_streams`): all audio, or only the newest of it
  where older frames are final.
- The language model is causal. Keys and values of the text before the audio are the same for every chunk and
  every stream with one prompt: they are computed once. Those of final frames are computed once for each
  stream and text before the audio, and the stream keeps them until it forgets audio. Those of all other
  frames change with their frames, and those of all text behind because it attends to these: they are computed
  anew, in one pass.
- Within a chunk everything is cached. Rows that hear the same audio with different texts (several policies
  over one utterance) share the pass over the audio, and what is kept of it.

Shapes: R rows, N tokens, T audio frames, D width, V vocabulary.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.audio_attention import EachHeadAttention, watch_attention
from models.audio_language.families import load_audio_language_model
from models.audio_language.kept_keys import Beginning, KeepingPass, KeptKeys, open_cache
from models.audio_language.model import AudioLanguageModel
from models.audio_language.state import AudioLanguageState
from models.audio_language.whole_encoder import WholeEncoder
from models.layers.attention_heads import Heads, attention_heads, check_attention_options
from models.layers.processor_weights import quantise_language_model
from models.layers.row_cache import TokenCache
from models.layers.transfers import to_device
from models.translator import (
    AudioStream,
    Decoder,
    DecoderOutput,
    Memory,
    Reading,
    Translator,
    TranslatorOptions,
    at_last,
    last_places,
)


class AudioLanguageDecoder(Decoder):
    """The language model of any family, over audio that somebody else has encoded and adapted."""

    reads_ahead = True
    attention_heads: Heads = ()  # (layer, head) pairs, from 0, whose attention is reported on request

    def __init__(self, model: AudioLanguageModel, in_training: bool = False) -> None:
        super().__init__(in_training)
        self.model = model
        self.device = model.device
        self.tokenizer = model.tokenizer
        # In a prefix the audio is one token, whatever its length.
        self.maximum_tokens = model.context_length - model.maximum_frames + 1
        self._layers = model.language_model.config.num_hidden_layers
        self._suppressed = torch.tensor(self.tokenizer.suppressed, device=self.device)
        self._before: dict[tuple[int, ...], KeptKeys] = {}  # of the text before the audio

    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[AudioLanguageState, DecoderOutput]:
        """Does as `Translator.start`. Hidden states are those of the text behind the audio.

        Raises InputError for a prefix without exactly one place for the audio.
        """
        with self.without_gradients():
            state, reading = self.read(memory, prefixes, [1] * len(prefixes), listens_to, with_attention)
            return state, self._output(reading)

    def read(
        self,
        memory: Memory,
        texts: Sequence[Sequence[int]],
        told: Sequence[int],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[AudioLanguageState, Reading]:
        """Does as `Decoder.read`; raises InputError as `start` does."""
        with self.without_gradients():
            return self._read(memory, texts, _integers(told), listens_to, with_attention)

    def _read(
        self,
        memory: Memory,
        texts: Sequence[Sequence[int]],
        told: Tensor,
        listens_to: Sequence[int] | None,
        with_attention: bool,
    ) -> tuple[AudioLanguageState, Reading]:
        listens_to = range(len(texts)) if listens_to is None else listens_to
        befores, texts_behind = zip(*map(self._split, texts), strict=True)
        heads = self.attention_heads if with_attention else ()
        # Rows by what they have in common up to the end of the audio.
        shared: dict[tuple, int] = {}
        sharing = [shared.setdefault(key, len(shared)) for key in zip(listens_to, befores, strict=True)]
        frames = memory.lengths.tolist()
        audio = [memory.frames[heard, : frames[heard]] for heard, _ in shared]
        rows = [self._beginning(memory, heard, before) for heard, before in shared]
        cache, keeping = open_cache(self._layers, rows, self.device), KeepingPass(rows)
        starts = _integers([len(before) for _, before in shared])
        lengths = _integers([len(frames) for frames in audio])
        state = AudioLanguageState(cache, heads, starts, lengths, memory.frames.shape[1])
        # Of the text before the audio all is known.
        unread = [
            frames[one.known - len(before) :]
            for frames, one, (_, before) in zip(audio, rows, shared, strict=True)
        ]
        behind = [self.model.embed(self._tensor(text)) for text in texts_behind]
        if len(shared) == len(texts):
            whole = [torch.cat(parts) for parts in zip(unread, behind, strict=True)]
            leave_out = _integers([len(frames) for frames in unread])
            return state, self._feed(state, whole, told, leave_out, keeping)
        if any(map(len, unread)):
            counts = _integers([len(frames) for frames in unread])
            padded = pad_sequence(unread, batch_first=True)
            self.model.hidden_states(padded, counts, cache, keeping=keeping)
        state.select(_integers(sharing))
        return state, self._feed(state, behind, told)

    def read_each_head(self, memory: Memory, text: Sequence[int], told: int) -> Tensor:
        """Does as `Decoder.read_each_head`, of attention to the audio; raises InputError as `start` does."""
        before, behind = self._split(text)
        frames = int(memory.lengths[0])
        sizes = self.model.language_model.config
        heads = range(sizes.num_attention_heads)
        with self.without_gradients():
            embed = self.model.embed
            parts = (embed(self._tensor(before)), memory.frames[0, :frames], embed(self._tensor(behind)))
            whole = torch.cat(parts)
            places = torch.arange(len(whole) - told, len(whole))
            same = torch.ones_like(places)
            watched = (0 * same, places, len(before) * same, frames * same)
            there = [to_device(one, self.device) for one in watched]
            every = [(layer, head) for layer in range(self._layers) for head in heads]
            attention = EachHeadAttention(every, *there, memory.frames.shape[1])
            cache = TokenCache(self._layers, 1, self.device)
            self.model.hidden_states(whole[None], _integers([len(whole)]), cache, attention)
        return torch.stack(attention.kept)

    def step(self, state: AudioLanguageState, tokens: Tensor) -> DecoderOutput:
        with self.without_gradients():
            one = torch.ones_like(tokens)
            embedded = self.model.embed(to_device(tokens, self.device)[:, None])
            return self._output(self._decode(state, embedded, one, one))

    def predict(self, hidden: Tensor) -> Tensor:
        with self.without_gradients():
            logits = self.model.logits(hidden)
            logits[..., self._suppressed] = -torch.inf
            return logits.log_softmax(-1)

    def _output(self, reading: Reading) -> DecoderOutput:
        last = at_last(reading.hidden, reading.lengths)
        return DecoderOutput(self.predict(last), reading.hidden, reading.lengths, reading.attention)

    def _feed(
        self,
        state: AudioLanguageState,
        rows: Sequence[Tensor],
        told: Tensor,
        leave_out: Tensor | None = None,
        keeping: KeepingPass | None = None,
    ) -> Reading:
        """rows: R tensors (n, D). leave_out (R,): so many first positions of each are no result."""
        lengths = _integers([len(row) for row in rows])
        return self._decode(state, pad_sequence(rows, batch_first=True), lengths, told, leave_out, keeping)

    def _decode(
        self,
        state: AudioLanguageState,
        embeddings: Tensor,
        lengths: Tensor,
        told: Tensor,
        leave_out: Tensor | None = None,
        keeping: KeepingPass | None = None,
    ) -> Reading:
        rows = torch.arange(len(lengths))
        watching = state.watch(*last_places(rows, lengths, told))
        hidden = self.model.hidden_states(embeddings, lengths, state.cache, watching, keeping)
        if leave_out is not None:
            lengths = lengths - leave_out
            places = leave_out[:, None] + torch.arange(int(lengths.max()))
            places = places.clamp(max=hidden.shape[1] - 1)
            hidden = hidden[to_device(rows[:, None], self.device), to_device(places, self.device)]
        return Reading(hidden, lengths, None if watching is None else watching.mean())

    def _split(self, prefix: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tokens before the audio and behind it."""
        prefix = tuple(prefix)
        if prefix.count(self.tokenizer.audio_token) != 1 or prefix[-1] == self.tokenizer.audio_token:
            raise InputError(
                "a prefix must hold the audio's token once, and text behind it: begin it with the "
                "tokenizer's prompt"
            )
        place = prefix.index(self.tokenizer.audio_token)
        return prefix[:place], prefix[place + 1 :]

    def _beginning(self, memory: Memory, heard: int, before: tuple[int, ...]) -> Beginning:
        """Of a row that hears stream `heard` behind a text."""
        if before not in self._before:
            read = KeptKeys(self._layers)
            if before:
                embedded = self.model.embed(self._tensor([before]))
                cache = TokenCache(self._layers, 1, self.device)
                keeping = KeepingPass([Beginning(read, 0, len(before))])
                self.model.hidden_states(embedded, _integers([len(before)]), cache, keeping=keeping)
            self._before[before] = read
        text = self._before[before]
        final = None if memory.final is None else memory.final[heard]
        if final is None or not final.count:
            return Beginning(text, len(before), 0)
        # Another model may listen to the same stream.
        key = self.model, before
        if key not in final.kept:
            final.kept[key] = text.copy()
        kept = final.kept[key]
        end = len(before) + final.count
        known = min(kept.length, end)
        return Beginning(kept, known, end - known)

    def _tensor(self, numbers: Sequence) -> Tensor:
        return to_device(_integers(numbers), self.device)


def _integers(numbers: Sequence) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int64)


class AudioLanguageTranslator(AudioLanguageDecoder, Translator):
    """A model of any family (`models.audio_language.families`)."""

    def __init__(self, model: AudioLanguageModel, options: TranslatorOptions) -> None:
        """Raises InputError for an option that its encoder knows nothing of."""
        for name in ("dense_silence_ms", "silence_stride", "static_shapes", "cuda_graphs"):
            if getattr(options, name):
                raise InputError(
                    f"{name} is an option of Whisper and REINA, not of audio-language models: leave it out"
                )
        model.network.eval().requires_grad_(False)
        if options.decodes_in_eight_bits:
            quantise_language_model(model.network, model.language_layers)
        super().__init__(model)
        self.options = options.with_silence(model.usual_silence_ms)
        self.silence_ms = self.encoded_silence_ms = self.options.trailing_silence_ms
        encoder = model.open_encoder(self.options)
        self._encoder = encoder or WholeEncoder(model, self.options.trailing_silence_ms)
        sizes = model.language_model.config
        check_attention_options(sizes.num_hidden_layers, sizes.num_attention_heads, options)
        self.maximum_audio_ms = model.maximum_audio_ms
        self.hidden_width = model.width
        watch_attention(model.language_model)

    @cached_property
    def attention_heads(self) -> Heads:
        """The language model's heads that policies see: (layer, head) pairs, from 0."""
        sizes, named = self.model.language_model.config, self.model.alignment_heads
        return attention_heads(sizes.num_hidden_layers, sizes.num_attention_heads, self.options, named)

    def open_stream(self, whole: bool = False) -> AudioStream:
        return self._encoder.open_stream(whole)

    @torch.inference_mode()
    def encode_streams(self, streams: Sequence[AudioStream]) -> Memory:
        return self._encoder.encode(streams)


def load_audio_language_translator(path: Path, options: TranslatorOptions) -> AudioLanguageTranslator:
    """Load a model folder. Raises InputError if it cannot be used."""
    return AudioLanguageTranslator(load_audio_language_model(path, options), options)
