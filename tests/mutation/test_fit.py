from __future__ import annotations

import ast

import pytest

from tests.mutation.operators import ROOT, Change, UnfitError, replaced, returning, uncalled, unguarded
from tests.mutation.run import figures, misfits, mutations_of, read_rows

SOURCE = """
class Gate:
    def enter(self, name: str, key: bytes) -> str:
        self.count(name)
        if name:
            if key != self.key:
                raise ValueError(f"{name} has another key")
        return self.room[1:]
"""


def test_every_mutation_finds_its_place_in_the_code() -> None:
    assert misfits() == []


def test_the_document_has_the_figures_of_the_table() -> None:
    rows = [row for row in read_rows() if mutations_of(row)]
    assert figures(rows) in (ROOT / "docs" / "THREATS.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (unguarded("gate:Gate.enter", "another key"), "key != self.key", "False"),
        (uncalled("gate:Gate.enter", "count"), "self.count(name)", "pass"),
        (replaced("gate:Gate.enter", "self.room [ 1: ]", "self.room"), "self.room[1:]", "self.room"),
    ],
)
def test_a_change_alters_its_place_and_no_other(change: Change, old: str, new: str) -> None:
    assert change.apply(SOURCE) == ast.unparse(ast.parse(SOURCE.replace(old, new))) + "\n"


def test_a_function_that_returns_at_once() -> None:
    changed = returning("gate:Gate.enter", "''").apply(SOURCE)
    assert changed.split("-> str:")[1].split() == ["return", "''"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (unguarded("gate:Gate.leave", "another key"), "there is no gate:Gate.leave any longer"),
        (unguarded("gate:Gate", "another key"), "gate:Gate is no function"),
        (unguarded("gate:Gate.enter", "a wrong key"), "the guard that answers 'a wrong key' never does"),
        (uncalled("gate:Gate.enter", "check"), "check is not called"),
        (replaced("gate:Gate.enter", "self.rooms", "self"), "self in the place of self.rooms"),
    ],
)
def test_what_does_not_fit_any_longer_is_named(change: Change, said: str) -> None:
    with pytest.raises(UnfitError, match=said.replace(".", r"\.")):
        change.apply(SOURCE)
