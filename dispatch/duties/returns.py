"""What was returned for one obligation of a circular, as one table."""

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
    sorting: CaseBuilder,
    roster: Roster,
    asked: tuple[Number, str],
    span: tuple[str | None, str | None],
    now: datetime,
) -> Collation:
    """Make one table of what was returned for an obligation of a circular, from one period to another.

    Raises RefusedError for a circular or obligation that there is not, FormatError for what is no period.
    """
    number, obligation_id = asked
    case = sorting.case(number)
    if case is None:
        raise RefusedError(
            f"{number} is no circular of the register", hint="`dispatch list` shows what it has"
        )
    obligation = next((one for one in case.circular.obligations if one.id == obligation_id), None)
    if obligation is None:
        ids = ", ".join(one.id for one in case.circular.obligations)
        raise RefusedError(f"{number} has no obligation {obligation_id}", hint=f"it has: {ids or 'none'}")
    form = next(one for one in case.circular.forms if one.id == obligation.form)
    bounds = _bounds(*span)
    slots = [
        slot for slot in slots_of(case, now) if slot.obligation == obligation_id and _is_within(slot, bounds)
    ]
    return collate(
        number=number,
        circular=case.circular,
        circular_id=case.id,
        obligation=obligation,
        form=form,
        first=span[0],
        last=span[1] or span[0],
        expected=rates(slots).expected,
        rows=[_row(one, sorting.report(one.filing.id), roster) for one in slots if one.stands and one.filing],
        missing=[
            Missing(
                office=one.office,
                title=roster.office(one.office).title(roster.version)
                if roster.has_office(one.office, roster.version)
                else one.office,
                period=one.period,
                event=one.event,
                state=one.state,
            )
            for one in slots
            if one.state in ("due", "overdue", "returned")
        ],
    )


def _bounds(first: str | None, last: str | None) -> tuple[date, date] | None:
    if first is None:
        return None
    begin, end = parse_period(first), parse_period(last or first)
    if end < begin:
        raise RefusedError(f"{last} is before {first}")
    return begin.first, end.end


def _is_within(slot: Slot, bounds: tuple[date, date] | None) -> bool:
    if bounds is None:
        return True
    if slot.period is not None:
        period = parse_period(slot.period)
        return bounds[0] <= period.first and period.end <= bounds[1]
    day = slot.filing.event_date if slot.filing else None
    return day is not None and bounds[0] <= day < bounds[1]


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
