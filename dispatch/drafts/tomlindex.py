"""Find the lines of fields and strings in TOML, because `tomllib` does not tell them. Pure."""

from __future__ import annotations

import re
import tomllib
from typing import Any, cast

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\])*"|' + r"'[^']*')"
    r"|(?P<newline>\n)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<equals>=)|(?P<blank>[ \t]+|#[^\n]*)"
    r"|(?P<comma>,)|(?P<other>[\w.:-]+|.)",
    re.DOTALL,
)
_BARE_NAMES = re.compile(r"[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+")
_MAX_PATH = 100  # no path above a field of a draft is longer, and long ones above many would fill the memory


class TomlIndex:
    """The lines of the fields and strings of valid TOML, of which every line ends in LF.

    `lines`: by paths such as `to`, `to[2]`, `obligation[1]` and `obligation[1].due`, however the tables are
    written. Positions count from 0; a name without one is the first of that name. Elements of lists have a
    line if they are texts, lists or tables. What lies deeper than any field of a draft has none.
    `strings`: every string value with its line.
    """

    def __init__(self, source: str, line: int) -> None:
        self.lines: dict[str, int] = {}
        self.strings: list[tuple[int, str]] = []
        self._counts: dict[str, int] = {}
        self._prefix = ""
        self._scan(source, line)

    def _scan(self, source: str, line: int) -> None:
        """Go through the statements: table headers, and keys with their values."""
        start: int | None = None
        value: _Value | None = None
        begun = line
        for token in _TOKEN.finditer(source):
            kind = token.lastgroup
            if kind not in ("newline", "blank"):
                if start is None:
                    start, begun = token.start(), line
                if value is not None:
                    value.feed(kind, token[0], line)
                elif kind == "equals":
                    value = _Value(self._add_key(source[start : token.start()], begun), self)
            elif kind == "newline" and start is not None and not (value and value.is_open):
                if value is None:
                    self._open_table(source[start : token.start()], begun)
                start = value = None
            line += token[0].count("\n")

    def add_place(self, path: str, line: int) -> None:
        """Record a part of a value; the first of its path counts."""
        self.lines.setdefault(path, line)

    def add_string(self, raw: str, line: int) -> None:
        """Record a string as it stands in the source."""
        skipped = raw[3:4] == "\n"  # TOML drops a newline that follows the opening quotes
        self.strings.append((line + skipped, _value_of(raw)))

    def _add_key(self, key: str, line: int) -> str:
        """Record a key, each part of a dotted one, and give its path."""
        path = self._prefix
        for name in _names(key):
            path = self._add(path, name, line)
        return path

    def _add(self, path: str, name: str, line: int) -> str:
        """Record a path below another, and give it; give the other one if it would be too deep."""
        if len(path) > _MAX_PATH:
            return path
        path = f"{path}.{name}" if path else name
        self.lines.setdefault(path, line)
        return path

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
        self._prefix = path


class _Level:
    """An array or inline table that is open. `key`: the tokens of a name so far; None after the name."""

    def __init__(self, path: str, *, is_table: bool) -> None:
        self.path = path
        self.is_table = is_table
        self.field = ""
        self.position = 0
        self.key: list[str] | None = [] if is_table else None

    def next(self) -> None:
        """Go on after a comma."""
        self.position += 1
        if self.is_table:
            self.key = []

    def here(self) -> str:
        """Give the path of the element or field that is being read; if it is too deep, its parent's."""
        if len(self.path) > _MAX_PATH:
            return self.path
        return self.path + (self.field if self.is_table else f"[{self.position}]")


class _Value:
    """Follows the tokens of one value, and records the lines of its parts and of its strings."""

    def __init__(self, path: str, index: TomlIndex) -> None:
        self._path = path
        self._index = index
        self._levels: list[_Level] = []

    @property
    def is_open(self) -> bool:
        """Tell whether the value goes on after the end of a line."""
        return bool(self._levels)

    def feed(self, kind: str | None, text: str, line: int) -> None:
        """Take the next token, which is neither blank nor the end of a line."""
        level = self._levels[-1] if self._levels else None
        if kind == "close":
            self._levels.pop()
        elif kind == "comma" and level is not None:
            level.next()
        elif level is not None and level.key is not None:
            self._feed_key(level, level.key, kind, text, line)
        else:
            self._feed_value(level, kind, text, line)

    def _feed_key(self, level: _Level, key: list[str], kind: str | None, text: str, line: int) -> None:
        if kind != "equals":
            key.append(text)
            return
        level.key = None
        level.field = ""
        for name in _names("".join(key)):
            level.field += f".{name}"
            self._place(level, line)

    def _feed_value(self, level: _Level | None, kind: str | None, text: str, line: int) -> None:
        if kind == "string":
            self._index.add_string(text, line)
        if kind in ("string", "open") and level is not None and not level.is_table:
            self._place(level, line)
        if kind == "open":
            self._levels.append(_Level(level.here() if level else self._path, is_table=text == "{"))

    def _place(self, level: _Level, line: int) -> None:
        if len(level.path) <= _MAX_PATH:
            self._index.add_place(level.here(), line)


def _names(key: str) -> list[str]:
    """Take a dotted key or a table's header apart."""
    bare = key.strip("[] \t")
    if _BARE_NAMES.fullmatch(bare):
        return bare.split(".")
    names = []
    value: Any = tomllib.loads(key if key.startswith("[") else f"[{key}]")
    while value:
        names.append(next(iter(value)))
        value = value[names[-1]]
        value = value[0] if isinstance(value, list) else value
    return names


def _value_of(raw: str) -> str:
    if "\\" in raw or raw[:3] in ('"""', "'''"):
        return cast("str", tomllib.loads(f"x = {raw}")["x"])
    return raw[1:-1]
