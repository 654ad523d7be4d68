"""The model that a training run starts from, and the description that it leaves for those who follow.

A run starts from a new REINA, from a model folder (REINA or Whisper; that of a policy from Canary, too), or
from the output folder of an earlier run. A run's output folder holds

    translator/     config.json and tokenizer of the model in training: a model folder without weights
    lora.json       instead, where adapters are trained: the Whisper that they are for
    policy.json     instead, where a policy is trained: its sizes and the translator that it is for
    checkpoints/    fairseq2's: step_N/model/..., and scores/step_N.txt if a validation score is kept
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from foundation.errors import InputError
from models.canary.checkpoint import load_canary
from models.canary.tokenizer import CanaryTokenizer
from models.layers.attention_heads import Heads
from models.reina.folder import describe_reina, load_reina, load_whisper_encoder, read_reina_description
from models.reina.network import CONFIGURATIONS, Reina, ReinaDimensions
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.storage.alignment_file import ALIGNMENT_HEADS
from models.storage.locate import locate_base
from models.storage.model_files import is_file, read_json
from models.storage.stored_weights import check_weights
from models.whisper.adapter import Adapter
from models.whisper.checkpoint import (
    WhisperCheckpoint,
    load_whisper_checkpoint,
    trailing_silence_ms,
    whisper_dimensions,
)
from models.whisper.folder import describe_whisper
from models.whisper.network import SpeechModel, Whisper
from models.whisper.tokenizer import WhisperTokenizer
from train.recipes.adapter_run import NOTE, AdapterRun

DESCRIPTION, POLICY, CHECKPOINTS = "translator", "policy.json", "checkpoints"
LARGEST_SIZE = 2**20
WRAPPER = "translator."  # what names begin with in a checkpoint of `train.translator.model`


@dataclass(frozen=True)
class StartModel:
    """A model to train and its tokenizer."""

    model: SpeechModel
    tokenizer: SentencePieceTokenizer | WhisperTokenizer | CanaryTokenizer
    alignment_heads: Heads | None = None  # Whisper's and Canary's
    trailing_silence_ms: int | None = None  # behind the audio, if a Whisper was trained otherwise than usual
    adapter: Adapter | None = None  # that is merged into Whisper's weights
    heads_file: Path | None = None  # `simulst heads` wrote it for this model, or for that which it adapts

    def describe(self, folder: Path) -> None:
        """Write a model folder without weights, of a model that is trained without silence behind clips."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.model, Reina):
            describe_reina(folder, self.model.dimensions, self.tokenizer)
        else:
            describe_whisper(folder, self.model.dimensions, self.tokenizer, self.alignment_heads, 0)


def new_model(
    architecture: str,
    whisper: Path,
    tokenizer_file: Path,
    languages: list[str],
    source_languages: list[str],
    sizes: dict[str, object],
) -> StartModel:
    """A REINA that has learned nothing but to hear: its encoder is Whisper's.

    sizes: fields of `ReinaDimensions` that differ from the architecture's. Raises InputError for an
    unknown architecture, a tokenizer that cannot be used or a Whisper of another size.
    """
    if architecture not in CONFIGURATIONS:
        raise InputError(
            f"architecture {architecture!r} is not known: give one of {', '.join(CONFIGURATIONS)}"
        )
    tokenizer = SentencePieceTokenizer(tokenizer_file, languages, source_languages)
    known = vars(CONFIGURATIONS[architecture])
    dimensions = _dimensions({**known, **_sizes(sizes, known), "n_vocab": tokenizer.vocabulary_size})
    model = Reina(dimensions)
    load_whisper_encoder(model, whisper)
    return StartModel(model, tokenizer)


