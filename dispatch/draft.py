"""What a clerk writes: TOML between +++ lines, then Markdown -> the content of a message.

Everything that is wrong with a draft is found in one reading, each problem with
its line in the file:

    MALFORMED   what the grammar of messages or of drafts does not allow
    REFUSED     what it allows and must not go out: marks of unfinished editing,
                placeholders of the template, parts that a later version builds

Pure: no I/O but the templates, and no roster. Who the addressees are, the caller
asks the roster, and takes the line of one of them from `Draft.lines`.
"""

from __future__ import annotations

import re
import tomllib
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast, get_args
from zoneinfo import available_timezones

from dispatch.errors import MALFORMED, REFUSED, DraftError, NotReadyError, Problem, RefusedError
from dispatch.grammar import check_duration
from dispatch.message import MAX_MESSAGE, Precedence, Reply
from dispatch.tomlindex import TomlIndex
from keys.errors import FormatError
from keys.text import check_block, check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Draft", "Problem", "Reading", "parse_draft", "read_draft", "template"]

Kind: TypeAlias = Literal["circular", "letter"]

MAX_DRAFT = MAX_MESSAGE
FENCE = "+++"
KINDS: tuple[str, ...] = get_args(Kind)

_COMMON = ("kind", "subject", "to", "info", "precedence")
_OF_CIRCULARS = ("zone", "reply", "reply_within")
_OF_REPORTS = ("answers", "period", "event", "event_label", "event_date", "nil", "values")
_NO_REPORTS = "reports are not yet built: this version writes circulars and letters"
_NO_OBLIGATIONS = "obligations and forms are not yet built: this version issues circulars without them"
_LATER = {
    "relation": "relations to earlier dispatches are not yet built: this version writes without them",
    "promise": "promises are not yet built: this version issues circulars without them",
    "obligation": _NO_OBLIGATIONS,
    "form": _NO_OBLIGATIONS,
    **dict.fromkeys(_OF_REPORTS, _NO_REPORTS),
}
_MAX_PROBLEMS = 1000
_SPACE = " \t"
_EXCERPT = 40
_PLACEHOLDER = re.compile(r"\[Replace this:")
_PLACEHOLDER_HANDLE = "replace-this"
_MARK = re.compile(r"\{(\+\+|--|~~|==|>>)")
_MARK_ENDS = {"++": "++}", "--": "--}", "~~": "~~}", "==": "==}", ">>": "<<}"}
# What tomllib keeps of a dotted name grows with the square of its parts: 100 KB would fill the memory.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
# CR CR LF is what comes of turning LF into CRLF twice; after this, valid TOML holds no CR.
_LINE_END = re.compile(r"(?<!\r)\r++\n")
_TOML_PLACE = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft that may go out as far as it says itself. A letter has the defaults of `zone` and `reply`.

    `lines`: where each field stands in the file, also `to[0]` and so on, and `body`.
    """

    kind: Kind
    subject: str
    to: tuple[str, ...]
    info: tuple[str, ...]
    precedence: Precedence
    body: str
    zone: str
    reply: Reply
    reply_within: str | None
    lines: Mapping[str, int] = field(compare=False, repr=False)


class Reading(NamedTuple):
    """What reading a draft gave: all problems by line, and the draft unless one of them is MALFORMED."""

    draft: Draft | None
    problems: tuple[Problem, ...]


def parse_draft(data: bytes) -> Draft:
    """Parse a draft that is ready to go out.

    Raises DraftError if it is malformed, else NotReadyError if something stops
    it; either carries all the problems.
    """
    draft, problems = read_draft(data)
    if draft is not None and not problems:
        return draft
    worst = next((problem for problem in problems if problem.code == MALFORMED), problems[0])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    kind = DraftError if worst.code == MALFORMED else NotReadyError
    raise kind(f"line {worst.line}: {worst.text}{more}", problems, hint=worst.hint)


def read_draft(data: bytes) -> Reading:
    """Read a draft and collect everything that stops it. Raises nothing."""
    found = _Problems()
    draft = None
    text = _decode(data, found)
    parts = None if text is None else _split(text, found)
    if parts is not None:
        _check_body(parts, found)
        table = _parse_toml(parts, found)
        if table is not None:
            index = TomlIndex(parts.source, parts.source_line)
            _check_strings(index.strings, found)
            draft = _Fields(table, index.lines, parts, found).draft()
    if any(problem.code == MALFORMED for problem in found.problems):
        draft = None
    return Reading(draft, tuple(sorted(found.problems, key=lambda problem: problem.line)))


def template(kind: str) -> str:
    """Give the commented template of a draft. Raises RefusedError for a kind that has none."""
    if kind not in KINDS:
        raise RefusedError(_NO_REPORTS if kind == "report" else f"no template for {kind!r}")
    return files("dispatch").joinpath("templates", f"{kind}.md").read_text("utf-8")


class _Problems:
    """The problems found so far, of either code no more than anybody will read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._counts = {MALFORMED: 0, REFUSED: 0}

    def malformed(self, line: int, text: str, hint: str = "") -> None:
        self._add(Problem(line, text, hint, MALFORMED))

    def refused(self, line: int, text: str, hint: str = "") -> None:
        self._add(Problem(line, text, hint, REFUSED))

    def enough(self, code: int) -> bool:
        return self._counts[code] >= _MAX_PROBLEMS

    def _add(self, problem: Problem) -> None:
        if not self.enough(problem.code):
            self._counts[problem.code] += 1
            self.problems.append(problem)


