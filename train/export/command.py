"""simulst export RUN FOLDER: a training output becomes a model folder that agents load by path or name.

    simulst export runs/mini/stage2 exported/mini             a translator, for policies that learn nothing
    simulst export runs/mini/stage3 exported/mini             a policy with its translator
    simulst export runs/w/stage3 exported/w --base openai/whisper-base    a policy that names its translator
    simulst export runs/w/stage2 exported/a --base openai/whisper-base    an adapter (with lora), likewise
    simulst export runs/mini/sft exported/sft                an audio-language model, its adapters merged
    simulst export runs/q/sft exported/q --base Qwen/Qwen2-Audio-7B-Instruct    its adapters alone

Of a run it takes the checkpoint of the best validation score. Beside the weights it writes README.md, the
model card: what the model is, what it was trained on, its validation scores, and its licence.
"""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from models.canary.network import Canary
from models.policy.folder import StoredPolicy, policy_options, save_policy
from models.policy.network import PolicyNetwork
from models.reina.folder import save_reina
from models.reina.network import Reina
from models.storage.locate import existing_path, locate_model
from models.storage.model_files import read_json
from models.storage.stored_weights import check_weights
from models.translator import PRECISIONS
from models.whisper.adapter import has_adapter, read_adapter, save_adapter
from models.whisper.folder import save_whisper
from train.export.model_card import ModelCard
from train.export.options import ExportOptions
from train.policy.audio_language import is_audio_language_model
from train.recipes.start_model import (
    CHECKPOINTS,
    POLICY,
    StartModel,
    best_checkpoint,
    open_model,
    read_checkpoint,
)
from train.simulsa_sft.export import save_trained
from train.simulsa_sft.start import DESCRIPTION as AUDIO_LANGUAGE

NETWORK = "network."  # what names begin with in a checkpoint of `train.policy.model`


@dataclass(frozen=True)
class TrainedPolicy:
    """A policy network as a run of stage 3 left it."""

    network: PolicyNetwork
    base: str  # name or path of its translator
    adapter: str | None  # fingerprint of the one that its translator has
    hearing: dict[str, Any] | None  # what its translator heard


def run(options: ExportOptions) -> None:
    """Does what the command says. FOLDER is there complete or not at all; InputError says why not."""
    _export(options)
    print(f"{options.folder}: a model that agents take as --model {options.folder}")


def _export(options: ExportOptions) -> None:
    notes = _read_notes(options.notes)
    dtype = PRECISIONS[options.precision]
    is_step = options.run.name.startswith("step_")
    output = options.run.parent.parent if is_step else options.run
    if not (output / CHECKPOINTS).is_dir():
        raise InputError(f"{options.run} is no output of a training stage: it has no {CHECKPOINTS}")
    step = options.run if is_step else best_checkpoint(output)
    card = _card(options, output, step, notes)
    if (output / AUDIO_LANGUAGE).is_file():
        if options.eight_bit:
            raise InputError(
                f"{output} trained an audio-language model, which has no 8-bit folder: leave --eight-bit out"
            )
        _refuse_policy_options(options, f"{output} trained an audio-language model, not a policy")
        with whole_folder(options.folder) as partial:
            _fill(partial, lambda folder: save_trained(step, folder, dtype, options.base))
            card.write(partial)
        return
    if not (output / POLICY).is_file():
        _refuse_policy_options(options, f"{output} trained a translator, not a policy")
        start = open_model(step)
        if options.base and start.adapter is None:
            raise InputError(f"{output} trained a whole translator: leave --base out, or train it with lora")
        with whole_folder(options.folder) as partial:
            _save_translator(start, partial, options, card.targets)
            card.write(partial)
        return
    policy = read_policy(step)
    base, adapter = options.base, policy.adapter
    here = None if base is None else existing_path(base)
    if here is not None and has_adapter(here):
        _check_adapter(output, policy, here)
    elif adapter is not None and base is not None:
        base = None  # the files of the adapter beside it name the model
    elif adapter is not None:
        adapter = None  # it is merged into the model
    with whole_folder(options.folder) as partial:
        if base is None:
            if is_audio_language_model(locate_model(policy.base)):
                raise InputError(
                    "an audio-language model is not copied: name it with --base, and the policy's folder "
                    "refers to it"
                )
            _save_translator(open_model(locate_model(policy.base)), partial, options, card.targets)
        stored = StoredPolicy(
            policy.network, options.threshold, base, adapter, policy.hearing, options.agreeing_chunks
        )
        save_policy(partial, stored, dtype)
        card.write(partial)


