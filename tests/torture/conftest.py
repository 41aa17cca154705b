"""The realm that is hurt, made once; and a place in memory to hurt it, where there is one."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.torture.house import make_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forge.realm import Realm

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if sys.platform == "win32":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="processes are forked and killed as on Unix"))


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder where nothing is slow to sync."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def template(ground: Path) -> Realm:
    return make_template(ground / "template")


@pytest.fixture(scope="session")
def large(ground: Path) -> Realm:
    """One that has a group `many`."""
    return make_template(ground / "large", addressees=40)


@pytest.fixture
def arena(ground: Path) -> Iterator[Path]:
    """A folder of one test."""
    folder = Path(tempfile.mkdtemp(dir=ground))
    yield folder
    shutil.rmtree(folder)
