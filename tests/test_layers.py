"""Imports go downward only: the rooms of dispatch/ and the modules of keys/, and what must never meet.

Whoever adds a room or a module of keys/ places it in its table.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Lowest first: a module imports only what is named before it here. A folder is one layer, whose modules
# import one another freely. Every import of `keys.x` runs `keys/__init__.py` first: that is the lowest.
KEYS = (
    "__init__",
    "errors",
    "codec",
    "text",
    "canonical",
    "age",
    "opensshkey",
    "signing",
    "sshsig",
    "signed",
    "lines",
    "card",
    "roster",
    "soundness",
    "trust",
    "keyfile",
)

# What each room may import besides itself, `errors` and `keys`. From the top down.
ROOMS = {
    "__init__": frozenset({"office", "audit", "drafts", "formats", "store"}),  # the door, see below
    "__main__": frozenset({"cli"}),
    "cli": frozenset(
        {"office", "realm", "audit", "render", "drafts", "duties", "store", "formats", "system"}
    ),
    "office": frozenset({"realm", "drafts", "duties", "store", "carriers", "checks", "formats", "system"}),
    "render": frozenset({"duties", "audit", "formats"}),
    "audit": frozenset({"duties", "checks", "formats", "system"}),
    "realm": frozenset({"store", "checks", "formats", "system"}),
    "drafts": frozenset({"checks", "formats"}),
    "duties": frozenset({"checks", "formats"}),
    "store": frozenset({"checks", "formats", "system"}),
    "carriers": frozenset({"system"}),
    "checks": frozenset({"formats"}),
    "formats": frozenset(),
    "system": frozenset(),
    "errors": frozenset(),
}

# Where only one room may import a thing from outside.
ONLY = {"cryptography": "keys", "nacl": "keys", "bcrypt": "keys", "sqlite3": "dispatch.store"}

# What is never reached, through however many imports.
NEVERS = (
    ("dispatch.audit", ("dispatch.store", "dispatch.realm", "dispatch.carriers", "dispatch.office")),
    ("dispatch.duties", ("dispatch.store", "dispatch.realm", "dispatch.carriers", "dispatch.office")),
    ("dispatch.drafts", ("dispatch.store", "dispatch.realm", "dispatch.carriers", "dispatch.office")),
    ("dispatch.office.inbox", ("dispatch.office.outbox",)),
    ("keys", ("dispatch",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import: `path:line`, the module it stands in, and what is imported."""

    where: str
    module: str
    target: str


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room_of(module: str) -> str:
    """Name the room, or the module of keys: `dispatch.audit.chains` is in `audit`, `keys` in `__init__`."""
    return [*module.split("."), "__init__"][1]


