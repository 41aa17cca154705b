"""A few kills at random moments of each command; `scripts/torture` makes hundreds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture import kills

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forge.realm import Realm


@pytest.mark.parametrize("ordeal", kills.ordeals(), ids=lambda ordeal: ordeal.name)
def test_killed_at_any_moment(template: Realm, large: Realm, arena: Path, ordeal: kills.Ordeal) -> None:
    tally = kills.torture(
        large if ordeal.name == "issue to many" else template, ordeal, arena, kills=3, seed=1
    )
    assert tally.struck >= 3
