"""A model whose checkpoints hold what is trained and nothing else: frozen weights are the start model's."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from foundation.errors import InputError


class TrainedWeights(nn.Module):
    """A module whose state is that of its trained weights, which must be known when it is first asked for."""

    def state_dict(self, *args: Any, **settings: Any) -> dict[str, Any]:
        """The weights that are trained, without frozen ones."""
        trained = self._trained()
        everything = super().state_dict(*args, **settings)
        return {name: value for name, value in everything.items() if name in trained}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Raises InputError for other weights than those that are trained."""
        if strict and set(state_dict) != self._trained():
            raise InputError(
                "the checkpoint holds other weights than this configuration trains: go on with the first "
                "configuration, or name a new output folder"
            )
        return super().load_state_dict(state_dict, strict=False, assign=assign)

    def _trained(self) -> set[str]:
        named = self.named_parameters(remove_duplicate=False)
        return {name for name, weight in named if weight.requires_grad}
