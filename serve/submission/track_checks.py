"""Whether a development run is what the track asks for: its latency, its languages."""

import math
from pathlib import Path

from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.configuration.recordings import read_recordings
from evaluation.logs.result_folder import CONFIGURATION
from evaluation.metrics.scores import Scores
from foundation.errors import InputError
from models.languages import LanguagePair
from serve.submission.checklist import Item, State
from serve.submission.track import PAIRS, REGIMES, is_of_the_track, regime_of

LATENCY = "LongYAAL"
WITH_COMPUTATION = "LongYAAL_TC"


def check_regime(name: str, scores: Scores, output: Path, wanted: str | None) -> list[Item]:
    """Which regime LongYAAL lies in, and what to do where it is not the one that is wanted.

    output: the folder of the run, of which `simulst calibrate` can take its file. wanted: a key of REGIMES;
    None is any.
    """
    what = f"{name}: latency"
    latency_s = scores.values[LATENCY] / 1000
    if math.isnan(latency_s):
        return [Item(State.MISSING, what, f"{LATENCY} is not known: nothing was written in time to count")]
    found = regime_of(latency_s)
    aim = REGIMES[wanted] if wanted else found or REGIMES["low" if latency_s < 0 else "high"]
    told = f"{LATENCY} {latency_s:.2f} s"
    told += f" is of the regime of {found}" if found else " is in no regime"
    if found is aim:
        return [Item(State.DONE, what, told), *_computation(what, scores, aim.up_to_s)]
    calibration = f"simulst calibrate {output / CONFIGURATION} --latency {LATENCY} --target {aim.aim_s:g}"
    return [Item(State.MISSING, what, f"{told}, not of {aim}; find the setting by: {calibration}")]


def check_languages(name: str, configuration: Configuration) -> Item:
    """Whether the track has the pair of languages; another one is no mistake."""
    what = f"{name}: languages"
    options = configuration.agent_options
    pair = f"{options.source_language} -> {options.target_language}"
    if is_of_the_track(LanguagePair(options.source_language, options.target_language)):
        return Item(State.DONE, what, f"{pair} is a pair of the track")
    pairs = ", ".join(f"{source} -> {target}" for source, target in PAIRS)
    return Item(State.NOTE, what, f"{pair} is no pair of the track, which has {pairs}")


def check_names(options: EvaluationOptions) -> None:
    """Raises InputError where recordings have one name but for folder and suffix, by which logs name them."""
    names: dict[str, str] = {}
    for recording in read_recordings(options):
        other = names.setdefault(Path(recording.path).stem, recording.path)
        if other != recording.path:
            raise InputError(
                f"{options.segments}: {recording.path} and {other} cannot be told apart by simulstream's log "
                "and OmniSTEval, which leave out folder and suffix: give them different names"
            )


def check_segments(name: str, scores: Scores) -> list[Item]:
    """A note where segments got no words: quality is low there, and latency does not include them."""
    empty, segments = (round(scores.values[key]) for key in ("EMPTY", "SENTENCES"))
    if not empty:
        return []
    return [Item(State.NOTE, f"{name}: segments", f"{empty} of {segments} got no words")]


def _computation(what: str, scores: Scores, limit_s: float) -> list[Item]:
    """A note where the text would come later than the regime has it, since computation takes long."""
    true_s = scores.values.get(WITH_COMPUTATION, math.nan) / 1000
    if not true_s > limit_s:
        return []
    text = f"with computation it is {true_s:.2f} s on this machine ({WITH_COMPUTATION}), which does not count"
    return [Item(State.NOTE, what, text)]
