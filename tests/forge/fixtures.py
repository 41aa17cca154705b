"""The realm that the tests of the paperwork share; see realm.py."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.forge.realm import Realm, make_realm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
