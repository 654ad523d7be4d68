"""Are more names right when the model is told them? Lines of BASS in which characters and places are named.

    python -m benchmarks.context_names make --bass bass --output names
    simulst evaluate eval_configs/offline.yaml --source names/source.txt --target names/target.en.txt \\
        --model openai/whisper-tiny.en --output without
    simulst evaluate eval_configs/offline.yaml --source names/source.txt --target names/target.en.txt \\
        --model openai/whisper-tiny.en --context names/context.txt --output with
    python -m benchmarks.context_names score without with

`make` takes the folder with bass.tsv and flac/, and writes OUTPUT/source.txt, target.en.txt and context.txt:
lines spread over the game that hold one of NAMES, and all of NAMES, one a line. `score` prints a row for each
run: of the names in the references how many are written in the same line, how many are written that nobody
said, and the word error rate in %.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

from evaluation.logs.run_log import read_run_log
from evaluation.metrics.normalized_text import normalize
from evaluation.metrics.word_errors import count_errors
from foundation.files.text_lines import read_lines, write_lines, write_list

NAMES = (
    *(
        "Foster",
        "Joey",
        "Overmann",
        "Reich",
        "Hobbins",
        "Lamb",
        "Piermont",
        "LINC",
        "Schriebmann",
        "Gallagher",
    ),
    *("Colston", "Anita", "Spunky", "Norville", "Greaves", "Babs", "Danielle", "Burke", "Eduardo", "Hobart"),
)
SHORTEST_S = 1.5  # of a line, or there is hardly more than the name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("--bass", type=Path, required=True)
    making.add_argument("--output", type=Path, required=True)
    making.add_argument("--lines", type=int, default=60)
    scoring = commands.add_parser("score")
    scoring.add_argument("runs", type=Path, nargs="+")
    args = parser.parse_args()
    if args.command == "make":
        make(args.bass, args.output, args.lines)
    else:
        for run in args.runs:
            print(score(run))


def make(bass: Path, output: Path, count: int) -> None:
    header, *lines = [line.split("\t") for line in read_lines(bass / "bass.tsv")]
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    named = [row for row in rows if names_in(row["en"]) and float(row["sec"]) >= SHORTEST_S]
    chosen = named[:: max(1, len(named) // count)][:count]
    output.mkdir(parents=True, exist_ok=True)
    write_list(
        output / "source.txt", [str((bass / "flac" / f"{row['id']}.flac").absolute()) for row in chosen]
    )
    write_list(output / "target.en.txt", [row["en"].replace("\\", "") for row in chosen])
    write_lines(output / "context.txt", NAMES)
    print(f"{len(chosen)} of {len(named)} lines, {sum(float(row['sec']) for row in chosen):.0f} s")


def names_in(text: str) -> Counter[str]:
    """How often each name stands in a text; "Lamb's" is one of "Lamb"."""
    known = {name.lower() for name in NAMES}
    words = (re.sub(r"'s?$", "", word) for word in normalize(text).split())
    return Counter(word for word in words if word in known)


def score(run: Path) -> str:
    said = found = invented = errors = words = 0
    for one in read_run_log(run).utterances:
        reference, written = names_in(one.reference), names_in(one.prediction)
        said += reference.total()
        found += (reference & written).total()
        invented += (written - reference).total()
        wrong, length = count_errors(one.reference, one.prediction)
        errors, words = errors + wrong, words + length
    return (
        f"{run}: {found} of {said} names, {invented} that nobody said, WER {100 * errors / words:.1f} of "
        f"{words} words"
    )


if __name__ == "__main__":
    main()