def open_model(path: Path) -> StartModel:
    """The model at `path`, its weights in float32: a model folder, Whisper, Canary, or a training output.

    Of a training output it is the best checkpoint, or the last where no scores were kept; a folder
    checkpoints/step_N is that one. Raises InputError if there is no complete model.
    """
    if (path / POLICY).is_file() and (path / CHECKPOINTS).is_dir():
        raise InputError(f"{path} is the output of a policy: give that of its translator")
    run = path.parent.parent if re.fullmatch(r"step_\d+", path.name) else path
    if (run / NOTE).is_file() and (run / CHECKPOINTS).is_dir():
        return _adapted(run, best_checkpoint(run) if run == path else path)
    if (path / DESCRIPTION).is_dir():
        return _trained(path / DESCRIPTION, best_checkpoint(path))
    if (run / DESCRIPTION).is_dir():
        return _trained(run / DESCRIPTION, path)
    config = path / "config.json"
    kind = read_json(config).get("model_type") if config.is_file() else None
    if kind == "reina":
        model, tokenizer = load_reina(path)
        return _with_heads_file(StartModel(_to_train(model), tokenizer), path)
    if kind == "canary":
        canary = load_canary(path)
        start = StartModel(_to_train(canary.model), canary.tokenizer, canary.alignment_heads)
        return _with_heads_file(start, path)
    return _with_heads_file(_whisper(load_whisper_checkpoint(path)), path)


def with_dropout(start: StartModel, dropout: float) -> StartModel:
    """The REINA of `start` with another dropout. Raises InputError for another model, or no such dropout."""
    if not isinstance(start.model, Reina):
        raise InputError("dropout can be changed in a REINA only: leave it out")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be from 0 to below 1, got {dropout:g}")
    start.model.dimensions = replace(start.model.dimensions, dropout=float(dropout))
    for module in start.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = float(dropout)
    return start


def _whisper(checkpoint: WhisperCheckpoint) -> StartModel:
    whisper = Whisper(checkpoint.dimensions)
    whisper.load_state_dict(checkpoint.weights)
    tokenizer = WhisperTokenizer(
        checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab, checkpoint.special_tokens
    )
    heads, silence_ms = checkpoint.alignment_heads, checkpoint.trailing_silence_ms
    return StartModel(whisper, tokenizer, heads, silence_ms, checkpoint.adapter)


def _adapted(run: Path, step: Path) -> StartModel:
    """The Whisper that a run trains adapters for, with those of one checkpoint merged into it."""
    note = AdapterRun.read(run)
    folder = locate_base(run, note.base)
    base = load_whisper_checkpoint(folder)
    adapter = note.adapter(step, read_checkpoint(step, WRAPPER, nn.Module()))
    weights = adapter.merged({name: weight.float() for name, weight in base.weights.items()})
    adapted = replace(base, weights=weights, trailing_silence_ms=adapter.trailing_silence_ms, adapter=adapter)
    return _with_heads_file(_whisper(adapted), folder)


def _with_heads_file(start: StartModel, folder: Path) -> StartModel:
    file = folder / ALIGNMENT_HEADS
    return replace(start, heads_file=file) if is_file(file) else start


def _to_train(model: SpeechModel) -> SpeechModel:
    """Loaded weights may be of half precision and mapped from a file: training needs a copy of its own."""
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights, assign=True)
    return model.float().requires_grad_(True)


def _sizes(sizes: dict[str, object], known: Mapping[str, object]) -> dict[str, object]:
    """Sizes that a configuration changes, in the types of `known`. Raises InputError for impossible ones."""
    unknown = [name for name in sizes if name not in known]
    if unknown:
        raise InputError(f"sizes has no {', '.join(unknown)}: its fields are {', '.join(known)}")
    for name, value in sizes.items():
        kind = type(known[name])
        least, most = (0, 1) if kind is float else (0 if name == "n_source_layer" else 1, LARGEST_SIZE)
        # A file that says 0 where 0.0 is meant is right.
        right = isinstance(value, kind) or (kind is float and type(value) is int)
        if not right or (kind is not bool and (isinstance(value, bool) or not least <= value <= most)):
            expected = "true or false" if kind is bool else f"of type {kind.__name__}, from {least} to {most}"
            raise InputError(f"sizes: {name} must be {expected}, got {str(value)[:40]}")
    return {name: type(known[name])(value) for name, value in sizes.items()}


def _dimensions(sizes: dict[str, Any]) -> ReinaDimensions:
    """Raises InputError for widths that do not split into heads."""
    for kind in ("audio", "text"):
        width, heads = sizes[f"n_{kind}_state"], sizes[f"n_{kind}_head"]
        if width % heads or width % 2:
            raise InputError(
                f"sizes: n_{kind}_state {width} does not split into {heads} heads of n_{kind}_head"
            )
    return ReinaDimensions(**sizes)


