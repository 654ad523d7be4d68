"""Check a SimulEval test set before the first second of audio is played."""

from pathlib import Path

from foundation.shipped_files import shipped_file
from models.audio import check_audio_file, read_audio
from models.errors import InputError


def check_test_set(source: str, target: str | None, maximum_ms: float | None) -> None:
    """source and target name files with one audio path, and one reference, in each line.

    maximum_ms is the longest audio that the model hears. Raises InputError: list missing or empty,
    lists of different length, or audio that cannot be used (all such files, up to ten).
    """
    audio_files = [shipped_file(path) for path in _lines(source, "--source")]
    if target is None:
        raise InputError("--target is missing: name a file with one reference in each line")
    references = _lines(target, "--target")
    if len(audio_files) != len(references):
        raise InputError(
            f"{source} lists {len(audio_files)} audio files but {target} has {len(references)} references: "
            "give one reference for each file, in the same order"
        )
    problems = []
    for audio_file in audio_files:
        try:
            check_audio_file(audio_file, None if maximum_ms is None else maximum_ms / 1000)
            # A header tells nothing of damage behind it, which would stop SimulEval halfway.
            read_audio(audio_file)
        except InputError as error:
            problems.append(str(error))
    if problems:
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        listed = "\n  ".join(problems[:10])
        raise InputError(
            f"{len(problems)} of {len(audio_files)} files in {source} cannot be used:\n  {listed}{more}"
        )


def _lines(path: str, flag: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(
            f"{flag} {path} does not exist: give a text file with one entry in each line"
        ) from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise InputError(f"{flag} {path} is no text file: give one entry in each line") from None
    if not lines:
        raise InputError(f"{flag} {path} is empty: give one entry in each line")
    return [line.strip() for line in lines]
