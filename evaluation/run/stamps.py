"""What tells that files are still those of before: a run that goes on keeps nothing of others."""

from collections.abc import Iterable
from pathlib import Path

from models.registry import base_model, locate_model


def stamp(path: str | Path) -> str:
    """Path, size and time of change of a file."""
    found = Path(path).stat()
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def model_stamps(models: Iterable[str]) -> list[str]:
    """Those of all files of some models, and of what they are policies or adapters for.

    Raises InputError when a model cannot be found.
    """
    places = [place for model in models for place in (locate_model(model), base_model(model))]
    return [stamp(file) for place in dict.fromkeys(places) for file in _files(place)]


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
