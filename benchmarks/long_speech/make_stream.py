r"""Makes a stream of hours from short recorded lines: utterances, pauses, babble, chords, noise and silence.

    python -m benchmarks.long_speech.make_stream --bass BASS --output outputs/long
    python -m benchmarks.long_speech.make_stream --bass BASS --output outputs/passage --passage

BASS is the folder of the speech of *Beneath a Steel Sky*: bass.tsv (id, sec, en, de, ...) and flac/. Lines of
consecutive ids of a section are joined to utterances of 6 to 20 s, with pauses of 0.1 to 0.5 s; between
utterances are pauses of 0.7 to 4 s, and now and then babble of twelve voices 12 dB below the speech, chords,
noise, and up to four minutes of digital silence or of a quiet room. The first ten minutes are the last ten
minutes, too: the same audio at both ends tells whether a chunk costs the same there. Each line is used once
otherwise; sections 5 and 6, which no model of this project has learned from, come first.

With --passage the stream has no pause at all: silence is cut off both ends of each line by its energy, and
shortened to 0.2 s inside it. What is written: `benchmarks/long_speech/stream_files.py`. The same command
makes the same samples.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.long_speech.sounds import level_db, render
from benchmarks.long_speech.stream_files import ABOUT, AUDIO, Segment, Stretch, write_stream_files
from benchmarks.long_speech.stream_plan import PAUSE, Lengths, Piece, Sound, plan_passage, plan_stream
from benchmarks.long_speech.trim import without_silence
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.errors import InputError
from foundation.files.text_lines import plain_spaces
from foundation.files.whole_folder import check_output, whole_folder
from foundation.options import REQUIRED, check_options, option
from foundation.progress import Progress
from models.sound.audio import SAMPLE_RATE, read_audio
from train.prepare.line_table import Line, LineTable

LANGUAGES = ("en", "de")
LEVEL_LINES = 200  # so many lines tell how loud the speech is
ACRONYMS = ("LINC", "ID", "WD", "TV", "HQ", "SOS", "VHS", "ASCII")


@dataclass(frozen=True)
class MakeOptions:
    """What the stream is made of."""

    bass: Path = option(REQUIRED, "This folder holds bass.tsv, and the recordings in flac/.")
    output: Path = option(REQUIRED, "This folder is made for the stream.")
    minutes: float | None = option(
        None, "The stream lasts so long, in whole seconds; default: 150, a passage 30.", above=0, at_most=600
    )
    passage: bool = option(False, "The stream is one passage without pauses, and nothing else sounds.")
    repeated_s: int | None = option(
        None,
        "The first so many seconds are the last ones, too; default: a 15th of the stream.",
        at_least=1,
        at_most=3600,
    )
    utterance_s: tuple[float, float] = option((6.0, 20.0), "Utterances last from the first to the second.")
    groups: tuple[str, ...] = option(
        ("5", "6", "0", "1", "2", "3", "4", "7"), "Sections of the game are taken in this order."
    )
    seed: int = option(0, "Lengths, pauses and sounds are drawn from this seed.", at_least=0)
    overwrite: bool = option(False, "An earlier stream of that name is replaced.")

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def lengths(self) -> Lengths:
        total_s = round(60 * (self.minutes or (30 if self.passage else 150)))
        repeated_s = self.repeated_s or max(1, total_s // 15)
        return Lengths(total_s, repeated_s, self.utterance_s)


def run(options: MakeOptions) -> None:
    """Does what the command says. OUTPUT appears when it is complete; InputError means that it does not."""
    lengths = options.lengths
    check_output(options.output, options.overwrite, ABOUT)
    lines = _lines(options)
    heard = {line.id: line for line in lines}
    speech_db = float(np.median([level_db(read_audio(line.audio)) for line in _spread(lines, LEVEL_LINES)]))
    if options.passage:
        lines = [
            dataclasses.replace(line, seconds=len(without_silence(read_audio(line.audio))) / SAMPLE_RATE)
            for line in lines
        ]
        pieces = plan_passage([line for line in lines if line.seconds], lengths, options.seed)
    else:
        pieces = plan_stream(lines, lengths, options.seed)
    with whole_folder(options.output, options.overwrite, ABOUT) as folder:
        writer = {"samplerate": SAMPLE_RATE, "channels": 1, "subtype": "PCM_16", "format": "FLAC"}
        with (
            soundfile.SoundFile(folder / AUDIO, "w", **writer) as file,
            Progress(len(pieces), "piece", "write") as progress,
        ):
            for piece in pieces:
                for samples in _samples(piece, options.passage, [*heard.values()], speech_db):
                    file.write(np.clip(samples, -1, 1))
                progress.add()
        segments, nobody = _described(pieces)
        about = {
            "minutes": lengths.total_s / 60,
            "repeated_s": 0 if options.passage else lengths.repeated_s,
            "passage": options.passage,
            "seed": options.seed,
            "groups": list(options.groups),
            "speech_db": round(speech_db, 2),
            "speech_minutes": round(sum(one.duration_s for one in segments) / 60, 2),
        }
        write_stream_files(folder, segments, nobody, about)
    lines_used = len({member for one in segments for member in one.members.split()})
    print(
        f"{about['minutes']:g} minutes in {options.output}: {len(segments)} utterances "
        f"of {lines_used} lines, {about['speech_minutes']} minutes; nobody speaks in "
        + ", ".join(
            f"{sum(one.duration_s for one in nobody if one.kind == kind) / 60:.1f} minutes of {kind}"
            for kind in dict.fromkeys(one.kind for one in nobody)
        )
    )


def _lines(options: MakeOptions) -> list[Line]:
    table = LineTable(
        path=options.bass / "bass.tsv",
        text_columns=LANGUAGES,
        audio_dir=options.bass / "flac",
        audio_suffix=".flac",
        group_pattern=r"bass_(\d+)_",
        groups=options.groups,
        acronyms=ACRONYMS,
    )
    lines, skipped = table.usable_lines()
    if not lines:
        raise InputError(f"{table.path} gives no line that can be used ({len(skipped)} cannot)")
    print(f"{len(lines)} lines; {len(skipped)} that cannot be used", file=sys.stderr)
    return sorted(lines, key=lambda line: (options.groups.index(line.group), line.id))


def _spread(lines: Sequence[Line], count: int) -> Sequence[Line]:
    return lines[:: max(1, len(lines) // count)]


def _samples(piece: Piece, trimmed: bool, voices: Sequence[Line], speech_db: float) -> Iterator[np.ndarray]:
    """The audio of a piece, line by line."""
    if isinstance(piece, Sound):
        yield render(piece.kind, piece.samples, piece.seed, voices, speech_db)
        return
    for line, pause in zip(piece.lines, piece.pauses, strict=True):
        yield np.zeros(pause, np.float32)
        samples = read_audio(line.audio)
        yield without_silence(samples) if trimmed else samples


def _described(pieces: Sequence[Piece]) -> tuple[list[Segment], list[Stretch]]:
    """The utterances and, between them, the stretches in which nobody speaks."""
    segments: list[Segment] = []
    nobody: list[Stretch] = []
    now, silent_from, kinds = 0, 0, []
    for piece in pieces:
        if isinstance(piece, Sound):
            kinds.append(piece.kind)
        else:
            if kinds:
                nobody.append(_stretch(kinds, silent_from, now))
            texts = [
                plain_spaces(" ".join(some)) for some in zip(*(one.texts for one in piece.lines), strict=True)
            ]
            members = " ".join(line.id for line in piece.lines)
            # The same utterance may come twice.
            name = f"{len(segments):04d}_{piece.lines[0].id}"
            segments.append(
                Segment(
                    name,
                    now / SAMPLE_RATE,
                    piece.samples / SAMPLE_RATE,
                    members,
                    dict(zip(LANGUAGES, texts, strict=True)),
                )
            )
            kinds, silent_from = [], now + piece.samples
        now += piece.samples
    if kinds:
        nobody.append(_stretch(kinds, silent_from, now))
    return segments, nobody


def _stretch(kinds: Sequence[str], first: int, last: int) -> Stretch:
    named = [kind for kind in kinds if kind != PAUSE] or [PAUSE]
    return Stretch("+".join(dict.fromkeys(named)), first / SAMPLE_RATE, (last - first) / SAMPLE_RATE)


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.long_speech.make_stream"
    return exit_status(lambda: run(parse(MakeOptions, program, __doc__.split("\n")[0], words)))


if __name__ == "__main__":
    sys.exit(main())
