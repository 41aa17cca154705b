"""Take a draft apart: decode it, find its TOML and its text, look for marks of unfinished editing. Pure."""

from __future__ import annotations

import re
import tomllib
from codecs import BOM_UTF8
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from dispatch.errors import MALFORMED, REFUSED, Problem
from dispatch.formats.message import MAX_MESSAGE
from keys.errors import FormatError
from keys.text import check_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DRAFT = MAX_MESSAGE
FENCE = "+++"
PLACEHOLDER = "[Replace this:"
"""With this begins each place of a template that is to be replaced."""

_MAX_PROBLEMS = 1000
_EXCERPT = 40
_PLACEHOLDER = re.compile(re.escape(PLACEHOLDER))
_PLACEHOLDER_HANDLE = "replace-this"
_PARAGRAPH = re.compile(r"^([0-9]{1,9})\.(?![0-9])", re.MULTILINE)
_MARK = re.compile(r"\{(\+\+|--|~~|==|>>)")
_MARK_ENDS = {"++": "++}", "--": "--}", "~~": "~~}", "==": "==}", ">>": "<<}"}
# What tomllib keeps of a dotted name grows with the square of its parts: 100 KB would fill the memory.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
# CR CR LF is what comes of turning LF into CRLF twice; after this, valid TOML holds no CR.
_LINE_END = re.compile(r"(?<!\r)\r++\n")
_TOML_PLACE = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")
_KIND_REPORT = re.compile(r"""^[ \t]*kind[ \t]*=[ \t]*["']report["']""", re.MULTILINE)
_VALUE_LIKE_DAY = re.compile(r"[^=#\"']*=\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\b")
_VALUE_LIKE_NUMBER = re.compile(r"[^=#\"']*=\s*[+-]?[0-9][0-9.,\s]*(#.*)?$")


class Problems:
    """The problems found so far: of each code no more than anybody would read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._counts = {MALFORMED: 0, REFUSED: 0}

    def malformed(self, line: int, text: str, hint: str = "") -> None:
        """Add a problem that the grammar forbids."""
        self._add(Problem(line, text, hint, MALFORMED))

    def refused(self, line: int, text: str, hint: str = "") -> None:
        """Add a problem that the grammar allows and that must not go out."""
        self._add(Problem(line, text, hint, REFUSED))

    def enough(self, code: int) -> bool:
        """Tell whether there are so many of this code that no more are taken."""
        return self._counts[code] >= _MAX_PROBLEMS

    def _add(self, problem: Problem) -> None:
        if not self.enough(problem.code):
            self._counts[problem.code] += 1
            self.problems.append(problem)


class Parts(NamedTuple):
    """A draft taken apart: the TOML and the body, and the line on which each begins."""

    source: str
    source_line: int
    body: str
    body_line: int


def decode(data: bytes, found: Problems) -> str | None:
    """Decode UTF-8, with or without byte order mark, and make every line end LF."""
    if len(data) > MAX_DRAFT:
        found.malformed(1, f"the draft is longer than {MAX_DRAFT} bytes")
        return None
    bare = data.removeprefix(BOM_UTF8)
    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = error.start + len(data) - len(bare) + 1
        line = bare.count(b"\n", 0, error.start) + 1
        found.malformed(line, f"not UTF-8 text, at byte {byte} of the file", "save the draft as UTF-8")
        return None
    return _LINE_END.sub("\n", text)


def split(text: str, found: Problems) -> Parts | None:
    """Find the front matter between the first two +++ lines."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].rstrip() != FENCE:
        hint = f"`dispatch draft circular` makes a template, with {FENCE} lines around the fields"
        found.malformed(first + 1, f"a draft begins with a line {FENCE}", hint)
        return None
    last = next((n for n, line in enumerate(lines) if n > first and line.rstrip() == FENCE), None)
    if last is None:
        found.malformed(first + 1, f"a second line {FENCE} is missing", "it stands between fields and text")
        return None
    start = next((n for n, line in enumerate(lines) if n > last and line.strip()), last + 1)
    return Parts(
        source="\n".join(lines[first + 1 : last]) + "\n",
        source_line=first + 2,
        body="\n".join(lines[start:]).strip(),
        body_line=min(start + 1, len(lines)),
    )


