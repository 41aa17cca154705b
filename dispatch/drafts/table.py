"""Read the fields of one TOML table by their types, with a problem for each that is wrong. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dispatch.drafts.text import meant
from dispatch.drafts.values import plain_decimal
from dispatch.errors import MALFORMED
from dispatch.formats.grammar import MAX_DIGITS, check_decimal, check_duration, passes
from keys.canonical import MAX_INTEGER
from keys.errors import FormatError
from keys.text import check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dispatch.drafts.text import Problems

_SPACE = " \t"
_POSITION = re.compile(r"\[[0-9]+\]")


class Table:
    """A table, with the lines of its fields and the problems. `noun`: what it is called; empty at the top."""

    def __init__(
        self,
        members: dict[str, Any],
        lines: Mapping[str, int],
        found: Problems,
        *,
        line: int,
        path: str = "",
        noun: str = "",
    ) -> None:
        self.members = members
        self.path = path
        self._lines = lines
        self._found = found
        self._line = line
        self._noun = noun

    def line(self, name: str = "") -> int:
        """Give the line of a field; if it is missing, the line on which the table begins."""
        return self._lines.get(f"{self.path}.{name}" if self.path else name, self._line)

    def malformed(self, name: str, text: str, hint: str = "") -> None:
        """Add a problem that the grammar forbids, at a field or, if it is missing, at the table."""
        self._found.malformed(self.line(name), text, hint)

    def refused(self, name: str, text: str, hint: str = "") -> None:
        """Add a problem that must not go out, at a field or, if it is missing, at the table."""
        self._found.refused(self.line(name), text, hint)

    def unknown(self, name: str, known: Iterable[str]) -> None:
        """Add the problem that there is no such field, and suggest which one may be meant."""
        if not self._found.enough(MALFORMED):
            where = f" in the {self._noun}" if self._noun else ""
            self.malformed(name, f"unknown field {name!r}{where}{meant(name, known)}")

    def check_names(self, known: tuple[str, ...]) -> None:
        """Add a problem for each field that does not exist."""
        for name in self.members:
            if name not in known:
                self.unknown(name, known)

    def need(self, name: str, hint: str) -> bool:
        """Tell whether a field is there, and add a problem if it is not."""
        if name not in self.members:
            self.malformed(name, f"no {name}" + (f" in the {self._noun}" if self._noun else ""), hint)
        return name in self.members

    def text(self, name: str) -> str | None:
        """Read a text."""
        value = self.members.get(name)
        if value is None or isinstance(value, str):
            return value and value.strip(_SPACE)
        self.malformed(name, f"{name} should be text in quotes", f'{name} = "…"')
        return None

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Read a text that must be one of the words allowed."""
        value = self.text(name)
        if value is None or value in allowed:
            return value
        self.malformed(
            name, f"{name} cannot be {value!r}{meant(value, allowed)}", f"one of: {', '.join(allowed)}"
        )
        return None

    def checked(
        self, name: str, check: Callable[[str], object], hint: str | Callable[[str], str] = ""
    ) -> str | None:
        """Read a text that must pass a check. `hint`: to give instead of the check's own."""
        value = self.text(name)
        return None if value is None else self.valid(name, value, check, hint)

    def valid(
        self, name: str, value: str, check: Callable[[str], object], hint: str | Callable[[str], str] = ""
    ) -> str | None:
        """Give a value if it passes a check, or else None, with a problem."""
        try:
            check(value)
        except FormatError as error:
            shown = hint if isinstance(hint, str) else hint(value)
            self.malformed(name, f"{_bare(name)}: {error}", shown or error.hint)
            return None
        return value

    def label(self, name: str) -> str | None:
        """Read one line of text."""
        return self.checked(name, check_line, "one line, at most 256 characters, none of them invisible")

    def duration(self, name: str) -> str | None:
        """Read a duration."""
        return self.checked(name, check_duration, '"P7D" is seven days, "PT12H" twelve hours')

    def count(self, name: str) -> int | None:
        """Read a whole number from 1."""
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_INTEGER:
            self.malformed(name, f"{name} should be a whole number from 1", f"{name} = 1")
            return None
        return value

    def boolean(self, name: str) -> bool:
        """Read true or false; what is missing is false."""
        value = self.members.get(name, False)
        if not isinstance(value, bool):
            self.malformed(name, f"{name} should be true or false", f"{name} = true, without quotes")
        return value is True

    def number(self, name: str) -> str | None:
        """Read a number, in quotes or not, as messages write it."""
        value = self.members.get(name)
        if value is None:
            return None
        number = _canonical_decimal(value)
        if number is None:
            hint = f"{name} = 10, with at most {MAX_DIGITS} digits before the point and after it"
            self.malformed(name, f"{name} should be a number", hint)
        return number

    def day(self, name: str, check: Callable[[str], object]) -> str | None:
        """Read a day, in quotes or not."""
        value = self.members.get(name)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        hint = f"{name} = 2026-12-31"
        if value is None or isinstance(value, str):
            return value and self.valid(name, value.strip(_SPACE), check, hint)
        self.malformed(name, f"{name} should be a date", hint)
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Read a list of texts, each of one line."""
        value = self.members.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.malformed(name, f"{name} should be a list of texts in quotes", f'{name} = ["…", "…"]')
            return ()
        items = tuple(item.strip(_SPACE) for item in value)
        for position, item in enumerate(items):
            self.valid(self.element(name, position), item, check_line)
        return items

    def handles(self, name: str) -> tuple[str, ...]:
        """Read handles and @groups; one that is named twice counts once."""
        value = self.members.get(name, [])
        hint = f'{name} = ["tula", "@provinces"]'
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.malformed(name, f"{name} should be a list of handles and @groups", hint)
            return ()
        names = [item.strip(_SPACE) for item in value]
        for position, item in enumerate(names):
            self.valid(self.element(name, position), item, _check_addressee)
        return tuple(dict.fromkeys(names))

    def tables(self, name: str, noun: str, most: int | None = None) -> tuple[Table, ...]:
        """Read the tables below this one, at most `most`."""
        value = self.members.get(name, [])
        path = f"{self.path}.{name}" if self.path else name
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            header = f"[[{_POSITION.sub('', path)}]]"
            self.malformed(name, f"{name} should be a table under a line {header}", "two brackets each side")
            return ()
        tables = tuple(
            Table(
                members,
                self._lines,
                self._found,
                line=self.line(self.element(name, position)),
                path=f"{path}[{position}]",
                noun=noun,
            )
            for position, members in enumerate(value if most is None else value[: most + 1])
        )
        if most is not None and len(tables) > most:
            tables[most].malformed("", f"more than {most} of [[{_POSITION.sub('', path)}]]")
        return tables[:most]

    def element(self, name: str, position: int) -> str:
        """Name an element of a list if its line is known, and otherwise the list."""
        path = f"{self.path}.{name}" if self.path else name
        return f"{name}[{position}]" if f"{path}[{position}]" in self._lines else name


def _bare(name: str) -> str:
    return name.partition("[")[0]


def _check_addressee(name: str) -> None:
    parse_handle(name.removeprefix("@"))


def _canonical_decimal(value: object) -> str | None:
    """Write a number as messages do, without zeros at its end; None if it is no number or too long."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    try:
        if isinstance(value, str):
            value = value.strip(_SPACE)
            check_decimal(value)
    except FormatError:
        return None
    number = Decimal(value)
    text = "0" if number.is_zero() else plain_decimal(number)
    if text is not None and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if text is not None and passes(check_decimal, text) else None
