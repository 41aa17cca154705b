"""Do the same work on many items, on all cores if there is enough of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Progress: TypeAlias = "Callable[[int, int], None]"
"""Called from time to time with how many are done, and of how many."""

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

# Starting the processes costs about as much as the work on this many items.
WORTH_STARTING = 4000
# How many items the workers have at once, which bounds the memory.
_WINDOW = 1024
_CHUNK = 32

_shared: object = None
_hiding = threading.Lock()


def no_progress(done: int, total: int) -> None:
    """Show nothing."""


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
        pending: Iterator[Result] = iter(())
        while window := [(function, item) for item in islice(iterator, _WINDOW)]:
            # hand out the next window before the results of this one are consumed
            with hidden_script():
                following = pool.map(_call, window, chunksize=_CHUNK)
            yield from pending
            pending = following
        yield from pending


@contextmanager
def hidden_script() -> Iterator[None]:
    """Keep the workers that start meanwhile from running the caller's script again.

    A spawned process imports the main module of its parent, so that a script without `if __name__ ==
    "__main__"` would do everything once more in each. It imports nothing for a module named `__main__`
    (multiprocessing.spawn), and what our workers do is all in modules of ours.
    """
    main = sys.modules["__main__"]
    # of two threads, the second would take what the first has put there for what was there before
    with _hiding:
        before = main.__spec__
        main.__spec__ = ModuleSpec("__main__", None)
        try:
            yield
        finally:
            main.__spec__ = before


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
    global _shared  # noqa: PLW0603 - how a pool hands a worker what it keeps
    _shared = shared


def _call(job: tuple[Callable[[Shared, Item], Result], Item]) -> Result:
    function, item = job
    return function(_shared, item)  # type: ignore[arg-type]
