"""docs/ARCHITECTURE.md says where things are: every place that it names is there, and so are the rooms."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.test_layers import ROOMS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
PATH = r"`([\w/.-]+(?:/|\.py|\.html))`"
NAMES = r"(?:(?:,| or)? `[A-Za-z_][\w.]*`)*"


def place(name: str) -> Path:
    """Give the path of a file or folder that the document names, from dispatch/ or from the checkout."""
    inside = ROOT / "dispatch" / name
    return inside if inside.exists() else ROOT / name


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Give the names that a module defines, and those of its classes as `Class.member`."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        found |= _names(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for member in node.body for name in _names(member)}
    return frozenset(found)


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return {name}
        case _:
            return set()


def places() -> list[tuple[str, tuple[str, ...]]]:
    """Give each path that the document names, with the names that stand right after it."""
    return [
        (path, tuple(re.findall(r"`([^`]+)`", names))) for path, names in re.findall(f"{PATH}({NAMES})", TEXT)
    ]


def test_many_places_are_named() -> None:
    assert len(places()) > 50
    assert ("store/register.py", ("Register.allot",)) in places()


@pytest.mark.parametrize(("path", "names"), places())
def test_every_place_is_there(path: str, names: tuple[str, ...]) -> None:
    assert place(path).exists(), path
    for name in names:
        assert name in defined_in(place(path)), f"{path} has no {name}"


def test_every_method_that_stands_alone_is_there_too() -> None:
    everything = set[str]().union(
        *(defined_in(path) for package in ("dispatch", "keys") for path in (ROOT / package).rglob("*.py"))
    )
    named = set(re.findall(r"`([A-Z]\w+\.\w+)`", TEXT)) - {"FORMAT.md"}
    assert len(named) > 5
    assert named <= everything


def test_the_rooms_are_those_that_the_imports_are_held_to() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]*)\|$", TEXT, re.MULTILINE)
    documented = [(room, frozenset(re.findall(r"\w+", imports))) for room, imports in rows]
    assert documented == [(room, may) for room, may in ROOMS.items() if not room.startswith("__")]


def test_it_is_one_page() -> None:
    assert len(TEXT.splitlines()) <= 100
