"""Imports go downward only: keys/ and dispatch/ in the order of the tables here.

Whoever adds a module places it in its table; a table may name modules that are still to be written.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Lowest first: a module imports only what is named before it here. A folder is one layer, whose modules
# import one another freely. Every import of `keys.x` runs `keys/__init__.py` first: that is the lowest.
LAYERS = {
    "keys": (
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
        "trust",
        "keyfile",
    ),
    "dispatch": (
        "__init__",
        "errors",
        "files",
        "folders",
        "parallel",
        "grammar",
        "periods",
        "slots",
        "merkle",
        "note",
        "continuity",
        "obligation",
        "message",
        "plaintext",
        "addressees",
        "envelope",
        "tomlindex",
        "draft",
        "formvalues",
        "reportform",
        "answers",
        "outgoing",
        "case",
        "duties",
        "collate",
        "register",
        "attachment",
        "outbox",
        "docket",
        "drafting",
        "inbox",
        "statement",
        "publication",
        "audit",
        "home",
        "keeper",
        "founding",
        "receipting",
        "office",
        "carriers",
        "render",
        "cli",
        "__main__",
    ),
}

# Where only some layers may import a thing: every other one may not.
ONLY = {
    "cryptography": "keys",
    "nacl": "keys",
    "bcrypt": "keys",
    "sqlite3": "dispatch.register",
    "dispatch.render": "dispatch.cli",
}

# render/ shows what it is given: messages, and the results that pure modules make of them. It knows of
# nothing that opens, keeps or sends.
RENDER_CEILING = "message"
RENDER_ALSO = frozenset({"case", "duties", "collate", "audit", "publication"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import: `path:line`, the layer it stands in (`dispatch.note`), and what is imported."""

    where: str
    layer: str
    target: str


def layer_of(module: str) -> str:
    """Name the layer of a dotted name: `keys.age.header` is in `keys.age`, `keys` is `keys.__init__`."""
    return ".".join([*module.split("."), "__init__"][:2])


def layer_of_file(path: str) -> str:
    return layer_of(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


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
        here = (f"{path}:{node.lineno}", layer_of_file(path))
        found += [Import(where=here[0], layer=here[1], target=target) for target in targets]
    return found


def fault_of(one: Import) -> str | None:
    """Say what is wrong with an import, or None."""
    for guarded, owner in ONLY.items():
        if _within(one.target, guarded) and not (_within(one.layer, owner) or _within(one.layer, guarded)):
            return f"only {owner} imports {guarded}, not {one.layer}"
    package, _, module = one.layer.partition(".")
    target_package, _, target = layer_of(one.target).partition(".")
    if (package, target_package) == ("keys", "dispatch"):
        return "keys imports nothing from dispatch"
    order = LAYERS[package]
    if package != target_package or target not in order:  # a module in no table is a fault of that module's
        return None
    if order.index(target) > order.index(module):
        return f"{package}.{target} is above {one.layer}"
    if module == "render" and target not in (
        *order[: order.index(RENDER_CEILING) + 1],
        *RENDER_ALSO,
        "render",
    ):
        return f"{package}.{target} is above {RENDER_CEILING}, and no result that render may know"
    return None


def faults_of(sources: dict[str, str]) -> list[str]:
    """Say what is out of place in files, given as path (from the checkout) and text."""
    faults = []
    for path, source in sorted(sources.items()):
        layer = layer_of_file(path)
        package, _, module = layer.partition(".")
        if module not in LAYERS[package]:
            faults.append(f"{path}: give {layer} its place in LAYERS in tests/test_layers.py")
            continue
        faults += [f"{one.where}: {fault}" for one in imports_of(path, source) if (fault := fault_of(one))]
    return faults


def _within(module: str, layer: str) -> bool:
    return module == layer or module.startswith(f"{layer}.")


def test_every_module_is_placed_and_imports_only_downward() -> None:
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for package in LAYERS
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    assert {"keys/__init__.py", "dispatch/__init__.py"} <= sources.keys()
    faults = faults_of(sources)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("dispatch/note.py", "import cryptography", "only keys imports cryptography, not dispatch.note"),
        ("dispatch/cli/keys.py", "import nacl.signing", "only keys imports nacl, not dispatch.cli"),
        ("dispatch/note.py", "def f():\n import bcrypt", "only keys imports bcrypt, not dispatch.note"),
        ("dispatch/inbox.py", "import sqlite3", "only dispatch.register imports sqlite3, not dispatch.inbox"),
        ("keys/trust.py", "import sqlite3", "only dispatch.register imports sqlite3, not keys.trust"),
        ("keys/trust.py", "from dispatch import note", "keys imports nothing from dispatch"),
        ("keys/codec.py", "from keys.age import header", "keys.age is above keys.codec"),
        ("keys/age/header.py", "from keys import trust", "keys.trust is above keys.age"),
        ("keys/age/header.py", "from ..trust import judge", "keys.trust is above keys.age"),
        ("keys/__init__.py", "import keys.codec", "keys.codec is above keys.__init__"),
        ("dispatch/note.py", "from . import office", "dispatch.office is above dispatch.note"),
        ("dispatch/note.py", "import json, dispatch.office as o", "dispatch.office is above dispatch.note"),
        ("dispatch/office.py", "import dispatch.render.html", "only dispatch.cli imports dispatch.render"),
        ("dispatch/render/html.py", "from dispatch.envelope import x", "dispatch.envelope is above message"),
        (
            "dispatch/render/html.py",
            "def f():\n import dispatch.register",
            "dispatch.register is above message",
        ),
    ],
)
def test_an_import_out_of_place_is_named(path: str, source: str, fault: str) -> None:
    [said] = faults_of({path: source})
    assert said.startswith(f"{path}:{1 + source.count(chr(10))}: {fault}")


@pytest.mark.parametrize("path", ["dispatch/utils.py", "keys/utils/__init__.py", "keys/utils/text.py"])
def test_a_module_without_a_place_is_named(path: str) -> None:
    [said] = faults_of({path: "import sqlite3"})
    assert said.startswith(f"{path}: give {path.split('/', maxsplit=1)[0]}.utils its place")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("keys/age/__init__.py", "import cryptography\nimport keys.age.header\nfrom keys import errors"),
        ("dispatch/register.py", "import sqlite3\nimport keys.trust\nfrom dispatch import VERSION"),
        ("dispatch/render/html.py", "from dispatch.render import text\nfrom dispatch.message import Message"),
        ("dispatch/render/html.py", "from dispatch.collate import Row\nfrom dispatch.audit import Finding"),
        ("dispatch/cli/main.py", "from dispatch.render import html\nfrom ..office import Office"),
    ],
)
def test_an_import_in_its_place_is_not(path: str, source: str) -> None:
    assert faults_of({path: source}) == []
