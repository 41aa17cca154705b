"""What was returned for one obligation of a circular, as one table: cases -> collation. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.duties.collation import Missing, Row, collate
from dispatch.duties.slots import rates, slots_of
from dispatch.errors import RefusedError
from dispatch.formats.periods import parse_period

if TYPE_CHECKING:
    from datetime import date, datetime

    from dispatch.duties.cases import CaseBuilder, KeptReport
    from dispatch.duties.collation import Collation
    from dispatch.duties.slots import Slot
    from dispatch.formats.note import Number
    from keys.roster import Roster


def collate_returns(
    cases: CaseBuilder,
    roster: Roster,
    number: Number,
    obligation_id: str,
    *,
    first: str | None,
    last: str | None,
    now: datetime,
) -> Collation:
    """Make one table of what was returned for an obligation of circular `number`.

    `first`, `last`: the periods from which and to which; without `last` only the first, without both all.
    Raises RefusedError for a circular or obligation that there is not, FormatError for what is no period.
    """
    case = cases.case(number)
    if case is None:
        raise RefusedError(
            f"{number} is no circular of the register", hint="`dispatch list` shows what it has"
        )
    obligation = next((one for one in case.circular.obligations if one.id == obligation_id), None)
    if obligation is None:
        ids = ", ".join(one.id for one in case.circular.obligations)
        raise RefusedError(f"{number} has no obligation {obligation_id}", hint=f"it has: {ids or 'none'}")
    days = _days(first, last)
    slots = [
        slot for slot in slots_of(case, now) if slot.obligation == obligation_id and _is_within(slot, days)
    ]
    return collate(
        number=number,
        circular=case.circular,
        circular_id=case.id,
        obligation=obligation,
        form=next(one for one in case.circular.forms if one.id == obligation.form),
        first=first,
        last=last or first,
        expected=rates(slots).expected,
        rows=[_row(one, cases.report(one.filing.id), roster) for one in slots if one.stands and one.filing],
        missing=[_missing(one, roster) for one in slots if one.state in ("due", "overdue", "returned")],
    )


def _days(first: str | None, last: str | None) -> tuple[date, date] | None:
    """Give the first day of a range of periods, and the day after its last one; None for all days."""
    if first is None:
        return None
    begin, end = parse_period(first), parse_period(last or first)
    if end < begin:
        raise RefusedError(f"{last} is before {first}")
    return begin.first, end.end


def _is_within(slot: Slot, days: tuple[date, date] | None) -> bool:
    """Tell whether all of a slot's period, or the day of its event as reported, lies in the range."""
    if days is None:
        return True
    begin, end = days
    if slot.period is not None:
        period = parse_period(slot.period)
        return begin <= period.first and period.end <= end
    day = slot.filing.event_date if slot.filing else None
    return day is not None and begin <= day < end


def _row(slot: Slot, kept: KeptReport, roster: Roster) -> Row:
    return Row(
        office=slot.office,
        title=roster.office(slot.office).title(kept.version),
        period=slot.period,
        event=kept.message.event,
        number=kept.number,
        id=kept.id,
        date=kept.date,
        nil=kept.message.nil,
        values=kept.message.values,
        revised=slot.filings - 1,
        state=slot.state,
    )


def _missing(slot: Slot, roster: Roster) -> Missing:
    is_office = roster.has_office(slot.office, roster.version)
    return Missing(
        office=slot.office,
        title=roster.office(slot.office).title(roster.version) if is_office else slot.office,
        period=slot.period,
        event=slot.event,
        state=slot.state,
    )
