"""Do the same work on many items, on all cores if there is enough of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

# Starting the processes costs about as much as the work on this many items.
WORTH_STARTING = 4000
# How many items the workers have at once, which bounds the memory.
_WINDOW = 1024
_CHUNK = 32

_shared: object = None


def map_parallel(
    function: Callable[[Shared, Item], Result],
    shared: Shared,
    items: Iterable[Item],
    count: int,
    *,
    may_fork: bool = False,
) -> Iterator[Result]:
    """Map a picklable `function(shared, item)` over about `count` items, in order, with flat memory.

    `may_fork`: the caller has nothing open that copies of this process must not share, such as a register or
    a lock, and draws no randomness. Workers are then forked, and have a large `shared` without reading it.
    """
    workers = usable_cores()
    if count < WORTH_STARTING or workers == 1:
        yield from (function(shared, item) for item in items)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    forks = may_fork and sys.platform == "linux" and threading.active_count() == 1
    context = get_context("fork" if forks else "spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_share, initargs=(shared,)) as pool:
        iterator = iter(items)
        pending = pool.map(_call, ((function, item) for item in islice(iterator, _WINDOW)), chunksize=_CHUNK)
        while window := list(islice(iterator, _WINDOW)):
            # hand out the next window before the results of this one are consumed
            following = pool.map(_call, ((function, item) for item in window), chunksize=_CHUNK)
            yield from pending
            pending = following
        yield from pending


def usable_cores() -> int:
    """Count the cores that this process may use, which can be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1


def _share(shared: object) -> None:
    """Give a worker, once, what all its items need. When interrupted, it ends without a traceback."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    global _shared  # noqa: PLW0603 - one for each worker process
    _shared = shared


def _call(job: tuple[Callable[[Shared, Item], Result], Item]) -> Result:
    function, item = job
    return function(_shared, item)  # type: ignore[arg-type]