def best_checkpoint(output: Path) -> Path:
    """The checkpoint of the best validation score, or the last one. Raises InputError if there is none."""
    folder = output / CHECKPOINTS
    steps = [one for one in folder.glob("step_*") if (one / "model").is_dir() and one.name[5:].isdecimal()]
    if not steps:
        raise InputError(f"{folder} holds no checkpoint: train first, or give another folder")
    scores = {}
    for step in steps:
        file = folder / "scores" / f"{step.name}.txt"
        if file.is_file():
            scores[step] = _read_score(file)
    # A correlation with a constant is no number, and says nothing about which one is best.
    scores = {step: score for step, score in scores.items() if not math.isnan(score)}
    if scores:
        return max(scores, key=lambda step: (scores[step], _number(step)))
    return max(steps, key=_number)


def _read_score(file: Path) -> float:
    """The validation score in scores/step_N.txt. Raises InputError for what is none."""
    try:
        return float(file.read_bytes())
    except ValueError:
        raise InputError(
            f"{file} holds no score: remove it, and the other checkpoints' scores count"
        ) from None


def read_checkpoint(step: Path, prefix: str, model: nn.Module) -> dict[str, Tensor]:
    """What checkpoints/step_N holds of `model`, whose weights' names begin with `prefix` there.

    Weights that were divided among processes (FSDP) are put together. Raises InputError for a damaged file.
    """
    files = sorted((step / "model").rglob("sdp_*.pt"), key=_number)
    if not files or any(file.parent != files[0].parent for file in files):
        raise InputError(
            f"{step} holds no weights, or those of tensor parallel training, which cannot be read: "
            "give another checkpoint"
        )
    shards = [_read_shard(file, step) for file in files]
    shapes = {prefix + name: value.shape for name, value in model.state_dict().items()}
    weights = {}
    for name, value in shards[0].items():
        if not name.startswith(prefix):
            continue
        shape = shapes.get(name)
        # Each process has some rows; but what is no weight (a buffer) all of them have whole.
        if len(shards) > 1 and value.shape != shape:
            value = torch.cat([shard[name] for shard in shards if name in shard])
        if shape and value.shape[1:] == shape[1:] and value.shape[:1] < shape[:1]:
            raise InputError(
                f"{files[0].parent} holds {len(value)} of the {shape[0]} rows of {name}: put the files of "
                "all processes there, unless it is a checkpoint of another model"
            )
        weights[name.removeprefix(prefix)] = value
    return weights


def _read_shard(file: Path, step: Path) -> dict[str, Tensor]:
    """The weights in one file of the checkpoint `step`. Raises InputError if it is damaged."""
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes for a damaged file
        others = [one for one in step.parent.glob("step_*") if one.name[5:].isdecimal() and one != step]
        older = f" such as {max(others, key=_number)}" if others else ""
        fault = f"{file} is cut off or damaged ({type(error).__name__})"
        raise InputError(f"{fault}: take another checkpoint{older}") from None
    if not isinstance(weights, dict) or not all(isinstance(one, Tensor) for one in weights.values()):
        raise InputError(f"{file} holds no weights by name: take another checkpoint")
    return weights


def _trained(description: Path, step: Path) -> StartModel:
    heads = silence_ms = None
    config = read_json(description / "config.json")
    if config.get("model_type") == "reina":
        dimensions, tokenizer = read_reina_description(description)
        model: SpeechModel = Reina(dimensions)
    else:
        dimensions = whisper_dimensions(description, config)
        # Runs of earlier versions do not tell: they, too, heard clips without silence behind.
        silence_ms = trailing_silence_ms(description, config) or 0
        tokenizer = WhisperTokenizer(description / "tokenizer.json", dimensions.n_vocab)
        heads = read_json(description / "generation_config.json").get("alignment_heads")
        model = Whisper(dimensions)
    weights = read_checkpoint(step, WRAPPER, model)
    check_weights(step, model.state_dict(), weights)
    model.load_state_dict(weights)
    return StartModel(model, tokenizer, heads, silence_ms)


def _number(path: Path) -> int:
    """N of step_N, or of sdp_N.pt."""
    return int(path.stem.rpartition("_")[2])