class _Parts(NamedTuple):
    """A draft taken apart: the TOML and the body, and the line on which each begins."""

    source: str
    source_line: int
    body: str
    body_line: int


def _decode(data: bytes, found: _Problems) -> str | None:
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


def _split(text: str, found: _Problems) -> _Parts | None:
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
    return _Parts(
        source="\n".join(lines[first + 1 : last]) + "\n",
        source_line=first + 2,
        body="\n".join(lines[start:]).strip(),
        body_line=min(start + 1, len(lines)),
    )


def _parse_toml(parts: _Parts, found: _Problems) -> dict[str, Any] | None:
    """Parse the front matter; line numbers are those of the file."""
    if _LONG_KEY.search(parts.source):
        found.malformed(parts.source_line, "a name of too many parts")
        return None
    try:
        return tomllib.loads(parts.source)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        rows = parts.source.split("\n")
        place = _TOML_PLACE.search(message)
        row = int(place[1]) - 1 if place else len(rows) - 1  # at the end: where the second +++ stands
        text, hint = _explain(message.removesuffix(place[0] if place else ""), rows[row])
        found.malformed(parts.source_line + row, text, hint)
    except (RecursionError, ValueError):  # ValueError: what int() says to 5,000 digits
        found.malformed(parts.source_line, "the fields hold too many brackets or too long a number")
    return None


def _explain(message: str, row: str) -> tuple[str, str]:
    """Say what a TOML error means, and what to do, to whoever never heard of TOML."""
    if re.search("[\u2018-\u201f\u00ab\u00bb]", row.partition("#")[0].partition('"')[0]):
        return "a value in typographic quotes", 'use straight quotes, "'
    if message.startswith("Illegal character '\\n'"):
        return "a quoted text does not end on its line", 'a closing quote " is missing'
    if message.startswith("Cannot overwrite"):
        return "a field stands twice", "delete one of them"
    if message == "Invalid value":
        return "not a value of TOML", 'text stands in straight quotes: subject = "…"'
    return f"not TOML: {message[:1].lower()}{message[1:]}", "a field reads: name = value"


def _check_strings(strings: Iterable[tuple[int, str]], found: _Problems) -> None:
    for line, value in strings:
        if value == _PLACEHOLDER_HANDLE:
            found.refused(line, f"{value!r} is the template's placeholder", "put handles or @groups there")
        _check_text(line, value, found)


def _check_body(parts: _Parts, found: _Problems) -> None:
    if not parts.body:
        found.refused(parts.body_line, "the draft has no text", f"write it after the second {FENCE}")
    for line, text in enumerate(parts.body.split("\n"), parts.body_line):
        try:
            check_block(text)
        except FormatError as error:
            found.malformed(line, f"the text: {error}", "delete it, or type the line anew")
    _check_text(parts.body_line, parts.body, found)


def _check_text(line: int, text: str, found: _Problems) -> None:
    """Look for what unfinished editing leaves: CriticMarkup and the template's placeholders."""
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


