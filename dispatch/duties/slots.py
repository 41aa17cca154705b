"""Who owes what, and when: obligations, what came in, and now -> slots and their state. Pure.

A slot is one expected report: obligation x office x occasion (a period, an event, or once).

    pending     its period, event or day is not over (a report before an event: not due yet)
    due         over, and the due moment lies ahead
    on-time     returned: a report stands, and the centre's receipt for one is dated before the due moment
    late        returned, and none was receipted before it
    overdue     the due moment is past, and nothing stands; a late report heals it
    returned    the newest report for it was sent back by a decision
    waived      nothing is expected any more
    filed       returned, and the due moment is unknown (only to who opens no reports)

A report counts when the issuer of the circular has receipted it. Of several the newest counts,
by its number, unless it was sent back; none is punished for being corrected. The names of the figures
are those of DHIS2 (https://docs.dhis2.org): expected reports, actual reports, reporting rate.
Nothing depends on the order in which things came in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from dispatch.duties.case import ended_at
from dispatch.formats.blinding import ONCE, event_in, occasion_of, period_in
from dispatch.formats.periods import (
    day_after,
    due_after,
    due_before,
    due_since,
    find_zone,
    midnight,
    parse_period,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from dispatch.duties.case import Answer, Case, Filing, ReplyState, SlotDecision
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Obligation

State: TypeAlias = Literal["pending", "due", "on-time", "late", "overdue", "returned", "waived", "filed"]

_LEVEL = {"silent": 0, "received": 1, "acknowledged": 2, "undertaken": 3, "refused": 3}
_DEMANDED = {"receipt": 1, "acknowledgement": 2, "undertaking": 3}
_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One expected report. `filing`: the one that counts, or the newest that does not yet."""

    number: Number
    obligation: str
    office: str
    occasion: str
    opens: datetime | None
    due: datetime | None
    state: State
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


class EventCounts(NamedTuple):
    """One office's events of one kind. How many there were, nobody knows: no percentage is made of them."""

    office: str
    kind: str
    announced: int
    reported: int
    paired: int
    unannounced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an office stands with a circular as a whole. `is_met`: it said what is demanded at the least."""

    office: str
    state: ReplyState
    answer: Answer | None
    due: datetime | None
    is_met: bool
    is_overdue: bool


def slots_of(case: Case, now: datetime, *, only: str | None = None) -> tuple[Slot, ...]:
    """Give the slots of a circular, of all offices or of one, by obligation, office and occasion.

    Raises RefusedError for a zone that this machine does not know.
    """
    zone = find_zone(case.circular.zone)
    filings: dict[tuple[str, str], dict[str, list[Filing]]] = defaultdict(lambda: defaultdict(list))
    for filing in case.filings:
        filings[filing.obligation, filing.office][filing.occasion].append(filing)
    rulings: dict[tuple[str, str, str], list[SlotDecision]] = defaultdict(list)
    for ruling in case.rulings:
        rulings[ruling.obligation, ruling.office, ruling.occasion].append(ruling)
    events = _event_days(case)
    found = []
    for obligation in case.circular.obligations:
        for office in case.owing[obligation.id]:
            if only not in (None, office):
                continue
            filed = filings[obligation.id, office]
            days = events[office, obligation.before or obligation.after or ""]
            for occasion, opens, due in _occasions(obligation, filed, days, zone, now):
                here = sorted(filed.get(occasion, []), key=lambda one: one.number)
                ruled = rulings[obligation.id, office, occasion]
                due_at, state, counted = _judge(here, ruled, opens, due, now)
                slot = Slot(
                    number=case.number,
                    obligation=obligation.id,
                    office=office,
                    occasion=occasion,
                    opens=opens,
                    due=due_at,
                    state=state,
                    filing=counted,
                    filings=len(here),
                )
                if _is_raised(slot, case, obligation, here):
                    found.append(slot)
    return tuple(found)


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


def announced(case: Case, obligation: Obligation, office: str, event: int | None) -> Filing | None:
    """Give the newest report of an office that names an event of the obligation's kind, or None."""
    kind = obligation.before or obligation.after
    same = {one.id for one in case.circular.obligations if kind in (one.before, one.after)}
    found = [
        one
        for one in case.filings
        if one.office == office and one.obligation in same and one.occasion == occasion_of(None, event)
    ]
    return max(found, key=lambda one: one.number, default=None) if kind and event else None


def rates(slots: Iterable[Slot]) -> Rates:
    """Count slots. What is expected holds what is there, so rates stay within 0 to 100."""
    expected = actual = on_time = untimed = 0
    for slot in slots:
        expected += slot.state not in ("pending", "waived")
        actual += slot.stands
        on_time += slot.state == "on-time"
        untimed += slot.state == "filed"
    return Rates(expected, actual, on_time, untimed)


def events_of(case: Case) -> tuple[EventCounts, ...]:
    """Count each office's events by kind: announced before, reported after, both, only after."""
    announced: dict[tuple[str, str], set[str]] = defaultdict(set)
    reported: dict[tuple[str, str], set[str]] = defaultdict(set)
    kinds = {obligation.id: obligation for obligation in case.circular.obligations}
    for filing in case.filings:
        obligation = kinds.get(filing.obligation)
        if obligation is None or filing.received is None:
            continue
        if obligation.before is not None:
            announced[filing.office, obligation.before].add(filing.occasion)
        elif obligation.after is not None:
            reported[filing.office, obligation.after].add(filing.occasion)
    return tuple(
        EventCounts(
            office,
            kind,
            len(before := announced[office, kind]),
            len(after := reported[office, kind]),
            len(before & after),
            len(after - before),
        )
        for office, kind in sorted(announced.keys() | reported.keys())
    )


