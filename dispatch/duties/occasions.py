"""For what an obligation asks reports: periods, events or one day, each with its due moment. Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from dispatch.formats.blinding import ONCE, event_in, occasion_of, period_in
from dispatch.formats.periods import (
    day_after,
    due_after,
    due_before,
    find_zone,
    midnight,
    parse_period,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from dispatch.duties.events import EventDays
    from dispatch.formats.obligation import Obligation


class Occasion(NamedTuple):
    """One thing to report on. `name`: as `occasion_of` gives it.

    `opens`: when it is over and the report can be made; `due`: when the report is due. Both are None for an
    event of which no day is known.
    """

    name: str
    opens: datetime | None
    due: datetime | None


def occasions(
    obligation: Obligation,
    reported: Iterable[str],
    days: Mapping[str, EventDays],
    zone: ZoneInfo,
    now: datetime,
) -> Iterator[Occasion]:
    """Give the occasions of an obligation for one office, in order.

    Those are the periods that have begun, the first one at least, and any that were `reported` on all the
    same; or the events of which the office told us the `days`; or the one day.
    """
    span = obligation.span()
    if span is not None:
        early = (parse_period(period_in(one) or "", obligation.every) for one in reported)
        for period in sorted({span.first, *span.begun(zone, now), *early}):
            due = due_after(period.end, obligation.due, zone)
            yield Occasion(occasion_of(period.text, None), midnight(period.end, zone), due)
    elif obligation.once is not None:
        end = day_after(obligation.once)
        yield Occasion(ONCE, midnight(end, zone), due_after(end, obligation.due, zone))
    else:
        for name in sorted(days, key=lambda one: event_in(one) or 0):
            yield _event(obligation, name, days[name], zone)


def _event(obligation: Obligation, name: str, days: EventDays, zone: ZoneInfo) -> Occasion:
    """Reckon a report before an event from the day announced, one after it from the day it was held."""
    if obligation.before is not None:
        day = days.announced or days.reported
        due = due_before(day, obligation.due, zone) if day else None
        return Occasion(name, due, due)
    day = days.reported or days.announced
    if day is None:
        return Occasion(name, None, None)
    end = day_after(day.isoformat())
    return Occasion(name, midnight(end, zone), due_after(end, obligation.due, zone))


def due_dates(
    obligation: Obligation, zone: str, now: datetime, count: int = 3
) -> tuple[tuple[str | None, datetime | None], ...]:
    """Give the next `count` periods with their due moments; for events, which nobody knows yet, no moment."""
    if obligation.once is not None:
        return ((None, due_after(day_after(obligation.once), obligation.due, find_zone(zone))),)
    span = obligation.span()
    if span is None:
        return ((None, None),)
    periods = ((one.text, due_after(one.end, obligation.due, find_zone(zone))) for one in span.periods())
    return tuple(islice((one for one in periods if one[1] > now), count))
