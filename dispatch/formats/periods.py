"""Periods and due moments: calendar days in the circular's zone, as moments in UTC (FORMAT.md, section 11).

A period includes its first instant and not the first instant of the next one. Durations in days are days of
the calendar, so that a due moment stays at midnight when the clock changes; durations in hours are hours that
pass. Zones come from the system's database or, if it has none, from `tzdata`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from dispatch.errors import RefusedError
from dispatch.formats.grammar import check_calendar_date, check_duration, match_period
from keys.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

Every: TypeAlias = Literal["week", "month", "quarter", "year"]

FIRST_YEAR = 1970
LAST_YEAR = 2999
"""The years of a period. Durations are at most 99,999 days, so due moments stay before the year 9999."""

# Names in the database that mean another zone on every machine, or count leap seconds.
OF_THIS_MACHINE = frozenset({"localtime", "posixrules", "posix", "right"})
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Calendar days from `first` up to, and without, `end`. `text`: as messages write it."""

    first: date
    end: date
    text: str

    @property
    def every(self) -> Every:
        """Tell what kind of period this is."""
        if "W" in self.text:
            return "week"
        if "Q" in self.text:
            return "quarter"
        return "month" if "-" in self.text else "year"

    def next(self) -> Period:
        """Give the period that begins where this one ends."""
        return period_of(self.end, self.every)


class Span(NamedTuple):
    """The periods of a duty that recurs, from `first` to `last`; without end if `last` is None."""

    first: Period
    last: Period | None

    def holds(self, period: Period) -> bool:
        """Tell whether a period is one of these."""
        return self.first <= period and (self.last is None or period <= self.last)

    def periods(self) -> Iterator[Period]:
        """Give the periods in order, perhaps without end."""
        period = self.first
        while self.holds(period):
            yield period
            period = period.next()

    def begun(self, zone: ZoneInfo, now: datetime) -> Iterator[Period]:
        """Give the periods that have begun at `now`."""
        return takewhile(lambda period: midnight(period.first, zone) <= now, self.periods())


@lru_cache(maxsize=4096)
def parse_period(text: str, every: Every | None = None) -> Period:
    """Parse `2026-05`, `2026-W22`, `2026-Q2` or `2026`; of one recurrence if `every` says which.

    Raises FormatError, also for a week 53 that the year does not have.
    """
    found = match_period(text)
    if found is None:
        raise FormatError("not a period", hint=f"a {every or 'period'} reads {example(every)}")
    year = found["year"]
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise FormatError(f"a period lies in the years {FIRST_YEAR} to {LAST_YEAR}")
    match found:
        case {"week": week}:
            try:
                first = date.fromisocalendar(year, week, 1)
            except ValueError:
                raise FormatError(f"the year {year} has no week {week}") from None
            period = Period(first, first + _WEEK, text)
        case {"quarter": quarter}:
            period = _months(year, 3 * quarter - 2, 3, text)
        case {"month": month}:
            period = _months(year, month, 1, text)
        case _:
            period = _months(year, 1, 12, text)
    if every is not None and period.every != every:
        raise FormatError(f"not a {every}", hint=f"a {every} reads {example(every)}")
    return period


def period_of(day: date, every: Every) -> Period:
    """Give the period in which a day lies."""
    if every == "week":
        year, week, _ = day.isocalendar()
        first = date.fromisocalendar(year, week, 1)
        return Period(first, first + _WEEK, f"{year:04}-W{week:02}")
    if every == "quarter":
        quarter = (day.month - 1) // 3 + 1
        return _months(day.year, 3 * quarter - 2, 3, f"{day.year:04}-Q{quarter}")
    if every == "month":
        return _months(day.year, day.month, 1, f"{day.year:04}-{day.month:02}")
    return _months(day.year, 1, 12, f"{day.year:04}")


def example(every: Every | None) -> str:
    """Give an example of a period, for hints."""
    examples = {"week": "2026-W22", "month": "2026-05", "quarter": "2026-Q2", "year": "2026"}
    return examples[every] if every else "2026-05, 2026-W22, 2026-Q2 or 2026"


@lru_cache
def find_zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name. Raises RefusedError if this machine does not know it."""
    try:
        zone = None if name.partition("/")[0] in OF_THIS_MACHINE else ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # a missing zone, a folder of zones, a name that is none
        zone = None
    if zone is None:
        raise RefusedError(f"this machine knows no time zone {name!a}", hint="install its time zone data")
    return zone


@lru_cache(maxsize=65536)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant of a day, in UTC; where the clock skips midnight, the moment of the skip."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def due_after(end: date, duration: str, zone: ZoneInfo) -> datetime:
    """Give the moment a duration after the first instant of the day `end`."""
    days, hours = _parse_duration(duration)
    return midnight(end + days, zone) + hours


def due_before(day: date, duration: str, zone: ZoneInfo) -> datetime:
    """Give the moment a duration before the first instant of a day."""
    days, hours = _parse_duration(duration)
    return midnight(day - days, zone) - hours


def due_since(moment: datetime, duration: str, zone: ZoneInfo) -> datetime:
    """Give the moment a duration after another, at the same time of day if the duration is in days."""
    days, hours = _parse_duration(duration)
    if not days:
        return moment + hours
    return (moment.astimezone(zone) + days).astimezone(UTC)


def day_after(day: str) -> date:
    """Give the day after `YYYY-MM-DD`. Raises FormatError."""
    return parse_day(day) + _DAY


def parse_day(text: str) -> date:
    """Parse `YYYY-MM-DD` in the years of periods. Raises FormatError."""
    check_calendar_date(text)
    day = date.fromisoformat(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise FormatError(f"a day lies in the years {FIRST_YEAR} to {LAST_YEAR}")
    return day


def _months(year: int, month: int, count: int, text: str) -> Period:
    end = year * 12 + month - 1 + count
    return Period(date(year, month, 1), date(end // 12, end % 12 + 1, 1), text)


def _parse_duration(text: str) -> tuple[timedelta, timedelta]:
    """Split a duration into days of the calendar and hours as they pass."""
    check_duration(text)
    count = int(text.strip("PTDH"))
    if text.endswith("D"):
        return timedelta(days=count), timedelta()
    return timedelta(), timedelta(hours=count)
