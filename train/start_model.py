"""The model that a training run starts from, and the description that it leaves for those who follow.

A run starts from a new REINA, from a model folder (REINA or Whisper), or from the output folder of an
earlier run. A run's output folder holds

    translator/     config.json and tokenizer of the model in training: a model folder without weights
    policy.json     instead, where a policy is trained: its sizes and the translator that it is for
    checkpoints/    fairseq2's: step_N/model/..., and scores/step_N.txt if a validation score is kept
"""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.errors import InputError
from models.reina import CONFIGURATIONS, Reina, ReinaDimensions
from models.reina_folder import describe_reina, load_reina, load_whisper_encoder, read_reina_description
from models.sentencepiece_tokenizer import SentencePieceTokenizer
from models.stored_weights import check_weights, read_json
from models.whisper import SpeechModel, Whisper
from models.whisper_checkpoint import Heads, load_whisper_checkpoint, whisper_dimensions
from models.whisper_folder import describe_whisper
from models.whisper_tokenizer import WhisperTokenizer

DESCRIPTION, POLICY, CHECKPOINTS = "translator", "policy.json", "checkpoints"
WRAPPER = "translator."  # what names begin with in a checkpoint of `train.multitask_model`


@dataclass(frozen=True)
class StartModel:
    """A model to train and its tokenizer."""

    model: SpeechModel
    tokenizer: SentencePieceTokenizer | WhisperTokenizer
    alignment_heads: Heads | None = None  # Whisper's

    def describe(self, folder: Path) -> None:
        """Write a model folder without weights."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.model, Reina):
            describe_reina(folder, self.model.dimensions, self.tokenizer)
        else:
            describe_whisper(folder, self.model.dimensions, self.tokenizer, self.alignment_heads)


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
    unknown = [name for name in sizes if name not in known]
    if unknown:
        raise InputError(f"sizes has no {', '.join(unknown)}: its fields are {', '.join(known)}")
    # A file that says 0 where 0.0 is meant is right.
    changed = {name: type(known[name])(value) for name, value in sizes.items()}
    model = Reina(ReinaDimensions(**{**known, **changed, "n_vocab": tokenizer.vocabulary_size}))
    load_whisper_encoder(model, whisper)
    return StartModel(model, tokenizer)


def open_model(path: Path) -> StartModel:
    """The model at `path`, its weights in float32: a model folder, Whisper, or a training output.

    Of a training output it is the best checkpoint, or the last where no scores were kept; a folder
    checkpoints/step_N is that one. Raises InputError if there is no complete model.
    """
    if (path / POLICY).is_file() and (path / CHECKPOINTS).is_dir():
        raise InputError(f"{path} is the output of a policy: give that of its translator")
    if (path / DESCRIPTION).is_dir():
        return _trained(path / DESCRIPTION, best_checkpoint(path))
    if re.fullmatch(r"step_\d+", path.name) and (path.parent.parent / DESCRIPTION).is_dir():
        return _trained(path.parent.parent / DESCRIPTION, path)
    if (path / "config.json").is_file() and read_json(path / "config.json").get("model_type") == "reina":
        model, tokenizer = load_reina(path)
        # Loaded weights may be float16 and mapped from a file: training needs a copy of its own.
        weights = {name: value.float().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(weights, assign=True)
        return StartModel(model.requires_grad_(True), tokenizer)
    checkpoint = load_whisper_checkpoint(path)
    whisper = Whisper(checkpoint.dimensions)
    whisper.load_state_dict(checkpoint.weights)
    tokenizer = WhisperTokenizer(checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab)
    return StartModel(whisper, tokenizer, checkpoint.alignment_heads)


def best_checkpoint(output: Path) -> Path:
    """The checkpoint of the best validation score, or the last one. Raises InputError if there is none."""
    folder = output / CHECKPOINTS
    steps = [one for one in folder.glob("step_*") if (one / "model").is_dir() and one.name[5:].isdigit()]
    if not steps:
        raise InputError(f"{folder} holds no checkpoint: train first, or give another folder")
    scores = {}
    for step in steps:
        file = folder / "scores" / f"{step.name}.txt"
        if file.is_file():
            scores[step] = float(file.read_text(encoding="utf-8"))
    if scores:
        return max(scores, key=lambda step: (scores[step], _number(step)))
    return max(steps, key=_number)


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
    shards = [_read_shard(file) for file in files]
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


def _read_shard(file: Path) -> dict[str, Tensor]:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes for a damaged file
        fault = type(error).__name__
        raise InputError(f"{file} is cut off or damaged ({fault}): take another checkpoint") from None


def _trained(description: Path, step: Path) -> StartModel:
    heads = None
    if read_json(description / "config.json").get("model_type") == "reina":
        dimensions, tokenizer = read_reina_description(description)
        model: SpeechModel = Reina(dimensions)
    else:
        dimensions = whisper_dimensions(description, read_json(description / "config.json"))
        tokenizer = WhisperTokenizer(description / "tokenizer.json", dimensions.n_vocab)
        heads = read_json(description / "generation_config.json").get("alignment_heads")
        model = Whisper(dimensions)
    weights = read_checkpoint(step, WRAPPER, model)
    check_weights(step, model.state_dict(), weights)
    model.load_state_dict(weights)
    return StartModel(model, tokenizer, heads)


def _number(path: Path) -> int:
    """N of step_N, or of sdp_N.pt."""
    return int(path.stem.rpartition("_")[2])
