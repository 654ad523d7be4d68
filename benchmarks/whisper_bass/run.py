"""Six policies on human speech with real Whisper weights, through SimulEval.

    python -m benchmarks.whisper_bass.run --test-set FOLDER --output FOLDER --processes 4

The test set is a folder that `simulst prepare join` made of BASS sections 5 and 6 (README.md beside
this file has its command). Finished runs are kept, so the same command resumes after a stop.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from benchmarks.whisper_bass.settings import CHUNK_MS, ENCODINGS, Run, all_runs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--test-set", type=Path, required=True, help="folder with source.txt and target.en.txt"
    )
    parser.add_argument("--output", type=Path, required=True, help="one folder for each run")
    parser.add_argument("--precision", default="bfloat16", help="float32 on processors without bfloat16")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count(), help="runs side by side, one core each"
    )
    args = parser.parse_args()

    runs = [run for run in all_runs() if not result(args.output, run).exists()]
    failures = []
    with ThreadPoolExecutor(args.processes) as pool, tqdm(total=len(runs), unit="run") as progress:
        for run, error in pool.map(lambda run: (run, evaluate(run, args)), runs):
            progress.update()
            if error:
                failures.append(f"{run.name}: {error}")
    if failures:
        sys.exit("these runs failed:\n" + "\n".join(failures))


def result(output: Path, run: Run) -> Path:
    return output / run.name


def evaluate(run: Run, args: argparse.Namespace) -> str:
    """Run SimulEval in a process of its own; return what it complained about, or nothing."""
    options = {
        "chunk_ms": CHUNK_MS,
        **dict(run.options),
        "model": run.model,
        "precision": args.precision,
        "trailing_silence_ms": ENCODINGS[run.encoding],
        "frozen_after_s": 30,  # as when the published table was made
        "source": args.test_set / "source.txt",
        "target": args.test_set / "target.en.txt",
        "output": result(args.output, run),
    }
    command = [sys.executable, "-m", "simulst", "evaluate", f"eval_configs/{run.policy}.yaml"]
    command += ["--computation-aware"]
    for key, value in options.items():
        command += [f"--{key.replace('_', '-')}", str(value)]
    # One core a run: runs side by side use the machine better than one run on all cores.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    return finished.stderr.strip()[-500:] if finished.returncode else ""


if __name__ == "__main__":
    main()
