"""Takes a CUDA graph's place on a processor: what is replayed is computed again from the same buffers."""

from collections.abc import Callable
from typing import Generic, TypeVar

Results = TypeVar("Results")


class RecordedCall(Generic[Results]):
    """As `models.layers.cuda_graph.CudaGraph`."""

    made: list["RecordedCall"] = []  # all of them, oldest first

    def __init__(self) -> None:
        self.replays = 0
        self.made.append(self)

    def capture(self, compute: Callable[[], Results]) -> None:
        compute()
        self._compute = compute

    def replay(self) -> Results:
        self.replays += 1
        return self._compute()
