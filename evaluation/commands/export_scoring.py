"""simulst export-scoring RUN --source-text FILE --output DIR: a run's texts for a metric that is a model.

DIR holds source.txt, hypothesis.txt and reference.txt, one line for each utterance, or segment of a long
recording, and index.txt with its place in the test set. README has the command that scores them by XCOMET.
"""

from pathlib import Path

from evaluation.commands.export_scoring_arguments import ExportScoringArguments
from evaluation.sweeps.folder import read_scored_log, run_configuration
from foundation.errors import InputError
from foundation.files.shipped_files import shipped_file
from foundation.files.text_lines import plain_spaces, read_lines, write_list
from foundation.files.whole_folder import whole_folder

MARK = "hypothesis.txt"


def run(args: ExportScoringArguments) -> None:
    """Write the files. Raises InputError where the text of the source does not go with the run."""
    if not args.run.is_dir():
        raise InputError(f"{args.run} is no folder: give that of a finished run")
    utterances = read_scored_log(args.run).utterances
    spoken = [plain_spaces(line) for line in read_lines(Path(shipped_file(str(args.source_text))))]
    needed = utterances[-1].index + 1
    whole = run_configuration(args.run).get("end_index", -1) == -1
    if len(spoken) < needed or (whole and len(spoken) > needed):
        raise InputError(
            f"{args.source_text} has {len(spoken)} lines, but the test set of {args.run} has {needed} "
            "references: give one line for each, in the same order"
        )
    with whole_folder(args.output, args.overwrite, MARK) as folder:
        write_list(folder / "source.txt", [spoken[one.index] for one in utterances])
        write_list(folder / MARK, [plain_spaces(one.prediction) for one in utterances])
        write_list(folder / "reference.txt", [plain_spaces(one.reference) for one in utterances])
        write_list(folder / "index.txt", [str(one.index) for one in utterances])
    empty = sum(not one.prediction.strip() for one in utterances)
    print(f"{len(utterances)} texts in {args.output}, {empty} of them without a prediction")