def standings_of(case: Case, now: datetime) -> tuple[Standing, ...]:
    """Tell what each action addressee said about a circular: the newest word counts, a mere receipt least."""
    within = case.circular.reply_within
    due = due_since(case.date, within, find_zone(case.circular.zone)) if within else None
    words: dict[str, list[Answer]] = defaultdict(list)
    for answer in case.answers:
        words[answer.office].append(answer)
    found = []
    for office in case.addressees:
        said = words[office]
        # what somebody said outweighs what the program sent; of that, the newest
        newest = max(said, key=lambda one: (one.state != "received", one.number), default=None)
        state: ReplyState = newest.state if newest else "silent"
        is_met = _LEVEL[state] >= _DEMANDED[case.circular.reply]
        found.append(
            Standing(
                office=office,
                state=state,
                answer=newest,
                due=due,
                is_met=is_met,
                is_overdue=due is not None and now >= due and not is_met,
            )
        )
    return tuple(found)


_Occasion: TypeAlias = "tuple[str, datetime | None, datetime | None]"


def _occasions(
    obligation: Obligation,
    filed: Mapping[str, list[Filing]],
    days: Mapping[str, _EventDays],
    zone: ZoneInfo,
    now: datetime,
) -> Iterator[_Occasion]:
    """Give each occasion of an obligation for one office: when it is over, and when the report is due."""
    span = obligation.span()
    if span is not None:
        reported = {parse_period(period_in(one) or "", obligation.every) for one in filed}
        for period in sorted({span.first, *span.begun(zone, now), *reported}):
            yield (
                occasion_of(period.text, None),
                midnight(period.end, zone),
                due_after(period.end, obligation.due, zone),
            )
    elif obligation.once is not None:
        end = day_after(obligation.once)
        yield ONCE, midnight(end, zone), due_after(end, obligation.due, zone)
    else:
        for occasion in sorted(days, key=lambda one: event_in(one) or 0):
            yield _event_occasion(obligation, occasion, days[occasion], zone)


class _EventDays(NamedTuple):
    """The day of an event as announced, and as reported afterwards."""

    announced: date | None
    reported: date | None


def _event_days(case: Case) -> defaultdict[tuple[str, str], dict[str, _EventDays]]:
    """Give the days of each office's events by kind and occasion, from the newest report of either sort."""
    found: defaultdict[tuple[str, str], dict[str, _EventDays]] = defaultdict(dict)
    obligations = {obligation.id: obligation for obligation in case.circular.obligations}
    for filing in sorted(case.filings, key=lambda one: one.number):
        obligation = obligations.get(filing.obligation)
        if obligation is None or event_in(filing.occasion) is None:
            continue
        kind = obligation.before or obligation.after or ""
        days = found[filing.office, kind].get(filing.occasion, _EventDays(None, None))
        day = filing.event_date
        found[filing.office, kind][filing.occasion] = (
            days._replace(announced=day) if obligation.before else days._replace(reported=day)
        )
    return found


def _event_occasion(obligation: Obligation, occasion: str, days: _EventDays, zone: ZoneInfo) -> _Occasion:
    """Measure a report before an event by the day announced, one after it by the day it was held."""
    if obligation.before is not None:
        day = days.announced or days.reported
        due = due_before(day, obligation.due, zone) if day else None
        return occasion, due, due
    day = days.reported or days.announced
    if day is None:
        return occasion, None, None
    end = day_after(day.isoformat())
    return occasion, midnight(end, zone), due_after(end, obligation.due, zone)


def _judge(
    filings: list[Filing],
    rulings: list[SlotDecision],
    opens: datetime | None,
    due: datetime | None,
    now: datetime,
) -> tuple[datetime | None, State, Filing | None]:
    """Give the due moment, extended or not, the state, and the report that counts or the newest that may."""
    extensions = [one for one in rulings if one.decision == "extend"]
    if extensions:
        due = max(extensions, key=lambda one: one.number).until
    receipted = [one for one in filings if one.received is not None]
    returned = _returned(receipted, rulings)
    standing = [one for one in receipted if one.id not in returned]
    counted = receipted or filings
    filing = counted[-1] if counted else None
    if any(one.decision == "waive" for one in rulings):
        return due, "waived", filing
    if receipted:
        newest_stands = receipted[-1].id not in returned
        return due, _punctuality(standing, due) if newest_stands else "returned", filing
    if opens is not None and now < opens:
        return due, "pending", filing
    return due, "due" if due is None or now < due else "overdue", filing


def _returned(receipted: list[Filing], rulings: list[SlotDecision]) -> set[bytes]:
    """Give the ids of the reports that were sent back."""
    found = set()
    for ruling in rulings:
        if ruling.decision != "return":
            continue
        if ruling.report is not None:
            found.add(ruling.report)
            continue
        # who cannot read the decision knows its slot: what was sent back is the newest receipted by then
        before = [one for one in receipted if one.received is not None and one.received <= ruling.date]
        if before:
            found.add(before[-1].id)
    return found


def _punctuality(standing: list[Filing], due: datetime | None) -> State:
    if due is None:
        return "filed"
    if any(one.received is not None and one.received < due for one in standing):
        return "on-time"
    return "late"


def _is_raised(slot: Slot, case: Case, obligation: Obligation, filings: list[Filing]) -> bool:
    """Tell whether a slot is asked for: not what an ended circular, or an ended office, would owe later."""
    ended = ended_at(case, obligation.paragraph)
    if ended is not None:
        was_due = slot.opens is not None and slot.opens <= ended
        if not was_due and not any(one.sent <= ended for one in filings):
            return False
    end = case.ended_offices.get(slot.office)
    return end is None or bool(filings) or (slot.due is not None and slot.due <= end)


def _percent(part: int, whole: int) -> float | None:
    return _PERCENT * part / whole if whole else None
