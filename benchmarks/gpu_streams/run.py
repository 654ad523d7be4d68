"""Streams that a GPU holds at chunks of a second, and a sweep's rate on it, against the work of the networks.

    python -m benchmarks.gpu_streams --device cuda --precision bfloat16 --output FOLDER

Nothing is downloaded: weights are random, of the shape of Whisper large-v3 unless --shape says otherwise. The
decoder takes its steps plainly, over static shapes, and as CUDA graphs; the encoder hears the whole window
again at each chunk ("window"), and what Whisper hears by default ("default": thinned silence, frozen frames).
Numbers of streams grow until one is not held. The bound is the number of streams whose work, counted in
floating-point operations, fits into a second at the rate of large matrix products, measured first, or at 60%
of it.

Prints what it measures as it goes; FOLDER holds streams.tsv, sweep.tsv, results.json and streams.png, written
anew after every measurement, so that a run that is cut short has lost nothing. What does not begin within
--limit-s is left out, and said.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.gpu_streams.clock import matrix_rate
from benchmarks.gpu_streams.plot import plot_streams
from benchmarks.gpu_streams.random_whisper import SHAPES, random_whisper
from benchmarks.gpu_streams.streams import MODES, Held, chunk_work, measure
from benchmarks.gpu_streams.sweep import SweepRate, measure_sweep
from evaluation.table import Row, text_table, write_tsv
from foundation.errors import InputError
from models.translator import TranslatorOptions

HEARINGS = {
    "window": {"trailing_silence_ms": 30_000, "frozen_after_s": 30.0},
    "default": {},
}
USUAL_SHARE = 0.6  # of the rate of large products: what well-kept code reaches


class Report:
    """What has been measured so far."""

    def __init__(self, folder: Path, setting: dict) -> None:
        self.folder = folder
        self.setting = setting
        self.streams: list[tuple[str, Held]] = []  # with what the encoder heard
        self.sweep: list[tuple[str, SweepRate]] = []
        self.left_out: list[str] = []

    def rows(self) -> list[Row]:
        return [self._row(hearing, held) for hearing, held in self.streams]

    def sweep_rows(self) -> list[Row]:
        rate = self.setting["matrix_flop_per_s"]
        return [
            {
                "hearing": hearing,
                "steps": one.mode,
                "utterances": one.utterances,
                "settings": one.settings,
                "seconds": one.seconds,
                "runs_per_s": one.runs_per_s,
                "bound_s": one.flops / rate,
                "percent_of_bound": 100 * one.flops / rate / one.seconds,
            }
            for hearing, one in self.sweep
        ]

    def _row(self, hearing: str, held: Held) -> Row:
        rate = self.setting["matrix_flop_per_s"]
        parts = {f"{part}_s": held.parts_s.get(part, 0.0) for part in ("encode", "prefill", "steps")}
        return {
            "hearing": hearing,
            "steps": held.mode,
            "streams": held.streams,
            "held": "yes" if held.holds else "no",
            "second_s": held.second_s,
            "intake_s": held.intake_s,
            **parts,
            "chunk_gflop": held.chunk_flops / 1e9,
            "bound_streams": rate / held.chunk_flops,
            "bound_streams_60": USUAL_SHARE * rate / held.chunk_flops,
            "percent_of_rate": 100 * held.streams * held.chunk_flops / rate / max(held.chunks_s),
            "memory_gb": held.memory_gb,
        }

    def write(self) -> None:
        results = {
            **self.setting,
            "streams": [{"hearing": hearing, **asdict(held)} for hearing, held in self.streams],
            "sweep": [{"hearing": hearing, **asdict(rate)} for hearing, rate in self.sweep],
            "left_out": self.left_out,
        }
        (self.folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        for name, rows in (("streams", self.rows()), ("sweep", self.sweep_rows())):
            if rows:
                write_tsv(self.folder / f"{name}.tsv", rows)
        if self.streams:
            plot_streams(self.folder / "streams.png", self.setting["title"], self.rows())


def main(arguments: Sequence[str] | None = None) -> None:
    args = _arguments(arguments)
    ends = time.monotonic() + args.limit_s
    try:
        options = {
            hearing: TranslatorOptions(
                device=args.device,
                precision=args.precision,
                **silence,
            )
            for hearing, silence in HEARINGS.items()
            if hearing in args.hearing
        }
        device = next(iter(options.values())).torch_device()
    except InputError as error:
        sys.exit(f"error: {error}")
    modes = [mode for mode in args.steps if mode != "graphs" or device.type == "cuda"]
    folder = Path(args.output)
    if folder.exists():
        sys.exit(f"error: {folder} exists: name another output")
    folder.mkdir(parents=True)
    rate = matrix_rate(device, getattr(torch, args.precision))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    title = f"{args.shape}, {args.precision}, {name}"
    report = Report(folder, {"title": title, "matrix_flop_per_s": rate, "shape": args.shape})
    print(f"{title}: large products run at {rate / 1e12:.3g} TFLOP/s")
    if len(modes) < len(args.steps):
        print("graphs are for CUDA devices, and left out here")
    for hearing, one in options.items():
        translator = random_whisper(args.shape, one)
        flops = chunk_work(translator)
        for mode in modes:
            for count in args.streams:
                if time.monotonic() > ends:
                    report.left_out.append(f"{hearing}, {mode}, {count} streams")
                    break
                try:
                    held = measure(translator, mode, count, flops, args.chunks)
                except torch.OutOfMemoryError:
                    report.left_out.append(f"{hearing}, {mode}, {count} streams: no memory")
                    break
                report.streams.append((hearing, held))
                print(text_table(report.rows()[-1:]), flush=True)
                report.write()
                if not held.holds:
                    break
        if args.utterances and time.monotonic() < ends:
            report.sweep += [(hearing, one) for one in measure_sweep(translator, modes, args.utterances)]
            print(text_table(report.sweep_rows()[-len(modes) :]), flush=True)
        elif args.utterances:
            report.left_out.append(f"{hearing}, sweep")
        report.write()
    for one in report.left_out:
        print(f"left out: {one}")
    if report.streams:
        print("\n" + text_table(report.rows()))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", required=True, metavar="FOLDER")
    parser.add_argument("--device", default="cuda", help="default: %(default)s")
    parser.add_argument("--precision", default="bfloat16", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--shape", default="large-v3", choices=SHAPES, help="default: %(default)s")
    parser.add_argument("--hearing", nargs="+", default=list(HEARINGS), choices=HEARINGS)
    parser.add_argument("--steps", nargs="+", default=list(MODES), choices=MODES)
    counts = [1, 16, 64, 128, 180, 256, 305, 400, 512]
    parser.add_argument("--streams", nargs="+", type=_count, default=counts, help="default: %(default)s")
    parser.add_argument("--chunks", type=_count, default=3, help="measured of each; default: %(default)s")
    parser.add_argument(
        "--utterances", type=int, default=24, help="of the sweep, 0: none; default: %(default)s"
    )
    parser.add_argument("--limit-s", type=float, default=480, help="default: %(default)s")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} must be 1 or more")
    return count
