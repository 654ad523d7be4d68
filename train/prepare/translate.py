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
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from foundation.command_line import settings_of
from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.unfinished_folder import unfinished_folder
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import base_model, load_translator
from models.sound.audio import SAMPLE_RATE, read_audio
from models.translator import Translator, TranslatorOptions
from train.data.clip_versions import heard_samples
from train.data.manifest import Row, check_language_codes, read_manifest
from train.prepare.corpora.clips import finish
from train.prepare.denormals import flush_denormals, flushed_denormals
from train.prepare.options import TranslateOptions
from train.prepare.skipped import Skipped, report
from train.prepare.workers_here import own_device, workers_in

ROWS_AT_ONCE = 32  # decoded together; the unit of resumption


@flushed_denormals()
def run(options: TranslateOptions) -> None:
    manifest = read_manifest(options.manifest, needs_audio=True)
    # What cannot be used is refused before work starts.
    check_language_codes(options.targets)
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
    rows = [
        version
        for row in manifest.rows
        for version in (row, *truncated_rows(row, options.truncations, options.seed))
    ]
    with unfinished_folder(options.output, settings, options.overwrite) as folder:
        workers = workers_in(folder, options.jobs, options.executor)
        translate = partial(translate_rows, targets=options.targets)
        entries = Journal(folder).work_through(
            in_parts(rows, ROWS_AT_ONCE),
            translate,
            workers,
            start_translator,
            (options, workers.jobs),
        )
        translated: list[Row] = []
        skipped: list[Skipped] = []
        for row, result in zip(rows, [one for entry in entries for one in entry], strict=True):
            if isinstance(result, dict):
                texts = {**row.texts, **result}
                translated.append(replace(row, texts=texts, audio=row.audio.absolute()))
            else:
                skipped.append(Skipped(row.id, *result))
        finish(folder, translated, skipped, languages)
    report(f"{len(translated)} clips in {', '.join(options.targets)}", options.output, skipped)


def truncated_rows(row: Row, truncations: int, seed: int) -> list[Row]:
    """The row cut to random whole chunks (`train.data.clip_versions`), shortest first, without its texts."""
    if row.heard_s is None:
        return []
    samples = round(row.heard_s * SAMPLE_RATE)
    cuts = {heard for heard in heard_samples(row.id, samples, truncations, seed)[1:] if heard < samples}
    notes = {name: note for name, note in row.notes.items() if name != "word_ends_ms"}
    return [
        replace(row, id=f"{row.id}@{ms}", texts={}, notes=notes, heard_ms=ms)
        for ms in sorted(cut * 1000 // SAMPLE_RATE for cut in cuts)
    ]


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
    prompt = translator.tokenizer.prompt
    _Process.prompts = {target: prompt(options.source, target) for target in options.targets}
    _Process.translator = translator
    search = SearchOptions(beam=options.beam, patience=options.patience)
    _Process.search = StreamingSearch(translator, search)


def translate_rows(rows: Sequence[Row], targets: Sequence[str]) -> list[dict[str, str] | tuple[str, str]]:
    """For each row its translations by language, or (reason, detail) where there is none."""
    heard = [_hear(row) for row in rows]
    clips = [one for one in heard if isinstance(one, np.ndarray)]
    texts = {target: iter(_translations(clips, _Process.prompts[target])) for target in targets}
    results: list[dict[str, str] | tuple[str, str]] = []
    for one in heard:
        if isinstance(one, tuple):
            results.append(one)
            continue
        written = {target: next(texts[target]) for target in targets}
        silent = [target for target, text in written.items() if not text]
        results.append(("nothing written", ", ".join(silent)) if silent else written)
    return results


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


def _translations(clips: Sequence[np.ndarray], prompt: Sequence[int]) -> list[str]:
    """The best hypothesis of each clip."""
    if not clips:
        return []
    search = _Process.search
    requests = [
        StreamRequest(
            prompt=prompt,
            committed=(),
            audio_finished=True,
            token_limit=search.options.token_limit(1000 * len(clip) / SAMPLE_RATE, 0, True),
        )
        for clip in clips
    ]
    hypotheses = search.find(_Process.translator.encode(clips), requests)
    return [_Process.translator.tokenizer.decode(list(one.tokens)).strip() for one in hypotheses]
