"""What a GPU would hold, on paper: the work of a stream, counted, against published rates of two GPUs.

Per second of audio a stream costs floating-point operations of matrix products, and bytes of its own that
attention reads (keys and values in 16 bits). All streams of a step share one reading of the weights: the
encoder's once, the decoder's once for each of its steps. A GPU is taken to reach a third of its arithmetic
and 60% of its bandwidth, and to be busy half of the time, so that nobody waits for long. What the host does
beside it (features, the search's bookkeeping, messages) is not on this paper.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch.nn.functional as F

from agents.configuration.agent_configuration import configure_agent
from agents.configuration.agent_engine import load_engine
from benchmarks.floating_point_work import PRODUCTS, WorkCounter
from foundation.files.yaml_files import read_yaml
from models.translator import Translator
from serve.simulstream_options import SimulstreamOptions

BYTES = 2  # of a number in 16 bits
ARITHMETIC, BANDWIDTH, BUSY = 1 / 3, 0.6, 0.5


@dataclass(frozen=True)
class Gpu:
    """As its maker's data sheet has it: dense products in 16 bits, and memory."""

    tera_flop_per_s: float
    giga_byte_per_s: float


GPUS = {"L4": Gpu(121, 300), "H200": Gpu(989, 4800)}


@dataclass(frozen=True)
class Work:
    """Of one stream, for each second of its audio."""

    giga_flop: float
    state_giga_byte: float  # that attention reads of the stream's own
    weights_giga_byte: float  # that a step of all streams reads once

    def clients(self, gpu: Gpu) -> int:
        """So many streams in real time."""
        reads_s = 1 / (BANDWIDTH * gpu.giga_byte_per_s)
        own_s = self.giga_flop / (1000 * ARITHMETIC * gpu.tera_flop_per_s) + self.state_giga_byte * reads_s
        return max(0, int((BUSY - self.weights_giga_byte * reads_s) / own_s))


class StateCounter(WorkCounter):
    """Counts also the bytes of keys and values: products whose second factor is no weight, but one a row."""

    def __init__(self) -> None:
        super().__init__()
        self.state_bytes = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is F.scaled_dot_product_attention:
            self.state_bytes += BYTES * (args[1].numel() + args[2].numel())
        elif function in PRODUCTS and args[1].dim() > 2:
            self.state_bytes += BYTES * args[1].numel()
        return super().__torch_function__(function, types, args, kwargs)


def work_of(agent: Path, samples: np.ndarray, seconds: float) -> Work:
    """Play `seconds` of samples (n,) int16 at 16 kHz to one stream of an agent's file, and count."""
    configuration, _ = configure_agent(read_yaml(agent), agent, others=(SimulstreamOptions,))
    engine, chunk_ms = load_engine(configuration), configuration.agent_options.chunk_ms
    size, chunks = 16 * chunk_ms, int(1000 * seconds / chunk_ms)
    spoken = np.resize(samples, chunks * size)
    stream = engine.open_stream(configuration.policy, configuration.languages)
    with StateCounter() as counter, _CountedSteps(engine.translator) as steps:
        for chunk in range(chunks):
            stream.audio.append(spoken[chunk * size : (chunk + 1) * size], 16_000)
            [decision] = engine.step([stream])
            if decision.error is not None:
                raise decision.error
    # All clients of a chunk step together, so that each second brings as many steps as one stream alone has.
    decoder, whole = _parameters(engine.translator)
    weights = BYTES * (decoder * steps.decoder + (whole - decoder) * chunks) / seconds
    return Work(counter.flops / seconds / 1e9, counter.state_bytes / seconds / 1e9, weights / 1e9)


def paper_rows(works: Mapping[str, Work]) -> list[dict[str, str | int | float]]:
    """The table, by agents' names."""
    return [
        {
            "agent": name,
            "gflop_per_audio_s": round(work.giga_flop, 2),
            "state_gb_per_audio_s": round(work.state_giga_byte, 3),
            "weights_gb_per_s": round(work.weights_giga_byte, 3),
            **{gpu: work.clients(rates) for gpu, rates in GPUS.items()},
        }
        for name, work in works.items()
    ]


class _CountedSteps:
    """How often a translator's decoder reads its weights."""

    NAMES = ("start", "read", "step")

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._within = False  # one of them may ask another
        self.decoder = 0

    def __enter__(self) -> "_CountedSteps":
        for name in self.NAMES:
            setattr(self._translator, name, self._counted(getattr(self._translator, name)))
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.NAMES:
            delattr(self._translator, name)

    def _counted(self, function):
        def counted(*args, **kwargs):
            outermost, self._within = not self._within, True
            self.decoder += outermost
            try:
                return function(*args, **kwargs)
            finally:
                self._within = not outermost

        return counted


def _parameters(translator: Translator) -> tuple[int, int]:
    """Of the decoder, and of all."""
    model = getattr(translator, "base", translator).model
    network = getattr(model, "network", model)
    whole = sum(one.numel() for one in network.parameters())
    encoder = getattr(model, "encoder", None)
    return whole - (0 if encoder is None else sum(one.numel() for one in encoder.parameters())), whole
