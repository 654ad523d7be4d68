"""Finds the attention heads of a model that follow the speech.

    simulst heads openai/whisper-base --manifest clips/manifest.tsv

The model reads the text of each clip while it hears the clip, and its heads are ranked by where they look
(`train.heads.ranking`). The file that is written serves AlignAtt, EDAtt, histories and times of words
(`models.storage.alignment_file`).
"""

import os
import sys
from pathlib import Path

import numpy as np

from foundation.errors import InputError
from foundation.progress import Progress
from models.registry import base_model, load_translator
from models.storage.alignment_file import ALIGNMENT_HEADS, write_alignment_heads
from models.translator import Translator, TranslatorOptions
from train.data.manifest import Row, read_manifest
from train.heads.options import HeadsOptions
from train.heads.ranking import HeardText, head_scores
from train.heads.texts import read_text
from train.prepare.denormals import flushed_denormals
from train.prepare.skipped import Skipped, first_detail, summary

LEAST_SHARE = 0.5  # of the best score
FEW_CLIPS = 8


@flushed_denormals()
def run(options: HeadsOptions) -> None:
    """Does what the command says. Raises InputError where it cannot; then nothing is written."""
    target = options.target or options.source
    rows = read_manifest(options.manifest, [target], needs_audio=True).rows
    model = base_model(options.model)
    output = _output(options, model)
    settings = TranslatorOptions(
        device=options.device,
        precision=options.precision,
        trailing_silence_ms=options.trailing_silence_ms,
    )
    translator = load_translator(str(model), settings)
    if translator.reads_text:
        raise InputError(
            f"the model {options.model!r} translates text and hears nothing, so that no head of it follows "
            "speech: give a model that hears, such as a cascade's recogniser"
        )
    prompt = translator.tokenizer.prompt(options.source, target)
    code = translator.tokenizer.language_code
    texts, skipped = _read_texts(
        translator, _spread(rows, options.clips), prompt, target, code(options.source) == code(target)
    )
    if not texts:
        detail = first_detail(skipped)
        raise InputError(
            f"{options.manifest} has no clip that the model can hear and read: {summary(skipped)}"
            + (f" ({detail})" if detail else "")
        )
    scores = head_scores(texts)
    heads = best_heads(scores, options.count)
    timed = sum(text.spans is not None for text in texts)
    write_alignment_heads(
        output,
        {
            "alignment_heads": [list(head) for head in heads],
            "scores": [round(float(scores[head]), 3) for head in heads],
            "clips": len(texts),
            "clips_with_word_times": timed,
            "source": options.source,
            "target": target,
        },
    )
    print("layer  head  tokens found  (counted from 0)")
    for layer, head in heads:
        print(f"{layer:5}  {head:4}  {scores[layer, head]:11.1%}")
    print(f"{output}: {len(heads)} of {scores.size} heads, from {len(texts)} clips, {timed} with word times")
    if skipped:
        print(f"skipped {summary(skipped)}", file=sys.stderr)
    if len(texts) < FEW_CLIPS:
        print(f"warning: so few clips may mislead: give {FEW_CLIPS} sentences or more", file=sys.stderr)


def best_heads(scores: np.ndarray, count: int) -> list[tuple[int, int]]:
    """(layer, head) pairs of the best scores (L, H), best first."""
    order = scores.ravel().argsort(kind="stable")[::-1][:count]
    pairs = [
        (int(layer), int(head)) for layer, head in zip(*np.unravel_index(order, scores.shape), strict=True)
    ]
    return [pair for pair in pairs if scores[pair] >= LEAST_SHARE * scores.max()]


def _output(options: HeadsOptions, model: Path) -> Path:
    """Raises InputError where the file cannot be written, before the model hears anything."""
    if options.output is None and not model.is_dir():
        raise InputError(f"{model} is a file, so its heads belong beside no model: give --output FILE")
    output = model / ALIGNMENT_HEADS if options.output is None else options.output
    if output.exists() and not options.overwrite:
        raise InputError(f"{output} exists: give --overwrite, or another --output")
    if not output.parent.is_dir():
        raise InputError(f"there is no folder {output.parent}: make it, or give another --output")
    if not os.access(output.parent, os.W_OK):
        raise InputError(f"{output.parent} cannot be written to: give another --output")
    return output


def _spread(rows: tuple[Row, ...], clips: int) -> list[Row]:
    if clips >= len(rows):
        return list(rows)
    return [rows[(2 * place + 1) * len(rows) // (2 * clips)] for place in range(clips)]


def _read_texts(
    translator: Translator, rows: list[Row], prompt: list[int], target: str, timed: bool
) -> tuple[list[HeardText], list[Skipped]]:
    texts: list[HeardText] = []
    skipped: list[Skipped] = []
    with Progress(len(rows), "clip", "heads") as progress:
        for row in rows:
            one = read_text(translator, row, prompt, target, timed)
            (skipped if isinstance(one, Skipped) else texts).append(one)
            progress.add()
    return texts, skipped
