"""Evaluation files that come with the toolkit, found from any folder.

`eval_configs/` lies beside the packages, in a checkout as in an installation. All its paths, those inside its
lists too, are written from the folder above it. What the current folder has under such a path comes first.
"""

from difflib import get_close_matches
from pathlib import Path

from foundation.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "eval_configs"


def shipped_file(path: str) -> str:
    """The path itself; the toolkit's own where the current folder has no `eval_configs/...` of that name."""
    own = ROOT / path
    if Path(path).parts[:1] == (FOLDER,) and not Path(path).exists() and own.exists():
        return str(own)
    return path


def shipped_configuration(name: str, kind: str = "") -> str:
    """The path of a configuration, given as a path or by the name of one that ships: "reina".

    kind: sub-folder of eval_configs that names are looked up in. Raises InputError for what is neither, but
    nearly a name.
    """
    own = ROOT / FOLDER / kind / f"{name}.yaml"
    if not Path(name).is_file() and own.is_file():
        return str(own)
    names = [file.stem for file in (ROOT / FOLDER / kind).glob("*.yaml")]
    near = get_close_matches(name, names, n=1)
    if near and not Path(name).exists():
        raise InputError(f"{name} is neither a file here nor one that ships: did you mean {near[0]!r}?")
    return shipped_file(name)
