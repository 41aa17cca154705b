"""Events that offices count for themselves: the reports before and after each one, and their days. Pure.

A circular may ask for a report before an event (it is announced) and for one after it (it was held). Both
name the same kind of event, `conference` for example, and each office numbers its own events from 1.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from dispatch.formats.blinding import event_in, occasion_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from dispatch.duties.case import Case, Filing
    from dispatch.formats.obligation import Obligation


class EventDays(NamedTuple):
    """The day of an event, as it was announced and as it was reported afterwards."""

    announced: date | None
    reported: date | None


class EventCounts(NamedTuple):
    """How many events of one kind an office announced, reported, did both for, or reported unannounced.

    Nobody knows how many events there were, so no percentage is made of these.
    """

    office: str
    kind: str
    announced: int
    reported: int
    paired: int
    unannounced: int


def event_kind(obligation: Obligation) -> str | None:
    """Give the kind of event before or after which an obligation is due; None for other obligations."""
    return obligation.before or obligation.after


def event_days(case: Case) -> Mapping[tuple[str, str], Mapping[str, EventDays]]:
    """Give the days of events by office and kind, then by occasion; the newest reports say which."""
    found: dict[tuple[str, str], dict[str, EventDays]] = defaultdict(dict)
    obligations = {obligation.id: obligation for obligation in case.circular.obligations}
    for filing in sorted(case.filings, key=lambda one: one.number):
        obligation = obligations.get(filing.obligation)
        if obligation is None or event_in(filing.occasion) is None:
            continue
        events = found[filing.office, event_kind(obligation) or ""]
        days = events.get(filing.occasion, EventDays(None, None))
        day = filing.event_date
        events[filing.occasion] = (
            days._replace(announced=day) if obligation.before else days._replace(reported=day)
        )
    return found


def report_on_event(case: Case, obligation: Obligation, office: str, event: int | None) -> Filing | None:
    """Give an office's newest report, before or after it, on an event of the obligation's kind, or None."""
    kind = event_kind(obligation)
    if kind is None or event is None:
        return None
    same_kind = {one.id for one in case.circular.obligations if kind in (one.before, one.after)}
    occasion = occasion_of(None, event)
    found = (
        one
        for one in case.filings
        if one.office == office and one.obligation in same_kind and one.occasion == occasion
    )
    return max(found, key=lambda one: one.number, default=None)


def events_of(case: Case) -> tuple[EventCounts, ...]:
    """Count each office's events by kind, as far as their reports are receipted."""
    announced: dict[tuple[str, str], set[str]] = defaultdict(set)
    reported: dict[tuple[str, str], set[str]] = defaultdict(set)
    obligations = {obligation.id: obligation for obligation in case.circular.obligations}
    for filing in case.filings:
        obligation = obligations.get(filing.obligation)
        if obligation is None or filing.received is None:
            continue
        if obligation.before is not None:
            announced[filing.office, obligation.before].add(filing.occasion)
        elif obligation.after is not None:
            reported[filing.office, obligation.after].add(filing.occasion)
    return tuple(
        EventCounts(
            office=office,
            kind=kind,
            announced=len(before := announced[office, kind]),
            reported=len(after := reported[office, kind]),
            paired=len(before & after),
            unannounced=len(after - before),
        )
        for office, kind in sorted(announced.keys() | reported.keys())
    )
