"""What a model itself makes of a manifest's clips, in place of their references.

    simulst prepare translate --manifest spoken/manifest.tsv --model reina-mini --targets de fr \\
        --output own

Students learn from the translations of a better model (sequence-level distillation, Kim and Rush 2016,
arXiv 1606.07947), and a policy from the texts that its translator will write. Every clip is decoded once,
with all audio. Ids stay, so an encoder cache of the first manifest serves the second; texts in other
languages stay, too.

With --truncations each clip is also cut at random, and the table has a row for each cut with what the model
writes of the clip's beginning. Texts in other languages are left out: they are those of whole clips. So a
Whisper that hears silence behind each clip teaches itself to do without, and not to guess how a clip goes on.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from foundation.command_line import settings_of
from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.unfinished_folder import SETTINGS, unfinished_folder
from foundation.files.whole_folder import check_output
from models.decoding.hypotheses import Hypothesis
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import base_model, load_translator
from models.sound.audio import SAMPLE_RATE, read_audio
from models.translator import Memory, Translator, TranslatorOptions
from train.data.clip_versions import heard_samples
from train.data.manifest import Manifest, Row, check_language_codes, read_manifest
from train.prepare.corpora.clips import finish
from train.prepare.denormals import flush_denormals, flushed_denormals
from train.prepare.options import TranslateOptions
from train.prepare.skipped import Skipped, report
from train.prepare.workers_here import own_device, workers_in

ROWS_AT_ONCE = 32  # decoded together; the unit of resumption
OF_BEGINNING = re.compile(r"@\d+$")  # what the id of a beginning ends in: how many ms are heard


@flushed_denormals()
def run(options: TranslateOptions) -> None:
    # What cannot be used is refused before work starts.
    check_output(options.output, options.overwrite, SETTINGS)
    manifest = read_manifest(options.manifest, needs_audio=True)
    check_language_codes(options.targets)
    if options.truncations:
        _check_whole(manifest)
    start_translator(options)
    # A beginning without a text would be learnt as one of which nothing is to be said.
    kept = () if options.truncations else manifest.languages
    languages = tuple(dict.fromkeys((*kept, *options.targets)))
    settings = {
        "command": "translate",
        **settings_of(options),
        "weights": str(base_model(options.model)),
        "manifest": hashlib.sha256(options.manifest.read_bytes()).hexdigest(),
    }
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        workers = workers_in(folder, options.jobs, options.executor)
        translate = partial(
            translate_rows, targets=options.targets, truncations=options.truncations, seed=options.seed
        )
        entries = Journal(folder).work_through(
            in_parts(manifest.rows, ROWS_AT_ONCE),
            translate,
            workers,
            start_translator,
            (options, workers.jobs),
        )
        written = [one for entry in entries for one in entry]
        translated: list[Row] = []
        skipped: list[Skipped] = []
        for row, versions in zip(manifest.rows, written, strict=True):
            for version in versions:
                if "skipped" in version:
                    skipped.append(Skipped(version["id"], *version["skipped"]))
                else:
                    translated.append(_translated(row, version, options.source))
        finish(folder, translated, skipped, languages)
    report(f"{len(translated)} clips in {', '.join(options.targets)}", options.output, skipped)
    cut_off = sum(not row.ends for row in translated)
    if cut_off:
        print(f"{cut_off} texts reached the limit of tokens: their ends are not to be learnt (column ends)")


def _check_whole(manifest: Manifest) -> None:
    """Raises InputError for clips that are beginnings already: their ids might be given once more."""
    cut = next((row for row in manifest.rows if row.heard_ms or OF_BEGINNING.search(row.id)), None)
    if cut is not None:
        raise InputError(
            f"{manifest.path}: {cut.id[:80]!r} is the beginning of a clip already: give the table of whole "
            "clips, or leave out --truncations"
        )


def _translated(row: Row, version: dict[str, Any], source: str) -> Row:
    """The row that a version of `row` becomes, by what `translate_rows` says of it."""
    notes = dict(row.notes)
    if source in version["texts"] or version["id"] != row.id:
        notes.pop("word_ends_ms", None)  # of words that are no longer there
    return replace(
        row,
        id=version["id"],
        texts={**row.texts, **version["texts"]},
        audio=row.audio.absolute(),
        seconds=version.get("seconds", row.seconds),
        heard_ms=version["heard_ms"],
        ends=version["ends"],
        notes=notes,
    )


class _Process:
    """What one process keeps."""

    translator: Translator
    search: StreamingSearch
    prompts: dict[str, list[int]]


def start_translator(options: TranslateOptions, jobs: int = 1) -> None:
    if jobs > 1:
        torch.set_num_threads(1)
    flush_denormals()
    # A policy has no say once all has been heard.
    translator = load_translator(
        str(base_model(options.model)),
        TranslatorOptions(
            device=own_device(options.device),
            precision=options.precision,
            trailing_silence_ms=options.trailing_silence_ms,
        ),
    )
    if translator.reads_text:
        raise InputError(
            f"the model {options.model!r} translates text and hears nothing: give one that hears clips"
        )
    prompt = translator.tokenizer.prompt
    _Process.prompts = {target: prompt(options.source, target) for target in options.targets}
    _Process.translator = translator
    search = SearchOptions(beam=options.beam, patience=options.patience)
    _Process.search = StreamingSearch(translator, search)


def translate_rows(
    rows: Sequence[Row], targets: Sequence[str], truncations: int, seed: int
) -> list[list[dict[str, Any]]]:
    """What becomes of each row: itself, then its beginnings, the shortest first, with texts by language.

    A version that cannot be used has (reason, detail) as `skipped`.
    """
    versions: list[list[dict[str, Any]]] = []
    clips: list[np.ndarray] = []
    heard: list[dict[str, Any]] = []  # the versions of those clips
    for row in rows:
        audio = _hear(row)
        if isinstance(audio, tuple):
            versions.append([{"id": row.id, "skipped": audio}])
            continue
        unmeasured = row.seconds is None and row.heard_ms is None
        measured = {"seconds": len(audio) / SAMPLE_RATE} if unmeasured else {}
        of_row = [{"id": row.id, "heard_ms": row.heard_ms, **measured}]
        clips.append(audio)
        cuts = heard_samples(row.id, len(audio), truncations, seed)
        for cut in sorted({cut for cut in cuts if cut < len(audio)}):
            heard_ms = cut * 1000 // SAMPLE_RATE
            of_row.append({"id": f"{row.id}@{heard_ms}", "heard_ms": heard_ms, **measured})
            clips.append(audio[:cut])
        versions.append(of_row)
        heard += of_row
    for first in range(0, len(clips), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        _write(heard[part], clips[part], targets)
    return versions


def _write(versions: Sequence[dict[str, Any]], clips: Sequence[np.ndarray], targets: Sequence[str]) -> None:
    """Puts into each version the texts of its clip (n,)."""
    memory = _Process.translator.encode(clips)
    limits = [_Process.search.options.token_limit(1000 * len(clip) / SAMPLE_RATE, 0, True) for clip in clips]
    found = {target: _hypotheses(memory, limits, _Process.prompts[target]) for target in targets}
    decode = _Process.translator.tokenizer.decode
    for place, version in enumerate(versions):
        of_clip = {target: hypotheses[place] for target, hypotheses in found.items()}
        texts = {target: decode(list(one.tokens)).strip() for target, one in of_clip.items()}
        silent = [target for target, text in texts.items() if not text]
        if silent:
            version["skipped"] = ("nothing written", ", ".join(silent))
        version["texts"] = texts
        version["ends"] = all(len(one.tokens) < limits[place] for one in of_clip.values())


def _hear(row: Row) -> np.ndarray | tuple[str, str]:
    """(n,) float32 at 16 kHz, or (reason, detail)."""
    if row.audio is None:
        return "no audio", ""
    try:
        audio = read_audio(row.audio)[: row.heard_samples]
    except InputError as error:
        return "unusable audio", str(error)
    longest_s, seconds = _Process.translator.maximum_audio_ms / 1000, len(audio) / SAMPLE_RATE
    if seconds > longest_s:
        return f"longer than the model's {longest_s:g} s", f"{seconds:.2f} s"
    return audio


def _hypotheses(memory: Memory, limits: Sequence[int], prompt: Sequence[int]) -> list[Hypothesis]:
    """The best hypothesis of each clip of a memory, of at most so many tokens."""
    requests = [
        StreamRequest(prompt=prompt, committed=(), audio_finished=True, token_limit=limit) for limit in limits
    ]
    return _Process.search.find(memory, requests)
