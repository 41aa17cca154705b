"""The archives that the tests of the auditor share; see archive.py and homes.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.forge.archive import ForgedArchive, make_archive
from tests.forge.homes import Homes, copy_of, play

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def clean() -> ForgedArchive:
    """A clean archive. Change nothing in it: `copy()` gives one that may be made wrong."""
    return make_archive()


@pytest.fixture(scope="session")
def clean_folder(clean: ForgedArchive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk."""
    return clean.write(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    """Two years of traffic, and the homes that made it: not to be changed."""
    return play(tmp_path_factory.mktemp("played"))


@pytest.fixture
def homes(played: Homes, tmp_path: Path) -> Homes:
    """A copy of it, whose envelopes may be changed."""
    return copy_of(played, tmp_path)
