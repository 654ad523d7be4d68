"""What a process that works for another one owes it."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """From now on this process ends when its parent does: one that is killed cannot end its children."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
