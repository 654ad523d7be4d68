"""A policy on disk: two files that make any model simultaneous.

    policy.json          {"options": {...}, "threshold": 0.3, "base": "openai/whisper-base", ...}
    policy.safetensors   weights of the network

They lie in the folder of their model, or in a folder of their own; `base` then names the model, by a
path that starts from that folder or by a name that --model takes. So several policies share one model,
and a policy for a public Whisper is a few megabytes. `threshold` and `agreeing_chunks` are what agents
use unless told otherwise; null is none, and one chunk. A policy that learned on a Whisper with an adapter
(`models.whisper.adapter`), which may lie in the same folder, has its fingerprint as `adapter`: other
hidden states would mean nothing to it. `hearing` is what the model heard when the policy learned; under
another silence a warning is given.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from models.layers.empty_network import without_values
from models.policy.network import PolicyNetwork, PolicyOptions
from models.storage.declared_sizes import is_size
from models.storage.model_files import read_json
from models.storage.stored_weights import check_weights, read_safetensors, write_safetensors

CONFIG, WEIGHTS = "policy.json", "policy.safetensors"
MOST_CHUNKS = 100_000  # that agree, as policies allow


@dataclass(frozen=True)
class StoredPolicy:
    """A policy and the model that it is for."""

    network: PolicyNetwork
    threshold: float | None  # in logit space for objective `gain`, a divergence for `divergence`
    base: str | None  # name or path of the model; None: the one in the same folder
    adapter: str | None = None  # fingerprint of the model's adapter, if it had one when the policy learned
    hearing: dict[str, Any] | None = None  # what the model heard then (`Hearing.described`), if that is known
    agreeing_chunks: int | None = None  # how many chunks in a row agree before a token is written; None: one


def has_policy(path: Path) -> bool:
    return (path / CONFIG).is_file() or (path / WEIGHTS).is_file()


def save_policy(folder: Path, policy: StoredPolicy, dtype: torch.dtype = torch.float16) -> None:
    """Put a policy into `folder`, which is made if need be; weights in `dtype`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "options": asdict(policy.network.options),
        "threshold": policy.threshold,
        "agreeing_chunks": policy.agreeing_chunks,
        "base": policy.base,
        "adapter": policy.adapter,
        "hearing": policy.hearing,
    }
    weights = {
        name: value.detach().to("cpu", dtype).contiguous()
        for name, value in policy.network.state_dict().items()
    }
    with replaced_file(folder / WEIGHTS) as file:
        write_safetensors(file, weights)
    with replaced_file(folder / CONFIG) as file:
        file.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def policy_base(folder: Path) -> str | None:
    """Name or path of the model that a policy is for; None: the one in the same folder.

    Raises InputError as `load_policy`.
    """
    base = _config(folder).get("base")
    if base is not None and not isinstance(base, str):
        raise InputError(f"{folder / CONFIG} must name its base model or give null, found {base!r}")
    return base


def load_policy(folder: Path) -> StoredPolicy:
    """Raises InputError, with what is wrong and how to mend it, if there is no complete policy."""
    config, base = _config(folder), policy_base(folder)
    threshold = config.get("threshold")
    if threshold is not None and not (type(threshold) in (int, float) and abs(threshold) < math.inf):
        raise InputError(f"{folder / CONFIG} must give a finite threshold or null, found {threshold!r}")
    agreeing = config.get("agreeing_chunks")
    if agreeing is not None and not (type(agreeing) is int and 1 <= agreeing <= MOST_CHUNKS):
        raise InputError(
            f"{folder / CONFIG} must give agreeing_chunks from 1 to {MOST_CHUNKS}, or null, "
            f"found {agreeing!r}"
        )
    with without_values():
        network = PolicyNetwork(policy_options(folder / CONFIG, config.get("options")))
    weights = read_safetensors(folder / WEIGHTS)
    check_weights(folder / WEIGHTS, network.state_dict(), weights)
    network.load_state_dict(weights, assign=True)
    adapter, hearing = config.get("adapter"), config.get("hearing")
    for name, value, kind in (("adapter", adapter, str), ("hearing", hearing, dict)):
        if not isinstance(value, kind | None):
            raise InputError(f"{folder / CONFIG} gives no usable {name} ({value!r:.40}): copy it again")
    return StoredPolicy(network, threshold, base, adapter, hearing, agreeing)


def _config(folder: Path) -> dict[str, Any]:
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} holds a policy without {name}: copy the whole folder again")
    return read_json(folder / CONFIG)


def policy_options(file: Path, declared: Any) -> PolicyOptions:
    """What `file` declares under "options". Raises InputError for what makes no network."""
    kinds = {field.name: field.type for field in fields(PolicyOptions)}
    if not isinstance(declared, dict) or set(declared) != set(kinds):
        raise InputError(f"{file} must give options with {', '.join(kinds)}: copy it again")
    wrong = [
        name
        for name, kind in kinds.items()
        if not (is_size(name, declared[name]) if kind is int else isinstance(declared[name], kind))
    ]
    if wrong or not 0 <= declared["dropout"] < 1:
        fault = ", ".join(wrong) or "dropout"
        raise InputError(f"{file}: its options give no usable {fault}: copy it again")
    try:
        return PolicyOptions(**declared)
    except ValueError as error:
        raise InputError(f"{file}: {error}") from None
