"""simulst train STAGE OUTPUT --config-file FILE [--config KEY=VALUE ...], or python -m train.STAGE ...

What the words and the file say is checked before fairseq2 is imported, which takes 10 s; then fairseq2's own
command line runs the recipe. torchrun starts `-m train.STAGE` in several processes.
"""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

from foundation.commands import HELP, Command, load, run_command
from foundation.errors import InputError
from foundation.files.yaml_files import load_yaml, parse_scalar, read_yaml
from train.recipes.sections import DELETED, Section, check_keys, read_section

WIDTH = 100
# Lists of sections that name a manifest.
DATA = ("train", "validation")


@dataclass(frozen=True)
class RecipeCommand:
    """A recipe. Names are MODULE:NAME."""

    summary: str
    recipe: str
    config: str  # class of its configuration
    model: str  # class of `model.config_overrides`

    def section(self) -> Section:
        """All keys of its configuration."""
        section = read_section(*self.config.split(":"))
        assert section is not None
        model = section.keys["model"]
        if model.section is None:  # without fairseq2
            return section
        overrides = replace(
            model.section.keys["config_overrides"], section=read_section(*self.model.split(":"))
        )
        inner = replace(model.section, keys={**model.section.keys, "config_overrides": overrides})
        return replace(section, keys={**section.keys, "model": replace(model, section=inner)})


_TRANSLATION = (
    "train.translator.recipe:TranslationRecipe",
    "train.translator.recipe:TranslationConfig",
    "train.translator.family:TranslatorConfig",
)
RECIPES = {
    "stage1": RecipeCommand("Train a translator on speech and text.", *_TRANSLATION),
    "stage2": RecipeCommand("Train a translator on clips that are cut.", *_TRANSLATION),
    "stage3": RecipeCommand(
        "Train a policy network on a frozen translator.",
        "train.policy.recipe:PolicyRecipe",
        "train.policy.recipe:PolicyTrainingConfig",
        "train.policy.recipe:PolicyConfig",
    ),
    "simulsa_sft": RecipeCommand(
        "Fine-tune an audio-language model.",
        "train.simulsa_sft.recipe:SftRecipe",
        "train.simulsa_sft.recipe:SftConfig",
        "train.simulsa_sft.model:AudioLanguageConfig",
    ),
}


def main(name: str) -> int:
    """`python -m train.NAME`: run the recipe and return the exit status."""
    command = Command(RECIPES[name].summary, f"{__name__}:{name}")
    return run_command(f"python -m train.{name}", command, sys.argv[1:])


def stage1(arguments: Sequence[str]) -> None:
    _run("stage1", arguments)


def stage2(arguments: Sequence[str]) -> None:
    _run("stage2", arguments)


def stage3(arguments: Sequence[str]) -> None:
    _run("stage3", arguments)


def simulsa_sft(arguments: Sequence[str]) -> None:
    _run("simulsa_sft", arguments)


def check(name: str, arguments: Sequence[str]) -> None:
    """Raises InputError for keys that the recipe's configuration does not have, and for missing manifests."""
    section = RECIPES[name].section()
    file = _value_of("--config-file", arguments)
    values: dict[str, Any] = {}
    if file is not None:
        values = read_yaml(Path(file))
        check_keys(values, section, file)
    replaced = set()
    for path, value in _overrides(arguments):
        replaced.add(path[0])
        for place in reversed(path):
            value = {place: value}
        check_keys(value, section, "--config")
    for part in DATA:
        if part not in replaced:
            _check_manifests(values.get(part), part, file)


def help_text(name: str) -> str:
    """What the command takes, and every key of its configuration."""
    recipe = RECIPES[name]
    lines = [
        f"usage: simulst train {name} OUTPUT --config-file FILE [--config KEY=VALUE ...] [--dump-config]",
        f"       torchrun --nproc_per_node=N -m train.{name} OUTPUT ...     on N GPUs",
        "",
        recipe.summary,
        "",
        "  OUTPUT                  The folder of checkpoints, logs and metrics, also of a run to go on with.",
        "  --config-file FILE      A configuration, see train/*/configs.",
        "  --config KEY=VALUE ...  Replaces keys of it; those below others as in batch.pairs=64.",
        "  --dump-config           Prints the whole configuration and ends.",
        "  --checkpoint-dir DIR    The folder of checkpoints; default: OUTPUT/checkpoints.",
        "  --no-rich               Prints plain lines, for logs.",
        "",
        "Keys of the configuration:",
        *_keys(recipe.section(), "  "),
    ]
    return "\n".join(lines)


def _run(name: str, arguments: Sequence[str]) -> None:
    if set(HELP) & set(arguments):
        print(help_text(name))
        return
    check(name, arguments)
    if importlib.util.find_spec("fairseq2") is None:
        raise InputError('training needs fairseq2: install it with pip install -e ".[train]"')
    recipe = load(RECIPES[name].recipe)
    sys.argv = [f"simulst train {name}", *arguments]
    load("fairseq2.recipe.cli:main")(recipe())


def _keys(section: Section, indent: str) -> Iterator[str]:
    """The lines of a section; one that is there twice is written out once."""
    written: dict[int, str] = {}
    deeper = indent + "    "
    for name, key in section.keys.items():
        inner = key.section
        default = "" if key.default is None else f", default {key.default}"
        if inner is not None:
            default = ", null: none" if key.default == "None" else ""
        title = f"{indent}{name} ({key.annotation}{default})"
        yield fill(f"{title}: {key.help}" if key.help else title, WIDTH, subsequent_indent=deeper)
        if inner is None:
            continue
        if id(inner) in written:
            yield f"{deeper}as of {written[id(inner)]}"
            continue
        written[id(inner)] = name
        if not inner.module.startswith("fairseq2"):
            yield from _keys(inner, deeper)
            continue
        names = f"of fairseq2: {', '.join(inner.keys)}"
        yield fill(names, WIDTH, initial_indent=deeper, subsequent_indent=deeper)
        overrides = inner.keys.get("config_overrides")
        if overrides is not None and overrides.section is not None:
            yield f"{deeper}config_overrides:"
            yield from _keys(overrides.section, deeper + "    ")


def _value_of(flag: str, arguments: Sequence[str]) -> str | None:
    """The word behind the last of a flag."""
    found = None
    for word, following in zip(arguments, [*arguments[1:], None], strict=True):
        if word == flag:
            found = following
        elif word.startswith(f"{flag}="):
            found = word.removeprefix(f"{flag}=")
    return found


def _overrides(arguments: Sequence[str]) -> Iterator[tuple[list[str], Any]]:
    """The path and value of each KEY=VALUE behind --config, in fairseq2's forms: also add:, set: and del:."""
    behind = False
    for word in arguments:
        if word.startswith("--"):
            behind = word == "--config"
        elif behind and ("=" in word or word.startswith("del:")):
            name, _, value = word.strip().partition("=")
            for form in ("add:", "set:", "del:"):
                name = name.removeprefix(form)
            if word.startswith("del:"):
                yield name.split("."), DELETED
            elif value[:1] in ("{", "["):
                yield name.split("."), load_yaml(value, "--config")
            else:
                yield name.split("."), parse_scalar(value)


def _check_manifests(sections: Any, part: str, file: str | None) -> None:
    if not isinstance(sections, list):
        return
    for number, one in enumerate(sections):
        manifest = one.get("manifest") if isinstance(one, dict) else None
        # ${...} is filled in by fairseq2.
        if isinstance(manifest, str) and "${" not in manifest and not Path(manifest).is_file():
            raise InputError(f"{file}: {part}[{number}]: {manifest}: no such manifest: correct the path")
