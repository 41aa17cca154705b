"""Power cuts at some moments of each command; `scripts/torture` takes all, and more worst cases of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture import kills, power

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forge.realm import Realm

ORDEALS = {ordeal.name: ordeal for ordeal in kills.ordeals()}


@pytest.mark.parametrize("name", ORDEALS)
def test_the_power_fails(template: Realm, large: Realm, arena: Path, name: str) -> None:
    realm = large if name == "issue to many" else template
    tally = power.torture(realm, ORDEALS[name], arena, 1, drawn=0, every=16)
    assert tally.struck >= 2


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("issue to two", "dispatch.store.attachments.sync_directory"),
        ("issue to two into a new folder", "dispatch.system.files.sync_directory"),
        ("issue to many", "dispatch.carriers.folder.sync_files"),
        ("roster sign", "dispatch.system.files.sync_directory"),
        ("init --root", "dispatch.system.files.sync_directory"),
        ("read --save", "dispatch.store.attachments.sync_directory"),
    ],
)
def test_a_sync_that_is_left_out_is_found(
    large: Realm, arena: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    monkeypatch.setattr(place, lambda *_: None)
    with pytest.raises((AssertionError, OSError, StopIteration)) as caught:
        power.torture(large, ORDEALS[name], arena, 1, drawn=0, every=1000)
    assert "moment" in caught.value.__notes__[0]
