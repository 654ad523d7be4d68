"""Whether Python finds our packages under their names, which are plain words: agents, models, train.

`python -m`, torchrun and PYTHONPATH put a folder of the user's first on the import path, and some
distributions bring a package of such a name. Then Python would run half of this toolkit and half of something
else, which ends in an error that names neither.
"""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTION = "simulst-agents"  # stands in the docstring of each of these packages
PACKAGES = ("foundation", "models", "agents", "train", "evaluation", "serve")


def hidden_package() -> str | None:
    """What hides one of our packages, and what to do about it; None where all are what Python finds."""
    owned = {name: ROOT / name / "__init__.py" for name in PACKAGES}
    troubles = (_trouble(name, own) for name, own in owned.items() if own.is_file())
    return next(filter(None, troubles), None)


def _trouble(name: str, own: Path) -> str | None:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return (
            f"Python does not look into {ROOT}, where the package {name!r} of {DISTRIBUTION} lies: install "
            "it, or put that folder into PYTHONPATH"
        )
    found = Path(spec.origin).resolve()
    if found == own:
        if DISTRIBUTION in own.read_text(encoding="utf-8"):
            return None
        # Of two distributions in one folder the later one owns this file.
        others = " or ".join(_other_distributions(name)) or "another distribution"
        return f"{others} has replaced {own} of {DISTRIBUTION}: install them into different environments"
    hiding = found.parent if found.name == "__init__.py" else found
    hidden = f"{hiding} hides the package {name!r} of {DISTRIBUTION}, which lies in {ROOT}"
    if {"site-packages", "dist-packages"} & set(found.parts):
        others = " or ".join(_other_distributions(name)) or "another distribution"
        return f"{hidden}: it is of {others}, so install them into different environments"
    return (
        f"{hidden}: rename it, or take {hiding.parent} out of PYTHONPATH; `python -m` looks into the current "
        "folder first, the commands simulst and simuleval do not"
    )


def _other_distributions(package: str) -> list[str]:
    from importlib.metadata import packages_distributions  # reads all that is installed

    return sorted(set(packages_distributions().get(package, ())) - {DISTRIBUTION})
