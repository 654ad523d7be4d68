"""What is trained on: one pair of a clip, or of a text, with the text to write about it.

A manifest (`train.data.manifest`) gives clips or texts in several languages; a `DataSection` says which task
is trained on it and how often. The three tasks are those of REINA's first stage (arXiv 2508.04946):

    s2tt   speech in one language -> text in another, or in several, among which may be its own
    asr    speech -> its own text
    nmt    text in one language -> text in another
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE, read_audio
from models.sound.log_mel import HOP, HOP_MS
from train.data.encoder_cache import CachedClip, EncoderCache, FrozenEncoder
from train.data.manifest import Row, read_manifest

TASKS = ("s2tt", "asr", "nmt")
LONGEST_SILENCE_MS = 30_000
LENGTHS_DIFFER_S = 0.1  # of what was encoded and what the manifest says, at the most
MOST_OFTEN = 10_000  # times that a weight may repeat a pair in an epoch


@dataclass(kw_only=True)
class DataSection:
    """One task on one manifest."""

    manifest: Path
    """The table of clips or texts (`train.data.manifest`)."""

    task: str = "s2tt"
    """The task: s2tt, asr or nmt."""

    source: str = "en"
    """The language that is heard, or read."""

    targets: list[str] = field(default_factory=list)
    """The languages to write. Every row is a pair for each of them; asr writes the source and needs none."""

    weight: float = 1.0
    """How often a pair is seen in an epoch: 0.5 half of the pairs, 2 each twice."""

    encoder_cache: Path | None = None
    """The folder of `train.prepare encode` on this manifest; its clips are then not heard again."""

    trailing_silence_ms: int = 0
    """The silence behind clips that stay whole, as far as the window reaches; stages 1 and 2 only. It keeps a
    Whisper used to its window."""

    limit: int | None = None
    """Only this many rows are kept, spread evenly; for validation."""


class TrainingTokenizer(Protocol):
    """What training asks of a tokenizer."""

    end_of_sequence: int

    def prompt(self, source_language: str, target_language: str) -> list[int]: ...
    def encode_sentence(self, text: str) -> list[int]: ...
    def language_code(self, language: str) -> str: ...


@dataclass(frozen=True)
class Example:
    """One pair. Exactly one of clip, cached and source is given."""

    id: str
    target: str  # language code
    prompt: tuple[int, ...]
    text: np.ndarray  # (N,) int32, without prompt and end
    reference: str
    seconds: float = 0.0  # of the clip, as far as it is heard, and of silence behind it
    clip: Path | None = None
    heard_samples: int | None = None  # None: the whole clip
    silence_ms: int = 0  # behind the clip, where it is heard whole
    ends: bool = True  # the end of sequence is learned behind the text
    cached: CachedClip | None = None
    source: np.ndarray | None = None  # (S,) int32, text to translate

    @property
    def tokens(self) -> int:
        """How many positions of the decoder the pair takes."""
        return len(self.prompt) + len(self.text)

    def waveform(self, most_frames: int | None = None) -> np.ndarray:
        """What is heard of the clip, (n,) float32 at 16 kHz.

        most_frames: feature frames of the model's window; None: any number. Raises InputError for an unusable
        clip, and for one that no window holds.
        """
        waveform = read_audio(self.clip)[: self.heard_samples]
        if most_frames is not None and -(-len(waveform) // HOP) > most_frames:
            raise InputError(
                f"{self.clip} is {len(waveform) / SAMPLE_RATE:.2f} s long, longer than its manifest says and "
                f"than the model's window of {HOP_MS * most_frames / 1000:g} s: correct the manifest's "
                "seconds, and the row is left out"
            )
        return waveform


@dataclass(frozen=True)
class Examples:
    """The pairs of one section, and the rows that gave none."""

    pairs: list[Example]
    skipped: dict[str, int]  # reason -> rows


def read_examples(
    section: DataSection,
    tokenizer: TrainingTokenizer,
    longest_tokens: int,
    longest_s: float,
    encoder: FrozenEncoder | None = None,
) -> Examples:
    """Every pair of the section that a model of these limits can learn from.

    encoder: the model's, if it is frozen; a cache must be of it.
    Raises InputError for a section or manifest that cannot be used; all missing clips are named at once.
    """
    check_section(section)
    targets = written_languages(section)
    manifest = read_manifest(section.manifest, *asked_of_manifest(section))
    cache = None
    if section.encoder_cache is not None:
        cache = EncoderCache(section.encoder_cache, encoder)
    prompts = {target: tuple(tokenizer.prompt(section.source, target)) for target in targets}
    pairs: list[Example] = []
    skipped: dict[str, int] = {}
    for row in _spread(manifest.rows, section.limit):
        for target in targets:
            reason = _unusable(row, section, target, cache, longest_s)
            if reason is None:
                pair = _pair(row, section, target, prompts[target], tokenizer, cache, longest_s)
                reason = _useless(pair, longest_tokens)
            if reason is None:
                pairs.append(pair)
            else:
                skipped[reason] = skipped.get(reason, 0) + 1
    if not pairs:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in skipped.items())
        raise InputError(f"{section.manifest} gives nothing to train {section.task} on: {reasons}")
    return Examples(pairs, skipped)


def asked_of_manifest(section: DataSection) -> tuple[list[str], bool]:
    """The languages that a section reads of its manifest, and whether it hears the clips."""
    if section.task == "nmt":
        return [section.source, *written_languages(section)], False
    return written_languages(section), section.encoder_cache is None


def written_languages(section: DataSection) -> list[str]:
    """The languages that a section writes."""
    return [section.source] if section.task == "asr" else section.targets


def check_section(section: DataSection) -> None:
    """Raises InputError, naming the section's manifest, for values that make no sense. Opens no file."""
    where = f"data section of {section.manifest}"
    if section.task not in TASKS:
        raise InputError(f"{where}: task must be one of {', '.join(TASKS)}, got {section.task!r}")
    if section.task == "asr" and section.targets not in ([], [section.source]):
        raise InputError(f"{where}: asr writes the language that it hears: leave its targets out")
    if section.task != "asr" and not section.targets:
        raise InputError(f"{where}: {section.task} needs targets: name the languages to write")
    if section.task == "nmt" and section.source in section.targets:
        raise InputError(f"{where}: nmt needs targets other than {section.source!r}, which it would copy")
    if len(set(section.targets)) < len(section.targets):
        raise InputError(f"{where}: targets {', '.join(section.targets)} repeat one: name each once")
    if not 0 < section.weight <= MOST_OFTEN or not math.isfinite(section.weight):
        raise InputError(f"{where}: weight must be above 0 and at most {MOST_OFTEN}, got {section.weight:g}")
    if section.limit is not None and section.limit < 1:
        raise InputError(f"{where}: limit must be 1 or more rows, or null for all, got {section.limit}")
    if not 0 <= section.trailing_silence_ms <= LONGEST_SILENCE_MS:
        most, found = LONGEST_SILENCE_MS, section.trailing_silence_ms
        raise InputError(f"{where}: trailing_silence_ms must be from 0 to {most}, got {found}")
    if section.trailing_silence_ms and (section.task == "nmt" or section.encoder_cache is not None):
        raise InputError(
            f"{where}: trailing_silence_ms is for clips that are heard: leave it, or the cache, out"
        )
    if section.task == "nmt" and section.encoder_cache is not None:
        raise InputError(f"{where}: nmt hears nothing: leave its encoder_cache out")


