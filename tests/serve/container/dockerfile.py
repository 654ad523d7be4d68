"""Reads a Dockerfile, and builds its stages as folders: no engine is needed, and nothing is fetched.

Each stage has a folder that stands for its root. COPY, ENV, ARG, WORKDIR do what they do in a build. RUN goes
to a shell that finds `Stage.tools` before all other programs: what a build fetches from outside, or changes
in the system, is replaced there. Paths that begin with / are taken in the stage's folder.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A path from the root, not one behind a variable, or in a relative path.
ABSOLUTE = re.compile(r"(?<![\w.}/-])/(?=\w)")
VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Instruction:
    name: str  # in capitals
    flags: tuple[str, ...]  # --from=build, ...
    text: str  # what follows, in one line

    @property
    def words(self) -> list[str]:
        """The words of the exec form, or of a shell."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Stage:
    """A stage that is being built."""

    root: Path
    tools: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None  # of WORKDIR
    user: str = "root"
    ports: list[str] = field(default_factory=list)
    entry_point: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)

    def mapped(self, text: str) -> str:
        return ABSOLUTE.sub(f"{self.root}/", text)

    def filled(self, text: str) -> str:
        """The text with ${NAME} replaced."""
        return VARIABLE.sub(lambda found: {**self.arguments, **self.environment}[found[1]], text)

    def path(self, name: str) -> Path:
        return self.folder / name if not name.startswith("/") else Path(self.mapped(name))

    def variables(self) -> dict[str, str]:
        """What a program in it is started with."""
        return {**self.arguments, **self.environment}


def read_dockerfile(path: Path) -> list[Instruction]:
    """Its instructions; comments and the ends of lines that go on are gone."""
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    instructions = []
    for line in filter(None, text.splitlines()):
        name, rest = line.split(maxsplit=1)
        flags = []
        while rest.startswith("--"):
            flag, _, rest = rest.partition(" ")
            flags.append(flag)
            rest = rest.lstrip()
        instructions.append(Instruction(name.upper(), tuple(flags), rest))
    return instructions


def build(context: Path, out: Path, tools: Path, given: Mapping[str, str]) -> Stage:
    """Build all stages of a context's Dockerfile, into folders of `out`; returns the last one.

    tools: programs that RUN finds first. given: values of ARG.
    """
    stages: dict[str, Stage] = {}
    before: dict[str, str] = {}
    stage = None
    for one in read_dockerfile(context / "Dockerfile"):
        if one.name == "FROM":
            stage = _new_stage(one, out, tools)
            stages[stage.root.name] = stage
        elif stage is None:
            name, _, default = one.text.partition("=")
            before[name] = given.get(name, default)
        else:
            _step(one, stage, stages, context, given)
    return stage


def _new_stage(one: Instruction, out: Path, tools: Path) -> Stage:
    _, _, name = one.text.partition(" AS ")
    root = out / name
    (root / "tmp").mkdir(parents=True)
    return Stage(root, tools, {"PATH": f"{tools}:{os.defpath}"}, folder=root)


def _step(
    one: Instruction, stage: Stage, stages: Mapping[str, Stage], context: Path, given: Mapping[str, str]
) -> None:
    if one.name == "ARG":
        name, _, default = one.text.partition("=")
        stage.arguments[name] = given.get(name, default)
    elif one.name == "ENV":
        for pair in one.words:
            name, _, value = pair.partition("=")
            stage.environment[name] = stage.filled(stage.mapped(value))
    elif one.name == "WORKDIR":
        stage.folder = stage.path(one.text)
        stage.folder.mkdir(parents=True, exist_ok=True)
    elif one.name == "COPY":
        _copy(one, stage, stages, context)
    elif one.name == "RUN":
        subprocess.run(
            ["/bin/sh", "-ec", stage.mapped(one.text)], cwd=stage.folder, env=stage.variables(), check=True
        )
    elif one.name == "USER":
        stage.user = one.text
    elif one.name == "EXPOSE":
        stage.ports += one.words
    elif one.name == "HEALTHCHECK":
        stage.health_check = json.loads(one.text.removeprefix("CMD "))
    elif one.name == "ENTRYPOINT":
        stage.entry_point = json.loads(one.text)
    else:
        raise NotImplementedError(f"{one.name} is not known here")


def _copy(one: Instruction, stage: Stage, stages: Mapping[str, Stage], context: Path) -> None:
    """Folders are copied by what is in them, as COPY does."""
    *sources, target = one.words
    goal = stage.path(target)
    origin = next((flag.partition("=")[2] for flag in one.flags if flag.startswith("--from=")), None)
    for name in sources:
        source = context / name if origin is None else stages[origin].path(name)
        if source.is_dir():
            shutil.copytree(source, goal, symlinks=True, dirs_exist_ok=True)
        else:
            is_folder = target.endswith("/") or len(sources) > 1
            (goal if is_folder else goal.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, goal / source.name if is_folder else goal)


def sent(context: Path) -> set[str]:
    """The files of a context that go to the builder, by its .dockerignore: as far as ours says it."""
    lines = (context / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    kept = set()
    for file in sorted(path for path in context.rglob("*") if path.is_file()):
        parts = file.relative_to(context).parts
        if not _is_ignored(parts, rules):
            kept.add("/".join(parts))
    return kept


def _is_ignored(parts: Sequence[str], rules: Sequence[str]) -> bool:
    """The last rule that fits decides."""
    ignored = False
    for rule in rules:
        name = rule.removeprefix("!").removeprefix("**/")
        fits = name in parts if rule.startswith("**/") else name in ("*", parts[0])
        ignored = not rule.startswith("!") if fits else ignored
    return ignored
