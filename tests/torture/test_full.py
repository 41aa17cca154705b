"""Full disks, in coarse steps; `scripts/torture` takes every page and every inode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture import full

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forge.realm import Realm
    from tests.torture.kills import Ordeal


@pytest.mark.parametrize("ordeal", full.ordeals(), ids=lambda ordeal: ordeal.name)
def test_files_that_may_grow_no_further(template: Realm, arena: Path, ordeal: Ordeal) -> None:
    tally = full.torture_limit(template, ordeal, arena, 1, factor=8)
    assert tally.struck >= 1


@pytest.mark.skipif(not full.can_mount(), reason="mounting needs root")
@pytest.mark.parametrize("ordeal", full.ordeals(), ids=lambda ordeal: ordeal.name)
def test_a_disk_without_inodes(template: Realm, arena: Path, ordeal: Ordeal) -> None:
    tally = full.torture_disk(template, ordeal, arena, 1, what="inodes", step=5)
    assert tally.struck >= 1
