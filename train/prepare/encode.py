"""A frozen encoder's outputs -> files.

    simulst prepare encode --manifest spoken/manifest.tsv --whisper openai/whisper-tiny.en \\
        --truncations 4 --output DIR

With --model in place of --whisper it is the encoder of an audio-language model, for `train.simulsa_sft`.

Runs a frozen audio encoder once over whole and truncated clips, so that training on a CPU does not run it
in every epoch. The folder's files are described in `train.data.encoder_cache`; it takes 2 bytes x width x
50 a second of audio and version (tiny.en: 38 KB).

A policy for a Whisper learns from what that hears when it runs: silence behind each clip, thinned, and
frozen frames (`models.whisper.hearing`). No model reads a cache that was heard otherwise:

    simulst prepare encode --manifest own/manifest.tsv --whisper openai/whisper-base --truncations 4 \\
        --trailing-silence-ms 30000 --silence-stride 4 --frozen-after-s 3 --output DIR

bfloat16 is about twice as fast on processors that multiply it (AMX, AVX512-BF16) and changes frames by about
1%. float32 is the default, because cached frames should be those that the model hears later.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.text_lines import write_lines
from foundation.files.unfinished_folder import NothingUsable, unfinished_folder
from models.layers.slow_bfloat16 import warn_of_slow_bfloat16
from models.sound.audio import SAMPLE_RATE, read_audio
from models.translator import TranslatorOptions
from models.whisper.hearing import PLAIN
from train.data.clip_versions import CHUNK_MS, Version, heard_samples
from train.data.encoder_cache import ABOUT, COLUMNS, FRAMES, INDEX, encoder_sha256
from train.data.frame_encoders import FrameEncoder, open_encoder
from train.data.manifest import Row, read_manifest
from train.data.streamed import asked_hearing
from train.prepare.denormals import flush_denormals, flushed_denormals
from train.prepare.options import EncodeOptions
from train.prepare.skipped import Skipped, report, summary, write_skipped
from train.prepare.workers_here import own_device, workers_in

ROWS_AT_ONCE = 32  # whose versions are sorted by length and batched; the unit of resumption


@dataclass(frozen=True)
class Encoded:
    """The clips of one task."""

    versions: list[Version]  # offsets count from the first frame of the task
    frames: np.ndarray  # (T of all versions, D) float16
    skipped: list[tuple[str, str, str]]  # id, reason, detail


@flushed_denormals()
def run(options: EncodeOptions) -> None:
    TranslatorOptions(device=options.device).torch_device()  # a wrong one is refused before work starts
    if options.precision != "float32":
        warn_of_slow_bfloat16(options.device, "leave out --precision bfloat16")
    rows = read_manifest(options.manifest, needs_audio=True).rows
    settings = cache_settings(options)
    with unfinished_folder(options.output, settings, options.overwrite, ABOUT) as folder:
        journal = Journal(folder)
        encode = partial(encode_rows, truncations=options.truncations, seed=options.seed)
        workers = workers_in(folder, options.jobs, options.executor)
        start = (options, workers.jobs)
        written = sum(entry["frames"] for entry in journal.entries)
        with FrameFile(folder / FRAMES, written) as file:
            entries = journal.work_through(
                in_parts(rows, ROWS_AT_ONCE), encode, workers, start_encoder, start, entry=file.write_frames
            )
        versions = [line for entry in entries for line in entry["versions"]]
        skipped = [Skipped(*row) for entry in entries for row in entry["skipped"]]
        if not versions:
            raise NothingUsable(f"{options.manifest} has no clip that can be encoded: {summary(skipped)}")
        write_lines(folder / INDEX, ["\t".join(COLUMNS), *versions])
        write_skipped(folder, skipped)
    report(f"{len(versions)} versions of {len(rows) - len(skipped)} clips", options.output, skipped)


def cache_settings(options: EncodeOptions) -> dict[str, object]:
    """What cache.json says."""
    hearing = asked_hearing(options, PLAIN)
    encoder = open_encoder(options.whisper, options.model, "cpu", hearing)
    return {
        "hearing": hearing.described(),
        "width": encoder.width,
        "frame_ms": encoder.frame_ms,
        "encoder_sha256": encoder_sha256(encoder.module),
        "chunk_ms": CHUNK_MS,
        "truncations": options.truncations,
        "seed": options.seed,
        "precision": options.precision,
        "manifest_sha256": hashlib.sha256(options.manifest.read_bytes()).hexdigest(),
    }


class FrameFile:
    """frames.f16, which grows by tasks."""

    def __init__(self, path: Path, frames: int) -> None:
        """frames: how many the journal knows; what a kill has left behind them is overwritten."""
        self.path = path
        self.frames = frames

    def __enter__(self) -> "FrameFile":
        self._file = self.path.open("r+b" if self.path.exists() else "w+b")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write_frames(self, encoded: Encoded) -> dict[str, object]:
        """Writes the frames and returns what the journal keeps of the task."""
        offset, (count, width) = self.frames, encoded.frames.shape
        self._file.seek(offset * width * 2)
        self._file.write(encoded.frames.astype("<f2").tobytes())
        self._file.truncate()
        self._file.flush()
        self.frames += count
        versions = [replace(version, offset=offset + version.offset).line() for version in encoded.versions]
        return {"frames": count, "versions": versions, "skipped": encoded.skipped}


class _Process:
    """What one process keeps."""

    encoder: FrameEncoder
    device: str
    precision: str


def start_encoder(options: EncodeOptions, jobs: int) -> None:
    if jobs > 1:
        torch.set_num_threads(1)
    flush_denormals()
    device = own_device(options.device)
    _Process.encoder = open_encoder(options.whisper, options.model, device, asked_hearing(options, PLAIN))
    _Process.device, _Process.precision = options.device, options.precision


def encode_rows(rows: Sequence[Row], truncations: int, seed: int) -> Encoded:
    encoder = _Process.encoder
    clips: list[np.ndarray] = []
    versions: list[list[Version]] = []  # of each clip
    skipped: list[tuple[str, str, str]] = []
    offset = 0
    for row in rows:
        if row.audio is None:
            skipped.append((row.id, "no audio", ""))
            continue
        try:
            audio = read_audio(row.audio)[: row.heard_samples]
        except InputError as error:
            skipped.append((row.id, "unusable audio", str(error)))
            continue
        if len(audio) > encoder.longest:
            reason = f"longer than the encoder's {encoder.longest / SAMPLE_RATE:g} s"
            skipped.append((row.id, reason, f"{len(audio) / SAMPLE_RATE:.2f} s"))
            continue
        of_clip = []
        for number, heard in enumerate(heard_samples(row.id, len(audio), truncations, seed)):
            of_clip.append(Version(row.id, number, heard, len(audio), offset, encoder.frames(heard)))
            offset += of_clip[-1].frames
        clips.append(audio)
        versions.append(of_clip)
    result = np.zeros((offset, encoder.width), np.float16)
    encode_versions(clips, versions, result)
    return Encoded([version for of_clip in versions for version in of_clip], result, skipped)


@torch.inference_mode()
def encode_versions(
    clips: Sequence[np.ndarray], versions: Sequence[Sequence[Version]], result: np.ndarray
) -> None:
    """Fills result (T, D) float16 with the frames of all versions of clips (n,), each at its offset."""
    cuts = [list({version.heard_samples for version in of_clip}) for of_clip in versions]
    device = torch.device(_Process.device).type
    with torch.autocast(device, torch.bfloat16, enabled=_Process.precision != "float32"):
        for place, cut, frames in _Process.encoder.encode_cuts(clips, cuts):
            stored = frames.half().cpu().numpy()
            for version in versions[place]:
                if version.heard_samples == cut:
                    result[version.offset : version.offset + version.frames] = stored
