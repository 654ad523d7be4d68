"""The named settings of a file such as settings.yaml, for each policy an agent of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.configuration.agent_configuration import AgentConfiguration, configure_agent
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from foundation.options import unknown_name

# These are the peers', too, so that all do the same work.
COMMON = ("source_language", "target_language", "chunk_ms")


@dataclass(frozen=True)
class PolicySettings:
    """One policy in all settings."""

    policy: str
    common: AgentConfiguration  # without any setting's own options: what the peers go by
    ours: Mapping[str, AgentConfiguration]  # by the name of the setting

    @property
    def chunk_ms(self) -> int:
        return self.common.agent_options.chunk_ms


def read_settings(
    path: Path, model: str | None = None, policies: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> list[PolicySettings]:
    """The settings of a file for each of its policies, or for those named.

    model: takes the place of the file's. only: names of settings; none: all. Raises InputError that names
    the file, the setting and the key, with the nearest one.
    """
    values = read_yaml(path)
    found_policies, settings = (_sections(path, values, name) for name in ("policies", "settings"))
    for kind, chosen, known in (("policy", policies, found_policies), ("setting", only, settings)):
        for name in chosen:
            if name not in known:
                raise unknown_name(f"{kind} in {path}", name, known)
    for name, keys in settings.items():
        for key in (*COMMON, "agent"):
            if key in keys:
                raise InputError(f"{path}: setting {name}: {key} is common to all: put it above the settings")
    if model is not None:
        values["model"] = model
    return [
        _of_policy(
            path, values | {"agent": policy} | keys, {name: settings[name] for name in only or settings}
        )
        for policy, keys in found_policies.items()
        if not policies or policy in policies
    ]


def _sections(path: Path, values: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    section = values.pop(name, None)
    if not section or not isinstance(section, dict):
        raise InputError(f"{path}: {name} must hold lines of the form `NAME: {{KEY: VALUE}}`")
    for one, keys in section.items():
        if not isinstance(keys, dict):
            raise InputError(f"{path}: {name}: {one} must be of the form `NAME: {{KEY: VALUE}}`")
    return {str(one): keys for one, keys in section.items()}


def _of_policy(
    path: Path, values: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]
) -> PolicySettings:
    common, _ = configure_agent(values, path)
    ours = {
        name: configure_agent({**values, **keys}, f"{path}: setting {name}")[0]
        for name, keys in settings.items()
    }
    return PolicySettings(values["agent"], common, ours)
