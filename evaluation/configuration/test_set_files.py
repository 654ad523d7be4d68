"""What an evaluation reads: audio files and references, of a list of utterances or of long recordings.

Whether they are there is asked before a model is loaded, which takes a minute; whether a model can hear them,
afterwards.
"""

import shutil
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agents.test_set.input_lists import check_audio_files, check_test_set, read_audio_list, read_references
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.configuration.recordings import check_recordings, read_recordings
from foundation.errors import InputError
from foundation.files.text_lines import write_list

LISTED = 10  # missing files that a message names
OMNISTEVAL = (0, 1, 10)  # earlier ones align or count otherwise


def audio_files(options: EvaluationOptions) -> list[str]:
    """The path of each utterance, or recording. Raises InputError when they cannot be listed."""
    if options.segments:
        return [recording.path for recording in read_recordings(options)]
    return read_audio_list(options.source)


def references(options: EvaluationOptions) -> list[str]:
    """The reference of each utterance, or all of each recording. Raises InputError like `audio_files`."""
    if options.segments:
        unit = options.eval_latency_unit
        return [recording.joint_reference(unit) for recording in read_recordings(options)]
    return read_references(options.target)


def lists_for_simuleval(options: EvaluationOptions, folder: Path) -> tuple[str, str]:
    """Files with one audio path, and one reference, in each line; of recordings they are made in `folder`."""
    if not options.segments:
        return options.source, options.target
    source, target = folder / "recordings.txt", folder / "references.txt"
    write_list(source, audio_files(options))
    write_list(target, references(options))
    return str(source), str(target)


def check_files_exist(evaluations: Iterable[EvaluationOptions]) -> None:
    """Raises InputError for a list that does not exist, and one that names and counts missing audio files.

    What is in the files of a list is looked at later: it depends on how much audio the model hears.
    Recordings are read to their end, since segments must lie within them, and OmniSTEval is asked for.
    """
    evaluations = list(evaluations)
    for name, path in dict.fromkeys(
        (name, getattr(options, name)) for options in evaluations for name in ("source", "target")
    ):
        if not path:
            continue  # segments are in place of source
        if not Path(path).is_file():
            fault = "is no text file" if Path(path).exists() else "does not exist"
            raise InputError(f"{name} {path} {fault}: give a text file with one entry in each line")
        if name == "source":
            _check_audio(path)
    distinct = {}
    for options in evaluations:
        if options.segments:
            range_ = options.start_index, options.end_index
            distinct[options.segments, options.target, options.audio_folder, range_] = options
    for options in distinct.values():
        check_omnisteval(options)
        check_recordings(options)


def check_audible(evaluations: Iterable[EvaluationOptions], maximum_ms: float | None) -> None:
    """Raises InputError for anything in test sets that a model that hears so much at once cannot use."""
    distinct = {(one.source, one.segments, one.target): one for one in evaluations}
    for options in distinct.values():
        if options.segments:
            files = audio_files(options)
            chosen = [files[index] for index in options.indices(len(files))]
            check_audio_files(chosen, options.segments, maximum_ms, whole=False)  # read to their end before
        else:
            check_test_set(options.source, options.target, maximum_ms)


def check_omnisteval(options: EvaluationOptions) -> None:
    """Raises InputError where what scores long recordings is missing: OmniSTEval, not too old, and Perl."""
    needed = ".".join(map(str, OMNISTEVAL))
    mend = f"pip install 'omnisteval>={needed}', which is the extra [longform]"
    try:
        found = version("omnisteval")
    except PackageNotFoundError:
        raise InputError(f"segments are scored by OmniSTEval, which is not installed: {mend}") from None
    if tuple(int(part) for part in found.split(".")[:3] if part.isdigit()) < OMNISTEVAL:
        raise InputError(f"segments are scored by OmniSTEval from {needed} on, but {found} is here: {mend}")
    if options.alignment_tokenizer == "moses" and shutil.which("perl") is None:
        raise InputError(
            "Moses' tokenizer, by which words are split for alignment, is a program in Perl, and there is "
            "none here: install Perl, or set alignment_tokenizer to none"
        )


def _check_audio(source: str) -> None:
    files = read_audio_list(source)
    missing = [file for file in files if not Path(file).exists()]
    if missing:
        listed = ", ".join(missing[:LISTED]) + (", ..." if len(missing) > LISTED else "")
        raise InputError(
            f"{len(missing)} of {len(files)} files in {source} do not exist: {listed}: correct the paths "
            f"(relative ones start from {Path.cwd()})"
        )
