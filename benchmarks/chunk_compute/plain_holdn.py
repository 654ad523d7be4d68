"""Hold-n as one writes it first: at every chunk everything is computed anew, from features to text.

SimulEval's list becomes an array, features are computed of all audio so far with silence behind it, and
the text is generated behind what was written. What must be equal for a fair comparison is taken from our
own code: weights, prompt, suppressed tokens, limits and the whole-word rule.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, WriteAction
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from benchmarks.chunk_compute.parts import Watched
from models.decoding.options import SearchOptions
from models.decoding.units import complete_units
from models.languages import LanguagePair
from models.sound.audio import SAMPLE_RATE
from models.storage.locate import locate_model
from models.translator import PRECISIONS
from models.whisper.checkpoint import HUGGINGFACE_SIZES, load_whisper_checkpoint
from models.whisper.huggingface_names import openai_name
from models.whisper.translator import WhisperTranslator


class PlainHoldNAgent(SpeechToTextAgent):
    """What hold-n needs around a library's generation, which subclasses name."""

    def __init__(
        self,
        ours: WhisperTranslator,
        languages: LanguagePair,
        search: SearchOptions,
        held_tokens: int,
        silence_ms: int | None = None,
    ) -> None:
        """silence_ms: is heard behind the audio, as far as the window reaches; None: up to its end."""
        self.search, self.held_tokens, self.silence_ms = search, held_tokens, silence_ms
        self.tokenizer, self.maximum_tokens = ours.tokenizer, ours.maximum_tokens
        sizes = ours.model.dimensions
        self.extractor = WhisperFeatureExtractor(feature_size=sizes.n_mels)
        self.window_samples = int(ours.maximum_audio_ms * SAMPLE_RATE / 1000)
        self.prompt = self.tokenizer.prompt(languages.source, languages.target)
        self.end = self.tokenizer.end_of_sequence
        self.units_started = self.tokenizer.units_started(False)
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.committed: list[int] = []
        self.shown = ""

    def policy(self, states: Any = None) -> Action:
        tokens = self._new_tokens()
        if not self.states.source_finished:
            count = max(0, len(tokens) - self.held_tokens)
            next_token = (*tokens, self.end)[count]
            tokens = tokens[: complete_units(tokens[:count], next_token, self.units_started)]
        self.committed += tokens
        text = self.tokenizer.decode(self.committed)
        new_text, self.shown = text[len(self.shown) :], text
        return WriteAction(new_text, finished=self.states.source_finished)

    def features(self) -> np.ndarray:
        """(1, mels, frames)"""
        samples = np.array(self.states.source, dtype=np.float32)
        length = self.window_samples
        if self.silence_ms is not None:
            length = min(length, len(samples) + self.silence_ms * SAMPLE_RATE // 1000)
        return self.extractor(
            samples, sampling_rate=SAMPLE_RATE, padding="max_length", max_length=length, return_tensors="np"
        ).input_features

    @abstractmethod
    def parts(self) -> Sequence[Watched]:
        """What `PartsWatch` can see of a chunk."""

    @abstractmethod
    def generate(self, features: np.ndarray, limit: int) -> list[int]:
        """At most `limit` new tokens behind the committed ones; an end of sequence may follow them."""

    def _new_tokens(self) -> list[int]:
        heard_ms = 1000 * len(self.states.source) / SAMPLE_RATE
        limit = self.search.token_limit(heard_ms, len(self.committed), self.states.source_finished)
        limit = min(limit, self.maximum_tokens - len(self.prompt) - len(self.committed))
        if limit == 0:
            return []
        written = self.generate(self.features(), limit)
        return written[: written.index(self.end)] if self.end in written else written


class TransformersHoldNAgent(PlainHoldNAgent):
    """With `generate` of transformers, in the window of 30 s.

    In its favour, tokens are suppressed with one ready mask (its own processors search their lists at every
    step), and beam search ends as early as it can.
    """

    def __init__(self, model: WhisperForConditionalGeneration, ours: WhisperTranslator, *arguments) -> None:
        self.model = model
        super().__init__(ours, *arguments)
        self.suppressed = torch.zeros(self.tokenizer.vocabulary_size, dtype=torch.bool)
        self.suppressed[self.tokenizer.suppressed] = True
        self.first_suppressed = self.suppressed | (self.units_started == 0)
        self.first_suppressed[self.end] = False

    def parts(self) -> Sequence[Watched]:
        network = self.model.model
        attentions = [layer.encoder_attn for layer in network.decoder.layers]
        keys = [module for one in attentions for module in (one.k_proj, one.v_proj)]
        return [
            (self, "features", "features"),
            (network.encoder, "forward", "encoder"),
            *((module, "forward", "cross keys") for module in keys),
            (network.decoder, "forward", _prefill_or_step),
            (self.model.proj_out, "forward", "logits"),
        ]

    def generate(self, features: np.ndarray, limit: int) -> list[int]:
        prefix = [*self.prompt, *self.committed]

        def suppress(tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            first = self.committed and tokens.shape[1] == len(prefix)
            return scores.masked_fill(self.first_suppressed if first else self.suppressed, -torch.inf)

        return self.model.generate(
            torch.from_numpy(features).to(self.model.dtype),
            decoder_input_ids=torch.tensor([prefix]),
            max_new_tokens=limit,
            num_beams=self.search.beam,
            early_stopping=self.search.beam > 1,
            no_repeat_ngram_size=self.search.blocked_ngram,
            logits_processor=[suppress],
            force_unique_generate_call=True,
        )[0].tolist()[len(prefix) :]


def _prefill_or_step(*args, **kwargs) -> str:
    tokens = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
    return "prefill" if tokens.shape[1] > 1 else "steps"


def plain_model(name: str, precision: str, end: int, start: int) -> WhisperForConditionalGeneration:
    """Transformers' Whisper with the weights that our agent loads, whatever their format on disk.

    Raises InputError where `name` holds no usable Whisper.
    """
    checkpoint = load_whisper_checkpoint(locate_model(name))
    sizes = {key: getattr(checkpoint.dimensions, ours) for ours, key in HUGGINGFACE_SIZES.items()}
    width = 4 * checkpoint.dimensions.n_text_state
    config = WhisperConfig(**sizes, encoder_ffn_dim=width, decoder_ffn_dim=width, pad_token_id=end)
    model = WhisperForConditionalGeneration(config)
    for key, weight in model.model.state_dict().items():
        weight.copy_(checkpoint.weights[openai_name(key)])
    model.generation_config = GenerationConfig(
        eos_token_id=end, pad_token_id=end, bos_token_id=end, decoder_start_token_id=start
    )
    return model.to(PRECISIONS[precision]).eval()
