"""Some processes at once, for some rounds; `scripts/torture` makes more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture import crowd

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forge.realm import Realm


@pytest.mark.parametrize("fresh", [False, True], ids=["a register with a past", "no register yet"])
def test_many_at_once(template: Realm, arena: Path, *, fresh: bool) -> None:
    went = crowd.torture(template, arena, 1, processes=5, rounds=2, fresh=fresh)
    assert went.longest < 60


def test_no_edit_of_the_roster_is_lost(template: Realm, arena: Path) -> None:
    crowd.torture_roster(template, arena, rounds=1)


def test_one_office_is_made_once(template: Realm, arena: Path) -> None:
    crowd.torture_init(template, arena, rounds=2)
