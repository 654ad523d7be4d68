"""SimulStreaming's own AlignAtt on the sentences of a finished sweep, as one more system of it.

    python -m benchmarks.whisper_simultaneous.simulstreaming --checkout SIMULSTREAMING \
        --sweep outputs/into-english --model openai/whisper-base --frames 12 25 --chunk-ms 1000
    python -m benchmarks.whisper_simultaneous.pooled --sweep outputs/into-english --output outputs/pooled

Writes a run for each language pair and each of its frame thresholds into the sweep's folder, for quality and
latency alone: its settings share the encoding of a chunk, by the fused attention that its code has a switch
for, and the logs tell no computation. What it costs is measured by `benchmarks.chunk_compute`.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.logs.result_folder import CONFIGURATION, LOG
from evaluation.logs.run_log import Utterance
from evaluation.sweeps.finished_sweep import FinishedSweep, read_sweep
from evaluation.sweeps.layout import RunPlace, SweepLayout, setting_name
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from foundation.files.yaml_files import dump_yaml
from foundation.options import REQUIRED, check_options, option
from foundation.progress import Progress
from models.languages import LanguagePair

SYSTEM = "simulstreaming"


@dataclass(frozen=True)
class PeerOptions:
    """What is run."""

    checkout: Path = option(REQUIRED, "This is a checkout of https://github.com/ufal/SimulStreaming.")
    sweep: Path = option(REQUIRED, "This folder is the finished sweep, over language pairs.")
    model: str = option("openai/whisper-base", "The model is this folder, checkpoint file or name.")
    frames: tuple[int, ...] = option((25,), "AlignAtt's f, which they call frame_threshold.")
    chunk_ms: int = option(500, "So much audio comes between two decisions.", at_least=1)

    def __post_init__(self) -> None:
        check_options(self)


def entry(utterance: Utterance, written: Sequence[tuple[float, str]]) -> dict:
    """A line of the log. written: how much had been heard, in ms, when a piece of text was written.

    A word that two pieces share counts as written with the second.
    """
    text, delays = "", []
    for heard_ms, piece in written:
        heard_ms = min(heard_ms, utterance.source_ms)
        if text and piece and not text[-1].isspace() and not piece[0].isspace():
            delays[-1] = heard_ms
        text += piece
        delays += [heard_ms] * (len(text.split()) - len(delays))
    return {
        "index": utterance.index,
        "prediction": " ".join(text.split()),
        "delays": delays,
        "elapsed": delays,
        "prediction_length": len(delays),
        "reference": utterance.reference,
        "source": [utterance.source],
        "source_length": utterance.source_ms,
    }


def play(options: PeerOptions, pair: FinishedSweep, thresholds: Sequence[int]) -> Mapping[int, list[dict]]:
    """Lines of the log of each threshold."""
    from benchmarks.chunk_compute.simulstreaming import share_encoder, simulstreaming_agent
    from benchmarks.chunk_compute.turns import take_turns
    from models.registry import load_translator
    from models.sound.audio import read_audio
    from models.translator_options import TranslatorOptions
    from models.whisper.translator import WhisperTranslator

    translator = load_translator(options.model, TranslatorOptions())
    if not isinstance(translator, WhisperTranslator):
        raise InputError(
            f"SimulStreaming runs Whisper only, and {options.model} is none: give another --model"
        )
    languages = LanguagePair(*pair.languages.split("-"))
    agents = {
        frames: simulstreaming_agent(options.checkout, translator, languages, frames) for frames in thresholds
    }
    share_encoder([*agents.values()])
    lines: dict[int, list[dict]] = {frames: [] for frames in agents}
    utterances = pair.logs[0].utterances
    with Progress(len(utterances), "sentence", pair.languages) as progress:
        for utterance in utterances:
            written: dict[int, list] = {frames: [] for frames in agents}
            for row in take_turns(agents, read_audio(utterance.source), options.chunk_ms):
                written[row["agent"]].append((1000 * row["heard_s"], row["text"]))
            for frames, pieces in written.items():
                lines[frames].append(entry(utterance, pieces))
            progress.add()
    return lines


def run(options: PeerOptions) -> None:
    """What has been run before stays as it is. Raises InputError for a sweep over one language pair only."""
    layout = SweepLayout(options.sweep)
    pairs = read_sweep(options.sweep)
    if any(pair.languages is None for pair in pairs):
        raise InputError(f"{options.sweep} does not name its languages: give a sweep over language pairs")
    for pair in pairs:
        places = {
            frames: RunPlace(SYSTEM, setting_name({"frame_threshold": frames}), pair.languages)
            for frames in options.frames
        }
        missing = [frames for frames, place in places.items() if not layout.run(place).exists()]
        if not missing:
            continue
        for frames, lines in play(options, pair, missing).items():
            with whole_folder(layout.run(places[frames]), mark=LOG) as folder:
                values = {
                    "quality_metrics": [*pair.quality_metrics],
                    "latency_metrics": [*pair.latency_metrics],
                    "sacrebleu_tokenizer": pair.tokenizer,
                }
                (folder / CONFIGURATION).write_text(dump_yaml(values), encoding="utf-8")
                texts = [json.dumps(line, ensure_ascii=False) + "\n" for line in lines]
                (folder / LOG).write_text("".join(texts), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.whisper_simultaneous.simulstreaming"
    return exit_status(lambda: run(parse(PeerOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
