"""The grammar of short texts: handles, dates, lines and blocks of text.

Source: docs/FORMAT.md, section 1. Pure. Every function returns the value that it
checked, so that it can stand in an expression, or raises FormatError.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from keys.errors import FormatError

MAX_LINE = 256
"""Cap on a line of text, in characters."""

HANDLE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""A handle; a realm and the name of a group have the same form. Use with `fullmatch`."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FIRST_YEAR = 1970
_SEPARATORS = frozenset("\u2028\u2029")
_FORBIDDEN_IN_BLOCK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def parse_handle(text: str) -> str:
    """Parse a handle, or the name of a realm or group. Raises FormatError."""
    if not HANDLE.fullmatch(text):
        raise FormatError(
            f"not a handle: {_shown(text)}",
            hint="1 to 63 of a to z, 0 to 9 and -, and not - at the beginning",
        )
    return text


def check_line(text: str) -> str:
    """Demand a line of text: short, printable, trimmed, without bidi controls. Raises FormatError."""
    if not 1 <= len(text) <= MAX_LINE:
        raise FormatError(f"a line of text of {len(text)} characters where 1 to {MAX_LINE} are due")
    if not (text.isascii() and text.isprintable()):  # most titles are, and a roster has thousands
        for character in text:
            if _is_forbidden(character) or character in _BIDI:
                raise FormatError(f"a line of text with the control character U+{ord(character):04X}")
    if text != text.strip():
        raise FormatError("a line of text with white space at its beginning or end")
    return text


def check_block(text: str) -> str:
    """Demand a block of text: lines, no controls but LF and TAB; it may be empty. Raises FormatError."""
    found = _FORBIDDEN_IN_BLOCK.search(text)
    if found:
        raise FormatError(f"a text with the control character U+{ord(found[0]):04X}")
    return text


def parse_date(text: str) -> datetime:
    """Parse `YYYY-MM-DDTHH:MM:SSZ`: an aware moment in UTC, 1970 or later. Raises FormatError."""
    try:
        moment = datetime.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None or format_date(moment) != text:  # newer Pythons take 24:00:00 for the next day
        raise FormatError(f"not a date: {_shown(text)}", hint="as in 2026-11-23T09:00:00Z")
    return moment


def format_date(moment: datetime) -> str:
    """Encode an aware moment of whole seconds as `YYYY-MM-DDTHH:MM:SSZ`. Raises FormatError."""
    if moment.tzinfo is None:
        raise FormatError("a date without a time zone")
    return check_date(moment.astimezone(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_date(moment: datetime) -> datetime:
    """Demand an aware moment in UTC, of whole seconds, 1970 or later. Raises FormatError."""
    if moment.tzinfo is not UTC or moment.microsecond or moment.year < _FIRST_YEAR:
        raise FormatError("a date that is not of whole seconds in UTC, in 1970 or later")
    return moment


def _is_forbidden(character: str) -> bool:
    """Tell controls (Cc), surrogates (Cs) and the separators of lines and paragraphs."""
    return unicodedata.category(character) in {"Cc", "Cs"} or character in _SEPARATORS


def _shown(text: str) -> str:
    """Quote what a stranger wrote, short and in ASCII, for an error."""
    return ascii(text if len(text) <= MAX_LINE // 4 else text[: MAX_LINE // 4] + "...")
