"""Where fields and strings stand in TOML: the line numbers that `tomllib` does not give."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\])*"|' + r"'[^']*')"
    r"|(?P<newline>\n)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<equals>=)|(?P<blank>[ \t]+|#[^\n]*)"
    r"|(?P<other>[\w.:-]+|.)",
    re.DOTALL,
)


class TomlIndex:
    """Where the fields and strings of valid TOML stand. Its line ends are LF, at the end too.

    `lines`: paths such as `to`, `to[2]`, `obligation[1]`, `obligation[1].due`
    (counted from 0; a name alone is the first of that name). `strings`: every
    string value with its line.
    """

    def __init__(self, source: str, line: int) -> None:
        self.lines: dict[str, int] = {}
        self.strings: list[tuple[int, str]] = []
        self._counts: dict[str, int] = {}
        self._prefix = ""
        for statement in _statements(source, line):
            if statement.key is None:
                self._open_table(statement.text, statement.line)
                continue
            path = f"{self._prefix}{_first_name(statement.key)}"
            self.lines.setdefault(path, statement.line)
            for number, (at, raw) in enumerate(statement.strings):
                skipped = raw[3:4] == "\n"  # TOML drops a newline that follows the opening quotes
                self.strings.append((at + skipped, _value_of(raw)))
                if statement.is_array:
                    self.lines.setdefault(f"{path}[{number}]", at)

    def _open_table(self, header: str, line: int) -> None:
        names = _names(header)
        path = ""
        for position, name in enumerate(names, 1):
            path += f".{name}" if path else name
            if position == len(names):
                self.lines.setdefault(path, line)
                if header.startswith("[["):
                    self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path += f"[{self._counts[path] - 1}]"
        self.lines.setdefault(path, line)
        self._prefix = f"{path}."


class _Statement(NamedTuple):
    """A table header (`key` is None), or a key with its value. `strings`: line and raw text of each."""

    line: int
    text: str
    key: str | None
    is_array: bool
    strings: tuple[tuple[int, str], ...]


def _statements(source: str, line: int) -> Iterator[_Statement]:
    """Cut valid TOML, which ends with LF, into its statements."""
    start = equals = None
    begun = line
    depth = 0
    strings: list[tuple[int, str]] = []
    for token in _TOKEN.finditer(source):
        kind = token.lastgroup
        if start is None and kind not in ("newline", "blank"):
            start, begun = token.start(), line
        if kind == "string" and equals is not None:
            strings.append((line, token[0]))
        elif kind == "equals" and equals is None:
            equals = token.start()
        elif kind in ("open", "close"):
            depth += 1 if kind == "open" else -1
        elif kind == "newline" and depth == 0 and start is not None:
            text = source[start : token.start()]
            key = None if equals is None else source[start:equals]
            is_array = equals is not None and source[equals + 1 : token.start()].lstrip().startswith("[")
            yield _Statement(begun, text, key, is_array, tuple(strings))
            start = equals = None
            strings = []
        line += token[0].count("\n")


def _first_name(key: str) -> str:
    return next(iter(tomllib.loads(f"{key}= 0")))


def _names(header: str) -> list[str]:
    names = []
    value: Any = tomllib.loads(header)
    while value:
        names.append(next(iter(value)))
        value = value[names[-1]]
        value = value[0] if isinstance(value, list) else value
    return names


def _value_of(raw: str) -> str:
    if "\\" in raw or raw[:3] in ('"""', "'''"):
        return cast("str", tomllib.loads(f"x = {raw}")["x"])
    return raw[1:-1]
