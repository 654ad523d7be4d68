"""Evaluations by the batched simulator: settings of one model, and of policies trained for it, side by side.

Utterances of like length are simulated together, in batches that do not depend on where and when they run.
Each is written down as soon as it is done, one JSON object a line, so that a run that was killed goes on
where it stopped:

    {"index": 3, "audio": STAMP, "source_ms": 5120.0, "lanes": {KEY: {"units": ["Hello"], "delays": [500.0],
     "chunks": [...]}, ...}}

with a KEY for each configuration and the files of its models, and chunks as in chunks.jsonl.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import soundfile
import yaml

from agents.cascade.loading import load_agent_translators
from agents.engine import StreamingEngine
from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.test_set_files import audio_files, check_audible, references
from evaluation.logs.chunk_log import CHUNK_LOG, chunk_fields, chunk_record, write_chunk_log
from evaluation.logs.json_lines import is_count, is_time
from evaluation.logs.result_folder import LOG
from evaluation.run.batched_simulator import Lane, Source, Transcript, simulate
from evaluation.run.stamps import model_stamps, stamp
from foundation.errors import InputError
from foundation.files.journal import Journal, damaged
from models.registry import base_model
from models.translator import Translator

# What is encoded together by default. A decoding step of few rows costs nearly as much as one of many, but
# several processes want a batch each, and what is not finished is lost where a run is killed.
MOST_AUDIO_S = 1000.0
LEAST_AUDIO_S = 120.0
LEAST_BATCHES = 4
AUDIO_BYTES = 2 * 2**30


@dataclass(frozen=True)
class BatchedRun:
    """Configurations that differ in agent, policy, search, chunks, languages, but not in `batch_key`."""

    configurations: tuple[Configuration, ...]

    def __post_init__(self) -> None:
        for configuration in self.configurations:
            own = configuration.agent_class.own_behaviour()
            if own:
                raise InputError(
                    f"agent {configuration.agent} has its own {', '.join(own)}, which the engine batched "
                    "does not ask: use the engine simuleval"
                )

    @property
    def first(self) -> Configuration:
        return self.configurations[0]

    @cached_property
    def keys(self) -> list[str]:
        """One for each configuration: what it says, but for the folder of results, and its models' files."""
        recognisers = [self.first.recogniser.model] if self.first.recogniser else []
        models = dict.fromkeys(one.agent_options.model for one in self.configurations)
        files = {model: model_stamps([model, *recognisers]) for model in models}
        texts = [
            repr({**one.values(), "output": None, "files": files[one.agent_options.model]})
            for one in self.configurations
        ]
        return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]

    @cached_property
    def audio_files(self) -> list[str]:
        """The audio files of all sentences. Raises InputError when there is no such list."""
        return audio_files(self.first.evaluation)

    @cached_property
    def seconds(self) -> dict[int, float]:
        """How long each sentence's audio is."""
        return {index: soundfile.info(self.audio_files[index]).duration for index in self.indices}

    @cached_property
    def audio_stamps(self) -> dict[int, str]:
        return {index: stamp(self.audio_files[index]) for index in self.indices}

    @property
    def indices(self) -> range:
        """The sentences to evaluate. Raises InputError when the list is shorter."""
        return self.first.evaluation.indices(len(self.audio_files))

    def check(self, lanes: Sequence[Lane]) -> None:
        """Raises InputError for anything in the test sets that cannot be used."""
        limits_ms = [lane.engine.longest_audio_ms for lane in lanes]
        maximum_ms = min((limit for limit in limits_ms if limit is not None), default=None)
        check_audible([one.evaluation for one in self.configurations], maximum_ms)

    def load(self) -> list[Lane]:
        """Load the models. Raises InputError when one, or a policy on it, cannot be used."""
        models = [one.agent_options.model for one in self.configurations]
        translators = load_agent_translators(
            dict.fromkeys(models), self.first.translator, self.first.recogniser
        )
        engines: dict[tuple, StreamingEngine] = {}
        lanes = []
        for configuration in self.configurations:
            agent, policy = configuration.agent_options, configuration.policy
            translator = translators[agent.model]
            key = _engine_key(configuration)
            if key not in engines:
                engines[key] = StreamingEngine(
                    translator, configuration.search, configuration.speech, configuration.history
                )
            languages = configuration.languages
            try:
                # Policies and language pairs that do not fit the model are refused now.
                engines[key].open_stream(policy, languages)
            except InputError as error:
                if len(self.configurations) == 1:
                    raise
                raise InputError(f"{configuration.setting}: {error}") from None
            unit = configuration.evaluation.eval_latency_unit
            lanes.append(Lane(engines[key], policy, languages, agent.chunk_ms, unit))
        return lanes

    def sources(self, indices: Sequence[int]) -> list[Source]:
        return [Source(self.audio_files[index]) for index in indices]

    def simulate(
        self,
        lanes: Sequence[Lane],
        batches: Sequence[Sequence[int]],
        file: Path,
        heard: Callable[[float], None] | None = None,
    ) -> None:
        """Simulate some batches, add a line for each utterance to a file; heard(s): s seconds are done."""
        journal = Journal(file.parent, file.name)
        for batch in batches:
            transcripts = simulate(lanes, self.sources(batch), self.first.evaluation.streams_at_once, heard)
            for index, some in zip(batch, transcripts, strict=True):
                journal.append(_entry(index, self.audio_stamps[index], self.keys, some))

    def batches(self, translator: Translator) -> Iterator[list[int]]:
        """All utterances, those of like length together, as many as the options allow; longest first."""
        options = self.first.evaluation
        silence_s = translator.encoded_silence_ms / 1000
        # However long a recording is, the model hears no more at once.
        window_ms = translator.maximum_audio_ms
        window_s = math.inf if window_ms is None else window_ms / 1000
        seconds = self.seconds
        at_once_s = options.audio_at_once_s
        if at_once_s is None:
            at_once_s = usual_audio_at_once_s(sum(seconds.values()), translator.bytes_per_audio_s)
        # Engines decode one after the other.
        lanes = max(Counter(map(_engine_key, self.configurations)).values())
        most = max(1, options.streams_at_once // lanes)
        batch: list[int] = []
        # Longest first: memory that suffices for the first batch suffices for all.
        for index in sorted(self.indices, key=lambda index: (-seconds[index], index)):
            longest_s = min(seconds[batch[0] if batch else index], window_s) + silence_s
            if len(batch) == most or (batch and longest_s * (len(batch) + 1) > at_once_s):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def shares(self, batches: Sequence[list[int]], processes: int) -> list[list[list[int]]]:
        """Batches for each of several processes: from the longest on, each goes to whom has least."""
        shares: list[list[list[int]]] = [[] for _ in range(processes)]
        shares_s = [0.0] * processes
        lengths_s = [sum(self.seconds[index] for index in batch) for batch in batches]
        for place in sorted(range(len(batches)), key=lengths_s.__getitem__, reverse=True):
            least = shares_s.index(min(shares_s))
            shares[least].append(batches[place])
            shares_s[least] += lengths_s[place]
        return shares

    def write_logs(
        self, lane: int, transcripts: Mapping[int, Mapping[str, Transcript]], folder: Path
    ) -> None:
        """Write instances.log as SimulEval does, and chunks.jsonl, of one configuration."""
        options = self.configurations[lane].evaluation
        texts = references(options)
        written = {index: transcripts[index][self.keys[lane]] for index in self.indices}
        with (folder / LOG).open("w", encoding="utf-8") as log:
            for index, transcript in written.items():
                instance = {
                    "index": index,
                    "prediction": transcript.prediction(options.eval_latency_unit),
                    "delays": transcript.delays,
                    # SimulEval adds computation here, of which this engine knows nothing.
                    "elapsed": transcript.delays,
                    "prediction_length": len(transcript.units),
                    "reference": texts[index],
                    "source": str(soundfile.info(self.audio_files[index])).split("\n"),
                    "source_length": transcript.source_ms,
                }
                log.write(json.dumps(instance) + "\n")
        # What SimulEval wants to know of a log that it scores.
        (folder / "config.yaml").write_text(yaml.safe_dump({"source_type": "speech", "target_type": "text"}))
        write_chunk_log(folder / CHUNK_LOG, [one.chunks for one in written.values()], self.indices.start)


def usual_audio_at_once_s(total_s: float, bytes_per_s: int | None) -> float:
    """How much of total_s of audio is encoded together where nobody says so.

    bytes_per_s: what the model keeps of each second; None: not known.
    """
    fitting_s = 0 if bytes_per_s is None else AUDIO_BYTES / bytes_per_s
    return max(LEAST_AUDIO_S, min(MOST_AUDIO_S, fitting_s, total_s / LEAST_BATCHES))


def batch_key(configuration: Configuration) -> tuple:
    """Configurations of one key can be simulated side by side. Raises InputError if a model is missing."""
    options = configuration.evaluation
    limits = options.streams_at_once, options.audio_at_once_s
    audio = options.source, options.segments, options.audio_folder
    test_set = *audio, options.start_index, options.end_index
    model = base_model(configuration.agent_options.model)
    return (model, configuration.translator, configuration.recogniser, *test_set, *limits)


def _engine_key(configuration: Configuration) -> tuple:
    """Configurations of one key are decoded together."""
    model = configuration.agent_options.model
    return (model, configuration.search, configuration.speech, configuration.history)


def read_transcripts(
    files: Sequence[Path], audio_stamps: Mapping[int, str]
) -> dict[int, dict[str, Transcript]]:
    """What was written down of each finished utterance, by the keys of configurations.

    What was heard of other audio than audio_stamps say does not count, nor a line that was cut when the
    process was killed, which is a file's last. Raises InputError for a file in which something else stands.
    """
    found: dict[int, dict[str, Transcript]] = {}
    for file in files:
        for number, fields in enumerate(Journal(file.parent, file.name).entries, start=1):
            try:
                if "audio" not in fields:
                    continue  # of an earlier version: simulated again
                source_ms = fields["source_ms"]
                transcripts = {key: _transcript(one, source_ms) for key, one in fields["lanes"].items()}
                if not is_count(fields["index"]):
                    raise ValueError("an index counts from 0")
                if fields["audio"] == audio_stamps.get(fields["index"]):
                    found.setdefault(fields["index"], {}).update(transcripts)
            except (LookupError, TypeError, ValueError, AttributeError):
                raise damaged(file, f"line {number}") from None
    return found


def complete_only(
    found: Mapping[int, dict[str, Transcript]], keys: Sequence[str]
) -> dict[int, dict[str, Transcript]]:
    return {index: one for index, one in found.items() if all(key in one for key in keys)}


def _entry(index: int, audio: str, keys: Sequence[str], transcripts: Sequence[Transcript]) -> dict[str, Any]:
    lanes = {
        key: {
            "units": one.units,
            "delays": one.delays,
            "chunks": [chunk_fields(chunk) for chunk in one.chunks],
        }
        for key, one in zip(keys, transcripts, strict=True)
    }
    return {"index": index, "audio": audio, "source_ms": transcripts[0].source_ms, "lanes": lanes}


def _transcript(fields: Mapping, source_ms: float) -> Transcript:
    """Raises ValueError, KeyError or TypeError for anything but what `_line` writes."""
    units, delays = fields["units"], fields["delays"]
    if len(units) != len(delays) or not all(map(is_time, (*delays, source_ms))):
        raise ValueError("a delay in ms goes with each unit")
    if not isinstance(units, list) or not all(isinstance(unit, str) for unit in units):
        raise ValueError("units are texts")
    return Transcript(units, delays, [chunk_record(one) for one in fields["chunks"]], source_ms)
