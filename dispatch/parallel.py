"""The same work on many items, on all cores when there is enough of it."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

# Starting processes costs about as much as sealing or checking this many items.
WORTH_STARTING = 1000
# Items in the hands of the workers at once: what bounds the memory.
_WINDOW = 1024
_CHUNK = 32


def map_parallel(function: Callable[[Item], Result], items: Iterable[Item], count: int) -> Iterator[Result]:
    """Map a picklable `function` over about `count` items, in order, with flat memory."""
    workers = os.cpu_count() or 1
    if count < WORTH_STARTING or workers == 1:
        yield from map(function, items)
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - start-up time
    from multiprocessing import get_context  # noqa: PLC0415 - start-up time

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        iterator = iter(items)
        pending = pool.map(function, islice(iterator, _WINDOW), chunksize=_CHUNK)
        while batch := list(islice(iterator, _WINDOW)):
            # hand out the next window before the results of this one are consumed
            following = pool.map(function, batch, chunksize=_CHUNK)
            yield from pending
            pending = following
        yield from pending
