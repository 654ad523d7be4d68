"""What it costs to start: processor time of whole commands, and of imports.

    python -m benchmarks.start_up [--repeats 3] [--only WORD] [--output FILE.tsv]

Each line is a child process with one thread, run `repeats` times: the least processor time (user and system)
counts, since neighbours on the machine only add to it. The first run of each, which may compile modules and
fill the disk cache, does not count. Refused commands are among them: an error should be told at once.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.table import Row, text_table, write_tsv

ROOT = Path(__file__).parents[1]
REINA = "eval_configs/reina.yaml"
ONE_CLIP = ("--start-index", "0", "--end-index", "1")
LOAD = (
    "from models.registry import load_translator; from models.translator import TranslatorOptions; "
    "load_translator({!r}, TranslatorOptions())"
)


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured, as arguments of Python. folder: where results go."""
    simulst, out = ["-m", "simulst"], ["--overwrite", "--output", str(folder / "run")]
    lists = ["--source", "eval_configs/quickstart_de/source.txt"]
    lists += ["--target", "eval_configs/quickstart_de/target.de.txt"]
    agent = ["-m", "simuleval.cli", "--agent", "agents/reina_agent.py", "--output", str(folder / "plain")]
    return {
        "import torch": ["-c", "import torch"],
        "import agents.engine": ["-c", "import agents.engine"],
        "import evaluation.run.evaluate": ["-c", "import evaluation.run.evaluate"],
        "load reina-mini": ["-c", LOAD.format("reina-mini")],
        "simulst --help": [*simulst, "--help"],
        "simulst evaluate --help": [*simulst, "evaluate", "--help"],
        "simulst evaluate, unknown key": [*simulst, "evaluate", REINA, "--bean", "3"],
        "simulst evaluate, no such file": [*simulst, "evaluate", REINA, "--source", "no.txt"],
        "simulst evaluate, no such metric": [*simulst, "evaluate", REINA, "--quality-metrics", "no"],
        "simulst evaluate, no such model": [*simulst, "evaluate", REINA, "--model", "no/such/model"],
        "simulst evaluate, one clip, batched": [
            *(*simulst, "evaluate", REINA, "--engine", "batched", *ONE_CLIP, *out)
        ],
        "simulst evaluate, one clip, simuleval": [*simulst, "evaluate", REINA, *ONE_CLIP, *out],
        "simulst compare": [*simulst, "compare", *[str(folder / "run")] * 2],
        "simuleval --agent, no such file": [*agent, "--source", "no.txt", *lists[2:]],
        "simuleval --agent, one clip": [*agent, *lists, *ONE_CLIP],
        "pytest --collect-only tests/agents": ["-m", "pytest", "--collect-only", "-q", "tests/agents"],
    }


def cpu_s(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, int]:
    """Processor time in s of a child process of Python, and its exit status."""
    nowhere = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    words = [sys.executable, *arguments]
    child = os.posix_spawn(sys.executable, words, environment, file_actions=nowhere)
    _, status, used = os.wait4(child, 0)
    return used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="Each is measured so often (default: 3).")
    parser.add_argument("--only", default="", help="Only lines with this in their name are measured.")
    parser.add_argument("--output", type=Path, help="The table is written to this TSV file, too.")
    args = parser.parse_args()
    os.chdir(ROOT)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        bytecode = os.environ.get("PYTHONPYCACHEPREFIX", f"{folder}/bytecode")
        # Also where Python was told to write no bytecode: users' Python writes it.
        own = {"OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for name, arguments in commands(Path(folder)).items():
            if args.only in name:
                runs = [cpu_s(arguments, os.environ | own) for _ in range(args.repeats + 1)]
                rows.append({"what": name, "cpu_s": min(runs[1:])[0], "exit_status": runs[-1][1]})
    print(text_table(rows))
    if args.output:
        write_tsv(args.output, rows)


if __name__ == "__main__":
    main()
