"""Compute of each chunk: our hold-n agent beside the same policy done the plain way with transformers.

    python -m benchmarks.chunk_compute --source S/source.txt --target S/target.en.txt --output FOLDER

Both are SimulEval agents in this process and hear the same audio in the same chunks, in turns: chunk by
chunk, in an order that rotates, so that a busy machine slows them alike. Weights, number format, threads,
prompt, forced prefix, token limits, n-gram blocking, suppressed tokens and the whole-word rule are the
same. The plain one turns SimulEval's list into an array, computes the features of all audio so far padded
to 30 s, and calls `generate`, encoder included. In its favour, tokens are suppressed with one ready mask
(transformers' own processors search their lists at every step), and beam search ends as early as it can.

Then both hear 10 s and 30 s with the networks taken out: what is left is SimulEval, intake and features.

Writes compute.tsv and parts.tsv (means), growth.tsv, chunks.tsv (every chunk), texts.tsv and
chunk_compute.png. The goal of "at least 5x less compute at equal quality" counts as met where the plain
agent takes 5 times as long and the word error rate is at most 1 point above its, with 95% confidence.
"""

import argparse
import functools
import re
import sys
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jiwer
import matplotlib
import numpy as np
import torch
import transformers
from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, WriteAction
from simuleval.data.segments import SpeechSegment
from tqdm import tqdm
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

from agents.holdn_agent import HoldNAgent, HoldNPolicy
from agents.input_lists import check_test_set
from agents.streaming_agent import AgentOptions
from evaluation.simuleval_plugin import normalize
from evaluation.table import text_table, write_tsv
from models.audio import SAMPLE_RATE, read_audio
from models.errors import InputError
from models.locate import locate_model
from models.search import Hypothesis, SearchOptions
from models.translator import PRECISIONS, Translator, TranslatorOptions
from models.units import complete_units
from models.whisper_checkpoint import HUGGINGFACE_NAMES, HUGGINGFACE_SIZES, load_whisper_checkpoint

PLAIN = "transformers"
PARTS = ("features", "encoder", "prefill", "steps", "rest")
GOAL_RATIO, GOAL_MARGIN = 5.0, 1.0  # times; points of word error rate
GROWTH_S, GROWTH_REPEATS = (10, 30), 5


class PlainHoldNAgent(SpeechToTextAgent):
    """Hold-n as it is written first: at every chunk everything is computed anew, in a window of 30 s."""

    def __init__(
        self, model: WhisperForConditionalGeneration, ours: Translator, search: SearchOptions, held_tokens: int
    ) -> None:
        self.model, self.search, self.held_tokens = model, search, held_tokens
        self.tokenizer, self.maximum_tokens = ours.tokenizer, ours.maximum_tokens
        self.extractor = transformers.WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
        self.prompt = self.tokenizer.prompt("en", "en")
        self.end = self.tokenizer.end_of_sequence
        self.units_started = self.tokenizer.units_started(False)
        self.suppressed = torch.zeros(self.tokenizer.vocabulary_size, dtype=torch.bool)
        self.suppressed[self.tokenizer.suppressed] = True
        self.first_suppressed = self.suppressed | (self.units_started == 0)
        self.first_suppressed[self.end] = False
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.committed: list[int] = []
        self.shown = ""

    def policy(self, states: Any = None) -> Action:
        tokens = self.generate(self.features())
        if not self.states.source_finished:
            count = max(0, len(tokens) - self.held_tokens)
            next_token = (*tokens, self.end)[count]
            tokens = tokens[: complete_units(tokens[:count], next_token, self.units_started)]
        self.committed += tokens
        text = self.tokenizer.decode(self.committed)
        new_text, self.shown = text[len(self.shown) :], text
        return WriteAction(new_text, finished=self.states.source_finished)

    def features(self) -> torch.Tensor:
        """(1, mels, 3000)"""
        samples = np.array(self.states.source, dtype=np.float32)
        features = self.extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        return features.to(self.model.dtype)

    def generate(self, features: torch.Tensor) -> list[int]:
        """New tokens behind the committed ones."""
        prefix = [*self.prompt, *self.committed]
        heard_ms = 1000 * len(self.states.source) / SAMPLE_RATE
        limit = self.search.token_limit(heard_ms, len(self.committed), self.states.source_finished)
        limit = min(limit, self.maximum_tokens - len(prefix))
        if limit == 0:
            return []

        def suppress(tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            first = self.committed and tokens.shape[1] == len(prefix)
            return scores.masked_fill(self.first_suppressed if first else self.suppressed, -torch.inf)

        written = self.model.generate(
            features,
            decoder_input_ids=torch.tensor([prefix]),
            max_new_tokens=limit,
            num_beams=self.search.beam,
            early_stopping=self.search.beam > 1,
            no_repeat_ngram_size=self.search.blocked_ngram,
            logits_processor=[suppress],
            force_unique_generate_call=True,
        )[0].tolist()[len(prefix) :]
        return written[: written.index(self.end)] if self.end in written else written


def plain_model(name: str, precision: str, end: int, start: int) -> WhisperForConditionalGeneration:
    """Transformers' Whisper with the weights that our agent loads, whatever their format on disk."""
    checkpoint = load_whisper_checkpoint(locate_model(name))
    sizes = {key: getattr(checkpoint.dimensions, ours) for ours, key in HUGGINGFACE_SIZES.items()}
    width = 4 * checkpoint.dimensions.n_text_state
    config = WhisperConfig(**sizes, encoder_ffn_dim=width, decoder_ffn_dim=width, pad_token_id=end)
    model = WhisperForConditionalGeneration(config)
    for key, weight in model.model.state_dict().items():
        for pattern, replacement in HUGGINGFACE_NAMES:
            key = re.sub(pattern, replacement, key)
        weight.copy_(checkpoint.weights[key])
    model.generation_config = GenerationConfig(
        eos_token_id=end, pad_token_id=end, bos_token_id=end, decoder_start_token_id=start
    )
    return model.to(PRECISIONS[precision]).eval()
