"""Whatever the order in which envelopes come, an office ends with the same duties and the same table."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from dispatch.duties.as_json import slot_json
from dispatch.formats.note import Number
from dispatch.office import Office
from dispatch.render.collation import collation_json
from dispatch.store.home import Home
from tests.forge.homes import END, shuffled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forge.homes import Homes


def come(played: Homes, folder: Path, seed: int | None) -> dict[str, Any]:
    """Let control, which gets everything for information, receive all of it; give what it then knows."""
    home = Home(folder)
    shutil.copytree(played.path / "homes" / "control", folder)
    for path in folder.glob("register.db*"):
        path.unlink()
    files = sorted(played.post.glob("*.control.dispatch"))
    files = [path for path in files if not path.name.startswith("control-")]
    piles = [files] if seed is None else [shuffled(files, seed)[at::7] for at in range(7)]
    for pile in piles:
        with Office(home, now=END, ask_passphrase=str) as office:
            reception = office.receive(pile)
            assert {one.state for one in reception.received} <= {"new", "held"}
            assert reception.failures == ()
    with Office(home, now=END, ask_passphrase=str) as office:
        assert office.register.waiting.list("held") == ()
        found = next(one for one in office.due(at=END) if one.case.circular.obligations)
        collation = office.collate(Number("cc", "2026", 1), "quarterly", None, None)
        return {
            "slots": [slot_json(slot) for slot in found.slots],
            "collation": collation_json(collation),
        }


def test_no_order_matters(played: Homes, tmp_path: Path) -> None:
    expected = come(played, tmp_path / "ordered", None)
    assert len(expected["collation"]["rows"]) == 140
    for seed in range(2):
        found = come(played, tmp_path / f"shuffled-{seed}", seed)
        assert json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize("name", ["slots", "collation"])
def test_what_is_compared_is_something(played: Homes, tmp_path: Path, name: str) -> None:
    assert come(played, tmp_path / "once", None)[name]
