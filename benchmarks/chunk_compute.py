"""Compute of each chunk: our hold-n agent beside the same policy done the plain way with transformers.

    python -m benchmarks.chunk_compute --source S/source.txt --target S/target.en.txt --output FOLDER

Both are SimulEval agents in this process and hear the same audio in the same chunks, in turns: chunk by
chunk, in an order that rotates, so that a busy machine slows them alike. Weights, number format, threads,
prompt, forced prefix, token limits, n-gram blocking, suppressed tokens and the whole-word rule are the
same. The plain one turns SimulEval's list into an array, computes the features of all audio so far padded
to 30 s, and calls `generate`, encoder included. In its favour, tokens are suppressed with one ready mask
(transformers' own processors search their lists at every step), and beam search ends as early as it can.

Then both hear 10 s and 30 s with the networks taken out: what is left is SimulEval, intake and features.

Prints three tables and writes them with every chunk, the texts and a plot to --output: compute.tsv,
parts.tsv, growth.tsv, chunks.tsv, texts.tsv, chunk_compute.png. In compute.tsv `ratio` is the plain agent's
mean time over ours, `cpu_ratio` the same of processor time, which other programs disturb less; `WER_more`
is the word error rate above the plain agent's in points, with its 95% interval (`from`, `to`); `same_text`
counts utterances. The goal, at least 5x less compute at equal quality, is met (`goal`) where the ratio is
5 or more and the interval ends below 1 point.
"""

import argparse
import functools
import sys
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from simuleval.agents import SpeechToTextAgent
from simuleval.data.segments import SpeechSegment
from tqdm import tqdm

from agents.holdn_agent import HoldNAgent, HoldNPolicy
from agents.streaming_agent import SHARED_OPTIONS, AgentOptions
from agents.test_set.input_lists import check_test_set, read_audio_list, read_references
from benchmarks.chunk_compute_report import PARTS, compute_table, growth_table, parts_table, plot
from benchmarks.plain_holdn import PLAIN, PlainHoldNAgent, plain_model
from evaluation.table import text_table, write_tsv
from foundation.errors import InputError
from models.decoding.hypotheses import Hypothesis
from models.decoding.options import SearchOptions
from models.sound.audio import SAMPLE_RATE, read_audio
from models.sound.speech_activity import SpeechActivityOptions
from models.translator import PRECISIONS, TranslatorOptions

QUICKSTART = "eval_configs/quickstart"
GROWTH_S = (10, 30)  # utterances that must cost the same for each chunk
GROWTH_REPEATS = 7


def our_agent(args: Namespace, beam: int, silence_ms: int) -> HoldNAgent:
    chosen = (
        AgentOptions(args.model, chunk_ms=args.chunk_ms),
        TranslatorOptions(precision=args.precision, trailing_silence_ms=silence_ms),
        # The plain agent has none of these: silence is decoded, phrases and words are not bounded.
        SearchOptions(beam=beam, repeated_phrase=0, maximum_words_per_second=1000.0),
        SpeechActivityOptions(decode_silence=True),
        HoldNPolicy(args.held_tokens),
    )
    groups = (*(group() for group in SHARED_OPTIONS), *chosen)
    return HoldNAgent(Namespace(**{key: value for group in groups for key, value in asdict(group).items()}))


def build_agents(args: Namespace, beam: int) -> dict[str, SpeechToTextAgent]:
    """By name; ours are named by their trailing silence."""
    agents: dict[str, SpeechToTextAgent] = {
        f"ours, {ms} ms silence": our_agent(args, beam, ms) for ms in args.trailing_silence_ms
    }
    engine = next(iter(agents.values())).engine
    tokenizer = engine.translator.tokenizer
    start = tokenizer.prompt("en", "en")[0]
    model = plain_model(args.model, args.precision, tokenizer.end_of_sequence, start)
    return {
        PLAIN: PlainHoldNAgent(model, engine.translator, engine.search.options, args.held_tokens),
        **agents,
    }


class Stopwatch:
    """Milliseconds spent in named parts of an agent, each without the parts inside it."""

    def __init__(self, agent: SpeechToTextAgent) -> None:
        self.parts_ms: dict[str, float] = defaultdict(float)
        self._inner_ms = [0.0]
        self._watch(agent, "pushpop", "rest")
        self._watch(agent.states, "update_source", "features")
        if isinstance(agent, PlainHoldNAgent):
            self._watch(agent, "features", "features")
            self._watch(agent.model.model.encoder, "forward", "encoder")
            for module in (agent.model.model.decoder, agent.model.proj_out):
                self._watch(module, "forward", _prefill_or_step)
        else:
            translator = agent.engine.translator
            self._watch(translator, "encode_streams", "features")
            self._watch(translator.model.encoder, "forward", "encoder")
            self._watch(translator, "start", "prefill")
            self._watch(translator, "step", "steps")

    def lap(self) -> dict[str, float]:
        """Time of each part since the last reading."""
        reading = {part: self.parts_ms[part] for part in PARTS}
        self.parts_ms.clear()
        return reading

    def _watch(self, owner: Any, name: str, part: str | Callable[..., str]) -> None:
        watched = getattr(owner, name)

        @functools.wraps(watched)  # transformers looks at signatures
        def timed(*args, **kwargs):
            self._inner_ms.append(0.0)
            start = time.perf_counter()
            try:
                return watched(*args, **kwargs)
            finally:
                elapsed_ms = 1000 * (time.perf_counter() - start)
                chosen = part if isinstance(part, str) else part(*args, **kwargs)
                self.parts_ms[chosen] += elapsed_ms - self._inner_ms.pop()
                self._inner_ms[-1] += elapsed_ms

        setattr(owner, name, timed)


