"""A computation recorded once as a CUDA graph: replayed, all its kernels start by one call of the host."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import torch

Results = TypeVar("Results")


class Recording(Protocol[Results]):
    """A computation over buffers that stay where they are."""

    def capture(self, compute: Callable[[], Results]) -> None:
        """Record `compute`, which may run for that; doing so twice must do no harm.

        Raises RuntimeError where it cannot be recorded.
        """

    def replay(self) -> Results:
        """What `compute` gives for what its buffers hold now: valid until anything is replayed again."""


class CudaGraph(Generic[Results]):
    """A recording on the current CUDA device. All of them share one pool of memory."""

    _pool = None

    def __init__(self) -> None:
        self._graph: torch.cuda.CUDAGraph | None = None

    def capture(self, compute: Callable[[], Results]) -> None:
        graph = torch.cuda.CUDAGraph()
        # What libraries set up when they are first called on a stream must not be recorded.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            compute()
        torch.cuda.current_stream().wait_stream(stream)
        if CudaGraph._pool is None:
            CudaGraph._pool = torch.cuda.graph_pool_handle()
        with torch.cuda.graph(graph, pool=CudaGraph._pool):
            self._results = compute()
        self._graph = graph

    def replay(self) -> Results:
        self._graph.replay()
        return self._results
