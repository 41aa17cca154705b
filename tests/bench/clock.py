"""How scripts/bench measures: in turns, the best of several rounds, each in a process of its own."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")


def best(
    rounds: int, clock: Callable[[], float] = time.perf_counter, /, **work: Callable[[], object]
) -> dict[str, float]:
    """Run every piece of work in turns, and give the best time of each, in seconds.

    Whatever else the machine does hits all of them alike, and least of all the best rounds.
    `clock`: time.process_time for work that only computes, on one core.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            start = clock()
            function()
            times[name].append(clock() - start)
    return {name: min(found) for name, found in times.items()}


def apart(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def cores() -> int:
    """Count the cores that this process may use."""
    from dispatch.system.workers import usable_cores

    return usable_cores()


@contextmanager
def keeping_to(number: int) -> Iterator[None]:
    """Keep this process, and those that it starts, to so many cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:number]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def memory() -> int:
    """Give the bytes that this process holds."""
    return _status("VmRSS")


def peak(function: Callable[[], T]) -> tuple[T, int]:
    """Call a function: its value, and the bytes that this process held at most meanwhile."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # count the peak anew
    value = function()
    return value, _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: str) -> int:
    with suppress(OSError):
        found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0


def run(*command: str | Path, **kwargs: Any) -> None:
    """Run a tool; its failure is ours."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