def _prefill_or_step(*args, **kwargs) -> str:
    tokens = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
    return "prefill" if tokens.shape[1] > 1 else "steps"


def segments(clip: np.ndarray, chunk_ms: int) -> Iterator[SpeechSegment]:
    """What SimulEval sends: Python lists."""
    chunk = round(SAMPLE_RATE * chunk_ms / 1000)
    for start in range(0, len(clip), chunk):
        samples = clip[start : start + chunk].tolist()
        yield SpeechSegment(content=samples, sample_rate=SAMPLE_RATE, finished=start + chunk >= len(clip))


def take_turns(
    agents: Mapping[str, SpeechToTextAgent], watches: Mapping[str, Stopwatch], clip: np.ndarray, chunk_ms: int
) -> tuple[list[dict], dict[str, str]]:
    """One row for each agent and chunk, and what each agent wrote."""
    names, rows, texts = [*agents], [], dict.fromkeys(agents, "")
    for agent in agents.values():
        agent.reset()
    heard_s = 0.0
    for number, segment in enumerate(segments(clip, chunk_ms)):
        heard_s += len(segment.content) / SAMPLE_RATE
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            cpu_s = time.process_time()
            written = agents[name].pushpop(segment)
            cpu_ms = 1000 * (time.process_time() - cpu_s)
            parts = watches[name].lap()
            texts[name] += written.content if not written.is_empty else ""
            times = {"ms": sum(parts.values()), "cpu_ms": cpu_ms, **parts}
            rows.append({"agent": name, "chunk": number, "heard_s": heard_s, **times})
    return rows, texts


def measure_compute(args: Namespace, clips: Sequence[np.ndarray]) -> tuple[list[dict], list[dict]]:
    """Rows of all chunks, and of all texts, at each beam."""
    chunks, texts = [], []
    for beam in args.beams:
        agents = build_agents(args, beam)
        watches = {name: Stopwatch(agent) for name, agent in agents.items()}
        # First calls allocate memory and choose kernels.
        take_turns(agents, watches, clips[0][: 2 * SAMPLE_RATE * args.chunk_ms // 1000], args.chunk_ms)
        for at, clip in enumerate(tqdm(clips, f"beam {beam}", unit="clip", disable=None)):
            rows, written = take_turns(agents, watches, clip, args.chunk_ms)
            chunks += [{"beam": beam, "clip": at, **row} for row in rows]
            texts += [
                {"beam": beam, "clip": at, "agent": name, "text": text} for name, text in written.items()
            ]
    return chunks, texts


def measure_growth(args: Namespace, clips: Sequence[np.ndarray]) -> list[dict]:
    """Median milliseconds of each chunk of a short and a long utterance, with the networks taken out."""
    agents = build_agents(Namespace(**{**vars(args), "trailing_silence_ms": [0]}), beam=1)
    plain, ours = agents.values()
    plain.generate = lambda features: []
    translator, end = ours.engine.translator, ours.engine.search.end
    translator.model.encoder.forward = lambda features, lengths: features.new_zeros(1, 1, 1)
    ours.engine.search.find = lambda *_, **__: [Hypothesis((), 0.0, end)]
    watches = {name: Stopwatch(agent) for name, agent in agents.items()}
    speech = np.resize(np.concatenate(clips), GROWTH_S[-1] * SAMPLE_RATE)
    times = defaultdict(list)
    for _ in range(GROWTH_REPEATS + 1):
        for seconds in GROWTH_S:
            for row in take_turns(agents, watches, speech[: seconds * SAMPLE_RATE], args.chunk_ms)[0]:
                times[row["agent"].split(",")[0], seconds, row["heard_s"]].append(row["ms"])
    return [
        {"agent": agent, "utterance_s": seconds, "heard_s": heard_s, "ms": float(np.median(values[1:]))}
        for (agent, seconds, heard_s), values in times.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    plain_text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain_text)
    parser.add_argument("--model", default="openai/whisper-tiny.en", help="folder, file or name of a Whisper")
    parser.add_argument("--source", default=f"{QUICKSTART}/source.txt", help="list of English audio")
    parser.add_argument("--target", default=f"{QUICKSTART}/target.en.txt", help="what is said")
    parser.add_argument("--every", type=int, default=1, help="take each n-th utterance only, to save time")
    parser.add_argument("--output", type=Path, required=True, help="folder to create")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--trailing-silence-ms", type=int, nargs="+", default=[0, 5000, 30_000])
    parser.add_argument("--chunk-ms", type=int, default=1000)
    parser.add_argument("--held-tokens", type=int, default=6, help="n of hold-n, at least 1")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    try:
        if args.output.exists():
            raise InputError(f"{args.output} exists: name another output")
        if args.held_tokens < 1 or args.every < 1:
            raise InputError(f"held tokens {args.held_tokens} and every {args.every} must be 1 or more")
        check_test_set(args.source, args.target, 1000.0 * GROWTH_S[-1])
        clips = [read_audio(path) for path in read_audio_list(args.source)[:: args.every]]
        references = read_references(args.target)[:: args.every]
        chunks, texts = measure_compute(args, clips)
        growth = measure_growth(args, clips)
    except InputError as error:
        sys.exit(f"error: {error}")
    tables = {
        "compute": compute_table(chunks, texts, references),
        "parts": parts_table(chunks),
        "growth": growth_table(growth),
    }
    args.output.mkdir(parents=True)
    for name, rows in {**tables, "chunks": chunks, "texts": texts}.items():
        write_tsv(args.output / f"{name}.tsv", rows)
    plot(args.output / "chunk_compute.png", chunks, growth)
    print("\n\n".join(text_table(rows) for rows in tables.values()))


if __name__ == "__main__":
    main()
