"""Rows of a tensor that is appended to often."""

from torch import Tensor


class GrowingRows:
    """Rows (n, ...) whose room doubles when it is full, so that what is there is seldom copied."""

    def __init__(self, empty: Tensor) -> None:
        """empty (0, ...): says the shape of a row, the type and the device."""
        self._room = empty
        self._start = 0
        self._end = 0

    @property
    def rows(self) -> Tensor:
        """(n, ...): a view, valid until the next change."""
        return self._room[self._start : self._end]

    def extend(self, rows: Tensor) -> None:
        """Put rows (m, ...) behind those that are there."""
        if self._end + len(rows) > len(self._room):
            held = self.rows
            room = held.new_empty(max(len(held) + len(rows), 2 * len(held)), *held.shape[1:])
            room[: len(held)] = held
            self._room, self._start, self._end = room, 0, len(held)
        self._room[self._end : self._end + len(rows)] = rows
        self._end += len(rows)

    def drop(self, count: int) -> None:
        """Forget the first `count` rows. Their room is freed at the next growth."""
        self._start += count

    def truncate(self, count: int) -> None:
        """Forget all rows but the first `count`."""
        self._end = min(self._end, self._start + count)
