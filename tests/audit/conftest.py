"""The archive that the tests of the audit share; see archive.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.audit.archive import Archive, copy_of, make_archive

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Two years of traffic: not to be changed."""
    return make_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def archive(clean: Archive, tmp_path: Path) -> Archive:
    """A copy of it, for one fault."""
    return copy_of(clean, tmp_path)