def imports_of(path: str, source: str) -> list[Import]:
    """List every import in a file, wherever in it: at the top, in a function, for types only."""
    folders = path.split("/")[:-1]
    found = []
    for node in ast.walk(ast.parse(source, path)):
        match node:
            case ast.Import(names=names):
                targets = [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                start = folders[: len(folders) - level + 1] if level else []
                targets = [".".join([*start, *filter(None, [module]), alias.name]) for alias in names]
            case _:
                continue
        where, here = f"{path}:{node.lineno}", module_of(path)
        found += [Import(where=where, module=here, target=target) for target in targets]
    return found


def fault_of(one: Import) -> str | None:
    """Say what is wrong with an import, or None."""
    for guarded, owner in ONLY.items():
        if _within(one.target, guarded) and not _within(one.module, owner):
            return f"only {owner} imports {guarded}"
    package, target_package = one.module.split(".")[0], one.target.split(".")[0]
    here, there = room_of(one.module), room_of(one.target)
    if (package, target_package) == ("keys", "dispatch"):
        return "keys imports nothing of dispatch"
    if (
        (package, target_package) == ("keys", "keys")
        and there in KEYS
        and KEYS.index(there) > KEYS.index(here)
    ):
        return f"keys.{there} is above keys.{here}"
    if (package, target_package) == ("dispatch", "dispatch"):
        if there not in ROOMS or there in ("errors", "__init__") or here == there:
            return None
        if there not in ROOMS[here]:
            return f"{here} does not import {there}"
    return None


def faults_of(sources: dict[str, str]) -> list[str]:
    """Say what is out of place in files, given as path (from the checkout) and text."""
    faults = []
    imports: dict[str, list[Import]] = {}
    for path, source in sorted(sources.items()):
        module = module_of(path)
        package, room = module.split(".")[0], room_of(module)
        if room not in (KEYS if package == "keys" else ROOMS):
            faults.append(f"{path}: give {package}.{room} its place in tests/test_layers.py")
            continue
        imports[module] = imports_of(path, source)
        faults += [f"{one.where}: {fault}" for one in imports[module] if (fault := fault_of(one))]
    for start, ends in NEVERS:
        for module in imports:
            if _within(module, start):
                faults += [
                    f"{module} reaches {end}: {way}" for end in ends if (way := way_to(imports, module, end))
                ]
    return faults


def way_to(imports: dict[str, list[Import]], start: str, end: str) -> str:
    """Give the shortest chain of imports from a module to another or into a room; empty if there is none."""
    ways = {start: [start]}
    queue = [start]
    while queue:
        module = queue.pop(0)
        if module != start and _within(module, end):
            return " -> ".join(ways[module])
        for one in imports.get(module, []):
            # `from dispatch.formats.note import Note` names a thing in a module
            target = one.target if one.target in imports else one.target.rpartition(".")[0]
            if target in imports and target not in ways:
                ways[target] = [*ways[module], target]
                queue.append(target)
    return ""


def _within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def test_every_import_goes_downward_and_what_must_never_meet_does_not() -> None:
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for package in ("keys", "dispatch")
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    assert {"keys/__init__.py", "dispatch/__init__.py"} <= sources.keys()
    faults = faults_of(sources)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("dispatch/formats/note.py", "import cryptography", "only keys imports cryptography"),
        ("dispatch/cli/keys.py", "import nacl.signing", "only keys imports nacl"),
        ("dispatch/formats/note.py", "def f():\n import bcrypt", "only keys imports bcrypt"),
        ("dispatch/office/inbox.py", "import sqlite3", "only dispatch.store imports sqlite3"),
        ("keys/trust.py", "import sqlite3", "only dispatch.store imports sqlite3"),
        ("keys/trust.py", "from dispatch import errors", "keys imports nothing of dispatch"),
        ("keys/codec.py", "from keys.age import header", "keys.age is above keys.codec"),
        ("keys/age/header.py", "from keys import trust", "keys.trust is above keys.age"),
        ("keys/age/header.py", "from ..trust import judge", "keys.trust is above keys.age"),
        ("keys/__init__.py", "import keys.codec", "keys.codec is above keys.__init__"),
        ("dispatch/formats/note.py", "from dispatch import office", "formats does not import office"),
        ("dispatch/formats/note.py", "from ..checks import answers", "formats does not import checks"),
        ("dispatch/formats/note.py", "import json, dispatch.office as o", "formats does not import office"),
        ("dispatch/office/office.py", "import dispatch.render.html", "office does not import render"),
        ("dispatch/office/office.py", "import dispatch.audit.chains", "office does not import audit"),
        ("dispatch/render/html.py", "from dispatch.checks.values import x", "render does not import checks"),
        ("dispatch/render/html.py", "def f():\n import dispatch.store", "render does not import store"),
        ("dispatch/audit/run.py", "from dispatch.store import Register", "audit does not import store"),
    ],
)
def test_an_import_out_of_place_is_named(path: str, source: str, fault: str) -> None:
    assert f"{path}:{1 + source.count(chr(10))}: {fault}" in faults_of({path: source})


def test_an_import_for_types_only_counts() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dispatch.store import Register"
    assert faults_of({"dispatch/duties/case.py": source})


def test_what_must_never_meet_is_found_through_other_modules() -> None:
    sources = {
        "dispatch/office/inbox.py": "from dispatch.office.receipts import send",
        "dispatch/office/receipts.py": "def send():\n from dispatch.office import outbox",
        "dispatch/office/outbox.py": "",
    }
    [fault] = faults_of(sources)
    assert fault == (
        "dispatch.office.inbox reaches dispatch.office.outbox: "
        "dispatch.office.inbox -> dispatch.office.receipts -> dispatch.office.outbox"
    )


@pytest.mark.parametrize("path", ["dispatch/utils.py", "keys/utils/__init__.py", "keys/utils/text.py"])
def test_a_module_without_a_place_is_named(path: str) -> None:
    [said] = faults_of({path: "import json"})
    assert said.startswith(f"{path}: give {path.split('/', maxsplit=1)[0]}.utils its place")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("keys/age/__init__.py", "import cryptography\nimport keys.age.header\nfrom keys import errors"),
        ("dispatch/store/register.py", "import sqlite3\nimport keys.trust\nfrom dispatch import __version__"),
        (
            "dispatch/render/html.py",
            "from dispatch.render import text\nfrom dispatch.formats.message import Letter",
        ),
        (
            "dispatch/render/html.py",
            "from dispatch.duties.collation import Row\nfrom dispatch.audit import Finding",
        ),
        ("dispatch/cli/main.py", "from dispatch.render import html\nfrom ..office import Office"),
    ],
)
def test_an_import_in_its_place_is_not(path: str, source: str) -> None:
    assert faults_of({path: source}) == []


@pytest.mark.parametrize(("start", "ends"), NEVERS)
def test_what_must_never_meet_is_not_loaded_either(start: str, ends: tuple[str, ...]) -> None:
    code = f"import sys, {start}\nprint(*[name for name in sys.modules if name.startswith({ends})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