def _refuse_policy_options(options: ExportOptions, fault: str) -> None:
    settings = {"--threshold": options.threshold, "--agreeing-chunks": options.agreeing_chunks}
    given = [flag for flag, value in settings.items() if value is not None]
    if given:
        raise InputError(f"{fault}: leave {' and '.join(given)} out")


def _card(options: ExportOptions, run: Path, step: Path, notes: str) -> ModelCard:
    agent = "alignatt"
    if (run / AUDIO_LANGUAGE).is_file():
        agent = "simulsa"
    elif (run / POLICY).is_file():
        agent = "reina"
    name, base = options.name or options.folder.name, options.base_model or options.base
    return ModelCard.of_checkpoint(name, step, options.licence, notes, agent, base)


def read_policy(step: Path) -> TrainedPolicy:
    """The policy of checkpoints/step_N in a run of stage 3. Raises InputError for a damaged one."""
    description: dict[str, Any] = read_json(step.parent.parent / POLICY)
    network = PolicyNetwork(policy_options(step.parent.parent / POLICY, description.get("options")))
    weights = read_checkpoint(step, NETWORK, network)
    check_weights(step, network.state_dict(), weights)
    network.load_state_dict(weights)
    base = description.get("base")
    if not isinstance(base, str):
        raise InputError(f"{step.parent.parent / POLICY} names no base model: copy the run's folder again")
    return TrainedPolicy(network, base, description.get("adapter"), description.get("hearing"))


def _check_adapter(output: Path, policy: TrainedPolicy, folder: Path) -> None:
    """Raises InputError where the adapter in `folder` is not that which the policy learned on."""
    if read_adapter(folder).fingerprint != policy.adapter:
        raise InputError(
            f"{output} trained a policy for {policy.base}, and {folder} is another adapter: give as "
            "--base an export of that one, or the model that it is for"
        )


def _save_translator(
    start: StartModel, folder: Path, options: ExportOptions, targets: Collection[str]
) -> None:
    """Into `folder`: the model with its file of heads, or its adapter alone where --base names the model.

    targets: what a REINA has learned to write.
    """
    if start.heads_file is not None:
        shutil.copy(start.heads_file, folder / start.heads_file.name)
    if options.base is None:
        _fill(folder, lambda inner: _save(start, inner, options, targets))
        return
    # An adapter is known by its numbers in float16.
    dtype = torch.float32 if options.precision == "float32" else torch.float16
    save_adapter(folder, replace(start.adapter, base=options.base), dtype)


def _save(start: StartModel, folder: Path, options: ExportOptions, targets: Collection[str]) -> None:
    dtype = PRECISIONS[options.precision]
    if isinstance(start.model, Canary):
        raise InputError("a Canary is not copied: name it with --base, and the policy's folder refers to it")
    if isinstance(start.model, Reina):
        text_encoder, eight_bit = options.with_text_encoder, options.eight_bit
        written = [code for code in start.tokenizer.languages if code in targets]
        tokenizer = start.tokenizer.that_writes(written)
        save_reina(folder, start.model, tokenizer, dtype, text_encoder, eight_bit)
    elif options.eight_bit:
        raise InputError("transformers reads no 8-bit folder of Whisper: leave --eight-bit out")
    else:
        heads, silence_ms = start.alignment_heads, start.trailing_silence_ms
        save_whisper(folder, start.model, start.tokenizer, heads, dtype, silence_ms)


def _fill(folder: Path, save: Callable[[Path], None]) -> None:
    """Put what `save` writes as a folder of its own into `folder`."""
    inner = folder / "model"
    save(inner)
    for file in inner.iterdir():
        shutil.move(file, folder / file.name)
    inner.rmdir()


def _read_notes(file: Path | None) -> str:
    if file is None:
        return ""
    if not file.is_file():
        raise InputError(f"{file}: no such file of notes: correct --notes")
    return file.read_text(encoding="utf-8")