def _meant(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is nearest, if one is near."""
    spellings = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), spellings, 1)
    return f": did you mean {spellings[near[0]]!r}?" if near else ""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_zone_exists(zone: str) -> None:
    # listing the zones takes a while, and most drafts name none
    if zone != "UTC" and zone not in _zones():
        raise FormatError(f"no such time zone: {zone!r}")


def _zone_hint(zone: str) -> str:
    return f"an IANA name, as in Europe/Moscow{_meant(zone, _zones())}"


def _subject_hint(_: str) -> str:
    return "one line, at most 256 characters, none of them invisible"


def _duration_hint(_: str) -> str:
    return '"P7D" is seven days, "PT12H" twelve hours'


class _Fields:
    """Reads the fields of a parsed front matter, one problem for each that is wrong."""

    def __init__(self, table: dict[str, Any], lines: dict[str, int], parts: _Parts, found: _Problems) -> None:
        self._table = table
        self._lines = lines
        self._parts = parts
        self._found = found

    def draft(self) -> Draft | None:
        """Read them all. What comes out counts only if no problem is MALFORMED."""
        is_report = self._table.get("kind") == "report"
        kind = None if is_report else self._kind()
        self._check_names(kind, is_report=is_report)
        if is_report:
            self._found.refused(self._line("kind"), _NO_REPORTS)
            return None
        return Draft(
            kind=cast("Kind", kind),
            subject=self._subject(),
            to=self._addressees("to"),
            info=self._addressees("info"),
            precedence=cast("Precedence", self._choice("precedence", get_args(Precedence), "routine")),
            body=self._parts.body,
            zone=self._checked("zone", _check_zone_exists, _zone_hint) or "UTC",
            reply=cast("Reply", self._choice("reply", get_args(Reply), "receipt")),
            reply_within=self._checked("reply_within", check_duration, _duration_hint),
            lines=MappingProxyType({**self._lines, "body": self._parts.body_line}),
        )

    def _line(self, name: str) -> int:
        """Where a field stands, or, if it is missing, where the front matter begins."""
        return self._lines.get(name, self._parts.source_line - 1)

    def _kind(self) -> str:
        if "kind" not in self._table:
            self._found.malformed(self._line("kind"), "no kind", 'kind = "circular" or kind = "letter"')
        return self._choice("kind", KINDS, "")

    def _check_names(self, kind: str | None, *, is_report: bool) -> None:
        known = (*_COMMON, *_OF_CIRCULARS)
        for name in self._table:
            line = self._line(name)
            if name in _LATER:
                if not is_report:
                    self._found.refused(line, _LATER[name], f"{name!r} has to go")
            elif name not in known:
                meant = _meant(name, (*known, *_LATER))
                self._found.malformed(line, f"unknown field {name!r}{meant}")
            elif name in _OF_CIRCULARS and kind == "letter":
                self._found.malformed(line, f"a letter has no {name!r}", "only a circular asks for replies")

    def _text(self, name: str) -> str | None:
        value = self._table.get(name)
        if value is None or isinstance(value, str):
            return value and value.strip(_SPACE)
        self._found.malformed(self._line(name), f"{name} should be text in quotes", f'{name} = "…"')
        return None

    def _choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._text(name)
        if value is None or value in allowed:
            return default if value is None else value
        self._found.malformed(
            self._line(name),
            f"{name} cannot be {value!r}{_meant(value, allowed)}",
            f"one of: {', '.join(allowed)}",
        )
        return default

    def _checked(self, name: str, check: Callable[[str], object], hint: Callable[[str], str]) -> str | None:
        value = self._text(name)
        if value is not None:
            try:
                check(value)
            except FormatError as error:
                self._found.malformed(self._line(name), f"{name}: {error}", hint(value))
        return value

    def _subject(self) -> str:
        subject = self._checked("subject", check_line, _subject_hint)
        if subject is None and "subject" not in self._table:
            self._found.malformed(self._line("subject"), "no subject", 'subject = "what it is about"')
        return subject or ""

    def _addressees(self, name: str) -> tuple[str, ...]:
        """Read handles and @groups; one that is named twice counts once."""
        value = self._table.get(name, [])
        hint = f'{name} = ["tula", "@provinces"]'
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._found.malformed(self._line(name), f"{name} should be a list of handles and @groups", hint)
            return ()
        if name == "to" and not value:
            self._found.malformed(self._line(name), "no addressee", hint)
        names = [item.strip(_SPACE) for item in value]
        for position, item in enumerate(names):
            try:
                parse_handle(item.removeprefix("@"))
            except FormatError as error:
                line = self._lines.get(f"{name}[{position}]", self._line(name))
                self._found.malformed(line, f"{name}: {error}", error.hint)
        return tuple(dict.fromkeys(names))