def parse_toml(parts: Parts, found: Problems) -> dict[str, Any] | None:
    """Parse the front matter; line numbers are those of the file."""
    if _LONG_KEY.search(parts.source):
        found.malformed(parts.source_line, "a name of too many parts")
        return None
    try:
        return tomllib.loads(parts.source, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        rows = parts.source.split("\n")
        place = _TOML_PLACE.search(message)
        row = int(place[1]) - 1 if place else len(rows) - 1  # at the end: where the second +++ stands
        text, hint = _explain(message.removesuffix(place[0] if place else ""), rows[row])
        found.malformed(parts.source_line + row, text, hint)
    except (
        RecursionError,
        ValueError,
        ArithmeticError,
    ):  # what int() says to 5,000 digits, Decimal to 1e9999…
        found.malformed(parts.source_line, "the fields hold too many brackets or too long a number")
    return None


def is_report(parts: Parts, table: dict[str, Any] | None) -> bool:
    """Tell whether this is the draft of a report, even if its TOML does not parse."""
    if table is None:
        return _KIND_REPORT.search(parts.source) is not None
    return table.get("kind") == "report"


def _explain(message: str, row: str) -> tuple[str, str]:
    """Say what a TOML error means and what to do, for people who never heard of TOML."""
    if re.search("[\u2018-\u201f\u00ab\u00bb]", row.partition("#")[0].partition('"')[0]):
        said = "a value in typographic quotes", 'use straight quotes, "'
    elif message.startswith("Illegal character '\\n'"):
        said = "a quoted text does not end on its line", 'a closing quote " is missing'
    elif message.startswith("Cannot overwrite"):
        said = "a field stands twice", "delete one of them"
    elif _VALUE_LIKE_DAY.match(row):
        said = "no day of the calendar", "a day reads 2026-12-31"
    elif _VALUE_LIKE_NUMBER.match(row):
        said = "a number that TOML writes otherwise", "1234 or 12.5: no comma, no space, no 0 before it"
    elif message == "Invalid value":
        said = "not a value of TOML", 'text stands in straight quotes: subject = "…"'
    else:
        said = f"not TOML: {message[:1].lower()}{message[1:]}", "a field reads: name = value"
    return said


def check_strings(strings: Iterable[tuple[int, str]], found: Problems) -> None:
    """Check every string of the fields for placeholders and marks."""
    for line, value in strings:
        if value == _PLACEHOLDER_HANDLE:
            found.refused(line, f"{value!r} is the template's placeholder", "put handles or @groups there")
        _check_text(line, value, found)


def check_body(parts: Parts, found: Problems, *, may_be_empty: bool = False) -> None:
    """Check that there is a text, that its characters are printable, and that its editing is done."""
    if not parts.body and not may_be_empty:
        found.refused(parts.body_line, "the draft has no text", f"write it after the second {FENCE}")
    for line, text in enumerate(parts.body.split("\n"), parts.body_line):
        try:
            check_block(text)
        except FormatError as error:
            found.malformed(line, f"the text: {error}", "delete it, or type the line anew")
    _check_text(parts.body_line, parts.body, found)


def _check_text(line: int, text: str, found: Problems) -> None:
    """Look for marks of unfinished editing: CriticMarkup and the template's placeholders."""
    start, here = 0, line
    for place in _PLACEHOLDER.finditer(text):
        if found.enough(REFUSED):
            return
        start, here = place.start(), here + text.count("\n", start, place.start())
        found.refused(here, f"the template's placeholder is still there: {_excerpt(text, start)}")
    start, here, end = 0, line, 0
    missing = set()  # not looked for twice, or a text of nothing but marks would take hours
    while not found.enough(REFUSED) and (mark := _MARK.search(text, end)):
        start, here = mark.start(), here + text.count("\n", start, mark.start())
        ending = _MARK_ENDS[mark[1]]
        closing = -1 if ending in missing else text.find(ending, mark.end())
        if closing < 0:
            missing.add(ending)
        end = mark.end() if closing < 0 else closing + len(ending)
        found.refused(
            here,
            f"an undecided change, {_excerpt(text, start, None if closing < 0 else end)}: "
            "a draft with two readings of one word may not go out",
            "accept or reject the change and take its marks away"
            if closing >= 0
            else f"its end, {ending}, is missing",
        )


def _excerpt(text: str, start: int, end: int | None = None) -> str:
    shown = text[start : min(start + _EXCERPT, end or len(text))]
    ellipsis = "…" if (end or len(text)) > start + _EXCERPT else ""
    return "".join(c if c.isprintable() else " " for c in shown) + ellipsis


def paragraphs(body: str) -> Iterator[tuple[int, str]]:
    """Give the numbered paragraphs of a text: each begins its line with its number, as in `4. Report`."""
    starts = list(_PARAGRAPH.finditer(body))
    ends = [*(found.start() for found in starts[1:]), len(body)]
    for found, end in zip(starts, ends, strict=False):
        yield int(found[1]), body[found.start() : end].strip()


def meant(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is nearest, if one is near."""
    spellings = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), spellings, 1)
    return f": did you mean {spellings[near[0]]!r}?" if near else ""
