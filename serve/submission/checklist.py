"""What a submission needs, and whether it is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands with one thing."""

    DONE = "done"
    MISSING = "missing"
    NOTE = "note"  # nothing that must be done, but that one should know


@dataclass(frozen=True)
class Item:
    """One line of the list."""

    state: State
    what: str
    text: str


def is_complete(items: Sequence[Item]) -> bool:
    """Whether nothing is missing."""
    return not any(item.state is State.MISSING for item in items)


def checklist_text(items: Sequence[Item]) -> str:
    """The list to read, and what it comes to."""
    width = max(len(item.what) for item in items)
    lines = [f"{item.state:7}  {item.what:{width}}  {item.text}" for item in items]
    missing = sum(item.state is State.MISSING for item in items)
    end = "all that a submission needs is here" if not missing else f"missing: {missing}"
    return "\n".join([*lines, end])
