"""Clean speech -> speech as microphones hear it: a manifest's clips with noise, in rooms, over the telephone.

    simulst prepare distort --manifest spoken/manifest.tsv --share 0.4 --output distorted

A share of the clips is changed, each in one to three of these ways; the others stay as they are. What a clip
draws depends on the seed and its id alone. Audio is written as 16 kHz FLAC, and what was done stands in the
manifest.

    room        an impulse response of noise that decays by 60 dB within 0.15 to 0.7 s
    noise       white, pink, or babble of other clips of the manifest, 3 to 30 dB below the speech
    telephone   300 to 3,400 Hz
    level       6 dB louder to 20 dB quieter
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from foundation.command_line import settings_of
from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.unfinished_folder import unfinished_folder
from models.sound.audio import SAMPLE_RATE, read_audio
from train.data.manifest import Row, read_manifest
from train.prepare.corpora.clips import clip_path, finish, write_clip
from train.prepare.options import DistortOptions
from train.prepare.skipped import Skipped, report
from train.prepare.speak import nameable
from train.prepare.workers_here import workers_in

ROWS_AT_ONCE = 32
BABBLING = 4  # clips that are heard at once
PEAK = 0.99


def run(options: DistortOptions) -> None:
    manifest = read_manifest(options.manifest, needs_audio=True)
    rows, skipped = nameable([row for row in manifest.rows if row.audio is not None])
    skipped += [Skipped(row.id, "no audio") for row in manifest.rows if row.audio is None]
    digest = hashlib.sha256(options.manifest.read_bytes()).hexdigest()
    settings = {"command": "distort", **settings_of(options), "manifest": digest}
    babble = [row.audio for row in rows]
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        journal = Journal(folder)
        distort = partial(distort_rows, options=options, babble=babble, folder=folder)
        workers = workers_in(folder, options.jobs, options.executor)
        entries = journal.work_through(in_parts(rows, ROWS_AT_ONCE), distort, workers)
        heard: list[Row] = []
        for row, result in zip(rows, [result for entry in entries for result in entry], strict=True):
            if "seconds" in result:
                notes = {**row.notes, "distortion": result["done"]}
                heard.append(replace(row, audio=clip_path(row.id), seconds=result["seconds"], notes=notes))
            else:
                skipped.append(Skipped(row.id, "unusable audio", result["reason"]))
        finish(folder, heard, skipped, manifest.languages)
    count = Counter(way for row in heard for way in row.notes["distortion"].split())
    by = ", ".join(f"{way} {number}" for way, number in count.most_common())
    report(f"{len(heard)} clips ({by})", options.output, skipped)


def distort_rows(
    rows: Sequence[Row], options: DistortOptions, babble: Sequence[Path], folder: Path
) -> list[dict[str, Any]]:
    """Writes the clips; returns for each row its length and what was done, or why there is none."""
    return [_distort(row, options, babble, folder) for row in rows]


def _distort(row: Row, options: DistortOptions, babble: Sequence[Path], folder: Path) -> dict[str, Any]:
    draw = random.Random(f"{options.seed} {row.id}")
    try:
        samples = read_audio(row.audio)
        ways = drawn_ways(draw, options.share)
        # A clip does not babble behind itself: that would only make it louder. Most clips ask for no babble.
        others = [path for path in babble if path != row.audio] if "noise" in ways else ()
        for way in ways:
            samples = WAYS[way](samples, draw, others)
    except InputError as error:
        return {"reason": str(error)}
    write_clip(folder, row.id, limited(samples))
    return {"seconds": len(samples) / SAMPLE_RATE, "done": " ".join(ways) or "none"}


def drawn_ways(draw: random.Random, share: float) -> list[str]:
    """What is done to a clip, in the order in which sound meets it; nothing to 1 - share of the clips."""
    if draw.random() >= share:
        return []
    count = draw.choices((1, 2, 3), weights=(5, 3, 1))[0]
    chosen = draw.sample(list(WAYS), count)
    return [way for way in WAYS if way in chosen]


def in_room(samples: np.ndarray, draw: random.Random, babble: Sequence[Path]) -> np.ndarray:
    """(n,) -> (n,): the direct sound, and behind it 5 to 50% of its energy as reverberation."""
    decay_s = draw.uniform(0.15, 0.7)
    places = np.arange(int(decay_s * SAMPLE_RATE))
    # 60 dB are a factor of 1,000 in amplitude.
    response = _generator(draw).standard_normal(len(places)) * 1000.0 ** (-places / len(places))
    response *= np.sqrt(draw.uniform(0.05, 0.5) / np.square(response).sum())
    response[0] = 1.0
    return _convolved(samples, response)


def with_noise(samples: np.ndarray, draw: random.Random, babble: Sequence[Path]) -> np.ndarray:
    """(n,) -> (n,): with noise that is so many dB below the clip's mean power."""
    kind, below_db = draw.choice(("white", "pink", "babble")), draw.uniform(3.0, 30.0)
    voices = list(_voices(draw, babble)) if kind == "babble" else []
    if voices:
        below_db = max(below_db, 10.0)  # voices as loud as the speaker's could be meant as well
        noise = sum(_looped(voice, len(samples)) for voice in voices)
    else:  # white where there is no other clip to babble
        noise = _generator(draw).standard_normal(len(samples))
        if kind == "pink":
            spectrum = np.fft.rfft(noise)
            noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(noise))
    power = np.square(noise).mean()
    if not power:
        return samples
    return samples + noise * np.sqrt(np.square(samples).mean() / power / 10 ** (below_db / 10))


def _voices(draw: random.Random, babble: Sequence[Path]) -> Iterator[np.ndarray]:
    """Clips that are heard at once. One that cannot be read is no fault of the clip that it is put behind."""
    for _ in range(BABBLING):
        # Others are tried: a damaged one is named where it is itself to be distorted.
        for path in draw.choices(babble, k=BABBLING) if babble else ():
            try:
                yield read_audio(path)
                break
            except InputError:
                continue


def over_telephone(samples: np.ndarray, draw: random.Random, babble: Sequence[Path]) -> np.ndarray:
    """(n,) -> (n,): nothing below 300 and above 3,400 Hz."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    spectrum[(frequencies < 300) | (frequencies > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples))


def at_level(samples: np.ndarray, draw: random.Random, babble: Sequence[Path]) -> np.ndarray:
    return samples * 10 ** (draw.uniform(-20.0, 6.0) / 20)


WAYS: dict[str, Callable[[np.ndarray, random.Random, Sequence[Path]], np.ndarray]] = {
    "room": in_room,
    "noise": with_noise,
    "telephone": over_telephone,
    "level": at_level,
}


def limited(samples: np.ndarray) -> np.ndarray:
    """Quieter as a whole, where it would be too loud for a file."""
    peak = float(np.abs(samples).max(initial=0.0))
    return (samples if peak <= PEAK else samples * (PEAK / peak)).astype(np.float32)


def _generator(draw: random.Random) -> np.random.Generator:
    return np.random.default_rng(draw.getrandbits(64))


def _looped(samples: np.ndarray, length: int) -> np.ndarray:
    return np.resize(samples, length) if len(samples) else np.zeros(length)


def _convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    size = len(samples) + len(response) - 1
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
