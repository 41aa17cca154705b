"""Which reports a circular expects, and the state of each as of a moment. Pure.

A slot is one expected report: obligation x office x occasion (a period, an event, or once).

    pending     its period, event or day is not over; a report before an event: its due moment lies ahead
    due         over, and the due moment lies ahead or, for an event without a day, is not known
    on-time     reported: the issuer receipted one that was not sent back before the due moment
    late        reported, but none of them was receipted in time
    overdue     the due moment is past, and nothing was receipted; the next receipted report makes it `late`
    returned    the newest report for it was sent back by a decision
    waived      nothing is expected any more
    filed       reported, and the due moment is unknown (only to those who open no reports)

A report counts once the issuer of the circular has receipted it. The newest one counts, by number, while
punctuality is judged by the earliest that was not sent back: a correction never makes an office late. If the
newest was sent back, none counts. The names of the figures are those of DHIS2 (https://docs.dhis2.org):
expected reports, actual reports, reporting rate. Nothing depends on the order in which things came in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from dispatch.duties.case import ended_at
from dispatch.duties.events import event_days, event_kind
from dispatch.duties.occasions import occasions
from dispatch.formats.blinding import event_in, period_in
from dispatch.formats.periods import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dispatch.duties.case import Case, Filing, SlotDecision
    from dispatch.duties.occasions import Occasion
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Obligation

SlotState: TypeAlias = Literal["pending", "due", "on-time", "late", "overdue", "returned", "waived", "filed"]

_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One expected report. `filing`: the newest receipted report, or if none is receipted the newest.

    `filings`: how many reports came in for it.
    """

    number: Number
    obligation: str
    office: str
    occasion: str
    opens: datetime | None
    due: datetime | None
    state: SlotState
    filing: Filing | None
    filings: int

    @property
    def period(self) -> str | None:
        """The period, if it is for one."""
        return period_in(self.occasion)

    @property
    def event(self) -> int | None:
        """The office's count of the event, if it is for one."""
        return event_in(self.occasion)

    @property
    def stands(self) -> bool:
        """Tell whether a report for it counts."""
        return self.state in ("on-time", "late", "filed")

    @property
    def was_sent_in_time(self) -> bool | None:
        """Tell whether the report says that it was sent before the due moment; None without a report."""
        return None if self.filing is None or self.due is None else self.filing.sent < self.due


class Rates(NamedTuple):
    """Counts of slots: expected (waived and pending ones are not), actual, actual on time.

    `untimed`: actual ones of which nobody here can say whether they are on time.
    """

    expected: int
    actual: int
    on_time: int
    untimed: int = 0

    @property
    def reporting_rate(self) -> float | None:
        """Actual of expected reports, in percent; None if none is expected."""
        return _percent(self.actual, self.expected)

    @property
    def reporting_rate_on_time(self) -> float | None:
        """Actual reports on time of expected ones, in percent; None if none is expected, or not known."""
        return None if self.untimed else _percent(self.on_time, self.expected)


def slots_of(case: Case, now: datetime, *, only: str | None = None) -> tuple[Slot, ...]:
    """Give the slots of a circular, of all offices or of one, by obligation, office and occasion.

    Raises RefusedError for a zone that this machine does not know.
    """
    zone = find_zone(case.circular.zone)
    filings: dict[tuple[str, str], dict[str, list[Filing]]] = defaultdict(lambda: defaultdict(list))
    for filing in sorted(case.filings, key=lambda one: one.number):
        filings[filing.obligation, filing.office][filing.occasion].append(filing)
    decisions: dict[tuple[str, str, str], list[SlotDecision]] = defaultdict(list)
    for one in case.decisions:
        decisions[one.obligation, one.office, one.occasion].append(one)
    events = event_days(case)
    found = []
    for obligation in case.circular.obligations:
        for office in case.owing[obligation.id]:
            if only not in (None, office):
                continue
            filed = filings[obligation.id, office]
            days = events.get((office, event_kind(obligation) or ""), {})
            for occasion in occasions(obligation, filed, days, zone, now):
                here = filed.get(occasion.name, [])
                due, state, counted = _judge(
                    here, decisions[obligation.id, office, occasion.name], occasion, now
                )
                slot = Slot(
                    number=case.number,
                    obligation=obligation.id,
                    office=office,
                    occasion=occasion.name,
                    opens=occasion.opens,
                    due=due,
                    state=state,
                    filing=counted,
                    filings=len(here),
                )
                if _is_asked_for(slot, case, obligation, here):
                    found.append(slot)
    return tuple(found)