def _spread(rows: Sequence[Row], limit: int | None) -> Sequence[Row]:
    if limit is None or limit >= len(rows):
        return rows
    return [rows[(2 * i + 1) * len(rows) // (2 * limit)] for i in range(limit)]


def _unusable(
    row: Row, section: DataSection, target: str, cache: EncoderCache | None, longest_s: float
) -> str | None:
    if target not in row.texts:
        return f"no text in {target}"
    if section.task == "nmt":
        return None if section.source in row.texts else f"no text in {section.source}"
    if row.heard_s is None:
        return "no length in seconds"
    if row.heard_s > longest_s:
        return "clip longer than the encoder's window"
    if cache is not None and row.id not in cache:
        return "not in the encoder cache"
    # The same clip may be in a manifest of whole clips and in one of cut ones.
    if cache is not None and not _heard_alike(row, cache[row.id].versions[0].heard_samples):
        return "heard to another length in the encoder cache"
    return None


def _heard_alike(row: Row, cached_samples: int) -> bool:
    """Whether the frames are of what the row says is heard; lengths in seconds may be rounded."""
    if row.heard_samples is not None:
        return row.heard_samples == cached_samples
    return row.seconds is None or abs(cached_samples / SAMPLE_RATE - row.seconds) <= LENGTHS_DIFFER_S


def _useless(pair: Example, longest_tokens: int) -> str | None:
    if pair.tokens > longest_tokens:
        return "text longer than the decoder"
    return None if pair.ends or len(pair.text) else "no text, and no end that is learned"


def _pair(
    row: Row,
    section: DataSection,
    target: str,
    prompt: tuple[int, ...],
    tokenizer: TrainingTokenizer,
    cache: EncoderCache | None,
    longest_s: float,
) -> Example:
    text = np.array(tokenizer.encode_sentence(row.texts[target]), np.int32)
    identity = f"{section.manifest.parent.name}/{row.id}/{section.task}/{target}"
    if section.task == "nmt":
        source = [*tokenizer.encode_sentence(row.texts[section.source]), tokenizer.end_of_sequence]
        return Example(identity, target, prompt, text, row.texts[target], source=np.array(source, np.int32))
    heard_s = row.heard_s or 0.0
    silence_ms = min(section.trailing_silence_ms, round(1000 * (longest_s - heard_s)))
    return Example(
        identity,
        target,
        prompt,
        text,
        row.texts[target],
        seconds=heard_s + silence_ms / 1000,
        clip=row.audio if cache is None else None,
        heard_samples=row.heard_samples,
        silence_ms=silence_ms,
        ends=row.ends,
        cached=None if cache is None else cache[row.id],
    )
