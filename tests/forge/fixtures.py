"""What tests share and make once in a run: a realm on disk, archives in memory and on disk, a browser."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.forge.archive import ForgedArchive, make_archive
from tests.forge.browser import new_page
from tests.forge.homes import Homes, copy_of, play
from tests.forge.realm import Realm, make_realm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def realm_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys take time to make: they are made once, and every test gets a copy."""
    return make_realm(tmp_path_factory.mktemp("realm")).path


@pytest.fixture
def realm(realm_template: Path, tmp_path: Path) -> Iterator[Realm]:
    """A realm of this test alone, in a folder of its own."""
    realm = Realm(shutil.copytree(realm_template, tmp_path / "realm"))
    yield realm
    realm.close()


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


@pytest.fixture
def page(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Page]:
    """An empty page in the browser of this run; ask for it only in tests marked `tool("chromium")`."""
    folder, run = tmp_path_factory.getbasetemp(), os.getpid()
    # the folder and the process of a worker of pytest-xdist are children of the run's
    if worker_id != "master":
        folder, run = folder.parent, os.getppid()
    with new_page(folder, run) as page:
        yield page
