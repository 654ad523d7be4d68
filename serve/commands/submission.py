"""simulst submission CONFIG.yaml --dev SEGMENTS ... [--references FILE ...] [--regime low] [--KEY VALUE ...]

Prepares a submission to the simultaneous track of IWSLT: runs development sets of long recordings by
SimulEval, writes the logs that the organisers take, checks them by OmniSTEval, and writes all that an image
is built of:

    DIR/en-de/   the run as `simulst evaluate` leaves it, with instances.log; simulstream.jsonl
    DIR/image/   Dockerfile, compose.yaml, the toolkit, the model (`serve.container.image`)
    DIR/checklist.txt

Exit status 0 says that all is there, 1 that something is missing. An interrupted run goes on with the
recording at which it stopped.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.configuration.evaluation_file import configure
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.configuration.test_set_files import check_files_exist
from evaluation.metrics.scores import Scores
from evaluation.run.evaluate import shown_row
from evaluation.table import text_table
from foundation.errors import InputError
from foundation.files.journal import Journal
from foundation.files.shipped_files import shipped_configuration
from foundation.files.unfinished_folder import unfinished_folder
from foundation.files.yaml_files import read_yaml
from foundation.options import options_of
from models.languages import canonical_language
from serve.commands.submission_arguments import SubmissionArguments
from serve.container.image import PROCESSOR, check_image, write_image
from serve.submission.checklist import Item, State, checklist_text, is_complete
from serve.submission.dev_run import PARTS, DevRun
from serve.submission.log_checks import check_logs
from serve.submission.track_checks import check_languages, check_names, check_regime, check_segments

SETTINGS, IMAGE, CHECKLIST = "submission.json", "image", "checklist.txt"
# Of an evaluation's options those that a submission leaves to the file.
KEPT = (
    *("target", "audio_folder", "eval_latency_unit"),
    *("quality_metrics", "sacrebleu_tokenizer", "alignment_tokenizer"),
)


def run(args: SubmissionArguments, keys: Mapping[str, Sequence[str]]) -> int:
    """`simulst submission`; returns the exit status. keys: the words behind each flag that replaces a key."""
    runs = dev_runs(args, keys)
    check_image(runs[0].configuration)
    check_files_exist([one.configuration.evaluation for one in runs])
    for one in runs:
        check_names(one.configuration.evaluation)
    output = args.folder.absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(output, _settings(runs), args.overwrite, SETTINGS) as folder:
        journal = Journal(folder)
        scores = {one.name: one.run(folder, journal) for one in runs}
        shutil.rmtree(folder / IMAGE, ignore_errors=True)
        (folder / IMAGE).mkdir()
        write_image(folder / IMAGE, runs[0].configuration)
        items = _items(runs, scores, folder, args)
        told = checklist_text(items)
        (folder / CHECKLIST).write_text(told + "\n", encoding="utf-8")
        shutil.rmtree(folder / PARTS)
    for one in runs:
        print(f"{text_table([shown_row(one.configuration, scores[one.name])])}\n")
    print(told)
    print(f"\n{_commands(args.folder)}")
    return 0 if is_complete(items) else 1


def dev_runs(args: SubmissionArguments, keys: Mapping[str, Sequence[str]]) -> list[DevRun]:
    """One for each development set. Raises InputError for keys that cannot be used."""
    file = Path(shipped_configuration(str(args.configuration)))
    options = options_of(EvaluationOptions)
    for name in keys:
        if name in options and name not in KEPT:
            raise InputError(f"{options[name].flag} does not go with a submission: leave it out")
    values = {name: value for name, value in read_yaml(file).items() if name in KEPT or name not in options}
    runs: dict[str, DevRun] = {}
    for number, segments in enumerate(args.dev):
        own: dict[str, Any] = {"segments": str(segments), "engine": "simuleval"}
        if args.references:
            own["target"] = str(args.references[number])
        if args.languages:
            own["source_language"], own["target_language"] = args.languages[number].split("-")
        configuration = configure(values | own, file, keys)
        agent = configuration.agent_options
        pair = [canonical_language(one) for one in (agent.source_language, agent.target_language)]
        name = "-".join(part.replace(" ", "_") for part in pair)
        if name in runs:
            raise InputError(
                f"{args.dev[number]} is another development set of {name}: join the two, or give --languages"
            )
        output = {"output": [str(args.folder / name)]}
        runs[name] = DevRun(name, configure(values | own, file, {**keys, **output}))
    return list(runs.values())


def _settings(runs: Sequence[DevRun]) -> dict[str, Any]:
    """What the logs depend on."""
    return {
        f"{one.name}: {key}": value
        for one in runs
        for key, value in one.configuration.values().items()
        if key != "output"
    }


def _items(
    runs: Sequence[DevRun], scores: Mapping[str, Scores], folder: Path, args: SubmissionArguments
) -> list[Item]:
    processor = folder / IMAGE / "submission" / PROCESSOR
    items: list[Item] = []
    for one in runs:
        items += check_logs(folder / one.name, one.configuration, processor)
        items += check_regime(one.name, scores[one.name], args.folder / one.name, args.regime)
        items += check_segments(one.name, scores[one.name])
        items.append(check_languages(one.name, one.configuration))
    quality = ", ".join(runs[0].configuration.evaluation.quality_metrics)
    export = f"simulst export-scoring {args.folder / runs[0].name} --source-text FILE --output DIR"
    return [
        *items,
        Item(
            State.NOTE,
            "quality",
            f"{quality} were computed; the track goes by XCOMET-XL, whose input comes from: {export}",
        ),
        Item(State.DONE, "image", f"{args.folder / IMAGE} is ready to be built"),
    ]


def _commands(folder: Path) -> str:
    """How to build and try the image, and to hand it in."""
    compose = f"docker compose --file {folder / IMAGE / 'compose.yaml'} --profile cuda"
    return "\n".join(
        [
            f"{compose} up --build --wait",
            f"{compose} down",
            f"docker save simulst-submission:cuda | gzip > {folder / 'image.tar.gz'}",
        ]
    )
