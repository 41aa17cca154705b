"""What the register holds, opened and sorted into cases: each circular with all that answers it.

Nothing of it is stored: plaintext stays off the disk, so it is opened anew by each run that
asks. What no key of ours opens any more is left out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from dispatch.checks.addressees import expand
from dispatch.checks.answers import owing
from dispatch.checks.opening import open_envelope
from dispatch.checks.verifier import believe_stored
from dispatch.duties.case import Answer, Case, Effect, Filing, SlotDecision, effects_of, ended_at
from dispatch.duties.collation import Missing, Row, collate
from dispatch.duties.slots import rates, slots_of
from dispatch.errors import DispatchError, RefusedError
from dispatch.formats.blinding import occasion_of
from dispatch.formats.envelope import Envelope
from dispatch.formats.message import Circular, Decision, Receipt, Report
from dispatch.formats.note import parse_number
from dispatch.formats.periods import parse_day, parse_period
from keys.codec import decode_base64
from keys.errors import KeysError
from keys.text import parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.duties.collation import Collation
    from dispatch.duties.slots import Slot
    from dispatch.formats.message import Message
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Form
    from dispatch.store import Dispatch, Register
    from keys.age.recipients import Identity
    from keys.roster import Roster


class OpenedRegister:
    """The dispatches of one register, opened. `identities` gives our secret keys when first needed."""

    def __init__(
        self, *, handle: str, register: Register, roster: Roster, identities: Callable[[], Sequence[Identity]]
    ) -> None:
        self._handle = handle
        self._register = register
        self._roster = roster
        self._identities = identities
        self._circulars: dict[Number, OpenedMessage] = {}

    def find(self, number: Number) -> OpenedMessage | None:
        """Open a dispatch of the register; None if it is not there, or no key of ours opens it."""
        if number in self._circulars:
            return self._circulars[number]
        entry = self._register.find(number)
        opened = self._open(entry) if entry is not None and entry.signatures is not None else None
        if opened is not None and isinstance(opened.message, Circular):
            # they are asked for with every answer to them
            self._circulars[number] = opened
        return opened

    def demand(self, number: Number) -> OpenedMessage:
        """Open a dispatch of the register. Raises RefusedError if it is not there."""
        return self.open(self._register.get(number))

    def open(self, entry: Dispatch) -> OpenedMessage:
        """Open what the register holds. Raises as `open_envelope` does, RefusedError if the text is gone."""
        copy = self._register.copy_for(entry, self._handle)
        if copy is None or copy.body is None:
            raise RefusedError(f"the register no longer has the text of {entry.number}")
        envelope = Envelope(signed_note=entry.signed_note(), copy=copy.place(), body=copy.body)
        return open_envelope(believe_stored(envelope), self._handle, self._identities(), self._roster)

    def opened(self) -> Iterator[OpenedMessage]:
        """Give everything that opens, in the order in which it was registered."""
        for entry in self._register.all():
            opened = self._open(entry)
            if opened is not None:
                yield opened

    def sort(self) -> CaseBuilder:
        """Open everything and sort it into cases."""
        return CaseBuilder(self._roster, self.opened())

    def touches_on(self, number: Number) -> tuple[Effect, ...]:
        """Give what later dispatches of its issuer do to a circular, in order."""
        found = []
        for entry in self._register.of(number.handle):
            # a receipt does nothing to it, and most of what an office sends may be receipts
            if entry.number <= number or b"\nreceipts: " in entry.text:
                continue
            opened = self._open(entry)
            if opened is not None:
                found += [touch for touch in effects_of(opened.message) if touch.target == number]
        return tuple(found)

    def in_force(self) -> frozenset[Number]:
        """Give the numbers of the circulars that are in force."""
        return frozenset(case.number for case in self.sort().cases() if ended_at(case, None) is None)

    def form_of(self, message: Message) -> Form | None:
        """Give the form that a report fills in, if we have its circular."""
        if not isinstance(message, Report):
            return None
        opened = self.find(parse_number(message.answers.number))
        forms = opened.message.forms if opened and isinstance(opened.message, Circular) else ()
        return next((form for form in forms if form.digest() == message.answers.form), None)

    def newest_report(
        self, number: Number, office: str, obligation: str, occasion: str
    ) -> OpenedMessage | None:
        """Give the newest report of an office in a slot of circular `number`, or None."""
        found = None
        for entry in self._register.of(office):
            opened = self._open(entry)
            message = opened.message if opened is not None else None
            if not isinstance(message, Report) or parse_number(message.answers.number) != number:
                continue
            if (message.answers.obligation, occasion_of_report(message)) == (obligation, occasion):
                found = opened
        return found

    def _open(self, entry: Dispatch) -> OpenedMessage | None:
        try:
            return self.open(entry)
        except (DispatchError, KeysError):
            return None


def occasion_of_report(report: Report) -> str:
    """Name the occasion that a report is for."""
    return occasion_of(report.period, report.event.count if report.event else None)


class KeptReport(NamedTuple):
    """What is kept of a report: not its envelope, of which there may be very many."""

    number: Number
    id: bytes
    date: datetime
    version: int
    message: Report


class CaseBuilder:
    """Sorts opened dispatches into cases, in whatever order they come."""

    def __init__(self, roster: Roster, opened: Iterator[OpenedMessage]) -> None:
        self._roster = roster
        self._circulars: dict[Number, OpenedMessage] = {}
        self._touches: dict[Number, list[Effect]] = defaultdict(list)
        self._reports: dict[Number, list[KeptReport]] = defaultdict(list)
        self._slots: dict[bytes, tuple[str, str, str]] = {}
        self._by_id: dict[bytes, KeptReport] = {}
        self._rulings: dict[Number, list[Decision]] = defaultdict(list)
        self._answers: dict[bytes, list[Answer]] = defaultdict(list)
        # by issuer of the receipt and id of what it receipts: its earliest date
        self._receipts: dict[tuple[str, bytes], datetime] = {}
        for one in opened:
            self._sort(one)

    def cases(self) -> tuple[Case, ...]:
        """Give the cases in order of number."""
        return tuple(self._case(number) for number in sorted(self._circulars))

    def case(self, number: Number) -> Case | None:
        """Give the case of one circular, or None."""
        return self._case(number) if number in self._circulars else None

    def report(self, note_id: bytes) -> KeptReport:
        """Give a report by the id of its note."""
        return self._by_id[note_id]

    def _sort(self, opened: OpenedMessage) -> None:
        message = opened.message
        for touch in effects_of(message):
            self._touches[touch.target].append(touch)
        match message:
            case Circular():
                self._circulars[parse_number(message.number)] = opened
            case Report():
                note, note_id = opened.verified.note, opened.verified.id
                kept = KeptReport(note.number, note_id, note.date, note.roster.version, message)
                self._reports[parse_number(message.answers.number)].append(kept)
                self._by_id[note_id] = kept
                place = (message.answers.obligation, message.from_, occasion_of_report(message))
                self._slots[note_id] = place
            case Decision():
                self._sort_decision(message)
            case Receipt():
                self._sort_receipt(message)
            case _:
                pass

    def _sort_decision(self, message: Decision) -> None:
        if message.slot is not None:
            self._rulings[parse_number(message.slot.number)].append(message)
        elif message.report is not None:
            # filed under the report: that may come later in the pile
            self._rulings[parse_number(message.report.number)].append(message)

    def _sort_receipt(self, message: Receipt) -> None:
        date = parse_date(message.date)
        for item in message.items:
            key = (message.from_, decode_base64(item.id))
            self._receipts[key] = min(date, self._receipts.get(key, date))
            self._answers[key[1]].append(
                Answer(
                    number=parse_number(message.number),
                    date=date,
                    office=message.from_,
                    state=item.state,
                    by=item.by,
                    reason=item.reason,
                )
            )

    def _case(self, number: Number) -> Case:
        opened = self._circulars[number]
        circular = opened.message
        assert isinstance(circular, Circular)  # noqa: S101 - only those are kept
        version = opened.verified.note.roster.version
        copies = expand(circular.to, circular.info, number.handle, self._roster, version)
        owed = {one.id: owing(opened, one, self._roster) for one in circular.obligations}
        return Case(
            number=number,
            id=opened.verified.id,
            date=opened.verified.note.date,
            circular=circular,
            addressees=tuple(handle for handle in copies.to if handle != number.handle),
            info=copies.info,
            owing=owed,
            left=self._left(handle for handles in owed.values() for handle in handles),
            filings=tuple(self._filing(number.handle, report) for report in self._reports[number]),
            rulings=self._rulings_of(number),
            touches=tuple(
                sorted(
                    (touch for touch in self._touches[number] if touch.by.handle == number.handle),
                    key=lambda touch: touch.by,
                )
            ),
            answers=tuple(self._answers[opened.verified.id]),
        )

    def _left(self, handles: Iterator[str]) -> dict[str, datetime]:
        found = {}
        for handle in handles:
            until = self._roster.office(handle).until
            if until is not None:
                found[handle] = self._roster.version_record(until).date
        return found

    def _filing(self, issuer: str, kept: KeptReport) -> Filing:
        report = kept.message
        obligation, office, occasion = self._slots[kept.id]
        return Filing(
            number=kept.number,
            id=kept.id,
            sent=kept.date,
            office=office,
            obligation=obligation,
            occasion=occasion,
            received=self._receipts.get((issuer, kept.id)),
            nil=report.nil,
            event_label=report.event.label if report.event else None,
            event_date=parse_day(report.event.date) if report.event else None,
        )

    def _rulings_of(self, number: Number) -> tuple[SlotDecision, ...]:
        found = [self._ruling(message) for message in self._rulings[number]]
        for report in self._reports[number]:
            found += [self._ruling(message) for message in self._rulings[report.number]]
        return tuple(
            ruling for ruling in found if ruling is not None and ruling.number.handle == number.handle
        )

    def _ruling(self, message: Decision) -> SlotDecision | None:
        if message.slot is not None:
            slot = message.slot
            place = (slot.obligation, slot.office, occasion_of(slot.period, slot.event))
        elif message.report is not None and decode_base64(message.report.id) in self._slots:
            place = self._slots[decode_base64(message.report.id)]
        else:
            return None
        return SlotDecision(
            number=parse_number(message.number),
            date=parse_date(message.date),
            decision=message.decision,
            obligation=place[0],
            office=place[1],
            occasion=place[2],
            report=decode_base64(message.report.id) if message.report else None,
            until=parse_date(message.until) if message.until else None,
        )


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