def next_occasion(
    case: Case, obligation: Obligation, office: str, now: datetime
) -> tuple[str | None, int | None]:
    """Give the period or event for which an office reports next: the oldest that is open, or a new event.

    (None, None) for a report once.
    """
    slots = [slot for slot in slots_of(case, now, only=office) if slot.obligation == obligation.id]
    still_open = [slot for slot in slots if slot.filing is None or slot.state == "returned"]
    if obligation.once is not None:
        return None, None
    if obligation.every is not None:
        chosen = min(still_open, key=lambda slot: slot.occasion, default=slots[-1] if slots else None)
        return (chosen.period if chosen else obligation.from_), None
    counts = [slot.event or 0 for slot in still_open if obligation.after or slot.state != "overdue"]
    return None, min(counts, default=max((slot.event or 0 for slot in slots), default=0) + 1)


def rates(slots: Iterable[Slot]) -> Rates:
    """Count slots. Each actual report is of an expected one, so rates stay within 0 to 100."""
    expected = actual = on_time = untimed = 0
    for slot in slots:
        expected += slot.state not in ("pending", "waived")
        actual += slot.stands
        on_time += slot.state == "on-time"
        untimed += slot.state == "filed"
    return Rates(expected, actual, on_time, untimed)


def _judge(
    filings: Sequence[Filing], decisions: Sequence[SlotDecision], occasion: Occasion, now: datetime
) -> tuple[datetime | None, SlotState, Filing | None]:
    """Judge one slot by its reports, in order, and the decisions on it.

    Gives the due moment, extended or not, the state, and the report that counts or the newest that may.
    """
    due = occasion.due
    extensions = [one for one in decisions if one.decision == "extend"]
    if extensions:
        due = max(extensions, key=lambda one: one.number).until
    receipted = [one for one in filings if one.received is not None]
    returned = _returned(receipted, decisions)
    counted = receipted or filings
    filing = counted[-1] if counted else None
    if any(one.decision == "waive" for one in decisions):
        return due, "waived", filing
    if receipted:
        if receipted[-1].id in returned:
            return due, "returned", filing
        standing = [one for one in receipted if one.id not in returned]
        return due, _punctuality(standing, due), filing
    if occasion.opens is not None and now < occasion.opens:
        return due, "pending", filing
    return due, "due" if due is None or now < due else "overdue", filing


def _returned(receipted: Sequence[Filing], decisions: Iterable[SlotDecision]) -> set[bytes]:
    """Give the ids of the reports that were sent back."""
    found = set()
    for decision in decisions:
        if decision.decision != "return":
            continue
        if decision.report is not None:
            found.add(decision.report)
            continue
        # an auditor cannot read which report it sends back: the newest that was receipted by then
        before = [one for one in receipted if one.received is not None and one.received <= decision.date]
        if before:
            found.add(before[-1].id)
    return found


def _punctuality(standing: Iterable[Filing], due: datetime | None) -> SlotState:
    if due is None:
        return "filed"
    if any(one.received is not None and one.received < due for one in standing):
        return "on-time"
    return "late"


def _is_asked_for(slot: Slot, case: Case, obligation: Obligation, filings: Sequence[Filing]) -> bool:
    """Tell whether a slot is owed at all: nothing is, once its circular or its office has ended."""
    ended = ended_at(case, obligation.paragraph)
    if ended is not None:
        was_open = slot.opens is not None and slot.opens <= ended
        if not was_open and not any(one.sent <= ended for one in filings):
            return False
    office_ended = case.ended_offices.get(slot.office)
    return office_ended is None or bool(filings) or (slot.due is not None and slot.due <= office_ended)


def _percent(part: int, whole: int) -> float | None:
    return _PERCENT * part / whole if whole else None
