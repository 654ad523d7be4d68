"""Long recordings with their segments and references, found and looked at before anything is loaded."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from agents.test_set.input_lists import read_references, reference_warnings
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.configuration.segment_file import Segment, overlapping, read_segments
from foundation.errors import InputError
from foundation.files.text_lines import read_lines
from models.sound.audio import decoded_duration_s

LISTED = 10  # recordings that a message names
# By so much a last segment may end behind the audio: annotators' times and resampled files differ a little.
SLACK_S = 0.5
# Rounded times: nobody need hear of so little.
ROUNDING_S = 0.01

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """An audio file with the segments that have references."""

    path: str
    segments: tuple[Segment, ...]
    references: tuple[str, ...]  # one for each segment

    def joint_reference(self, unit: str) -> str:
        """All its references in one text, as the log of a run has it; unit is word or char."""
        texts = [text for text in self.references if text]
        return " ".join(texts) if unit == "word" else "".join(texts).replace(" ", "")


def read_recordings(options: EvaluationOptions) -> list[Recording]:
    """The recordings that `segments` names, in its order; none is opened.

    Raises InputError for a segment file that cannot be used, where references do not go with it, and where
    two names are those of one file.
    """
    segments = read_segments(options.segments)
    references = read_references(options.target)
    # Blank lines at the end of a list are none; here they may stand for segments without speech.
    lines = len(read_lines(Path(options.target)))
    references += [""] * (min(len(segments), lines) - len(references))
    if len(references) != len(segments):
        raise InputError(
            f"{options.segments} lists {len(segments)} segments but {options.target} has {len(references)} "
            "references: give one reference for each segment, in the same order"
        )
    recordings = []
    pairs = zip(segments, references, strict=True)
    for wav, group in groupby(pairs, key=lambda pair: pair[0].wav):
        own, texts = zip(*group, strict=True)
        if not any(texts):
            raise InputError(
                f"{options.target}: all {len(texts)} references of {wav} are blank, so nothing that is "
                f"written for it can be scored: leave it out of {options.segments}"
            )
        recordings.append(Recording(_find(wav, options), own, texts))
    _check_distinct(recordings)
    return recordings


def check_recordings(options: EvaluationOptions) -> None:
    """Look at all that is known before a model is loaded; the audio is read to its end.

    Warns, with counts, of segments that overlap or end a little behind their audio, and of blank references:
    OmniSTEval gives each word to one segment by its text, wherever segments begin. Raises InputError for
    recordings that are missing or cannot be used, and for segments outside of them.
    """
    recordings = read_recordings(options)
    chosen = [recordings[index] for index in options.indices(len(recordings))]
    missing = [one.path for one in chosen if not os.path.exists(one.path)]
    if missing:
        listed = ", ".join(missing[:LISTED]) + (", ..." if len(missing) > LISTED else "")
        raise InputError(
            f"{len(missing)} of {len(chosen)} recordings of {options.segments} do not exist: {listed}: "
            "correct their names, or name their folder as audio_folder"
        )
    segments = [segment for recording in chosen for segment in recording.segments]
    overlaps = overlapping(segments)
    if overlaps:
        logger.warning(
            "%s: %d of %d segments begin before the one before has ended (%s first): words are given to "
            "segments by their text, and each counts in one of them",
            options.segments,
            len(overlaps),
            len(segments),
            _entry(overlaps[0].place, options),
        )
    beyond = [place for recording in chosen for place in _ends_behind(recording)]
    if beyond:
        logger.warning(
            "%s: %d segments end up to %g s behind their audio (%s first)",
            options.segments,
            len(beyond),
            SLACK_S,
            _entry(beyond[0], options),
        )
    for warning in reference_warnings(options.target):
        logger.warning(warning)


def _check_distinct(recordings: Sequence[Recording]) -> None:
    """Raises InputError where two names are those of one file: each would be scored by a part of it."""
    names: dict[str, str] = {}
    for recording in recordings:
        segment, path = recording.segments[0], os.path.realpath(recording.path)
        other = names.setdefault(path, segment.wav)
        if other != segment.wav:
            raise InputError(
                f"{segment.place}: {segment.wav!r:.100} and {other!r:.100} are one file, {recording.path}: "
                "give it one name, and put all its segments together"
            )


def _entry(place: str, options: EvaluationOptions) -> str:
    """A place without the file, where that is named already."""
    return place.removeprefix(f"{options.segments} ")


def _ends_behind(recording: Recording) -> Sequence[str]:
    """Places of segments that end a little behind the audio. Raises InputError for those further outside."""
    audio_s = decoded_duration_s(recording.path)
    found = []
    for segment in recording.segments:
        if segment.offset_s >= audio_s or segment.end_s > audio_s + SLACK_S:
            raise InputError(
                f"{segment.place} lies at {segment.offset_s:g} to {segment.end_s:g} s, but {recording.path} "
                f"ends at {audio_s:.2f} s: is it another recording, or was it cut?"
            )
        if segment.end_s > audio_s + ROUNDING_S:
            found.append(segment.place)
    return found


def _find(wav: str, options: EvaluationOptions) -> str:
    """The path of a recording: in audio_folder; else beside the segments, or as MuST-C has it, in ../wav."""
    beside = Path(options.segments).parent
    folders = [Path(options.audio_folder)] if options.audio_folder else [beside, beside.parent / "wav"]
    places = [folder / name for folder in folders for name in (wav, Path(wav).name)]
    # os.path, since a Path raises an error for a name that is too long.
    return str(next((place for place in places if os.path.exists(place)), places[0]))
