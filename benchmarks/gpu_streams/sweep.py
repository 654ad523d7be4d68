"""A sweep's rate on a device: many settings over the same utterances, against the work of its networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from benchmarks.floating_point_work import WorkCounter
from benchmarks.gpu_streams.clock import wall_s
from benchmarks.gpu_streams.streams import search_options, set_mode
from evaluation.run.batched_simulator import Lane, Source, simulate
from models.languages import LanguagePair
from models.sound.audio import SAMPLE_RATE
from models.whisper.translator import WhisperTranslator

POLICIES = (
    *(HoldNPolicy(held) for held in (2, 4, 6)),
    *(LocalAgreementPolicy(agreeing) for agreeing in (2, 3)),
    *(AlignAttPolicy(frames) for frames in (4, 14)),
    OfflinePolicy(),
)
CHUNK_MS = 1000
UTTERANCE_S = (2.0, 7.0)  # the shortest and the longest


@dataclass(frozen=True)
class SweepRate:
    """How long a sweep took in one mode."""

    mode: str
    utterances: int
    settings: int
    seconds: float
    flops: float  # of all networks

    @property
    def runs_per_s(self) -> float:
        """Utterances times settings."""
        return self.utterances * self.settings / self.seconds


def measure_sweep(translator: WhisperTranslator, modes: Sequence[str], utterances: int) -> list[SweepRate]:
    """Each mode takes all settings together once, after a first time that is not counted."""
    engine = StreamingEngine(translator, search_options())
    lanes = [Lane(engine, policy, LanguagePair("en", "en"), CHUNK_MS, "word") for policy in POLICIES]
    with TemporaryDirectory() as folder:
        sources = [Source(path) for path in _noise(Path(folder), utterances)]
    set_mode(translator, "plain")
    with WorkCounter() as counter:
        simulate(lanes, sources)
    rates = []
    for mode in modes:
        set_mode(translator, mode)
        simulate(lanes, sources)
        seconds = wall_s(translator.device, lambda: simulate(lanes, sources))
        rates.append(SweepRate(mode, utterances, len(lanes), seconds, counter.flops))
    return rates


def _noise(folder: Path, utterances: int) -> list[Path]:
    chance = np.random.default_rng(1)
    paths = [folder / f"{number}.wav" for number in range(utterances)]
    for path, seconds in zip(paths, np.linspace(*UTTERANCE_S, utterances), strict=True):
        soundfile.write(path, chance.normal(0, 0.1, round(SAMPLE_RATE * seconds)), SAMPLE_RATE)
    return paths
