"""The note that a run leaves which trains low-rank adapters on a Whisper, and what its checkpoints hold.

A run's output folder holds lora.json: the Whisper that its adapters are for, and their settings; and
fairseq2's checkpoints, with the adapters and no other weights.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from models.storage.model_files import read_json
from models.storage.stored_weights import check_finite
from models.whisper.adapter import Adapter
from train.recipes.lora import LoraSection
from train.recipes.resumption import refuse_changes

NOTE = "lora.json"
# What names of the two matrices of a module end with in a checkpoint.
FIRST, SECOND = ".lora_A.default.weight", ".lora_B.default.weight"
SILENCE_MS = 0  # stage 2 hears none behind its clips


@dataclass(frozen=True)
class AdapterRun:
    """What a run trains: adapters on a Whisper."""

    base: str  # its name or path
    base_fingerprint: str
    lora: LoraSection

    def write(self, output: Path, begun: bool) -> None:
        """begun: the output folder holds checkpoints. Raises InputError where these are of another run."""
        if begun and (output / NOTE).is_file() and (found := AdapterRun.read(output)) != self:
            changed = [name for name in vars(self) if getattr(self, name) != getattr(found, name)]
            refuse_changes(output, changed)
        with replaced_file(output / NOTE) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, output: Path) -> "AdapterRun":
        """Raises InputError for a damaged note."""
        found: dict[str, Any] = read_json(output / NOTE)
        try:
            return cls(str(found["base"]), str(found["base_fingerprint"]), LoraSection(**found["lora"]))
        except (KeyError, TypeError):
            raise InputError(f"{output / NOTE} names no base and lora: copy the run's folder again") from None

    def adapter(self, step: Path, weights: Mapping[str, Tensor]) -> Adapter:
        """What is to be merged. weights: of the checkpoint `step`, by the names of the network's.

        Raises InputError for a checkpoint of something else.
        """
        modules = sorted(name.removesuffix(FIRST) for name in weights if name.endswith(FIRST))
        if not modules or set(weights) != {name + end for name in modules for end in (FIRST, SECOND)}:
            raise InputError(f"{step} holds other weights than adapters: take another checkpoint")
        check_finite(step, weights, "take an earlier checkpoint")
        matrices = {name: (weights[name + FIRST], weights[name + SECOND]) for name in modules}
        scale = self.lora.alpha / self.lora.rank
        return Adapter(self.base, self.base_fingerprint, matrices, scale, SILENCE_MS)
