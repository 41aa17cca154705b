"""The small rules of text that messages and drafts share (FORMAT.md, sections 1 and 11).

Each `check_` function raises FormatError and returns nothing.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from keys.errors import FormatError
from keys.text import check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NAME_BYTES = 255
MAX_DIGITS = 18
"""The most digits that a decimal has before the point, and after it."""

_ZONE = re.compile(r"(?=.{1,64}$)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_DURATION = re.compile(r"P[1-9][0-9]{0,4}D|PT[1-9][0-9]{0,4}H|P0D")
_DECIMAL = re.compile(rf"-?(0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(\.[0-9]{{1,{MAX_DIGITS}}})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PERIODS = {
    "week": re.compile(r"(?P<year>[0-9]{4})-W(?P<week>0[1-9]|[1-4][0-9]|5[0-3])"),
    "month": re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(?P<year>[0-9]{4})-Q(?P<quarter>[1-4])"),
    "year": re.compile(r"(?P<year>[0-9]{4})"),
}


def passes(check: Callable[[str], object], text: str) -> bool:
    """Tell whether a text passes a check."""
    try:
        check(text)
    except FormatError:
        return False
    return True


def check_addressees(names: tuple[str, ...]) -> None:
    """Check handles and @groups, none twice. Raises FormatError."""
    for name in names:
        parse_handle(name.removeprefix("@"))
    if len(set(names)) != len(names):
        raise FormatError("an addressee is named twice")


def check_attachment_name(name: str) -> None:
    """Check that a file name is one line, without path. Raises FormatError."""
    check_line(name)
    if name in (".", "..") or "/" in name or "\\" in name or len(name.encode()) > MAX_NAME_BYTES:
        raise FormatError("an attachment's name is not a plain file name")


def check_zone(zone: str) -> None:
    """Check that this may be the name of an IANA time zone. Raises FormatError.

    Whether there is such a zone depends on the database of the machine, so the grammar does not ask.
    """
    if not _ZONE.fullmatch(zone):
        raise FormatError(f"not the name of a time zone: {zone!a}")


def check_duration(text: str) -> None:
    """Check an ISO 8601 duration, `P7D` or `PT12H`. Raises FormatError."""
    if not _DURATION.fullmatch(text):
        raise FormatError("a duration reads P7D (days) or PT12H (hours)")


def check_calendar_date(text: str) -> None:
    """Check `YYYY-MM-DD`. Raises FormatError."""
    try:
        valid = bool(_DATE.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        valid = False
    if not valid:
        raise FormatError("a date reads YYYY-MM-DD")


def check_decimal(text: str) -> None:
    """Check a decimal string. Raises FormatError."""
    if not _DECIMAL.fullmatch(text) or (text.startswith("-") and not text.strip("-0.")):
        raise FormatError("not a decimal number")


def check_period(text: str, every: str | None = None) -> None:
    """Check a period, of one recurrence if `every` says which. Raises FormatError.

    This does not ask whether the calendar has such a week; `periods.parse_period` does.
    """
    if match_period(text, every) is None:
        raise FormatError("not a period")


def match_period(text: str, every: str | None = None) -> dict[str, int] | None:
    """Give the numbers in a period: `year` and perhaps `week`, `month` or `quarter`; None if it is none."""
    patterns = _PERIODS.values() if every is None else (_PERIODS[every],)
    found = next(filter(None, (pattern.fullmatch(text) for pattern in patterns)), None)
    return found and {name: int(digits) for name, digits in found.groupdict().items()}
