"""The ways in which a mutation takes a defence away.

A change names a function, as in `keys.trust:trust_update` or `keys.signing:VerifyKey.verify_raw`, and what is
done to its syntax tree. No line of the source is quoted, so a change still fits after the code is formatted
anew or moved inside the function. What no longer fits raises UnfitError, which says what is missing.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class UnfitError(Exception):
    """A mutation that does not fit the code, or breaks more than a defence."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change to one function. `done`: in words; `make`: does it, and counts the places."""

    where: str
    done: str
    make: Callable[[_Function], int]

    @property
    def path(self) -> Path:
        """The file of the function, from the root of the project."""
        module = Path(*self.where.partition(":")[0].split("."))
        return module / "__init__.py" if (ROOT / module).is_dir() else module.with_suffix(".py")

    def __str__(self) -> str:
        return f"{self.where}: {self.done}"

    def apply(self, source: str) -> str:
        """Make the change in the text of its file. Raises UnfitError."""
        tree = ast.parse(source)
        if not self.make(_find(tree, self.where)):
            raise UnfitError(f"{self.where} has no place for this any longer: {self.done}")
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def unguarded(where: str, words: str) -> Change:
    """Let no `if` that answers with these words, of a message or a name, come true any more."""

    def make(function: _Function) -> int:
        found = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.If)
            and _says(node, words)
            and not any(_says(one, words) for one in _inner(node))
        ]
        for node in found:
            node.test = ast.Constant(value=False)
        return len(found)

    return Change(where=where, done=f"the guard that answers {words!r} never does", make=make)


def uncalled(where: str, name: str) -> Change:
    """Leave out the statements that are nothing but a call of `name`."""

    def make(function: _Function) -> int:
        return _replace(
            function, lambda node: isinstance(node, ast.Expr) and _called(node.value) == name, ast.Pass()
        )

    return Change(where=where, done=f"{name} is not called", make=make)


def returning(where: str, expression: str) -> Change:
    """Return this at once."""

    def make(function: _Function) -> int:
        function.body = [ast.Return(value=_expression(expression))]
        return 1

    return Change(where=where, done=f"returns {expression} at once", make=make)


def replaced(where: str, old: str, new: str) -> Change:
    """Put another expression in the place of one."""
    wanted = ast.dump(_expression(old))

    def make(function: _Function) -> int:
        return _replace(function, lambda node: ast.dump(node) == wanted, _expression(new))

    return Change(where=where, done=f"{new} in the place of {old}", make=make)


def _find(tree: ast.Module, where: str) -> _Function:
    found: ast.AST = tree
    for name in where.partition(":")[2].split("."):
        inside = [
            node
            for node in getattr(found, "body", [])
            if isinstance(node, ast.ClassDef | _Function) and node.name == name
        ]
        if not inside:
            raise UnfitError(f"there is no {where} any longer")
        found = inside[-1]
    if not isinstance(found, _Function):
        raise UnfitError(f"{where} is no function")
    return found


def _says(node: ast.If, words: str) -> bool:
    return words in ast.unparse(ast.Module(body=node.body, type_ignores=[]))


def _inner(node: ast.If) -> list[ast.If]:
    return [one for statement in node.body for one in ast.walk(statement) if isinstance(one, ast.If)]


def _called(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    name = node.func
    return name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else None


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _replace(function: _Function, is_wanted: Callable[[ast.AST], bool], new: ast.AST) -> int:
    count = 0

    class Replacer(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            nonlocal count
            if is_wanted(node):
                count += 1
                return new
            return self.generic_visit(node)

    Replacer().visit(function)
    return count
