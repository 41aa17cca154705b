"""The same work on many items: the same result on one core and on all."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from dispatch.errors import RefusedError
from dispatch.system import workers as parallel
from dispatch.system.workers import WORTH_STARTING, map_parallel, usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterator


def work(shared: bytes, item: int) -> tuple[bytes, int]:
    """Say in which process it ran, too; picklable, because it stands in a module."""
    return sha256(shared + str(item).encode()).digest(), os.getpid()


def fail_at(place: int, _: bytes, item: int) -> int:
    if item == place:
        raise RefusedError("this one", hint="not that one")
    return item


def expected(count: int) -> list[bytes]:
    return [sha256(b"s" + str(item).encode()).digest() for item in range(count)]


@pytest.mark.parametrize("count", [0, 1, 100])
def test_little_work_stays_in_this_process(count: int) -> None:
    results = list(map_parallel(work, b"s", range(count), count))
    assert [digest for digest, _ in results] == expected(count)
    assert {process for _, process in results} <= {os.getpid()}


@pytest.mark.skipif(usable_cores() == 1, reason="one core")
def test_much_work_goes_to_others_and_comes_back_in_order() -> None:
    count = WORTH_STARTING + 1500
    results = list(map_parallel(work, b"s", range(count), count))
    assert [digest for digest, _ in results] == expected(count)
    assert os.getpid() not in {process for _, process in results}


def test_threads_that_hide_the_main_module_at_the_same_time_give_it_back() -> None:
    before = sys.modules["__main__"].__spec__
    inside, may_leave = threading.Event(), threading.Event()

    def hide() -> None:
        with parallel.hidden_script():
            inside.set()
            may_leave.wait(10)

    def hide_for_longer() -> None:
        with parallel.hidden_script():
            may_leave.set()
            first.join(10)

    first, second = threading.Thread(target=hide), threading.Thread(target=hide_for_longer)
    first.start()
    inside.wait(10)
    second.start()
    second.join(0.2)
    may_leave.set()
    first.join()
    second.join()
    assert sys.modules["__main__"].__spec__ is before


@pytest.mark.skipif(usable_cores() == 1, reason="one core")
def test_items_are_taken_as_they_are_needed() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(20_000):
            taken += 1
            yield item

    results = map_parallel(work, b"s", items(), 20_000)
    for _ in range(10):
        next(results)
    assert taken <= 8 * 1024
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("worth", [1, WORTH_STARTING])
def test_an_error_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    monkeypatch.setattr(parallel, "WORTH_STARTING", worth)
    with pytest.raises(RefusedError, match="this one") as caught:
        list(map_parallel(partial(fail_at, 7), b"s", range(20), 20))
    assert caught.value.hint == "not that one"
