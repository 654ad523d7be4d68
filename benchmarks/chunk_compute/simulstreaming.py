"""SimulStreaming itself, from a checkout (https://github.com/ufal/SimulStreaming), as an agent of SimulEval.

Its own code hears, decodes and decides: greedily, in a window of 30 s, without its optional model of word
ends and its optional voice activity detector. It gets our weights, whose names are OpenAI's: nothing is
downloaded.
"""

import dataclasses
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, WriteAction

from foundation.errors import InputError
from models.languages import LanguagePair
from models.whisper.translator import WhisperTranslator

MAIN = "simulstreaming_whisper"
PACKAGE = "simulstreaming.whisper.simul_whisper"
MODULES = {"simul_whisper": "simul_whisper", "config": "config", "network": "whisper.model"}


class SimulStreamingAgent(SpeechToTextAgent):
    """Its processor behind SimulEval's loop."""

    def __init__(self, processor: Any, package: SimpleNamespace) -> None:
        self._processor = processor
        self.package = package
        super().__init__()

    @property
    def network(self) -> torch.nn.Module:
        """Its Whisper."""
        return self._processor.model.model

    def reset(self) -> None:
        super().reset()
        self._processor.init()
        self._heard = 0

    def policy(self, states: Any = None) -> Action:
        samples = np.array(self.states.source[self._heard :], dtype=np.float32)
        self._heard = len(self.states.source)
        finished = self.states.source_finished
        self._processor.insert_audio_chunk(samples)
        told = self._processor.finish() if finished else self._processor.process_iter()
        return WriteAction(told.get("text", ""), finished=finished)


def simulstreaming_agent(
    checkout: Path, translator: WhisperTranslator, languages: LanguagePair, recent_frames: int
) -> SimulStreamingAgent:
    """recent_frames: AlignAtt's f, which they call `frame_threshold`.

    Raises InputError where the checkout cannot be imported. It fits the SimulStreaming of June 2026.
    """
    package = _imported(checkout)
    translates = languages.source != languages.target
    config = package.config.AlignAttConfig(
        # Only its name is looked at: whether it is a model of English alone.
        model_path="model.pt" if translator.tokenizer.multilingual else "model.en.pt",
        language=languages.source,
        task="translate" if translates else "transcribe",
        frame_threshold=recent_frames,
        audio_min_len=0.0,
        beam_size=1,
        logdir=None,
    )
    loaded = package.simul_whisper.load_model
    package.simul_whisper.load_model = lambda **_: _their_network(package, translator)
    try:
        model = package.simul_whisper.PaddedAlignAttWhisper(config)
    finally:
        package.simul_whisper.load_model = loaded
    return SimulStreamingAgent(package.main.SimulWhisperOnline(SimpleNamespace(model=model)), package)


def share_encoder(agents: Sequence[SimulStreamingAgent]) -> None:
    """Let agents that hear the same audio of the same weights encode it once, in turns.

    By fused attention, which their code switches off for the sake of the decoder's weights: the result is the
    same but for rounding, and the agents no longer cost what they do.
    """
    attention, encode = agents[0].package.network.MultiHeadAttention, agents[0].network.encoder.forward
    last: list[torch.Tensor] = []

    def encoded(mel: torch.Tensor) -> torch.Tensor:
        if not last or not torch.equal(last[0], mel):
            attention.use_sdpa = True
            try:
                last[:] = [mel, encode(mel)]
            finally:
                attention.use_sdpa = False
        return last[1]

    for agent in agents:
        agent.network.encoder.forward = encoded


def _their_network(package: SimpleNamespace, translator: WhisperTranslator) -> torch.nn.Module:
    network, d = package.network, translator.model.dimensions
    names = [field.name for field in dataclasses.fields(network.ModelDimensions)]
    model = network.Whisper(network.ModelDimensions(**{name: getattr(d, name) for name in names}))
    model.load_state_dict(translator.model.state_dict())
    mask = torch.zeros(d.n_text_layer, d.n_text_head, dtype=torch.bool)
    for layer, head in translator.attention_heads:
        mask[layer, head] = True
    model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model


def _imported(checkout: Path) -> SimpleNamespace:
    """The modules of a checkout."""
    sys.path.insert(0, str(checkout))
    try:
        return SimpleNamespace(
            main=importlib.import_module(MAIN),
            **{name: importlib.import_module(f"{PACKAGE}.{module}") for name, module in MODULES.items()},
        )
    except ImportError as error:
        raise InputError(
            f"SimulStreaming in {checkout} cannot be imported ({error}): install what it needs"
        ) from None
    finally:
        sys.path.remove(str(checkout))
