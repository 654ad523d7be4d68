"""The versions of the libraries here, for an image that shall run as what was measured here does."""

import importlib.metadata
import re
from collections.abc import Iterable, Iterator

# Which of these torch needs depends on the build of torch, and an image may have another.
OF_A_BUILD = re.compile(r"nvidia|cuda|triton")


def constraints(requirements: Iterable[str]) -> list[str]:
    """One `NAME==VERSION` for each installed library that the requirements name, and those that they need.

    requirements: as pyproject.toml has them. What is only needed elsewhere, or for an extra, is named as well
    if it is installed: a constraint asks for no installation. `+cpu` and the like, which name a build, are
    left out.
    """
    versions: dict[str, str] = {}
    names = [_name(line) for line in requirements]
    while names:
        name = names.pop()
        if name in versions or OF_A_BUILD.match(name):
            continue
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        versions[name] = found.version.partition("+")[0]
        names += map(_name, found.requires or [])
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def extras_of(project: dict, extras: Iterable[str]) -> Iterator[str]:
    """What the [project] of a pyproject.toml requires, with some of its extras."""
    yield from project["dependencies"]
    for extra in extras:
        yield from project["optional-dependencies"][extra]


def _name(requirement: str) -> str:
    """The name of a distribution as indexes normalise it."""
    name = re.match(r"[\w.-]+", requirement.strip()).group()
    return re.sub(r"[-_.]+", "-", name).lower()
